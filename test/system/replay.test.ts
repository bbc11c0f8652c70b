/**
 * Four years of measured data through MQTT: every present cell is stored exactly once with its value, and again in random
 * order nothing changes. Two stations here; VILLAGE_STATIONS=12 takes all.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSWORD, register, type TestServer, testServer } from '../lib/county.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const data = join(root, '..', 'shared', 'data', 'air-weather');
const files = existsSync(data)
  ? readdirSync(data)
      .filter((name) => name.endsWith('.csv.gz'))
      .slice(0, Number(process.env['VILLAGE_STATIONS'] ?? 2))
      .map((name) => join(data, name))
  : [];

/** Column of the CSV, metric, and how many of our units one of theirs is. */
const columns: readonly (readonly [column: string, metric: string, factor: number])[] = [
  ['PM2.5', 'pm25', 1],
  ['PM10', 'pm10', 1],
  ['SO2', 'so2', 1],
  ['NO2', 'no2', 1],
  ['CO', 'co', 0.001],
  ['O3', 'o3', 1],
  ['TEMP', 'temperature', 1],
  ['PRES', 'pressure', 1],
  ['DEWP', 'dew-point', 1],
  ['RAIN', 'rain', 1],
  ['WSPM', 'wind-speed', 1],
];
const compass = [
  'N',
  'NNE',
  'NE',
  'ENE',
  'E',
  'ESE',
  'SE',
  'SSE',
  'S',
  'SSW',
  'SW',
  'WSW',
  'W',
  'WNW',
  'NW',
  'NNW',
];

/** Cells and their sum for each metric, in ten-thousandths so that sums are exact. */
type Sums = Record<string, { cells: number; sum: number }>;
const SCALE = 10_000;

/** Every value by metric and time, in ten-thousandths. */
type Cells = Map<string, number>;

function sumsOf(cells: Cells): Sums {
  const sums: Sums = {};
  for (const [key, value] of cells) {
    const metric = key.slice(0, key.indexOf(' '));
    sums[metric] ??= { cells: 0, sum: 0 };
    sums[metric].cells++;
    sums[metric].sum += value;
  }
  return sums;
}

/** What a station's file holds, read without any of the product's code: hours are Beijing's. */
function expected(file: string): { device: string; cells: Cells } {
  const [head = '', ...lines] = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  const names = head.split(',').map((name) => name.replaceAll('"', '').trim());
  const cells: Cells = new Map();
  let station = '';
  for (const line of lines) {
    const row = line.split(',').map((cell) => cell.replaceAll('"', '').trim());
    const cell = (name: string): string => row[names.indexOf(name)] ?? 'NA';
    const [year = 0, month = 0, day = 0, hour = 0] = ['year', 'month', 'day', 'hour'].map((name) =>
      Number(cell(name)),
    );
    const at = new Date(Date.UTC(year, month - 1, day, hour - 8)).toISOString();
    station = cell('station');
    for (const [column, metric, factor] of columns)
      if (cell(column) !== 'NA' && cell(column) !== '')
        cells.set(`${metric} ${at}`, Math.round(Number(cell(column)) * factor * SCALE));
    const wind = compass.indexOf(cell('wd'));
    if (wind >= 0) cells.set(`wind-direction ${at}`, Math.round(wind * 22.5 * SCALE));
  }
  return { device: `bj-${station.toLowerCase()}`, cells };
}

const RANGE = 'from=2013-01-01T00:00:00Z&to=2018-01-01T00:00:00Z';

/** What the server exports of a device; fails when a (metric, time) comes twice. */
async function stored(server: TestServer, device: string): Promise<Cells> {
  const response = await server.api.fetch(
    `/api/v1/export?format=csv&view=received&device=${device}&${RANGE}`,
  );
  expect(response.status).toBe(200);
  const [head = '', ...lines] = (await response.text()).trim().split(/\r?\n/);
  expect(head).toMatch(/^device,metric,at,value,quality,lane,received_at,/);
  const cells: Cells = new Map();
  for (const line of lines) {
    const [id, metric = '', at, value] = line.split(',');
    expect(id).toBe(device);
    const key = `${metric} ${at}`;
    if (cells.has(key)) throw new Error(`${key} is stored twice`);
    cells.set(key, Math.round(Number(value) * SCALE));
  }
  return cells;
}

