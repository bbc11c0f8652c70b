/** Figures in real Chromium over a real server: on the device's page, and one opened to its readings and what it was before. */
import { DAY, HOUR } from '@village/core';
import { type Client, startCounty, type TestServer, until } from '@village/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sideways } from '../../dashboards/browser/look.ts';
import { type Bench, hasChromium, startBench } from '../../dashboards/browser/testing.ts';

describe.skipIf(!hasChromium)('figures on a page', () => {
  let bench: Bench;
  let test: TestServer;
  let admin: Client;
  let midnight: number;
  const put = async (...rows: [hour: number, o3: number, bad?: boolean][]): Promise<void> => {
    const readings = rows.map(([hour, o3, bad]) => ({
      device: 'north-air',
      at: new Date(midnight + hour * HOUR).toISOString(),
      values: { o3 },
      ...(bad === true ? { quality: { o3: 'calibration' } } : {}),
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  };

  beforeAll(async () => {
    bench = await startBench();
    test = await startCounty(undefined, { console: bench.directory });
    admin = await test.client('admin');
    midnight = Math.floor((test.timer.now() + 8 * HOUR) / DAY - 2) * DAY - 8 * HOUR;
    await put(...Array.from({ length: 22 }, (_, n): [number, number] => [n, 180 + 2 * n]));
    test.timer.haste = 20;
    const stored = async (): Promise<boolean> =>
      /figures_computed_total [1-9]/.test((await test.server.http.inject('/metrics')).body);
    test.timer.shift += 11_000;
    await until('the figures to be stored', stored);
    await put([22, 240], [23, 250, true]);
    test.timer.shift += 11_000;
    const asked = `/figures?figure=hours-above:air.o3&device=north-air&from=${new Date(midnight).toISOString()}&to=${new Date(midnight + 1).toISOString()}`;
    await until('the change', async () =>
      JSON.stringify((await admin.get(asked)) as object).includes('previous'),
    );
    test.timer.haste = 1;
  }, 120_000);
  afterAll(async () => {
    await bench?.close();
    await test?.close();
  });

  const cookies = () => {
    const [name = '', value = ''] = admin.cookie.split('=');
    const url = `http://127.0.0.1:${test.server.httpPort}`;
    return { url, cookies: [{ name, value, url }] as never };
  };

  it.each([
    [1440, 'zh', '统计指标', /^查看/],
    [390, 'en', 'Figures', /^Open/],
  ] as const)('at %d px in %s', async (width, language, heading, open) => {
    const { url, ...rest } = cookies();
    const { page, context, faults } = await bench.page(
      { url },
      { ...rest, width, language, path: '/devices/north-air' },
    );
    const panel = page.locator('section', { has: page.getByRole('heading', { name: heading }) });
    await panel.getByRole('combobox').selectOption('hours-above:air.o3');
    const twelve = language === 'zh' ? /12\s*小时/ : /12\s*h/;
    const row = panel.getByRole('row').filter({ hasText: twelve });
    await row.waitFor();
    const pictures = process.env['FIGURE_PICTURES'];
    if (pictures !== undefined) {
      await panel.scrollIntoViewIfNeeded();
      await panel.screenshot({ path: `${pictures}/panel-${width}.png` });
    }
    await row.getByRole('link', { name: open }).click();
    await page.getByText('GB 3095-2026', { exact: false }).first().waitFor();
    // Hours 11 to 22 are above 200; the one being calibrated is not judged, and shows its flag.
    const shown = await page.locator('main').innerText();
    expect(shown).toMatch(twelve);
    expect(shown).toMatch(language === 'zh' ? '校准' : 'Calibration');
    expect(shown).toMatch(language === 'zh' ? '数据迟到' : 'Late data');
    expect(await page.locator('main tbody tr').count()).toBe(25);
    expect(await sideways(page)).toBe(0);
    if (pictures !== undefined) await page.screenshot({ path: `${pictures}/open-${width}.png` });
    expect(faults).toEqual([]);
    await context.close();
  });
});
