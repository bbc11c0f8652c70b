/** The size that is told of a file before it is made is that of the file, about: of stations that leave metrics out, and of silent ones. */
import type { file } from '@village/api';
import { formatTime, HOUR, MINUTE } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  deviceCsv,
  NORTH_VILLAGE,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

const STATIONS = 8;
const MINUTES = 36 * 60;
const AIR = ['pm25', 'pm10', 'temperature', 'humidity', 'pressure'];
let test: TestServer;
let admin: Client;
let span: { from: string; to: string };

/** Numbers that look like measured ones, the same in each run. */
function* noise(): Generator<number> {
  for (let state = 7; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

beforeAll(async () => {
  test = await startCounty((config) => ({
    ...config,
    exports: { ...config.exports, megabytesPerSecond: 10_000 },
  }));
  const rows = Array.from({ length: STATIONS }, (_, n) => [
    `air-${n},北村空气质量监测站 ${n},village/air-weather,${NORTH_VILLAGE},,,,,,`,
    `silent-${n},从未说话 ${n},village/air-weather,${NORTH_VILLAGE},,,,,,`,
    `ph-${n},南村 ${n},boqu/phg-2091,${SOUTH_VILLAGE},gw-south,,,,,`,
  ]);
  await test.server.importDevices(deviceCsv(...rows.flat()));
  const { store } = test.server;
  const random = noise();
  const next = (most: number): number => Math.round(random.next().value * most) / 10;
  const to = Math.floor(test.timer.now() / HOUR) * HOUR;
  const from = to - MINUTES * MINUTE;
  for (let at = from; at < to; at += MINUTE) {
    for (let n = 0; n < STATIONS; n++) {
      // Two of three frames have but two metrics, as of stations that measure dust by the hour.
      const told = next(30) < 1 ? AIR : ['temperature', 'humidity'];
      const values = Object.fromEntries(told.map((metric) => [metric, next(900)]));
      putRow(store, 'village/air-weather', AIR, { device: `air-${n}`, at, values });
      if (at % (5 * MINUTE) !== 0) continue;
      const water = { ph: 6 + next(10), temperature: next(300) };
      putRow(store, 'boqu/phg-2091', ['ph', 'temperature'], {
        device: `ph-${n}`,
        at,
        values: water,
      });
    }
    if (at % (2 * HOUR) === 0) await store.commitNow();
  }
  await store.commitNow();
  await store.flush();
  admin = await test.client('admin');
  span = { from: formatTime(from), to: formatTime(to) };
}, 120_000);
afterAll(() => test.close());

async function real(body: object): Promise<file.Export> {
  const answer = await admin.ask('POST', '/exports', body);
  expect(answer.statusCode).toBe(201);
  const { id } = answer.json<file.Export>();
  let job: file.Export | undefined;
  await until('the export to end', async () => {
    job = await admin.get<file.Export>(`/exports/${id}`);
    return job.state === 'done' || job.state === 'failed';
  });
  expect((await admin.ask('DELETE', `/exports/${id}`)).statusCode).toBe(204);
  return job!;
}

const asked = (['csv', 'parquet'] as const).flatMap((format) => [
  { format, view: 'corrected', what: {} },
  { format, view: 'received', what: { area: NORTH_VILLAGE } },
  { format, view: 'corrected', what: { device: 'air-3' } },
  { format, view: 'corrected', what: { metric: 'pm25' } },
]);

it.each(asked)(
  '$format $view $what',
  async ({ format, view, what }) => {
    const question = { format, view, ...what, ...span } as Record<string, string>;
    const told = await admin.get<file.ExportEstimate>(
      `/export/estimate?${new URLSearchParams(question)}`,
    );
    const made = await real(question);
    expect(made).toMatchObject({ state: 'done', error: null });
    for (const share of [told.rows / made.rows, told.bytes / made.bytes]) {
      expect(share).toBeGreaterThan(0.7);
      expect(share).toBeLessThan(1.3);
    }
  },
  60_000,
);

it('is nothing where there is nothing', async () => {
  const told = await admin.get<file.ExportEstimate>(
    `/export/estimate?${new URLSearchParams({ format: 'csv', device: 'silent-1', ...span })}`,
  );
  expect([told.rows, told.bytes]).toEqual([0, 0]);
});
