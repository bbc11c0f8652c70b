/** Questions in turns, over a real archive: a small one passes the large, and each belongs to whom it is asked for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import {
  type AggregateQuery,
  type ArchiveQueries,
  openTimeSeries,
  type TimeSeriesStore,
} from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workFor } from './asker.ts';
import { FairQueries, SMALL_ROWS } from './fair-queries.ts';

const PROFILE = 'acme/fair';
const COUNTY = '330522000000';
const START = Date.UTC(2026, 1, 1);
const DEVICES = 300;
const SAMPLES = 1_000;

let folder: string;
let store: TimeSeriesStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-fair-'));
  store = await openTimeSeries({
    ...{ folder, timer: { ...systemTimer, now: () => START + 10 * DAY } },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const ids = Array.from({ length: DEVICES }, (_, n) => `d${n}`);
  const place = { county: COUNTY, township: null, village: null };
  store.locate(new Map(ids.map((id) => [id, place])));
  for (let sample = 0; sample < SAMPLES; sample++) {
    for (const device of ids)
      putRow(store, PROFILE, ['pm25'], {
        ...{ device, at: START + sample * MINUTE, values: { pm25: sample } },
      });
    await store.commitNow();
  }
  await store.flush();
}, 120_000);

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const county = (more: Partial<AggregateQuery> = {}): AggregateQuery => ({
  ...{ columns: [{ profile: PROFILE, metric: 'pm25' }], area: COUNTY, offsetMs: 0 },
  ...{ from: START, to: START + DAY, everyMs: 90 * MINUTE },
  ...{ aggregates: ['avg'], groupBy: 'device' },
  ...more,
});

it('weighs a question by what lies in its time, and by the rollups where these answer it', () => {
  const weigh = (query: AggregateQuery): number => store.weigh!({ of: 'aggregate', query });
  const rows = DEVICES * SAMPLES;
  expect(weigh(county())).toBeCloseTo(rows, -3);
  expect(weigh(county({ to: START + (SAMPLES / 2) * MINUTE }))).toBeCloseTo(rows / 2, -4);
  expect(weigh(county({ device: 'd7', area: undefined } as never))).toBeCloseTo(SAMPLES, -1);
  const hourly = county({ groupBy: 'none', everyMs: HOUR });
  expect(weigh(hourly)).toBeLessThan(rows / 100);
  const spans = [{ device: 'd7', from: START, to: START + HOUR }];
  expect(store.weigh!({ of: 'spans', spans })).toBeCloseTo(60, -1);
  const many = Array.from({ length: DEVICES }, (_, n) => ({
    ...{ device: `d${n}`, from: START, to: START + DAY },
  }));
  expect(store.weigh!({ of: 'spans', spans: many })).toBeCloseTo(rows, -3);
  expect(rows).toBeGreaterThan(SMALL_ROWS);
});

it("a page of one device does not wait behind others' counties, and two counties of one person don't run at once", async () => {
  const gates: (() => void)[] = [];
  const begun: string[] = [];
  // The archive itself, of which large answers wait until they are let through.
  const slow: ArchiveQueries = {
    ...store,
    aggregate: async (query, signal) => {
      begun.push(String(query.top));
      await new Promise<void>((resolve) => gates.push(resolve));
      return store.aggregate(query, signal);
    },
  };
  const fair = new FairQueries(slow, systemTimer);
  const large = ['anna', 'anna', 'bei', 'chen'].map((who, n) =>
    workFor(who, () => fair.aggregate(county({ top: n + 1 }))),
  );
  expect(begun).toEqual(['1', '3']);
  expect(fair.counters().large).toEqual({ running: 2, waiting: 2, refused: 0 });
  const hour = { device: 'd7', from: START, to: START + HOUR, limit: 100 };
  expect((await workFor('ding', () => fair.range(hour))).length).toBe(60);
  let rows = 0;
  // However many pieces the archive makes of it.
  for await (const piece of fair.rangeMany({ spans: [hour] })) rows += piece.rows.length;
  expect(rows).toBe(60);
  // Anna's second is asked when her first is answered; Chen, who has had nothing, comes before it.
  gates.shift()!();
  expect((await large[0]!).length).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toEqual(['1', '3', '4']);
  while (begun.length < 4 || gates.length > 0) {
    gates.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answers = await Promise.all(large);
  expect(answers.map((rows) => rows.length)).toEqual([1, 2, 3, 4]);
});

it('a reader of many devices may ask between two pieces, and stops when it has enough', async () => {
  const fair = new FairQueries(store, systemTimer);
  const spans = Array.from({ length: DEVICES }, (_, n) => ({
    ...{ device: `d${n}`, from: START, to: START + DAY },
  }));
  let seen = 0;
  await workFor('reader', async () => {
    for await (const { device } of fair.rangeMany({ spans })) {
      // As large as the one that is being read: it would wait for ever, held the reader her place.
      expect((await fair.aggregate(county({ top: 1 }))).length).toBe(1);
      expect(device).toMatch(/^d\d+$/);
      if (++seen === 3) break;
    }
  });
  expect(fair.counters().large).toEqual({ running: 0, waiting: 0, refused: 0 });
});