/** Up to ten places where the two differ; one by one, since a diff of 400,000 lines helps nobody. */
function differences(truth: Cells, found: Cells): string[] {
  const wrong: string[] = [];
  for (const [key, value] of truth)
    if (found.get(key) !== value) wrong.push(`${key}: ${found.get(key)} instead of ${value}`);
  for (const key of found.keys()) if (!truth.has(key)) wrong.push(`${key}: not in the file`);
  return wrong.slice(0, 10);
}

async function simulate(args: string[], env: Record<string, string> = {}): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      'simulators/src/main.ts',
      'replay',
      ...files,
      '--map',
      'simulators/mappings/beijing-air.yaml',
      ...args,
    ],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = await once(child, 'close');
  expect(code, output).toBe(0);
  return output;
}

const folder = mkdtempSync(join(tmpdir(), 'village-replay-'));
let server: TestServer | null = null;

beforeAll(async () => {
  if (files.length === 0) return;
  // Seals during the run, so that readings of one day lie in several files.
  // A device here sends years at once, which is no reason to wait.
  const yaml = 'store: { sealEvery: 20s }\nmqtt: { limits: { messagesPerSecond: 100000 } }\n';
  server = await testServer(folder, yaml);
  await server.up();
});
afterAll(async () => {
  await server?.process.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

it('stores every present cell exactly once, in any order, and leaves the latest values alone', async (ctx) => {
  if (server === null) return ctx.skip();
  const devicesCsv = await simulate(['--print-devices']);
  const secrets = await register(server.api, devicesCsv);
  const credentials = join(folder, 'credentials.csv');
  writeFileSync(credentials, devicesCsv);
  const truth = files.map(expected);

  const now = new Date().toISOString();
  for (const { device } of truth) {
    const secret: string =
      secrets.get(device) ??
      devicesCsv
        .split('\n')
        .find((line) => line.startsWith(`${device},`))
        ?.split(',')
        .at(-1) ??
      '';
    const client = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: device,
      username: device,
      password: secret,
    });
    await client.publishAsync(
      `village/v1/devices/${device}/readings`,
      JSON.stringify({ device, at: now, values: { pm25: 7.5 } }),
      { qos: 1 },
    );
    await client.endAsync();
  }

  const args = ['--mqtt', `mqtt://127.0.0.1:${server.mqttPort}`, '--credentials', credentials];
  // The second time as one command that registers the devices itself.
  const env = {
    VILLAGE_ADMIN_PASSWORD: PASSWORD,
    VILLAGE_HTTP_PORT: String(server.httpPort),
    VILLAGE_MQTT_PORT: String(server.mqttPort),
  };
  for (const order of ['given', 'random']) {
    if (order === 'given') await simulate(args);
    else await simulate(['--order', 'random', '--seed', '7'], env);
    for (const { device, cells } of truth) {
      const found = await stored(server, device);
      expect(differences(cells, found), `${device}, ${order} order`).toEqual([]);
      expect(sumsOf(found), `${device}, ${order} order`).toEqual(sumsOf(cells));
      const { values } = await server.api.json<{
        values: Record<string, { value: number; at: string }>;
      }>(`/api/v1/devices/${device}/latest`);
      // What was sent before the replay is the newest still, and of the rest the last cell of each column.
      expect(values['pm25']).toMatchObject({ value: 7.5, at: now });
      for (const [metric, { at, value }] of Object.entries(values)) {
        if (metric === 'pm25') continue;
        const last = [...cells.keys()]
          .filter((key) => key.startsWith(`${metric} `))
          .sort()
          .at(-1);
        expect(`${metric} ${new Date(at).toISOString()}`).toBe(last);
        expect(Math.round(value * SCALE)).toBe(cells.get(last ?? ''));
      }
    }
  }
}, 900_000);
