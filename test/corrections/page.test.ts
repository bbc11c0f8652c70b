/**
 * One correction in real Chromium on a real server: a span is marked by mouse, keyboard and touch, tried, submitted, approved by a
 * second person, seen in chart and export, and undone.
 */
import { join } from 'node:path';
import { DAY, formatTime, HOUR, MINUTE } from '@village/core';
import { type Client, startCounty, type TestServer } from '@village/server/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { complaints, sideways } from '../../dashboards/browser/look.ts';
import {
  type Bench,
  hasChromium,
  type OpenPage,
  startBench,
} from '../../dashboards/browser/testing.ts';

/** Where pictures go, for looking at. */
const pictures = process.env['VILLAGE_PICTURES'];

describe('a correction in Chromium', { timeout: 90_000 }, () => {
  let bench: Bench;
  let test: TestServer;
  let admin: Client;
  let second: Client;
  let start: number;
  const open: OpenPage[] = [];

  beforeAll(async () => {
    if (!hasChromium) return;
    bench = await startBench();
    test = await startCounty(undefined, { console: bench.directory });
    admin = await test.client('admin');
    second = await test.client('north');
    start = Math.floor((test.timer.now() - 9 * DAY) / HOUR) * HOUR;
    const readings = Array.from({ length: 144 }, (_, n) => ({
      device: 'north-ph',
      at: formatTime(start + n * 10 * MINUTE),
      values: { ph: 7 + Math.sin(n / 12) / 2 },
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  }, 90_000);
  beforeEach((context) => {
    if (!hasChromium) context.skip();
    return async () => {
      for (const { context: one } of open.splice(0)) await one.close();
    };
  });
  afterAll(async () => {
    if (!hasChromium) return;
    await test.close();
    await bench.close();
  }, 90_000);

  const show = async (
    client: Client,
    path: string,
    more: { width?: number; height?: number; language?: 'en' } = {},
  ): Promise<OpenPage> => {
    const url = `http://127.0.0.1:${test.server.httpPort}`;
    const [name = '', value = ''] = client.cookie.split('=');
    const opened = await bench.page(
      { url },
      { path, cookies: [{ name, value, url }] as never, ...more },
    );
    open.push(opened);
    return opened;
  };
  const picture = async ({ page }: OpenPage, name: string): Promise<void> => {
    if (pictures !== undefined)
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  };
  const marking = (): string =>
    `/corrections/devices/north-ph?metric=ph&from=${formatTime(start)}&to=${formatTime(start + DAY)}`;

  it('is marked, tried, submitted, approved by another, seen, and undone', async () => {
    const one = await show(admin, marking());
    const { page } = one;
    const plot = page.locator('.u-over');
    await plot.waitFor();
    const box = (await plot.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.25, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 120, { steps: 5 });
    await page.mouse.up();
    await page.getByLabel('从').and(page.locator('input')).waitFor();
    expect(await page.locator('input[name=from]').inputValue()).not.toBe('');
    // A quarter of a day, to the minute and what a pixel is wide.
    const field = async (name: string): Promise<number> =>
      Date.parse(`${await page.locator(`input[name=${name}]`).inputValue()}Z`);
    expect(Math.abs((await field('to')) - (await field('from')) - 6 * HOUR)).toBeLessThan(
      5 * MINUTE,
    );
    await page.locator('select[name=kind]').selectOption('offset');
    await page.locator('input[name=value]').fill('0.8');
    await page.locator('input[name=reason]').fill('探头未校准');
    const submit = page.getByRole('button', { name: '提交订正' });
    // Nobody submits what they have not seen: pressed at once, it shows what would change.
    await submit.click();
    await page.getByText('需要另一人审批').waitFor();
    await page.getByText('其中 36 个会改变').or(page.getByText('其中 37 个会改变')).waitFor();
    await picture(one, 'preview-1440');
    expect(await complaints(one.page)).toEqual([]);
    await submit.click();
    await page.getByText('等待另一人审批').waitFor();
    await page.getByText('待审批').waitFor();

    const other = await show(second, '/corrections?state=waiting', { width: 390, height: 844 });
    await other.page.getByRole('button', { name: '批准' }).waitFor();
    await picture(other, 'waiting-390');
    expect(await complaints(other.page)).toEqual([]);
    // What would change is seen by who agrees to it, too.
    await other.page.getByRole('button', { name: '预览影响' }).click();
    await other.page.getByText('需要另一人审批').waitFor();
    expect(await other.page.getByText('矛盾').count()).toBe(0);
    expect(await complaints(other.page)).toEqual([]);
    await other.page.getByRole('button', { name: '批准' }).click();
    await other.page.getByText('没有符合条件的订正').waitFor();
    await other.page.getByText('已批准并生效').waitFor();

    const device = await show(
      admin,
      `/devices/north-ph?metric=ph&from=${formatTime(start)}&to=${formatTime(start + DAY)}`,
    );
    await device.page.getByText('接收时的原值').waitFor();
    await device.page.getByRole('link', { name: '数据订正（1）' }).waitFor();
    await picture(device, 'device-1440');
    const csv = await admin.ask(
      'GET',
      `/export?format=csv&device=north-ph&from=${formatTime(start)}&to=${formatTime(start + DAY)}`,
    );
    const lines = csv.body
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    const corrected = lines.filter((line) => Number(line[3]) !== Number(line[9]));
    expect([36, 37]).toContain(corrected.length);
    for (const line of corrected) expect(Number(line[3]) - Number(line[9])).toBeCloseTo(0.8, 9);

    await other.page.goto(`http://127.0.0.1:${test.server.httpPort}/corrections`);
    await other.page.getByRole('button', { name: '撤销' }).click();
    await other.page.getByLabel('撤销理由').fill('复测无误');
    await other.page.getByRole('button', { name: '确认撤销' }).click();
    await other.page.getByText('：复测无误').waitFor();
    await other.page.getByText('已撤销', { exact: true }).last().waitFor();
    // The page of the device is open all the while.
    await device.page
      .getByRole('main')
      .getByRole('link', { name: '数据订正', exact: true })
      .waitFor();
    await device.page.getByText('接收时的原值').waitFor({ state: 'detached' });
    for (const { faults } of [one, other, device]) expect(faults).toEqual([]);
  });

  it('is marked by the keyboard, and by two taps on a phone', async () => {
    const one = await show(admin, marking());
    const chart = one.page.getByRole('img');
    await chart.waitFor();
    // Drawn, so that keys find its points.
    await chart.locator('.u-over').waitFor();
    await chart.focus();
    for (let n = 0; n < 3; n++) await one.page.keyboard.press('ArrowRight');
    await one.page.keyboard.press('Enter');
    await one.page.getByText('请再标记终点').waitFor();
    for (let n = 0; n < 6; n++) await one.page.keyboard.press('ArrowRight');
    await one.page.keyboard.press('Enter');
    const span = async ({ page }: OpenPage): Promise<number> => {
      const [from, to] = await Promise.all(
        ['from', 'to'].map((name) => page.locator(`input[name=${name}]`).inputValue()),
      );
      return Date.parse(`${to}Z`) - Date.parse(`${from}Z`);
    };
    // Six steps of ten minutes, and the minute of the last.
    expect(await span(one)).toBe(61 * MINUTE);

    const phone = await show(admin, marking(), { width: 390, height: 844, language: 'en' });
    const plot = phone.page.locator('.u-over');
    await plot.waitFor();
    const box = (await plot.boundingBox())!;
    for (const part of [0.2, 0.7]) {
      const [x, y] = [box.x + box.width * part, box.y + 90];
      await phone.page.touchscreen.tap(x, y).catch(() => phone.page.mouse.click(x, y));
    }
    expect(Math.abs((await span(phone)) - 12 * HOUR)).toBeLessThan(15 * MINUTE);
    await phone.page.getByRole('button', { name: 'Preview' }).click();
    await phone.page.getByText('would change').waitFor();
    await picture(phone, 'preview-390-en');
    expect(await complaints(phone.page)).toEqual([]);
    expect(await sideways(phone.page)).toBe(0);
    expect([...one.faults, ...phone.faults]).toEqual([]);
  });

  it('is tried with what it makes of the figures of areas', async () => {
    const midnight = Math.floor((start + 8 * HOUR) / DAY) * DAY - 8 * HOUR;
    const readings = ['north-air', 'south-air'].flatMap((device, n) =>
      Array.from({ length: 24 }, (_, hour) => ({
        device,
        at: formatTime(midnight + hour * HOUR),
        values: { o3: (hour < 3 ? 230 : 90) + n * 10 },
      })),
    );
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    const at = (hour: number): string => formatTime(midnight + hour * HOUR);
    const path = `/corrections/devices/north-air?metric=o3&from=${at(0)}&to=${at(24)}`;
    for (const [width, language, words] of [
      [1440, undefined, ['区域统计指标', '预览影响', '北镇']],
      [390, 'en', ['Figures of areas', 'Preview', 'North']],
    ] as const) {
      const one = await show(admin, path, {
        ...{ width, height: 844 },
        ...(language === undefined ? {} : { language }),
      });
      const { page } = one;
      const plot = page.locator('.u-over');
      await plot.waitFor();
      const box = (await plot.boundingBox())!;
      // From the begin for some hours.
      await page.mouse.move(box.x + 1, box.y + 100);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 120, { steps: 5 });
      await page.mouse.up();
      await page.locator('select[name=kind]').selectOption('invalid');
      await page.getByRole('button', { name: words[1] }).click();
      await page.getByRole('heading', { name: words[0] }).waitFor();
      const tables = page.locator('.change caption').filter({ hasText: `· ${words[2]}` });
      expect(await tables.count()).toBeGreaterThan(0);
      // Nothing is left of the township's own day; of the county's, one of its two stations.
      expect(await page.getByText('(0/1)').count()).toBeGreaterThan(0);
      expect(await page.getByText('(2/2)').count()).toBeGreaterThan(0);
      await picture(one, `areas-${width}`);
      expect(await complaints(one.page)).toEqual([]);
      expect(await sideways(page)).toBe(0);
      expect(one.faults).toEqual([]);
    }
  });
});
