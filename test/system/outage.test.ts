/**
 * A gateway cut off for an hour of simulated time: what is new comes first, the backlog after it, nothing is lost, no
 * sequence number is missing, and completeness shows the outage and then its repair.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, MINUTE, simulatedTimer } from '@village/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSWORD, type TestServer, testServer } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const FACTOR = 120;
const anchor = Date.now();
const start = Math.ceil(anchor / HOUR) * HOUR;
const clock = `${start}@${FACTOR}@${anchor}`;
const { now } = simulatedTimer(start, FACTOR, anchor);
const CUT_AT = 20 * MINUTE;

const folder = mkdtempSync(join(tmpdir(), 'village-outage-'));
const plan = join(folder, 'plan');
let server: TestServer;
let gateway: Process;
let player: Process;
let token = '';
let devices: string[] = [];

interface Row {
  at: string;
  receivedAt: string;
  lane: 'live' | 'backfill';
  values: Record<string, number>;
}
interface Completeness {
  expected: number;
  received: number;
  hours: { at: string; expected: number; received: number; backfilled: number }[];
  gaps: { from: string; to: string }[];
  gateway: { sequences: { highest: number; gaps: unknown[] }[] } | null;
}

// Sessions end after half an hour of the simulated clock, so a token is used.
const get = <T>(path: string): Promise<T> =>
  server.api.json<T>(path, { headers: { authorization: `Bearer ${token}` } });
const range = (from: number, to: number): string =>
  `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;

async function rows(device: string): Promise<Row[]> {
  const items: Row[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: Row[]; next: string | null } = await get(
      `/api/v1/readings?device=${device}&${range(start - HOUR, start + 6 * HOUR)}&limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return items;
}

beforeAll(async () => {
  server = await testServer(folder, 'store: { sealEvery: 10m }\n', { VILLAGE_CLOCK: clock });
  const relay = await freePort();
  const modbus = await freePort();
  const planner = new Process(
    'plan',
    'simulators/src/main.ts',
    [
      'plan',
      '--out',
      plan,
      '--devices',
      '24',
      '--seed',
      '3',
      '--mqtt',
      `mqtt://127.0.0.1:${server.mqttPort}`,
      '--relay-port',
      String(relay),
      '--modbus-port',
      String(modbus),
    ],
    {},
  );
  planner.start();
  await until('the plan', () => !planner.running);
  await server.up();
  await server.api.signIn('admin', PASSWORD);
  await server.api.csv('/api/v1/areas/import', readFileSync(join(plan, 'areas.csv'), 'utf8'));
  await server.api.csv('/api/v1/devices/import', readFileSync(join(plan, 'devices.csv'), 'utf8'));
  ({ token } = await server.api.post<{ token: string }>(
    '/api/v1/tokens',
    { name: 'outage', role: 'admin' },
    201,
  ));

  // Every minute, and patient: a simulated minute is half a second here.
  const config = readFileSync(join(plan, 'gateway.yaml'), 'utf8')
    .replaceAll(/timeout: \d+s/g, 'timeout: 60s')
    .replaceAll(/every: \d+s/g, 'every: 60s');
  writeFileSync(
    join(plan, 'gateway.yaml'),
    config.replace(
      /^data: .*$/m,
      `data: ${join(folder, 'gateway-data')}\noutbox: { megabytes: 64, backfillRowsPerSecond: 2 }`,
    ),
  );
  devices = [...config.matchAll(/\{ id: ([\w-]+),/g)].map((match) => match[1] ?? '');
  writeFileSync(
    join(folder, 'scenario.yaml'),
    `steps:\n  - { at: ${CUT_AT / MINUTE}m, for: 1h, what: gateway-cut }\n`,
  );
  player = new Process(
    'play',
    'simulators/src/main.ts',
    ['play', '--plan', plan, '--scenario', join(folder, 'scenario.yaml')],
    { VILLAGE_CLOCK: clock },
  );
  gateway = new Process(
    'gateway',
    'gateway/src/main.ts',
    ['--config', join(plan, 'gateway.yaml')],
    { VILLAGE_CLOCK: clock },
  );
  player.start();
  gateway.start();
}, 120_000);

afterAll(async () => {
  await Promise.all([player?.end('SIGTERM'), gateway?.end('SIGTERM')]);
  await server?.process.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

it('comes back with the news first, then the whole backlog', async () => {
  const [device = ''] = devices;
  expect(devices.length).toBeGreaterThan(5);
  await until('first readings', async () => (await rows(device)).length > 3, 60_000);
  const playing = Date.parse((await rows(device))[0]?.at ?? '');
  const cutFrom = playing + CUT_AT;
  const cutTo = cutFrom + HOUR;

  await until('the outage to be half over', () => now() > cutFrom + HOUR / 2, 120_000);
  const during = await get<Completeness>(
    `/api/v1/completeness?device=${device}&${range(cutFrom + 5 * MINUTE, cutFrom + HOUR / 2 - 5 * MINUTE)}`,
  );
  expect(during.expected).toBeGreaterThan(0);
  expect(during.received).toBe(0);
  expect(during.gaps.length).toBeGreaterThan(0);

  await until('the outage to be over', () => now() > cutTo + 5 * MINUTE, 120_000);
  const backlog = `/api/v1/completeness?device=${device}&${range(cutFrom + 5 * MINUTE, cutTo - 5 * MINUTE)}`;
  const after = await until(
    'the backlog to be repaired',
    async () => {
      const answer = await get<Completeness>(backlog);
      // The span's last report interval lies only partly in it and is not expected: a silence there is a gap all the same.
      return answer.received === answer.expected && answer.gaps.length === 0 && answer;
    },
    180_000,
  );
  expect(after.hours.reduce((sum, hour) => sum + hour.backfilled, 0)).toBeGreaterThan(0);
  await until(
    'all of it to be delivered',
    async () => {
      const { gateways } = await get<{
        gateways: { id: string; waiting: { live: number; backfill: number } | null }[];
      }>('/api/v1/system');
      return gateways.find((one) => one.id === 'gw-01')?.waiting?.backfill === 0;
    },
    180_000,
  );
  expect(after.gateway?.sequences).toHaveLength(1);

  let liveBeforeBacklogEnded = 0;
  for (const id of devices) {
    // A device that measures the same reports each quarter of an hour: its news may come after all of the backlog.
    const all = await until(
      `news of ${id}`,
      async () => {
        const those = await rows(id);
        return those.some(({ at, lane }) => lane === 'live' && Date.parse(at) > cutTo) && those;
      },
      60_000,
    );
    expect(new Set(all.map((row) => row.at)).size).toBe(all.length);
    const backfill = all.filter((row) => row.lane === 'backfill');
    const fresh = all.filter((row) => row.lane === 'live' && Date.parse(row.at) > cutTo);
    expect(backfill.length, `${id} has a backlog`).toBeGreaterThan(0);
    // No more than a poll or two is missing from the outage: every minute was kept at the gateway.
    const inside = all.filter(
      (row) => Date.parse(row.at) > cutFrom + 5 * MINUTE && Date.parse(row.at) < cutTo - 5 * MINUTE,
    );
    for (let k = 1; k < inside.length; k++)
      expect(
        Date.parse(inside[k]?.at ?? '') - Date.parse(inside[k - 1]?.at ?? ''),
      ).toBeLessThanOrEqual(16 * MINUTE);
    const lastBacklog = Math.max(...backfill.map((row) => Date.parse(row.receivedAt)));
    if (fresh.some((row) => Date.parse(row.receivedAt) < lastBacklog)) liveBeforeBacklogEnded++;
  }
  expect(liveBeforeBacklogEnded).toBeGreaterThan(0);
  const { gateway: sequences } = await get<Completeness>(backlog);
  expect(sequences?.sequences.flatMap((one) => one.gaps)).toEqual([]);
}, 600_000);
