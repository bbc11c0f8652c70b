/** Stored figures after a start with another profile: what changed is computed again, and no check calls it a difference before that. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR } from '@village/core';
import { askCheck, type CheckState, checkState } from '@village/platform';
import { afterEach, expect, it } from 'vitest';
import {
  AREAS,
  deviceCsv,
  SECRET,
  SOUTH_VILLAGE,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

interface Tables {
  figure_day: { device: string; figure: string; body: string };
  figure_former: { device: string; figure: string; reasons: number };
  figure_mark: { device: string };
}

let test: TestServer | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

const O3 = '  - { key: o3, quantity: air.o3, range: [0, 1600], optional: true }';
const NO2 = '  - { key: no2, quantity: air.no2, range: [0, 3840], optional: true }';

/** Examples show every metric. */
const shown = (metrics: readonly string[]): string[] =>
  metrics.map((metric) => /key: ([a-z0-9]+)/.exec(metric)?.[1] ?? '');

const profile = (
  metrics: readonly string[],
  revision = 1,
  every = '1h',
): string => `profile: test/air
revision: ${revision}
name: { zh: 试验站, en: Test station }
kind: air-station
protocol: mqtt
mqtt:
  payload: native
  every: ${every}
metrics:
${metrics.join('\n')}
examples:
  - name: one
    frame:
      topic: village/v1/devices/air-1/readings
      payload: '{"device":"air-1","at":"2026-01-01T00:00:00Z","values":{${shown(metrics).map((key) => `"${key}":1`)}}}'
    device: air-1
    at: 2026-01-01T00:00:00Z
    readings: { ${shown(metrics).map((key) => `${key}: 1`)} }
  - name: no JSON
    frame: { topic: village/v1/devices/air-1/readings, payload: 'BOOT' }
    error: payload-not-json
`;

async function check({ server, timer }: TestServer): Promise<CheckState | null> {
  const id = randomUUID();
  await askCheck(server.relational, id, timer.now());
  // When the job looks next.
  timer.shift += 5_000;
  await until(
    'the check',
    async () => (await checkState(server.relational, id))?.state === 'ended',
  );
  return checkState(server.relational, id);
}

it.each([
  ['a metric was taken out', [NO2], undefined, undefined, null],
  ['a metric got another key', [O3.replace('key: o3', 'key: ozone'), NO2], undefined, undefined, 0],
  ['a range was narrowed', [O3.replace('1600', '1000'), NO2], 2, undefined, 2],
  ['the revision alone was raised', [O3, NO2], 2, undefined, 2],
  ['it reports more often', [O3, NO2], 2, '30m', 0],
])(
  'when %s',
  async (_name, metrics, revision, every, value) => {
    const folder = mkdtempSync(join(tmpdir(), 'village-profiles-'));
    const catalog = join(folder, 'catalog');
    mkdirSync(join(catalog, 'test'), { recursive: true });
    const file = join(catalog, 'test', 'air.yaml');
    writeFileSync(file, profile([O3, NO2]));
    test = await startTest((config) => ({ ...config, catalogs: [catalog] }), folder);
    await test.server.importAreas(AREAS);
    await test.server.importDevices(deviceCsv(`air-1,站,test/air,${SOUTH_VILLAGE},,,,,,${SECRET}`));
    const admin = await test.client('admin');
    const day = Math.floor((test.timer.now() + 8 * HOUR) / DAY - 3) * DAY - 8 * HOUR;
    const readings = [1, 2].map((hour) => ({
      ...{ device: 'air-1', at: new Date(day + hour * HOUR).toISOString() },
      values: { o3: 230, no2: 300 },
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    const db = () => (test as TestServer).server.relational.for<Tables>('figures');
    const stored = async (): Promise<number | null | undefined> => {
      const row = await db()
        .selectFrom('figure_day')
        .select('body')
        .where('device', '=', 'air-1')
        .where('figure', '=', 'hours-above:air.o3')
        .executeTakeFirst();
      return row === undefined ? undefined : (JSON.parse(row.body) as [[number | null]])[0][0];
    };
    const left = async (): Promise<number> =>
      (await db().selectFrom('figure_mark').select('device').execute()).length;
    test.timer.haste = 20;
    test.timer.shift += 11_000;
    await until('the figures to be stored', async () => (await stored()) === 2);
    await until('the rest', async () => (await left()) === 0);
    expect(await check(test)).toMatchObject({ differing: 0, waiting: 0 });

    await test.server.stop();
    writeFileSync(file, profile(metrics, revision, every));
    test.timer.haste = 1;
    test = await test.restart();
    test.timer.haste = 20;
    // Whatever the job has looked at by now.
    expect(await check(test)).toMatchObject({ differing: 0 });
    const wanted = value === null ? undefined : value === 0 ? null : value;
    await until('what follows from the profile', async () => (await stored()) === wanted);
    await until('the rest', async () => (await left()) === 0);
    expect(await check(test)).toMatchObject({ differing: 0, waiting: 0 });
    const former = await db()
      .selectFrom('figure_former')
      .select('reasons')
      .where('device', '=', 'air-1')
      .where('figure', '=', 'hours-above:air.o3')
      .execute();
    // What it was is kept where it is another now.
    expect(former).toHaveLength(wanted === 2 ? 0 : 1);
    test.timer.haste = 1;
  },
  120_000,
);
