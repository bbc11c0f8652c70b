/** The borders of the map in Chromium: a file sent with its coordinate system, faults beside it, what is there, removing it. */
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, type Fixture } from '../dev/fixture.ts';
import { BROWSER_TEST_MS, withBench } from './hooks.ts';
import { sideways } from './look.ts';
import type { Bench, OpenPage, PageOptions } from './testing.ts';

const SIZE = 3 * 1024 * 1024;

describe('the borders of the map', { timeout: BROWSER_TEST_MS }, () => {
  let bench: Bench;

  withBench((started) => {
    bench = started;
  });

  async function show(options: PageOptions): Promise<OpenPage & { county: Fixture }> {
    const county = await bench.fixture({ devices: 30, rights: ALL_RIGHTS });
    const opened = await bench.page(county, { path: '/map/borders', ...options });
    return { ...opened, county };
  }
  const file = (bytes: number) => ({
    name: 'county.geojson',
    mimeType: 'application/geo+json',
    buffer: Buffer.alloc(bytes, ' '),
  });

  it('are sent with size and coordinate system said first, listed, and removed after a question', async () => {
    const { page, faults, county } = await show({});
    await page.getByText('还没有边界').waitFor();
    await page.locator('input[type=file]').setInputFiles(file(0));
    await page.getByText('这是空文件').waitFor();
    const send = page.getByRole('button', { name: '导入边界' });
    expect(await send.isDisabled()).toBe(true);
    await page.locator('input[type=file]').setInputFiles(file(SIZE));
    await page.getByText(/county\.geojson，3\.0 MiB，尚未发送/).waitFor();
    // Nobody has said what the coordinates are: the browser asks, nothing goes.
    await send.click();
    expect(await page.locator('select:invalid').count()).toBe(1);
    await page.getByLabel('坐标系').selectOption('gcj02');
    await page.getByLabel(/审图号/).fill('浙湖S(2026)3号');
    const asked = page.waitForRequest((request) => request.method() === 'POST');
    await send.click();
    const request = await asked;
    const { searchParams } = new URL(request.url());
    expect(Object.fromEntries(searchParams)).toEqual({
      system: 'gcj02',
      review: '浙湖S(2026)3号',
    });
    await page.getByText(/16 个区域已有新边界/).waitFor();
    expect(county.fileBytes).toBe(SIZE);
    const rows = page.getByRole('region', { name: '现有边界' }).locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(16);
    await page.getByRole('button', { name: '删除长兴县的边界' }).click();
    const sure = page.getByRole('dialog');
    await sure.getByText(/所有下级的边界都将删除/).waitFor();
    await sure.getByRole('button', { name: '取消' }).click();
    expect(await rows.count()).toBe(16);
    await page.getByRole('button', { name: '删除长兴县的边界' }).click();
    await sure.getByRole('button', { name: '删除' }).click();
    await page.getByText('已删除 16 个区域的边界').waitFor();
    await page.getByText('还没有边界').waitFor();
    expect(faults).toEqual([]);
  });

  it.each([
    [1440, 'zh'],
    [390, 'en'],
  ] as const)(
    'tell the faults of a file with their places (%i px, %s)',
    async (width, language) => {
      const { page, faults } = await show({ width, language, dark: width === 390 });
      await page.locator('input[type=file]').setInputFiles(file(SIZE));
      await page
        .getByLabel(language === 'zh' ? '坐标系' : 'Coordinate system')
        .selectOption('bd09');
      await page.getByRole('button', { name: /^导入边界$|^Import borders$/ }).click();
      const table = page.getByRole('region', { name: /county\.geojson.*2/ }).last();
      await table.getByText('features[2].geometry.coordinates[0][2]').waitFor();
      await table.getByText(language === 'zh' ? '不在中国境内' : 'lies outside China').waitFor();
      expect(await sideways(page)).toBe(0);
      expect(faults).toEqual([]);
    },
  );

  it('say how much of a file has gone, and sending can be stopped', async () => {
    const { page, context, faults } = await show({});
    // A slow line: nothing of the answer, and the file by and by.
    const line = await context.newCDPSession(page);
    await line.send('Network.enable');
    await line.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 0, downloadThroughput: -1 },
      uploadThroughput: 64 * 1024,
    });
    await page.locator('input[type=file]').setInputFiles(file(SIZE));
    await page.getByLabel('坐标系').selectOption('wgs84');
    await page.getByRole('button', { name: '导入边界' }).click();
    const progress = page.getByRole('progressbar');
    await progress.waitFor();
    expect(await progress.getAttribute('max')).toBe(String(SIZE));
    await expect
      .poll(async () => Number(await progress.getAttribute('value')), { timeout: 30_000 })
      .toBeGreaterThan(0);
    // It goes on while another page is looked at, and the browser asks before the window is closed.
    await page.getByRole('link', { name: '打开地图' }).click();
    await page.getByRole('heading', { name: '长兴县', level: 1 }).waitFor();
    expect(
      await page.evaluate(() => dispatchEvent(new Event('beforeunload', { cancelable: true }))),
    ).toBe(false);
    await page.goBack();
    await progress.waitFor();
    expect(await page.locator('input[type=file]').isDisabled()).toBe(true);
    await page.getByRole('button', { name: '停止' }).click();
    await page.getByText('已停止，什么都没有导入').waitFor();
    await page.getByText('还没有边界').waitFor();
    expect(faults).toEqual([]);
  });
});
