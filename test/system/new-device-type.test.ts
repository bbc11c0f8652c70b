/** A new type of device is one YAML file: simulator, gateway, store and API work with it, without a line of code. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
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
    water: { table: input, address: 100, count: 5 }
metrics:
  - { key: oxygen, quantity: water.dissolved-oxygen, from: { block: water, at: 0, type: float32 }, range: [0, 20] }
  - { key: temp,   quantity: water.temperature,      from: { block: water, at: 2, type: float32 }, unit: K, range: [0, 40] }
  - { key: ph,     quantity: water.ph,               from: { block: water, at: 4, type: uint16 }, scale: 0.01, range: [0, 14] }
examples:
  - name: a warm afternoon
    frame: { water: "0000 40E0 8000 4395 02E4" }
    readings: { oxygen: 7, temp: 25.85, ph: 7.4 }
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
      return Object.keys(one.values).length === 3 && one.state === 'online' && one;
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
  ).toEqual(['mg/L', '℃', '']);
});
