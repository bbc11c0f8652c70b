/** Answers of InfluxDB are read in parts that hold up nobody, and say what one answer would have said. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AggregateQuery } from '../contract.ts';
import { NOW, PROFILE } from '../testing.ts';
import { aggregate } from './aggregate.ts';
import { InfluxClient, type Series } from './client.ts';
import { countReadings } from './count.ts';
import { range } from './device-queries.ts';
import { exportTo } from './export.ts';
import { Locations } from './locations.ts';
import { FLAGS, fieldOf, qualityField, RECEIVED } from './points.ts';
import type { Registrations } from './registrations.ts';
import { hasInfluxDB, InfluxServer } from './testing.ts';

const here = hasInfluxDB();
let folder: string;
let server: InfluxServer;
let client: InfluxClient;
/** Rows of each answer since the last look. */
const answers: number[] = [];

/** The client as it is, beside a count of what it is answered. */
class CountingClient extends InfluxClient {
  override async query(text: string, signal?: AbortSignal): Promise<Series[]> {
    const found = await super.query(text, signal);
    answers.push(found.reduce((sum, { values }) => sum + values.length, 0));
    return found;
  }
}

const START = NOW - 300 * DAY;
/** A reading a day for most of a year, and one a second of the last ten hours. */
const TIMES = [
  ...Array.from({ length: 200 }, (_, n) => START + n * DAY),
  ...Array.from({ length: 36_000 }, (_, n) => NOW - 10 * HOUR + n * 1_000),
];
const valueAt = (n: number): number => (n * 7919) % 1009;

beforeAll(async () => {
  if (!here) return;
  folder = await mkdtemp(join(tmpdir(), 'village-influx-'));
  server = await InfluxServer.in(folder);
  await server.start();
  client = new CountingClient({ url: server.url, database: 'large' });
  await client.prepare();
  for (const device of ['a', 'b'])
    for (let from = 0; from < TIMES.length; from += 5_000)
      await client.write(
        TIMES.slice(from, from + 5_000).map((at, i) => ({
          measurement: PROFILE,
          tags: { device },
          timestamp: at,
          fields: {
            [RECEIVED]: at + 5,
            [FLAGS]: 0,
            [fieldOf('pm25')]: valueAt(from + i),
            [qualityField('pm25')]: 0,
          },
        })),
      );
}, 120_000);

afterAll(async () => {
  if (!here) return;
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const registrations = {
  of: (device: string) => [{ device, profile: PROFILE, oldest: START }],
} as unknown as Registrations;

describe.skipIf(!here)('many readings', () => {
  it('tell the first and last of each bucket, however unevenly they lie', async () => {
    const county = '330522000000';
    const locations = new Locations();
    const standing = { county, township: null, village: null };
    locations.set(new Map(['a', 'b'].map((device) => [device, standing])));
    const query: AggregateQuery = {
      columns: [{ profile: PROFILE, metric: 'pm25' }],
      area: county,
      from: START,
      to: NOW + DAY,
      everyMs: 20 * MINUTE,
      offsetMs: 0,
      aggregates: ['first', 'last', 'firstAt', 'lastAt', 'count'],
      groupBy: 'device',
    };
    answers.length = 0;
    const rows = await aggregate(client, locations, query, undefined);
    const buckets = Map.groupBy(TIMES.keys(), (n) => Math.floor(TIMES[n]! / query.everyMs));
    const expected = [...buckets].flatMap(([bucket, own]) =>
      ['a', 'b'].map((group) => ({
        at: bucket * query.everyMs,
        group,
        values: {
          first: valueAt(own[0]!),
          last: valueAt(own.at(-1)!),
          firstAt: TIMES[own[0]!],
          lastAt: TIMES[own.at(-1)!],
          count: own.length,
        },
      })),
    );
    expect(rows).toEqual(expected);
    expect(Math.max(...answers)).toBeLessThanOrEqual(20_000);
    expect(answers.length).toBeLessThan(60);
  }, 60_000);

  it('of one device come in small answers, each once, also into a file', async () => {
    answers.length = 0;
    const asked = { device: 'a', from: START, to: NOW + DAY, limit: 100_000 };
    const rows = await range(client, registrations, asked, undefined);
    expect(rows.map(({ at, values }) => [at, values['pm25']])).toEqual(
      TIMES.map((at, n) => [at, valueAt(n)]),
    );
    expect(Math.max(...answers)).toBeLessThanOrEqual(2_500);
    const file = join(folder, 'all.csv');
    const query = { devices: ['a', 'b'], from: START, to: NOW + DAY };
    expect(await exportTo(client, registrations, file, 'csv', query, undefined)).toEqual({
      rows: 2 * TIMES.length,
    });
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').slice(1);
    const told = lines.map((line) => line.split(',').slice(0, 4).join(','));
    expect(told).toEqual(
      ['a', 'b'].flatMap((device) =>
        TIMES.map((at, n) => `${device},pm25,${new Date(at).toISOString()},${valueAt(n)}`),
      ),
    );
  }, 60_000);

  it('are counted by slices, and each once where the time is short', async () => {
    const count = (from: number, to: number, more: object = {}): Promise<number> =>
      countReadings(client, registrations, { devices: ['a', 'b'], from, to, ...more }, undefined);
    const of = (from: number, to: number): number =>
      TIMES.filter((at) => at >= from && at < to).length;
    const day = of(NOW - DAY, NOW);
    expect(day).toBeGreaterThan(30_000);
    expect(await count(NOW - DAY, NOW)).toBe(2 * day);
    expect(await count(NOW - DAY, NOW, { devices: ['b'] })).toBe(day);
    expect(await count(NOW - DAY, NOW, { metrics: ['pm25'] })).toBe(2 * day);
    expect(await count(NOW - DAY, NOW, { metrics: ['other'] })).toBe(0);
    expect(await count(START - DAY, START)).toBe(0);
    // A reading a day, asked for with years before it.
    const even = START + 200 * DAY;
    const slow = await count(0, even);
    expect(slow / (2 * of(0, even))).toBeGreaterThan(0.66);
    expect(slow / (2 * of(0, even))).toBeLessThan(1.5);
  }, 60_000);
});
