/** Figures of a device in Chromium over the fixture: further back, opened down to the message, in words all the way. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('figures of a device', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench((started) => {
    bench = started;
  });

  const counties = (): Promise<Fixture> => bench.fixture({ devices: 60, rights: ALL_RIGHTS });
  const show: Bench['page'] = (...given) => bench.page(...given);
  const sewage = ({ devices }: Fixture): string =>
    devices.find(
      ({ id, state, since }) =>
        id.startsWith('sewage') && state === 'online' && since < Date.now() - 30 * 86_400_000,
    )?.id ?? '';

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)('go back, open, and lead on to the bytes (%i px, %s)', async (width, language) => {
    const zh = language === 'zh';
    const county = await counties();
    const { page, faults } = await show(county, {
      path: `/devices/${sewage(county)}`,
      ...{ width, language },
    });
    const panel = page.getByRole('region', { name: zh ? '统计指标' : 'Figures' }).first();
    const days = panel.locator('tbody a');
    await days.nth(7).waitFor();
    const newest = await days.allInnerTexts();
    await panel.getByRole('link', { name: zh ? '更早' : 'Earlier' }).click();
    await expect.poll(async () => (await days.allInnerTexts())[0]).not.toBe(newest[0]);
    const before = await days.allInnerTexts();
    // Not a day is left out, none stands on two pages.
    expect(Date.parse(newest.at(-1) ?? '') - Date.parse(before[0] ?? '')).toBe(86_400_000);
    await page.reload();
    await expect.poll(() => days.allInnerTexts()).toEqual(before);
    await panel.getByRole('link', { name: zh ? '更晚' : 'Later' }).click();
    await expect.poll(() => days.allInnerTexts()).toEqual(newest);
    await days.nth(3).click();
    const said = async (): Promise<string> => page.locator('main').innerText();
    await page
      .getByRole('heading', { level: 1, name: zh ? '超标时数' : 'above the limit' })
      .waitFor();
    await page.locator('tbody tr').nth(5).waitFor();
    expect(await said()).not.toMatch(/hours-above|water\.cod|\bcod\b|undefined|NaN/);
    expect(await said()).toContain(zh ? '化学需氧量：应有' : 'Chemical oxygen demand');
    expect(await said()).toContain(zh ? '2 类区' : 'class 2');
    // A day holds more readings than are shown at once.
    expect(await page.locator('.opened-table tbody tr').count()).toBe(100);
    await page.getByRole('button', { name: zh ? '加载更多' : 'Load more' }).click();
    await expect.poll(() => page.locator('.opened-table tbody tr').count()).toBe(200);
    await page.locator('.opened-table tbody a').nth(2).click();
    await page.getByRole('region', { name: zh ? '原始报文' : 'As received' }).waitFor();
    await page.goBack();
    await page
      .getByRole('navigation', { name: zh ? '所在位置' : 'Where you are' })
      .getByRole('link')
      .last()
      .click();
    await days.first().waitFor();
    expect(await sideways(page)).toBe(0);
    expect(faults).toEqual([]);
  });

  it('lead from a corrected reading to what was received, with the message in sight', async () => {
    const county = await counties();
    const id = sewage(county);
    // Every third day of the fixture is corrected: its first readings were received ten minutes later.
    const day = Math.floor((Date.now() + 8 * HOUR) / (3 * DAY) - 1) * 3 * DAY - 8 * HOUR;
    const asked = new URLSearchParams({
      figure: 'hours-above:water.cod',
      at: new Date(day).toISOString(),
    });
    const { page, faults } = await show(county, { path: `/devices/${id}/figures?${asked}` });
    const row = page.locator('.opened-table tbody tr').first();
    await row.getByText('订正 #1, #4').waitFor();
    const link = row.getByRole('link', { name: '查看' });
    const at = Number(
      new URL((await link.getAttribute('href')) ?? '', county.url).searchParams.get('frame'),
    );
    expect((await row.locator('td').first().innerText()).slice(-8)).toBe(
      new Date(at + 8 * HOUR - 10 * 60_000).toISOString().slice(11, 19),
    );
    await link.click();
    const panel = page.getByRole('region', { name: '原始报文' });
    await panel.locator('.frame, .empty').first().waitFor();
    // The tiles and the chart above it come later, and push it down.
    await page.locator('.chart canvas, .chart svg').first().waitFor();
    await expect
      .poll(async () => {
        const box = await panel.boundingBox();
        return box !== null && box.y >= 0 && box.y < 450;
      })
      .toBe(true);
    expect(await panel.evaluate((one) => one === document.activeElement)).toBe(true);
    expect(faults).toEqual([]);
  });

  it('do not stand under the name of others that could not be had', async () => {
    const county = await counties();
    const { page } = await show(county, { path: `/devices/${sewage(county)}` });
    const panel = page.getByRole('region', { name: '统计指标' }).first();
    await panel.locator('tbody a').first().waitFor();
    county.fail('/figures', 503);
    await panel.getByRole('combobox').selectOption('daily-mean:water.ph');
    await panel.getByRole('heading', { name: '没能取到数据' }).waitFor();
    expect(await panel.locator('tbody').count()).toBe(0);
    county.fail('/figures', null);
    await panel.getByRole('button', { name: '重试' }).click();
    await panel.locator('tbody a').first().waitFor();
  });

  it.each([
    ['设备', 'figure=none&at=2026-03-01T00:00:00Z', '这里不测这个指标'],
    ['设备', 'figure=daily-mean:water.cod&at=2126-03-01T00:00:00Z', '这个时间还没有到'],
    ['设备', '', '没有指明指标和时间'],
    ['区域', 'figure=area-hours-above:water.cod&at=2126-03-01T00:00:00Z', '这个时间还没有到'],
    ['区域', '', '没有指明指标和时间'],
  ])('of a %s say in words why there is none: %s', async (kind, asked, told) => {
    const county = await counties();
    const owner = kind === '设备' ? `/devices/${sewage(county)}` : '/areas/330522002000';
    const { page } = await show(county, { path: `${owner}/figures?${asked}` });
    await page.getByRole('heading', { name: told }).waitFor();
    await page.getByRole('link', { name: `返回${kind}` }).click();
    await expect.poll(() => new URL(page.url()).pathname).toBe(owner);
  });
});
