/** A station's message and its replacement in real Chromium over a real server. */
import { type Client, startCounty, type TestServer } from '@village/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sideways } from '../../dashboards/browser/look.ts';
import { type Bench, hasChromium, startBench } from '../../dashboards/browser/testing.ts';

describe.skipIf(!hasChromium)('messages on the page of a station', () => {
  let bench: Bench;
  let test: TestServer;
  let admin: Client;
  let posted: string;

  beforeAll(async () => {
    bench = await startBench();
    test = await startCounty(undefined, { console: bench.directory });
    admin = await test.client('admin');
    const at = new Date(Math.floor(test.timer.now() / 1000) * 1000 - 60_000).toISOString();
    posted = `{"device":"north-air", "at":"${at}", "values":{"pm25":35.50,"o3":181}}`;
    const answer = await test.server.http.inject({
      method: 'POST',
      url: '/api/v1/readings',
      headers: { cookie: admin.cookie, 'content-type': 'application/json' },
      payload: `{"readings":[${posted}]}`,
    });
    expect(answer.statusCode).toBe(202);
  }, 120_000);
  afterAll(async () => {
    await bench?.close();
    await test?.close();
  });

  it.each([
    [1440, 'zh', '原始报文', '更换设备', '确认更换'],
    [390, 'en', 'As received', 'Replace the equipment', 'Replace'],
  ] as const)('at %d px in %s', async (width, language, heading, replace, go) => {
    const url = `http://127.0.0.1:${test.server.httpPort}`;
    const [name = '', value = ''] = admin.cookie.split('=');
    const { page, context, faults } = await bench.page(
      { url },
      {
        cookies: [{ name, value, url }] as never,
        width,
        language,
        path: '/devices/north-air?metric=pm25',
      },
    );
    const panel = page.getByRole('region', { name: heading });
    const text = panel.locator('.frame-text');
    await text.waitFor();
    // Byte by byte what was posted, and lit what says the metric on show.
    expect(await text.innerText()).toBe(posted);
    expect(await text.locator('.lit').allInnerTexts()).toEqual(['35.50']);
    await panel.getByText(language === 'zh' ? 'admin（HTTP 接口）' : 'admin (HTTP)').waitFor();
    const serial = `SN-${width}`;
    await page.getByRole('button', { name: replace }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').first().fill(serial);
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: go, exact: true }).click();
    await dialog.locator('.secret').waitFor();
    expect((await dialog.locator('.secret').innerText()).length).toBeGreaterThan(15);
    const pictures = process.env['FRAME_PICTURES'];
    if (pictures !== undefined)
      await page.screenshot({ path: `${pictures}/replaced-${width}.png` });
    const { installations } = await admin.get<{
      installations: { serial: string | null; until: string | null }[];
    }>('/devices/north-air/history');
    expect(installations.find(({ until }) => until === null)?.serial).toBe(serial);
    // The message of before stands as it was.
    await page.reload();
    await text.waitFor();
    expect(await text.innerText()).toBe(posted);
    expect(faults).toEqual([]);
    await context.close();
  });

  it.each([
    [1440, 'zh', '存储值', '与存储的不同'],
    [390, 'en', 'stored:', 'other values than were stored'],
  ] as const)(
    'says which value of a message is not the one stored, at %d px in %s',
    async (width, language, stored, differs) => {
      const at = new Date(Math.floor(test.timer.now() / 1000) * 1000 - 120_000 - width);
      for (const pm25 of [12.5, 48])
        await test.server.http.inject({
          method: 'POST',
          url: '/api/v1/readings',
          headers: { cookie: admin.cookie },
          payload: { readings: [{ device: 'north-air', at: at.toISOString(), values: { pm25 } }] },
        });
      const url = `http://127.0.0.1:${test.server.httpPort}`;
      const [name = '', value = ''] = admin.cookie.split('=');
      const { page, context, faults } = await bench.page(
        { url },
        {
          cookies: [{ name, value, url }] as never,
          width,
          language,
          path: `/devices/north-air?metric=pm25&frame=${at.getTime()}`,
        },
      );
      const messages = page.locator('article.frame');
      await messages.nth(1).waitFor();
      expect(await messages.count()).toBe(2);
      // The one that came first says what was replaced; the last one says what counts.
      await messages.nth(0).getByRole('note').filter({ hasText: differs }).waitFor();
      expect(await messages.nth(0).locator('.frame-differs').innerText()).toContain(`${stored}`);
      expect(await messages.nth(0).locator('.frame-differs').innerText()).toContain('48');
      expect(await messages.nth(1).getByRole('note').count()).toBe(0);
      expect(await messages.nth(1).locator('.frame-differs').count()).toBe(0);
      expect(await sideways(page)).toBe(0);
      const pictures = process.env['FRAME_PICTURES'];
      if (pictures !== undefined)
        await page.screenshot({ path: `${pictures}/differs-${width}.png`, fullPage: true });
      expect(faults).toEqual([]);
      await context.close();
    },
  );
});
