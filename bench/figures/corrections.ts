/**
 * What many corrections cost the answers of an area: a month of a county of 300 stations with 500 corrected stretches, against the
 * same questions without statements and a bare DuckDB aggregation of the same rows.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, HOUR, MINUTE, seededRandom, systemTimer } from '@village/core';
import { CorrectedQueries, type Statement, StatementBook } from '@village/platform';
import { FIRST_DAY, METRICS, PROFILE } from '@village/platform/figures/testing';
import { type AggregateQuery, openTimeSeries } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge } from '../report.ts';

const DEVICES = 300;
const TOWNSHIPS = 15;
const DAYS = 30;
const EVERY_MS = 15 * MINUTE;
const STRETCHES = 500;
const RUNS = 3;
const COUNTY = '330522000000';
const START = FIRST_DAY * DAY - 8 * HOUR;
const END = START + DAYS * DAY;

const idOf = (n: number): string => `station-${String(n).padStart(3, '0')}`;
const townshipOf = (n: number): string => `330522${100 + (n % TOWNSHIPS)}000`;

/** Of any kind and length from one hour to six, of which the last tenth gives readings to another device or time. */
function statements(): Statement[] {
  const random = seededRandom('corrections');
  return Array.from({ length: STRETCHES }, (_, n): Statement => {
    const device = idOf(Math.floor(random() * DEVICES));
    const from =
      START + Math.floor(random() * (DAYS * 24 - 6)) * HOUR + Math.floor(random() * HOUR);
    const said = { id: n + 1, device, from, to: from + Math.ceil(random() * 6) * HOUR };
    const plain = { ...said, metric: 'o3', value: null, target: null };
    if (n >= STRETCHES * 0.95)
      return { ...plain, metric: null, kind: 'shift-clock', value: 7 * MINUTE };
    if (n >= STRETCHES * 0.9)
      return { ...plain, kind: 'reassign', target: idOf(Math.floor(random() * DEVICES)) };
    return n % 3 === 0 ? { ...plain, kind: 'invalid' } : { ...plain, kind: 'offset', value: 5 };
  }).filter(({ device, target }) => device !== target);
}

async function best(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    await work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

const round = (value: number): number => Number(value.toFixed(1));

/** The cases. */
export async function corrections(folder: string): Promise<Case[]> {
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'county'), timer: { ...systemTimer, now: () => END } },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const devices = Array.from({ length: DEVICES }, (_, n) => n);
  const places = new Map(
    devices.map((n) => [idOf(n), { county: COUNTY, township: townshipOf(n), village: null }]),
  );
  try {
    store.locate(places);
    let rows = 0;
    for (let at = START; at < END; at += EVERY_MS) {
      for (const n of devices) {
        const values = { o3: 60 + 200 * ((rows++ * 7919) % 1_009) * 1e-3, no2: (rows * 31) % 97 };
        putRow(store, PROFILE, METRICS, { device: idOf(n), at: at + n * 1_000, values });
      }
      if ((at - START) % (8 * EVERY_MS) === 0) await store.commitNow();
    }
    await store.commitNow();
    await store.flush();
    await store.compact(END + 2 * DAY);
    const out = join(folder, 'exports');
    mkdirSync(out);
    const ids = devices.map(idOf);
    const exported = { devices: ids, metrics: ['o3'], from: START, to: END };
    const file = join(out, 'month.parquet');
    await store.exportTo(file, 'parquet', exported);
    const bare = await bareTime(file);
    const of = (list: readonly Statement[]): CorrectedQueries => {
      const book = new StatementBook(list);
      return new CorrectedQueries(store, () => book, {
        locations: (id) => places.get(id),
        profile: () => PROFILE,
        count: () => DEVICES,
      });
    };
    const [without, many] = [of([]), of(statements())];
    const asked: AggregateQuery = {
      columns: [{ profile: PROFILE, metric: 'o3' }],
      ...{ area: COUNTY, from: START, to: END, everyMs: DAY, offsetMs: 8 * HOUR },
      ...{ aggregates: ['avg', 'max', 'count'], groupBy: 'township' },
    };
    const top: AggregateQuery = {
      ...asked,
      groupBy: 'device',
      everyMs: DAYS * DAY,
      offsetMs: -(START % (DAYS * DAY)),
      top: 10,
    };
    const plain = await best(() => without.aggregate(asked));
    const corrected = await best(() => many.aggregate(asked));
    const plainTop = await best(() => without.aggregate(top));
    const correctedTop = await best(() => many.aggregate(top));
    let number = 0;
    const file2 = (): string => join(out, `${number++}.parquet`);
    const plainExport = await best(() => without.exportTo(file2(), 'parquet', exported));
    const correctedExport = await best(() => many.exportTo(file2(), 'parquet', exported));
    return [
      judge('rows of the county’s month', rows, 'rows'),
      judge('bare DuckDB, daily means', round(bare), 'ms'),
      judge('daily means by township, no corrections', round(plain), 'ms'),
      judge('… with 500 corrected stretches', round(corrected), 'ms'),
      judge('… times the bare aggregation', round(corrected / bare), '×', '<= 15'),
      judge('the ten highest stations, no corrections', round(plainTop), 'ms'),
      judge('… with 500 corrected stretches', round(correctedTop), 'ms'),
      judge('… times the bare aggregation', round(correctedTop / bare), '×', '<= 15'),
      judge('export of the month, no corrections', round(plainExport), 'ms'),
      judge('… with 500 corrected stretches', round(correctedExport), 'ms'),
      judge('… times the same without', round(correctedExport / plainExport), '×', '<= 3'),
    ];
  } finally {
    await store.close();
  }
}

/** The same rows, by an aggregation alone. */
async function bareTime(file: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    return await best(() =>
      connection.runAndReadAll(
        `SELECT (epoch_ms("at") + 28800000) // ${DAY} AS day, avg(value) AS mean, max(value), count(*) FROM '${file}'
         WHERE quality = 'good' GROUP BY day ORDER BY day`,
      ),
    );
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
