/** Dialogs by the keyboard alone, and pages on paper, in Chromium. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import type { Bench, Page } from './testing.ts';

/** What has the focus: whether it lies in the open dialog, and what does not show that it has it. */
const focus = (page: Page): Promise<{ inside: boolean; beneath: boolean; unseen: string | null }> =>
  page.evaluate(() => {
    const at = document.activeElement;
    const dialog = document.querySelector('dialog[open]');
    return {
      inside: dialog?.contains(at) === true,
      // The body has it while it is with the browser's own bars.
      beneath: at !== document.body && dialog?.contains(at) !== true,
      unseen:
        at === null || getComputedStyle(at).outlineStyle !== 'none'
          ? null
          : at.outerHTML.slice(0, 80),
    };
  });

const TABS = 12;

describe('keys and paper', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 120, rights: ALL_RIGHTS });
  });

  const idOf = (start: string): string =>
    county.devices.find(({ id, state }) => id.startsWith(start) && state === 'online')?.id ?? '';

  it.each([
    ['/areas', ['添加乡镇', '修改']],
    ['/gateways', ['修改', '停用']],
    ['/people', ['添加用户']],
    ['/tokens', ['创建令牌', '撤销 大屏展示']],
    ['device', ['更换设备', '修改', '停用']],
  ] as const)('dialogs of %s are opened, walked through and left by keys', async (path, names) => {
    const at = path === 'device' ? `/devices/${idOf('sewage')}` : path;
    const { page, faults } = await bench.page(county, { path: at });
    for (const name of names) {
      const button = page.locator('main').getByRole('button', { name, exact: true }).first();
      await button.focus();
      await page.keyboard.press('Enter');
      await page.locator('dialog[open]').waitFor();
      expect([name, (await focus(page)).inside]).toEqual([name, true]);
      for (let tab = 0; tab < TABS; tab++) {
        await page.keyboard.press('Tab');
        const now = await focus(page);
        expect([name, tab, now.beneath]).toEqual([name, tab, false]);
        if (now.inside) expect([name, tab, now.unseen]).toEqual([name, tab, null]);
      }
      await page.keyboard.press('Escape');
      await expect.poll(() => page.locator('dialog[open]').count()).toBe(0);
      expect([name, await button.evaluate((one) => one === document.activeElement)]).toEqual([
        name,
        true,
      ]);
    }
    expect(faults).toEqual([]);
  });

  it('the page that connects a device is printed light, without what can only be pressed, its code whole', async () => {
    const id = idOf('bin');
    const { page } = await bench.page(county, { path: `/devices/${id}/connect`, dark: true });
    await page.getByRole('button', { name: '换新密钥' }).click();
    await page.getByRole('dialog').getByRole('button', { name: '换新', exact: true }).click();
    await page.locator('.qr path').waitFor({ state: 'attached' });
    const theme = () => page.evaluate(() => document.documentElement.dataset['theme']);
    expect(await theme()).toBe('dark');
    await page.emulateMedia({ media: 'print' });
    await expect.poll(theme).toBe('light');
    for (const gone of ['.rail', '.copy', '.wait', '.actions'])
      expect([gone, await page.locator(gone).first().isVisible()]).toEqual([gone, false]);
    expect(await page.locator('.secret-words output').nth(1).isVisible()).toBe(true);
    const code = await page.locator('.qr').boundingBox();
    expect(code?.width).toBeGreaterThan(150);
    expect(code?.width).toBe(code?.height);
    // From the left edge on: the bar beside it takes no room.
    expect((await page.locator('main').boundingBox())?.x).toBe(0);
    await page.emulateMedia({ media: 'screen' });
    await expect.poll(theme).toBe('dark');
  });

  it('an opened figure is printed with all of its rows', async () => {
    const day = new Date(Date.now() - 3 * 86_400_000).toISOString();
    const asked = `figure=hours-above:water.cod&at=${day}`;
    const { page } = await bench.page(county, {
      path: `/devices/${idOf('sewage')}/figures?${asked}`,
    });
    await page.locator('.table-scroll').first().waitFor();
    const cut = () =>
      page.evaluate(() =>
        [...document.querySelectorAll('.table-scroll')].some(
          (one) => one.scrollHeight > one.clientHeight + 1,
        ),
      );
    expect(await cut()).toBe(true);
    await page.emulateMedia({ media: 'print' });
    expect(await cut()).toBe(false);
  });
});
