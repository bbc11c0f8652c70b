/**
 * `npm run bench -- figures`: what figures cost. Means of a device's year against a bare DuckDB aggregation of the same rows, the
 * same year computed again after a correction, a day of 2,000 stations by the job and the check, answers of an area with many corrections, questions beside 20,000 statements, and marking at 50,000 readings/s as a share
 * of a core.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import { isOfArea, type Statement, StatementBook } from '@village/platform';
import {
  FIRST_DAY,
  Machine,
  METRICS,
  openTables,
  PROFILE,
  SetTimer,
} from '@village/platform/figures/testing';
import { modules } from '@village/server/modules';
import { openTimeSeries } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge, report } from '../report.ts';
import { areas } from './areas.ts';
import { corrections } from './corrections.ts';
import { devices } from './devices.ts';
import { marking } from './marking.ts';
import { manyStatements } from './statements.ts';

const YEAR = 365;
const EVERY_MS = 5 * MINUTE;
const RUNS = 5;
/** Midnight in Beijing. */
const START = FIRST_DAY * DAY - 8 * HOUR;
const END = START + YEAR * DAY;

const figures = modules
  .flatMap((module) => module.figures ?? [])
  .filter((figure) => !isOfArea(figure));
const figureOf = (id: string) => {
  const found = figures.find((figure) => figure.id === id);
  if (found === undefined) throw new Error(`BUG: no figure ${id}`);
  return found;
};

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

async function best(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    await work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

async function year(folder: string): Promise<Case[]> {
  // A day is computed when it has been over for a while.
  const timer = new SetTimer(END + HOUR);
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'store'), timer: { ...systemTimer, now: () => END } },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const relational = await openTables({ file: join(folder, 'r.sqlite') }, () => END);
  let book = new StatementBook([]);
  const machine = new Machine({ store, relational, timer, figures, book: () => book });
  try {
    let rows = 0;
    for (let at = START; at < END; at += EVERY_MS, rows++) {
      const values = { o3: 60 + 200 * ((rows * 7919) % 1_009) * 1e-3, no2: (rows * 31) % 97 };
      putRow(store, PROFILE, METRICS, { device: 'a', at, values });
      if (rows % 5_000 === 0) await store.commitNow();
    }
    await store.commitNow();
    await store.flush();
    await store.compact(END);
    const file = join(folder, 'year.parquet');
    await store.exportTo(file, 'parquet', { devices: ['a'], from: START, to: END });
    const bare = await bareTimes(file);
    const span = { from: START, to: END };
    const ask = (id: string) => () => machine.figures.values(figureOf(id), 'a', span);
    const wrong = (await ask('daily-mean:air.o3')()).filter(({ value, at }) => {
      const plain = bare.days.get(at);
      return value === null || plain === undefined || Math.abs(value - plain) > 1e-6;
    }).length;
    const daily = await best(ask('daily-mean:air.o3'));
    const hourly = await best(ask('hourly-mean:air.o3'));
    await machine.workOff();
    const stored = await best(ask('hours-above:air.o3'));

    const statement: Statement = {
      ...{ id: 1, kind: 'offset', device: 'a', metric: null, value: 1, target: null },
      ...span,
    };
    book = book.changed([{ number: 1, statement, holds: true }]);
    const began = performance.now();
    await machine.note(statement, book);
    const [first] = await machine.figures.values(figureOf('hours-above:air.o3'), 'a', {
      from: START,
      to: START + DAY,
    });
    const answered = performance.now() - began;
    await machine.workOff();
    const again = performance.now() - began;
    return [
      judge('rows of the year', rows, 'rows'),
      judge('days whose mean differs from the bare one', wrong, 'days', '== 0'),
      judge('bare DuckDB, daily means', round(bare.daily, 1), 'ms'),
      judge('daily means of the year', round(daily, 1), 'ms'),
      judge('… times the bare aggregation', round(daily / bare.daily, 1), '×'),
      judge('bare DuckDB, hourly means', round(bare.hourly, 1), 'ms'),
      judge('hourly means of the year', round(hourly, 1), 'ms'),
      judge('… times the bare aggregation', round(hourly / bare.hourly, 1), '×'),
      judge('a stored figure of the year, asked', round(stored, 1), 'ms'),
      judge('after a correction of the year: its first answer', round(answered, 1), 'ms'),
      judge('… that tells of it', first?.corrections.length ?? 0, 'corrections', '== 1'),
      judge('… and all its stored figures again', round(again / 1000, 2), 's', '<= 2'),
    ];
  } finally {
    await machine.stop();
    await store.close();
    await relational.close();
  }
}

/** The same rows, by an aggregation alone. */
async function bareTimes(
  file: string,
): Promise<{ daily: number; hourly: number; days: Map<number, number> }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const ask = (width: number) => () =>
    connection.runAndReadAll(
      `SELECT (epoch_ms("at") + 28800000) // ${width} AS span, avg(value) AS mean FROM '${file}'
       WHERE metric = 'o3' GROUP BY span ORDER BY span`,
    );
  try {
    const daily = await best(ask(DAY));
    const hourly = await best(ask(HOUR));
    const rows = (await ask(DAY)()).getRows();
    const days = new Map(
      rows.map(([day, mean]) => [Number(day) * DAY - 8 * HOUR, Number(mean)] as const),
    );
    return { daily, hourly, days };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Runs the benchmark. */
export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  try {
    report('figures', [
      ...(await areas(folder)),
      ...(await devices(folder)),
      ...(await year(folder)),
      ...(await corrections(folder)),
      ...(await manyStatements(folder)),
      ...(await marking(folder)),
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
