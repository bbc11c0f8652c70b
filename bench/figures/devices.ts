/** The stored figures of a day of 2,000 stations, as the job computes and the check compares them, against a bare DuckDB aggregation of the same rows. */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import { isOfArea } from '@village/platform';
import {
  device,
  EAST,
  FIRST_DAY,
  Machine,
  METRICS,
  openTables,
  PROFILE,
  SetTimer,
} from '@village/platform/figures/testing';
import { registryStore } from '@village/registry';
import { modules } from '@village/server/modules';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge } from '../report.ts';

const STATIONS = 2_000;
const EVERY_MS = 15 * MINUTE;
/** Midnight in Beijing. */
const START = FIRST_DAY * DAY - 8 * HOUR;
const END = START + DAY;

const figures = modules
  .flatMap((module) => module.figures ?? [])
  .filter((figure) => !isOfArea(figure));

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** Time that work takes, and seconds of a core that this process and its threads do. */
async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; cpu: number; answer: T }> {
  const began = performance.now();
  const before = process.cpuUsage();
  const answer = await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - began, cpu: (user + system) / 1e6, answer };
}

/** Counts the questions that the archive is asked. */
function counted(store: TimeSeriesStore): { questions: number } {
  const count = { questions: 0 };
  const [range, rangeMany] = [store.range.bind(store), store.rangeMany.bind(store)];
  store.range = (...query) => {
    count.questions++;
    return range(...query);
  };
  store.rangeMany = (...query) => {
    count.questions++;
    return rangeMany(...query);
  };
  return count;
}

/** The job and the check over all of them. */
export async function devices(folder: string): Promise<Case[]> {
  const timer = new SetTimer(END + HOUR);
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'devices-store'), timer: { ...systemTimer, now: () => END } },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const relational = await openTables({ file: join(folder, 'devices.sqlite') }, timer.now);
  const asked = counted(store);
  const machine = new Machine({ store, relational, timer, figures });
  try {
    const ids = Array.from({ length: STATIONS }, (_, n) => `s${String(n).padStart(4, '0')}`);
    const stations = ids.map((id) => device(id, EAST));
    const empty = { gateways: [], credentials: [] };
    const registry = registryStore(relational);
    await registry.importDevices({ at: 0, by: 'bench', devices: stations, ...empty });
    let rows = 0;
    for (let at = START; at < END; at += EVERY_MS)
      for (const [n, id] of ids.entries()) {
        const values = { o3: 60 + 200 * ((rows * 7919) % 1_009) * 1e-3, no2: (n * 31) % 97 };
        putRow(store, PROFILE, METRICS, { device: id, at, values });
        if (++rows % 6_000 === 0) await store.commitNow();
      }
    await store.commitNow();
    await store.flush();
    await store.compact(END + DAY);
    const file = join(folder, 'devices.parquet');
    await store.exportTo(file, 'parquet', { devices: ids, from: START, to: END });
    const bare = await bareTime(file);
    for (let n = 0; n < 100; n++) if (await machine.marks.isUpToDate(10_000)) break;
    await machine.marks.flush();
    asked.questions = 0;
    const job = await timed(() => machine.workOff());
    const jobQuestions = asked.questions;
    asked.questions = 0;
    const check = await timed(() => machine.check());
    const { computed } = machine.work.counters;
    const [load = 0] = loadavg();
    return [
      judge('rows of the day of 2,000 stations', rows, 'rows'),
      judge('bare DuckDB, hours above a limit of each', round(bare, 1), 'ms'),
      judge('days of figures that the job stored', computed, 'days', '>= 8000'),
      judge('… devices’ days a second', round(STATIONS / (job.ms / 1000)), 'days/s'),
      judge('… devices’ days a second of a core', round(STATIONS / job.cpu), 'days/s', '>= 400'),
      judge('… times the bare aggregation', round(job.ms / bare, 1), '×'),
      judge('… questions to the archive', jobQuestions, 'questions', '<= 40'),
      judge('the check of all of it', round(check.ms / 1000, 1), 's'),
      judge('… devices’ days a second of a core', round(STATIONS / check.cpu), 'days/s', '>= 200'),
      judge('… questions to the archive', asked.questions, 'questions', '<= 100'),
      judge('… that differ', check.answer.differing, 'days', '== 0'),
      judge('load of the machine meanwhile', round(load, 1), ''),
    ];
  } finally {
    await machine.stop();
    await store.close();
    await relational.close();
  }
}

/** The same rows, by an aggregation alone. */
async function bareTime(file: string): Promise<number> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    const ask = () =>
      timed(() =>
        connection.runAndReadAll(
          `SELECT device, count(*) FILTER (mean > 160) FROM (
             SELECT device, epoch_ms("at") // ${HOUR} AS hour, avg(value) AS mean FROM '${file}'
             WHERE metric = 'o3' GROUP BY device, hour) GROUP BY device`,
        ),
      );
    const times = [await ask(), await ask(), await ask()];
    return Math.min(...times.map(({ ms }) => ms));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
