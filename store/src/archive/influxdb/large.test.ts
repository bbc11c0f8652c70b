/** Answers of InfluxDB are read in parts that hold up nobody, and say what one answer would have said. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, gapAfterMs, HOUR, MINUTE, SECOND } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AggregateQuery } from '../contract.ts';
import { NOW, PROFILE } from '../testing.ts';
import { aggregate } from './aggregate.ts';
import { InfluxClient, type Series } from './client.ts';
import { completeness } from './completeness.ts';
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
  override async queryEach(texts: readonly string[], signal?: AbortSignal): Promise<Series[][]> {
    const found = await super.queryEach(texts, signal);
    answers.push(found.flat().reduce((sum, { values }) => sum + values.length, 0));
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
    // Whole numbers are written as the embedded archive writes them.
    expect(told).toEqual(
      ['a', 'b'].flatMap((device) =>
        TIMES.map((at, n) => `${device},pm25,${new Date(at).toISOString()},${valueAt(n)}.0`),
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

  /** Rows and report intervals by hour, counted one by one. */
  function counted(times: readonly number[], from: number, to: number, every: number) {
    const inside = times.filter((at) => at >= from && at < to);
    const slots = new Set(inside.map((at) => Math.floor((at + 8 * HOUR) / every)));
    const hours = new Map<number, { rows: number; received: number }>();
    const hourOf = (at: number) => {
      const start = Math.floor(at / HOUR) * HOUR;
      const hour = hours.get(start) ?? { rows: 0, received: 0 };
      hours.set(start, hour);
      return hour;
    };
    for (const at of inside) hourOf(at).rows++;
    for (const slot of slots) {
      const begins = slot * every - 8 * HOUR;
      if (begins >= from && begins + every <= to) hourOf(begins).received++;
    }
    return hours;
  }

  it('are counted by the server for the completeness of a device, however many they are', async () => {
    const asked = { device: 'a', from: START, to: NOW + DAY };
    for (const every of [SECOND, 7 * SECOND, MINUTE, 3 * HOUR]) {
      answers.length = 0;
      const told = await completeness(
        client,
        registrations,
        { ...asked, reportEveryMs: every },
        undefined,
      );
      const hours = counted(TIMES, asked.from, asked.to, every);
      for (const { at, rows, received } of told.hours)
        expect({ at, every, rows, received }).toEqual({
          ...{ at, every, rows: 0, received: 0 },
          ...hours.get(at),
        });
      // A silence after each day's reading, and the one that goes on.
      const gapAfter = gapAfterMs(every);
      const silent = TIMES.slice(1).filter((at, n) => at - TIMES[n]! > gapAfter).length;
      expect(told.gapCount).toBe(silent + 1);
      expect(told.gaps.at(-1)).toEqual({ from: TIMES.at(-1), to: NOW + DAY });
      // A row an hour and one a silence; one for one they are 36,200.
      expect(answers.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(5_000);
    }
  }, 60_000);

  it('are told as one row where two profiles tell of one time', async () => {
    const points = Array.from({ length: 9_000 }, (_, n) => ({
      measurement: 'acme/other',
      tags: { device: 'a' },
      timestamp: NOW - 9 * HOUR + n * 1_500,
      fields: { [RECEIVED]: NOW, [FLAGS]: 1 },
    }));
    await client.write(points);
    const both = {
      of: (device: string) =>
        [PROFILE, 'acme/other'].map((profile) => ({ device, profile, oldest: START })),
    } as unknown as Registrations;
    const asked = { device: 'a', from: NOW - 10 * HOUR, to: NOW, reportEveryMs: SECOND };
    answers.length = 0;
    const told = await completeness(client, both, asked, undefined);
    const others = points.map(({ timestamp }) => timestamp);
    const all = [...new Set([...TIMES, ...others])].sort((x, y) => x - y);
    const hours = counted(all, asked.from, asked.to, SECOND);
    for (const { at, rows, received } of told.hours)
      expect({ at, rows, received }).toEqual({ at, ...hours.get(at) });
    // Every second of the first profile is live; what the other alone told was backfilled.
    const late = others.filter((at) => at % SECOND !== 0).length;
    expect(told.hours.reduce((sum, { backfilled }) => sum + backfilled, 0)).toBe(late);
    expect(told).toMatchObject({ gaps: [], gapCount: 0 });
    expect(Math.max(...answers)).toBeLessThanOrEqual(2_500);
  }, 60_000);
});
