/** Readings as a file in Chromium over the fixture: the size before, made in the background, how far, fetched, given up. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench } from './testing.ts';

describe('readings as a file', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench((started) => {
    bench = started;
  });

  const show: Bench['page'] = (...given) => bench.page(...given);

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)('of an area, in the background (%i px, %s)', async (width, language) => {
    const zh = language === 'zh';
    const county = await bench.fixture({ devices: 60, rights: ALL_RIGHTS });
    const { page, faults } = await show(county, { path: '/devices', width, language });
    await page.getByRole('link', { name: zh ? '导出 24 小时数据' : 'Export 24 h' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(zh ? /约 86.4万 行，156.6 MiB/ : /About 864K rows, 156.6 MiB/).waitFor();
    const make = dialog.getByRole('button', { name: zh ? '开始生成' : 'Make the file' });
    await make.click();
    const items = dialog.getByRole('listitem');
    await items.nth(3).waitFor();
    const bars = dialog.getByRole('progressbar');
    await expect.poll(() => bars.count()).toBe(2);
    // Both come to their end while somebody looks.
    await expect.poll(() => bars.count(), { timeout: 30_000 }).toBe(0);
    const name = zh ? '下载' : 'Download';
    const href = await items.first().getByRole('link', { name }).getAttribute('href');
    expect(href).toMatch(/^\/api\/v1\/exports\/begun-\d+\/file$/);
    const fetched = page.waitForEvent('download');
    await items.first().getByRole('link', { name }).click();
    await (await fetched).delete();
    await items
      .first()
      .getByRole('button', { name: zh ? '删除' : 'Remove' })
      .click();
    await expect.poll(() => items.count()).toBe(3);
    // What is wider than the window could not be read.
    expect(await sideways(page)).toBe(0);
    await page.goBack();
    await dialog.waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
  });

  it('of a device: at once while it is small, refused with the reason when it is too large', async () => {
    const county = await bench.fixture({ devices: 60, rights: ALL_RIGHTS });
    const device = county.devices.find(
      ({ id, state }) => id.startsWith('sewage') && state === 'online',
    )?.id;
    const { page } = await show(county, { path: `/devices/${device}?range=24h&export=1` });
    const dialog = page.getByRole('dialog');
    const href = await dialog.locator('a.primary').getAttribute('href');
    const asked = new URL(href ?? '', 'http://here');
    expect(asked.pathname).toBe('/api/v1/export');
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      ...{ format: 'csv', mark: 'bom', device },
    });
    await page.goto(
      `${county.url}/devices/${device}?from=2000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&export=1`,
    );
    await dialog.getByText('文件太大：请缩短时间范围或减少设备。').waitFor();
    expect(await dialog.getByRole('button', { name: '开始生成' }).isDisabled()).toBe(true);
  });

  it('is not offered to who may not', async () => {
    const rights = ALL_RIGHTS.filter((right) => right !== 'export.read');
    const county = await bench.fixture({ devices: 60, rights });
    const { page } = await show(county, { path: '/devices?export=1' });
    await page.getByRole('button', { name: '导出清单' }).waitFor();
    expect(await page.getByRole('link', { name: '导出 24 小时数据' }).count()).toBe(0);
    expect(await page.getByRole('dialog').count()).toBe(0);
  });
});
