/**
 * A new type of device is one YAML file: simulator, gateway, store, API and pages work with it, without a line of code. And
 * its pages move by themselves when a reading arrives.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  hasChromium,
  PATIENCE_MS,
  startBrowser,
  type TestBrowser,
} from '../../dashboards/browser/testing.ts';
import { PASSWORD, register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

/** A fish-pond probe that nobody has heard of: Modbus, odd word order, Kelvin. */
const yaml = `profile: nanhu/pond-5
revision: 1
name: { zh: 鱼塘五参数探头, en: Pond probe }
kind: water-quality
protocol: modbus
modbus:
  every: 1s
  reportEvery: 5s
  wordOrder: CDAB
  blocks:
    water: { table: input, address: 100, count: 6 }
metrics:
  - { key: oxygen, quantity: water.dissolved-oxygen, from: { block: water, at: 0, type: float32 }, range: [0, 20] }
  - { key: temp,   quantity: water.temperature,      from: { block: water, at: 2, type: float32 }, unit: K, range: [0, 40] }
  - { key: ph,     quantity: water.ph,               from: { block: water, at: 4, type: uint16 }, scale: 0.01, range: [0, 14] }
  - key: aerator
    quantity: device.mode
    name: { zh: 增氧机, en: Aerator }
    from: { block: water, at: 5, type: uint16 }
    states: { resting: 3, bubbling: 5 }
    stateNames: { resting: { zh: 歇机, en: At rest }, bubbling: { zh: 增氧中, en: Aerating } }
examples:
  - name: a warm afternoon
    frame: { water: "0000 40E0 8000 4395 02E4 0005" }
    readings: { oxygen: 7, temp: 25.85, ph: 7.4, aerator: 5 }
  - name: a cut line
    frame: { water: "0000 40E0" }
    error: frame-too-short
`;

const folder = mkdtempSync(join(tmpdir(), 'village-type-'));
const catalog = join(folder, 'catalog');
let server: TestServer;
const children: Process[] = [];

