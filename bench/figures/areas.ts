/**
 * Means of an area of 300 stations that report each minute, against a bare DuckDB aggregation of the same rows; the same where two hours of
 * each station are corrected.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import { isOfArea, type Statement, StatementBook } from '@village/platform';
import {
  device,
  EAST,
  FIRST_DAY,
  Machine,
  METRICS,
  openTables,
  PROFILE,
} from '@village/platform/figures/testing';
import { registryStore } from '@village/registry';
import { modules } from '@village/server/modules';
import { openTimeSeries } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge } from '../report.ts';

const STATIONS = 300;
const EVERY_MS = MINUTE;
const RUNS = 3;
/** Midnight in Beijing. */
const START = FIRST_DAY * DAY - 8 * HOUR;
const END = START + DAY;

const figures = modules.flatMap((module) => module.figures ?? []);
const areaFigures = figures.filter(isOfArea);

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

async function best<T>(work: () => Promise<T>): Promise<{ ms: number; answer: T }> {
  let ms = Number.POSITIVE_INFINITY;
  let answer: T | undefined;
  for (let run = 0; run < RUNS; run++) {
    const began = performance.now();
    answer = await work();
    ms = Math.min(ms, performance.now() - began);
  }
  return { ms, answer: answer as T };
}

/** A day of hourly means over all stations. */
export async function areas(folder: string): Promise<Case[]> {
  const now = (): number => END + HOUR;
  const timer = { ...systemTimer, now };
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'area-store'), timer, tickMs: Number.POSITIVE_INFINITY },
  });
  const relational = await openTables({ file: join(folder, 'areas.sqlite') }, now);
  let book = new StatementBook([]);
  const machine = new Machine({ store, relational, timer, figures, book: () => book });
  try {
    const ids = Array.from({ length: STATIONS }, (_, n) => `s${String(n).padStart(3, '0')}`);
    const devices = ids.map((id) => device(id, EAST));
    const empty = { gateways: [], credentials: [] };
    await registryStore(relational).importDevices({ at: 0, by: 'bench', devices, ...empty });
    let rows = 0;
    for (let at = START; at < END; at += EVERY_MS) {
      for (const [n, id] of ids.entries()) {
        const values = { o3: 60 + 200 * ((rows * 7919) % 1_009) * 1e-3, no2: (n * 31) % 97 };
        putRow(store, PROFILE, METRICS, { device: id, at, values });
        rows++;
      }
      if (rows % 6_000 === 0) await store.commitNow();
    }
    await store.commitNow();
    await store.flush();
    await store.compact(END + DAY);
    const file = join(folder, 'areas.parquet');
    await store.exportTo(file, 'parquet', { devices: ids, from: START, to: END });
    const bare = await bareMeans(file);
    const figure = areaFigures.find(({ id }) => id === 'area-hourly-mean:air.o3');
    if (figure === undefined) throw new Error('BUG: no figure of areas');
    const span = { from: START, to: END };
    const asked = await best(() => machine.areas.values(figure, EAST, span));
    const wrong = asked.answer.filter(({ at, value }) => {
      const plain = bare.answer.get(at);
      return value === null || plain === undefined || Math.abs(value - plain) > 1e-6;
    }).length;
    const statements = ids.map(
      (id, n): Statement => ({
        ...{ id: n + 1, kind: 'offset', device: id, metric: 'o3', value: 3, target: null },
        ...{ from: START + (n % 20) * HOUR, to: START + ((n % 20) + 2) * HOUR },
      }),
    );
    book = new StatementBook(statements);
    let questions = 0;
    const [range, rangeMany] = [store.range.bind(store), store.rangeMany.bind(store)];
    store.range = (...query) => {
      questions++;
      return range(...query);
    };
    store.rangeMany = (...query) => {
      questions++;
      return rangeMany(...query);
    };
    const corrected = await best(() => machine.areas.values(figure, EAST, span));
    const [load = 0] = loadavg();
    return [
      judge('rows of the day of 300 stations', rows, 'rows'),
      judge('hours whose mean of the area differs from the bare one', wrong, 'hours', '== 0'),
      judge('hours of the answer', asked.answer.length, 'hours', '== 24'),
      judge('bare DuckDB, hourly means of the area', round(bare.ms, 1), 'ms'),
      judge('hourly means of the area', round(asked.ms, 1), 'ms'),
      judge('… times the bare aggregation', round(asked.ms / bare.ms, 1), '×'),
      judge('… rows a second', round(rows / (asked.ms / 1000)), 'rows/s'),
      judge('… of which two hours of each station are corrected', round(corrected.ms, 1), 'ms'),
      judge('… … times the same without', round(corrected.ms / asked.ms, 1), '×', '<= 2'),
      judge('… … questions to the archive', round(questions / RUNS), 'questions', '<= 20'),
      judge('load of the machine meanwhile', round(load, 1), ''),
    ];
  } finally {
    await machine.stop();
    await store.close();
    await relational.close();
  }
}

/** The same rows, by an aggregation alone: the mean over stations of their means of an hour. */
async function bareMeans(file: string): Promise<{ ms: number; answer: Map<number, number> }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const asked = await best(() =>
      connection.runAndReadAll(
        `SELECT hour, avg(mean) FROM (
           SELECT device, epoch_ms("at") // ${HOUR} AS hour, avg(value) AS mean FROM '${file}'
           WHERE metric = 'o3' GROUP BY device, hour) GROUP BY hour`,
      ),
    );
    const rows = asked.answer.getRows();
    return {
      ms: asked.ms,
      answer: new Map(rows.map(([hour, mean]) => [Number(hour) * HOUR, Number(mean)] as const)),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
