/**
 * Every address of the console in Chromium, over the demonstration as `npm start` makes it: on phone and desktop, in both languages
 * and both themes nothing is wider than the window, axe finds nothing, nothing fails or is refused, nothing is left untranslated
 * and no chart is empty.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaints, settled, untranslated, type Words } from '../../dashboards/browser/look.ts';
import {
  hasChromium,
  type Page,
  startBrowser,
  type TestBrowser,
} from '../../dashboards/browser/testing.ts';
import { topics } from '../../dashboards/console/topics.ts';
import { words } from '../../dashboards/kit/text/words.ts';
import { Api } from '../lib/api.ts';
import { PASSWORD } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const DEVICES = 30;
const SLOW_MS = 600_000;
/** Where pictures go, for looking at. */
const pictures = process.env['VILLAGE_PICTURES'];

const texts: readonly Words[] = [
  words,
  ...Object.values(
    import.meta.glob<object>('../../dashboards/{kit,console}/**/{texts,*-texts}.ts', {
      eager: true,
    }),
  ).flatMap((file) => Object.values(file).filter((one) => typeof one === 'object')),
];

interface Device {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly profile: string;
}

describe.skipIf(!hasChromium)('every address', { timeout: SLOW_MS }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-pages-'));
  let browser: TestBrowser;
  let county: Process;
  let api: Api;
  /** What people have called things in Chinese; no page translates it. */
  let given: readonly string[];
  /** By the address of a route, the addresses to look at. */
  let examples: Readonly<Record<string, readonly string[]>>;

  beforeAll(async () => {
    const httpPort = await freePort();
    county = new Process(
      'county',
      'server/src/main.ts',
      ['start', '--devices', String(DEVICES), '--history', '2'],
      {
        VILLAGE_DATA: folder,
        VILLAGE_HTTP_HOST: '127.0.0.1',
        VILLAGE_HTTP_PORT: String(httpPort),
        VILLAGE_MQTT_PORT: String(await freePort()),
        VILLAGE_ADMIN_PASSWORD: PASSWORD,
      },
    );
    county.start();
    await until(
      'the past of the county',
      () => {
        if (!county.running) throw new Error(`it ended:\n${county.output}`);
        return county.output.includes('the past is there');
      },
      SLOW_MS,
    );
    api = new Api(httpPort);
    await api.signIn('admin', PASSWORD);
    browser = await startBrowser();
    const devices = await api.all<Device>('/api/v1/devices');
    const areas = await api.all<{ code: string; level: string; name: { zh: string } }>(
      '/api/v1/areas',
    );
    const { items: gateways } = await api.json<{ items: { id: string; name: string }[] }>(
      '/api/v1/gateways',
    );
    const one = (start: string): Device =>
      devices.find(({ kind }) => kind.startsWith(start)) ?? devices[0]!;
    const kinds = [...Map.groupBy(devices, ({ kind }) => kind).values()].map(([first]) => first!);
    const measured = one('sewage');
    const { items: figures } = await api.json<{ items: { figure: string; every: string }[] }>(
      `/api/v1/figures/of?device=${measured.id}`,
    );
    const { items: areaFigures } = await api.json<{ items: { figure: string }[] }>(
      `/api/v1/figures/of?area=${areas[0]!.code}`,
    );
    // Midnight of the county's zone before the last one.
    const at = new Date(
      Math.floor((Date.now() + 8 * HOUR) / DAY - 1) * DAY - 8 * HOUR,
    ).toISOString();
    await api.post('/api/v1/tokens', { name: '大屏', role: 'clerk', area: areas[0]!.code }, 201);
    await api.post(
      '/api/v1/corrections',
      {
        device: measured.id,
        kind: 'invalid',
        from: new Date(Date.now() - 3 * HOUR).toISOString(),
        to: new Date(Date.now() - 2 * HOUR).toISOString(),
        reason: '探头清洗',
      },
      201,
    );
    given = [
      ...devices.map(({ name }) => name),
      ...gateways.map(({ name }) => name),
      ...areas.map(({ name }) => name.zh),
      ...['大屏', '探头清洗', '管理员', '中文'],
    ];
    const codes = ['county', 'township', 'village'].map(
      (level) => areas.find((area) => area.level === level)!.code,
    );
    examples = {
      '/devices/:id': [
        ...kinds.map(({ id }) => `/devices/${id}`),
        `/devices/${measured.id}?range=7d&view=table`,
        '/devices/none',
      ],
      '/devices': ['/devices', '/devices?q=nothing-has-this-name'],
      '/devices/:id/connect': [measured, one('smart-bin')].map(
        ({ id }) => `/devices/${id}/connect`,
      ),
      '/devices/:id/figures': figures
        .slice(0, 2)
        .map(({ figure }) => `/devices/${measured.id}/figures?figure=${figure}&at=${at}`),
      '/areas/:code': codes.map((code) => `/areas/${code}`),
      '/areas/:code/figures': areaFigures
        .slice(0, 1)
        .map(({ figure }) => `/areas/${areas[0]!.code}/figures?figure=${figure}&at=${at}`),
      '/corrections/devices/:id': [`/corrections/devices/${measured.id}`],
      '/gateways/:id/connect': gateways.slice(0, 1).map(({ id }) => `/gateways/${id}/connect`),
      '/map': ['/map', '/map?view=points'],
      '/add-device': ['/add-device', `/add-device?profile=${measured.profile}`],
    };
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await county?.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }, SLOW_MS);

  const addresses = (): string[] =>
    topics
      .flatMap(({ routes }) => routes)
      .flatMap(({ path }) => examples[path] ?? (path.includes(':') ? [] : [path]));

  /** Charts on which no line is to be seen. */
  const emptyCharts = (page: Page): Promise<string[]> =>
    page.$$eval('.chart-host', (hosts) =>
      hosts
        .filter((host) => {
          const canvas = host.querySelector('canvas');
          const draw = canvas?.getContext('2d');
          if (canvas === null || draw === null || draw === undefined) return true;
          const accent = getComputedStyle(host).getPropertyValue('--accent').trim();
          const wanted = [1, 3, 5].map((n) => Number.parseInt(accent.slice(n, n + 2), 16));
          const { data } = draw.getImageData(0, 0, canvas.width, canvas.height);
          let drawn = 0;
          for (let n = 0; n < data.length; n += 4)
            if (
              data[n + 3] === 255 &&
              wanted.every((value, channel) => Math.abs(value - (data[n + channel] ?? 0)) < 8)
            )
              drawn++;
          return drawn < 20;
        })
        .map((host) => `empty chart: ${host.getAttribute('aria-label')}`),
    );

  it('has an example', () => {
    const none = topics
      .flatMap(({ routes }) => routes.map(({ path }) => path))
      .filter((path) => path.includes(':') && (examples[path] ?? []).length === 0);
    expect(none).toEqual([]);
  });

  it('is looked at by what finds what is wrong', async () => {
    const { page, context } = await browser.page(
      { url: api.base },
      { password: PASSWORD, path: examples['/devices/:id']![0]! },
    );
    await settled(page);
    await page.locator('.chart-host canvas').first().waitFor();
    expect(await emptyCharts(page)).toEqual([]);
    await page.evaluate(() => {
      for (const canvas of document.querySelectorAll('canvas'))
        canvas.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
      const box = document.createElement('p');
      box.textContent = 'device.last-seen';
      box.style.color = 'rgb(250 250 250)';
      box.style.width = '3000px';
      document.querySelector('main')?.append(box);
    });
    expect(await emptyCharts(page)).toHaveLength(1);
    expect(await untranslated(page, 'zh', texts, given)).toEqual([
      'untranslated: device.last-seen',
    ]);
    expect((await untranslated(page, 'en', texts, given)).length).toBeGreaterThan(10);
    expect(await complaints(page)).toEqual([
      expect.stringMatching(/^color-contrast/),
      expect.stringMatching(/^\d+ px too wide/),
    ]);
    await context.close();
  });

  // Two ways to look, in which each width, language and theme is met, beside each other; each takes about a minute.
  it.concurrent.each([
    [390, 'en', 'dark'],
    [1440, 'zh', 'light'],
  ] as const)('is right at %i px, in %s, %s', async (width, language, theme) => {
    const found: Record<string, string[]> = {};
    const opened = await browser.page(
      { url: api.base },
      {
        ...{ width, height: width === 390 ? 844 : 900, language, dark: theme === 'dark' },
        ...{ password: PASSWORD, path: '/settings' },
      },
    );
    const { page, faults } = opened;
    const refused: string[] = [];
    page.on('response', (response) => {
      if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
    });
    for (const address of addresses()) {
      await page.goto(api.base + address);
      await settled(page);
      const wrong = [
        ...(await complaints(page)),
        ...(await emptyCharts(page)),
        ...(await untranslated(page, language, texts, given)),
        ...faults.splice(0),
        // An address of nothing is asked for, and told to be nothing.
        ...refused.splice(0).filter((line) => !/^404 .*\/none(\/|$|\?)/.test(line)),
      ];
      if (wrong.length > 0) found[address] = wrong;
      if (pictures === undefined) continue;
      const name = `${width}-${language}-${theme}${address.replace(/[^\w]+/g, '-')}`;
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    }
    await opened.context.close();
    expect(found).toEqual({});
  });
});
