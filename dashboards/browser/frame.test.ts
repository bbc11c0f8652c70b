/** A device's messages and the dialog of its replacement, in Chromium. */
import { describe, expect, it } from 'vitest';
import type { Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

describe("a device's messages and its replacement", { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 60 });
  });

  const show: Bench['page'] = (...given) => bench.page(...given);
  const sewage = (): string =>
    county.devices.find(({ id, state }) => id.startsWith('sewage') && state === 'online')?.id ?? '';

  it.each([
    [1440, 'zh'],
    [390, 'zh'],
    [1440, 'en'],
    [390, 'en'],
  ] as const)(
    'lights the bytes of a field by pointer and keyboard (%i px, %s)',
    async (width, language) => {
      const { page, faults } = await show(county, {
        path: `/devices/${sewage()}`,
        width,
        language,
      });
      const panel = page.getByRole('region', {
        name: language === 'zh' ? '原始报文' : 'As received',
      });
      await panel.waitFor();
      const fields = panel.getByRole('list', { name: language === 'zh' ? '字段' : 'Fields' });
      const buttons = fields.getByRole('button');
      await buttons.nth(3).waitFor();
      // The metric on show is lit at first: four bytes of two registers.
      expect(await panel.locator('.frame-hex .lit').count()).toBe(4);
      await buttons.nth(2).hover();
      const lit = panel.locator('.frame-hex .lit');
      const titles = await lit.evaluateAll((all) => all.map((one) => (one as HTMLElement).title));
      expect(titles).toEqual(['13', '14', '15', '16']);
      // What they say, as a float, is what stands beside the field.
      const bytes = await lit.allInnerTexts();
      const said = Buffer.from(bytes.join(''), 'hex').readFloatBE(0);
      const shown = Number(
        (await buttons.nth(2).locator('.number').first().innerText()).match(/-?[\d.]+/)?.[0],
      );
      expect(Math.abs(said - shown)).toBeLessThan(0.51);
      await buttons.nth(1).focus();
      await page.mouse.move(0, 0);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await buttons.nth(2).getAttribute('aria-pressed')).toBe('true');
      // A byte that is clicked names its field.
      await panel.locator('.frame-hex .field').nth(0).click();
      expect(await buttons.nth(0).getAttribute('aria-pressed')).toBe('true');
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    },
  );

  it('opens the message of a row of the table, and says so where none is kept', async () => {
    const { page, faults } = await show(county, { path: `/devices/${sewage()}?view=table` });
    const table = page.getByRole('table').first();
    await table.getByRole('link', { name: '报文' }).nth(3).click();
    await page.getByRole('link', { name: '回到最新' }).waitFor();
    expect(page.url()).toMatch(/frame=\d+/);
    await page
      .getByRole('region', { name: '原始报文' })
      .getByText('网关 gateway-01', { exact: true })
      .waitFor();
    await page.goto(`${county.url}/devices/${sewage()}?frame=1577836800000`);
    await page.getByText('没有保存这一时刻的报文').waitFor();
    expect(faults).toEqual([]);
  });

  it.each([
    ['zh', '这些时间收到的报文有缺失'],
    ['en', 'Messages received at these times are missing'],
  ] as const)('says which times were missed (%s)', async (language, text) => {
    const id = sewage();
    const at = Math.round(
      (county.devices.find((one) => one.id === id)?.lastSeenAt ?? 0) - 90.6 * 86_400_000,
    );
    const { page, faults } = await show(county, {
      path: `/devices/${id}?frame=${at}`,
      width: 390,
      language,
    });
    const note = page.getByRole('note').filter({ hasText: text });
    await note.waitFor();
    // From the hour before on Beijing's clock.
    const from = new Date(at - 3_600_000 + 8 * 3_600_000).toISOString();
    expect(await note.innerText()).toContain(`${from.slice(0, 10)} ${from.slice(11, 19)}`);
    expect(await sideways(page)).toBe(0);
    expect(faults).toEqual([]);
  });

  it('shows no messages of a device that is no evidence', async () => {
    const bin = county.devices.find(
      ({ id, state }) => id.startsWith('bin') && state === 'online',
    )?.id;
    const { page } = await show(county, { path: `/devices/${bin}` });
    await page.getByRole('heading', { name: '设备信息' }).waitFor();
    expect(await page.getByText('原始报文').count()).toBe(0);
  });

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)(
    'replaces the equipment, shows the new secret once, and says why not (%i px, %s)',
    async (width, language) => {
      const zh = language === 'zh';
      const { page, faults } = await show(county, {
        path: `/devices/${sewage()}`,
        width,
        language,
      });
      await page.getByRole('button', { name: zh ? '更换设备' : 'Replace the equipment' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel(zh ? '新设备序列号' : 'Serial number').fill('taken');
      await dialog.getByRole('button', { name: zh ? '确认更换' : 'Replace' }).click();
      await dialog.getByRole('alert').waitFor();
      await dialog.getByLabel(zh ? '新设备序列号' : 'Serial number').fill('SN-2026-7');
      await dialog.getByLabel(zh ? '生成新的接入密钥' : 'Make a new secret').check();
      const asked = page.waitForRequest((request) => request.url().endsWith('/replace'));
      await dialog.getByRole('button', { name: zh ? '确认更换' : 'Replace' }).click();
      expect((await asked).postDataJSON()).toEqual({
        ...{ serial: 'SN-2026-7', secret: '' },
        version: expect.stringMatching(/./),
      });
      const secret = dialog.getByText('fixture-secret-0123456789abcdef');
      await secret.waitFor();
      // Not by a slip of the hand: it is shown this once.
      await page.keyboard.press('Escape');
      expect(await secret.isVisible()).toBe(true);
      await dialog.getByRole('button', { name: zh ? '完成' : 'Done' }).click();
      await dialog.waitFor({ state: 'hidden' });
      // Opened again it shows nothing of the secret.
      await page.getByRole('button', { name: zh ? '更换设备' : 'Replace the equipment' }).click();
      expect(await page.getByText('fixture-secret').count()).toBe(0);
      const kept = page
        .getByRole('region', { name: zh ? '安装履历' : 'Installations' })
        .getByRole('listitem');
      expect(await kept.first().innerText()).toContain('SN-2026-7');
      expect(await kept.last().innerText()).toContain(zh ? '序列号未登记' : 'no serial number');
      expect(faults).toEqual([]);
    },
  );

  it('takes the time of a replacement as Beijing’s, wherever the machine is', async () => {
    const { page } = await show(county, {
      path: `/devices/${sewage()}`,
      zone: 'America/New_York',
    });
    await page.getByRole('button', { name: '更换设备' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('更换时间').fill('2026-03-01T08:05:09');
    const asked = page.waitForRequest((request) => request.url().endsWith('/replace'));
    await dialog.getByRole('button', { name: '确认更换' }).click();
    expect((await asked).postDataJSON()).toEqual({
      at: '2026-03-01T00:05:09.000Z',
      version: expect.stringMatching(/./),
    });
  });

  it('shows digits and times as they came, and where the message came from', async () => {
    const id = sewage();
    const { page, faults } = await show(county, { path: `/devices/${id}` });
    const panel = page.getByRole('region', { name: '原始报文' });
    await panel.getByText('网关 gateway-01', { exact: true }).waitFor();
    await panel.getByText('MQTT 主题 village/v1/gateways/gateway-01/readings').waitFor();
    const at = county.devices.find((one) => one.id === id)?.lastSeenAt ?? 0;
    const beijing = new Date(at + 1_480 + 8 * 3_600_000).toISOString();
    await panel.getByText(`${beijing.slice(0, 10)} ${beijing.slice(11, 23)}`).waitFor();
    // A counter of five figures keeps its decimal.
    const total = county.devices.find((one) => one.id === id)?.values['total']?.value ?? 0;
    const shown = await panel
      .getByRole('button')
      .filter({ hasText: '累计' })
      .locator('.number')
      .first()
      .innerText();
    expect(Number(shown.replaceAll(',', '').match(/[\d.]+/)?.[0])).toBe(total);
    expect(faults).toEqual([]);
  });

  it('offers no replacement to who may not', async () => {
    const clerks = await bench.fixture({ devices: 20, rights: ['devices.read', 'readings.read'] });
    const { page } = await show(clerks, { path: `/devices/${clerks.devices[0]?.id}` });
    await page.getByRole('heading', { name: '设备信息' }).waitFor();
    expect(await page.getByRole('button', { name: '更换设备' }).count()).toBe(0);
  });
});
