/**
 * Four years of measured data through MQTT: every present cell is stored exactly once, and again in random order nothing
 * changes. Two stations here; VILLAGE_STATIONS=12 takes all.
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
import { register, type TestServer, testServer } from '../lib/county.ts';

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

function add(sums: Sums, metric: string, value: number): void {
  sums[metric] ??= { cells: 0, sum: 0 };
  const one = sums[metric];
  one.cells++;
  one.sum += Math.round(value * SCALE);
}

/** What a station's file holds, read without any of the product's code. */
function expected(file: string): { device: string; sums: Sums } {
  const [head = '', ...lines] = gunzipSync(readFileSync(file)).toString().trim().split('\n');
  const names = head.split(',').map((name) => name.replaceAll('"', '').trim());
  const sums: Sums = {};
  let station = '';
  for (const line of lines) {
    const cells = line.split(',').map((cell) => cell.replaceAll('"', '').trim());
    station = cells[names.indexOf('station')] ?? '';
    for (const [column, metric, factor] of columns) {
      const cell = cells[names.indexOf(column)] ?? 'NA';
      if (cell !== 'NA' && cell !== '') add(sums, metric, Number(cell) * factor);
    }
    const wind = compass.indexOf(cells[names.indexOf('wd')] ?? 'NA');
    if (wind >= 0) add(sums, 'wind-direction', wind * 22.5);
  }
  return { device: `bj-${station.toLowerCase()}`, sums };
}

const RANGE = 'from=2013-01-01T00:00:00Z&to=2018-01-01T00:00:00Z';

/** What the server exports of a device; fails when a (metric, time) comes twice. */
async function stored(server: TestServer, device: string): Promise<Sums> {
  const response = await server.api.fetch(`/api/v1/export?format=csv&device=${device}&${RANGE}`);
  expect(response.status).toBe(200);
  const [head = '', ...lines] = (await response.text()).trim().split(/\r?\n/);
  expect(head).toBe('device,metric,at,value,quality,lane,received_at');
  const sums: Sums = {};
  const seen = new Set<string>();
  for (const line of lines) {
    const [id, metric = '', at, value] = line.split(',');
    expect(id).toBe(device);
    const key = `${metric} ${at}`;
    if (seen.has(key)) throw new Error(`${key} is stored twice`);
    seen.add(key);
    add(sums, metric, Number(value));
  }
  return sums;
}

async function simulate(...args: string[]): Promise<string> {
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
  server = await testServer(folder, 'store: { sealEvery: 60s }\n');
  await server.up();
});
afterAll(async () => {
  await server?.process.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

it('stores every present cell exactly once, in any order, and leaves the latest values alone', async (ctx) => {
  if (server === null) return ctx.skip();
  const devicesCsv = await simulate('--print-devices');
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
  for (const order of ['given', 'random']) {
    await simulate(...args, '--order', order, '--seed', '7');
    for (const { device, sums } of truth) {
      expect(await stored(server, device), `${device}, ${order} order`).toEqual(sums);
      const latest = await server.api.json<{
        values: Record<string, { value: number; at: string }>;
      }>(`/api/v1/devices/${device}/latest`);
      expect(latest.values['pm25']).toMatchObject({ value: 7.5, at: now });
    }
  }
}, 900_000);