beforeAll(async () => {
  mkdirSync(join(catalog, 'nanhu'), { recursive: true });
  writeFileSync(join(catalog, 'nanhu', 'pond-5.yaml'), yaml);
  server = await testServer(folder, `catalogs: [${catalog}]\n`);
  await server.up();
});
afterAll(async () => {
  await Promise.all(children.map((child) => child.end('SIGTERM')));
  await server?.process.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

interface Device {
  kind: string;
  state: string;
  values: Record<string, { value: number; quality: string }>;
}

it('goes from the simulated wire to the API', async () => {
  const port = await freePort();
  const secrets = await register(
    server.api,
    [
      'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
      `gw-pond,鱼塘网关,gateway,${VILLAGE},,,,,,`,
      `pond-1,一号塘,nanhu/pond-5,${VILLAGE},gw-pond,,,,,`,
      `pond-2,二号塘,nanhu/pond-5,${VILLAGE},,,,,,`,
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'gateway.yaml'),
    `gateway: gw-pond
uplink: { url: "mqtt://127.0.0.1:${server.mqttPort}", secret: "${secrets.get('gw-pond')}" }
data: ${join(folder, 'gateway-data')}
catalogs: [${catalog}]
devices:
  - { id: pond-1, profile: nanhu/pond-5, connection: { host: 127.0.0.1, port: ${port}, unit: 9 } }
`,
  );
  children.push(
    new Process(
      'slave',
      'simulators/src/main.ts',
      [
        'slave',
        '--profile',
        'nanhu/pond-5',
        '--port',
        String(port),
        '--unit',
        '9',
        '--id',
        'pond-1',
        '--profiles',
        catalog,
      ],
      {},
    ),
    new Process('gateway', 'gateway/src/main.ts', ['--config', join(folder, 'gateway.yaml')], {}),
  );
  for (const child of children) child.start();
  const device = await until(
    'values of the new type',
    async () => {
      const one = await server.api.json<Device>('/api/v1/devices/pond-1');
      return Object.keys(one.values).length === 4 && one.state === 'online' && one;
    },
    60_000,
  );
  expect(device.kind).toBe('water-quality');
  for (const [metric, [low, high]] of Object.entries({
    oxygen: [0, 20],
    temp: [0, 40],
    ph: [0, 14],
  }) as [string, [number, number]][]) {
    expect(device.values[metric]?.quality).toBe('good');
    expect(device.values[metric]?.value).toBeGreaterThanOrEqual(low);
    expect(device.values[metric]?.value).toBeLessThanOrEqual(high);
  }
  const { items } = await server.api.json<{
    items: { metrics: { key: string; unit: string }[]; id: string }[];
  }>('/api/v1/profiles');
  expect(
    items.find((one) => one.id === 'nanhu/pond-5')?.metrics.map((metric) => metric.unit),
  ).toEqual(['mg/L', '', '℃', '']);
});

describe('in Chromium', { timeout: 60_000 }, () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    if (hasChromium) browser = await startBrowser();
  });
  beforeEach((context) => {
    if (!hasChromium) context.skip();
  });
  afterAll(() => browser?.close());

  /** Readings of the last minutes as the API has them. */
  async function measured(metric: string): Promise<number[]> {
    const now = Date.now();
    const { items } = await server.api.json<{ items: { values: Record<string, number> }[] }>(
      `/api/v1/readings?device=pond-1&metric=${metric}&limit=10000` +
        `&from=${new Date(now - 600_000).toISOString()}&to=${new Date(now + 60_000).toISOString()}`,
    );
    return items.flatMap(({ values }) => values[metric] ?? []);
  }

  it.each([
    [
      'zh',
      { type: '鱼塘五参数探头', oxygen: '溶解氧', temp: '水温', ph: 'pH', aerator: '增氧机' },
      ['歇机', '增氧中'],
    ],
    [
      'en',
      {
        type: 'Pond probe',
        oxygen: 'Dissolved oxygen',
        temp: 'Water temperature',
        ph: 'pH',
        aerator: 'Aerator',
      },
      ['At rest', 'Aerating'],
    ],
  ] as const)(
    'its page tells name, metrics, units and values (%s)',
    async (language, names, states) => {
      const { page, context, faults } = await browser.page(
        { url: server.api.base },
        { language, password: PASSWORD, path: '/devices/pond-1' },
      );
      await page.getByRole('heading', { level: 1, name: '一号塘' }).waitFor();
      await page.getByRole('definition').getByText(`${names.type} (nanhu/pond-5)`).waitFor();
      const tile = (name: string) => page.locator('.metric').filter({ hasText: name });
      for (const [metric, unit] of [
        ['oxygen', 'mg/L'],
        ['temp', '℃'],
        ['ph', ''],
      ] as const) {
        const figure = await tile(names[metric]).locator('.figure').innerText();
        const [, value, shown] = figure.match(/^([\d.]+)\s*(.*)$/) ?? [];
        expect(shown, figure).toBe(unit);
        // Four figures are shown of what the store has.
        const off = (await measured(metric)).map((one) => Math.abs(one - Number(value)));
        expect(Math.min(...off), `${figure} was never measured`).toBeLessThan(0.0051);
      }
      expect(states).toContain(await tile(names.aerator).locator('.figure').innerText());
      await page.getByRole('img', { name: new RegExp(`^${names.oxygen}.* mg/L`) }).waitFor();
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  it('the overview and the page of a device change by themselves when a reading arrives', async () => {
    const send = (oxygen: number): Promise<unknown> =>
      server.api.post(
        '/api/v1/readings',
        { readings: [{ device: 'pond-2', at: new Date().toISOString(), values: { oxygen } }] },
        202,
      );
    await send(5.25);
    const options = { password: PASSWORD };
    const overview = await browser.page(
      { url: server.api.base },
      { ...options, path: `/areas/${VILLAGE}` },
    );
    const device = await browser.page(
      { url: server.api.base },
      { ...options, path: '/devices/pond-2' },
    );
    const row = overview.page.getByRole('row').filter({ hasText: 'pond-2' });
    const tile = device.page.locator('.metric').filter({ hasText: '溶解氧' });
    await row.getByText('5.25').waitFor();
    await tile.getByText('5.25').waitFor();
    for (const { page } of [overview, device]) {
      await page.getByRole('status').getByText('实时').waitFor();
      await page.evaluate(() => document.body.setAttribute('data-kept', 'yes'));
    }
    for (const oxygen of [6.75, 8.5]) {
      await send(oxygen);
      await row.getByText(String(oxygen), { exact: true }).waitFor();
      await tile.getByText(String(oxygen), { exact: true }).waitFor();
    }
    // The chart's text follows the newest reading too: three points by now.
    await device.page
      .getByText(/溶解氧：平均 .*最高 8.5 mg\/L.*共 3 个点/)
      .waitFor({ timeout: PATIENCE_MS });
    for (const { page, context, faults } of [overview, device]) {
      expect(await page.getAttribute('body', 'data-kept')).toBe('yes');
      expect(faults).toEqual([]);
      await context.close();
    }
  });
});
