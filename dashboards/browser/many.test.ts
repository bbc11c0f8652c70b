/** 20,000 devices in Chromium, on the list and on the map: no task holds up the page, and more devices cost what they are themselves. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { type Bench, type OpenPage, PATIENCE_MS, type Page } from './testing.ts';

/** No time of a machine that is busy otherwise is judged here; a task that blocks for seconds is a fault on any. */
const BLOCKS_MS = 2_000;
const PAGE = 50;

describe('20,000 devices', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;
  let county: Fixture;

  withBench(async (started) => {
    bench = started;
    county = await bench.fixture({ devices: 20_000, rights: ALL_RIGHTS });
  });

  /** Another page first, so that what is measured begins with going there. */
  async function watched(): Promise<OpenPage> {
    const opened = await bench.page(county, { path: '/settings' });
    await opened.page.evaluate(`
      window.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
      }).observe({ type: 'longtask' });
      // The address of a device is made each time its row is drawn.
      window.drawn = 0;
      const encode = window.encodeURIComponent;
      window.encodeURIComponent = (text) => {
        window.drawn++;
        return encode(text);
      };
    `);
    return opened;
  }
  async function judge(what: string, { page, faults }: OpenPage): Promise<void> {
    const longest: number = await page.evaluate('window.longest');
    process.stdout.write(`${what} of 20,000 devices: longest task ${Math.round(longest)} ms\n`);
    expect(longest).toBeLessThan(BLOCKS_MS);
    expect(faults).toEqual([]);
  }
  const rows = (page: Page, count: number) =>
    expect.poll(() => page.locator('tbody tr').count(), { timeout: PATIENCE_MS }).toBe(count);

  it('on the list: opened, added to, sorted, filtered and searched in short tasks', async () => {
    const opened = await watched();
    const { page } = opened;
    await page.getByRole('link', { name: '设备', exact: true }).first().click();
    await rows(page, PAGE);
    const drawn: number[] = [];
    for (let n = 2; n <= 8; n++) {
      await page.evaluate('window.drawn = 0');
      await page.locator('.list-foot button').click();
      await rows(page, n * PAGE);
      drawn.push(await page.evaluate('window.drawn'));
    }
    // The new rows, at the eighth page as at the second, and none of those that are there.
    for (const count of drawn) {
      expect(count).toBeGreaterThanOrEqual(PAGE);
      expect(count).toBeLessThan(2 * PAGE);
    }
    await page.locator('a.sort[href*="lastSeenAt"]').click();
    await page.locator('.busy').waitFor({ state: 'detached' });
    await rows(page, PAGE);
    await page.locator('select').nth(1).selectOption('offline');
    await page.locator('tbody .state-online').first().waitFor({ state: 'detached' });
    await page.locator('select').nth(1).selectOption('');
    await page.getByRole('searchbox').fill(county.devices.at(-2)?.id ?? '');
    await rows(page, 1);
    await judge('the list', opened);
  });

  it('on the map: loaded, zoomed, moved and searched in short tasks', async () => {
    const opened = await watched();
    const { page } = opened;
    await page.getByRole('link', { name: '地图' }).first().click();
    await page.getByText('20,000 台设备，19,600 台有坐标').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: '位置图' }).click();
    const canvas = page.getByRole('img', { name: /长兴县地图/ });
    await canvas.focus();
    for (const key of ['+', '+', '+', 'ArrowLeft', 'ArrowUp', '-', '+', '+', '+', '0'])
      await page.keyboard.press(key);
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + 200, box.y + 200);
    await page.mouse.down();
    for (let n = 0; n < 20; n++) await page.mouse.move(box.x + 200 + 8 * n, box.y + 200 + 4 * n);
    await page.mouse.up();
    await page.mouse.wheel(0, -300);
    await page.getByRole('searchbox').fill(county.devices.at(-2)?.id ?? '');
    await page.getByRole('list', { name: '找到的' }).getByRole('link').first().waitFor();
    await judge('the map', opened);
  });
});
