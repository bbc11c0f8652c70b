/**
 * `npm run bench -- store [--peer influxdb|none] [--only fan-out]`: appends a county's month (33 million readings) to the embedded store as
 * fast as it takes it, then asks what pages ask; the same of InfluxDB in the same run, where it is installed. Answers are
 * compared with the month itself before any time is told.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DAY, simulatedTimer } from '@village/core';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { type Case, judge, report } from '../report.ts';
import { append } from './append.ts';
import { fanOut } from './fan-out.ts';
import { hasInfluxDB, InfluxDB } from './influxdb.ts';
import { PROFILE, QUESTIONS } from './questions.ts';
import {
  COUNTY,
  DENSE_DEVICES,
  DEVICES,
  deviceId,
  METRICS,
  MONTH_FROM,
  MONTH_TO,
  type Month,
  makeMonth,
  STRIDE,
  townshipOf,
} from './workload.ts';

const READINGS = METRICS.length;
const RUNS = 60;
const WARM_RUNS = 5;
/** The peer takes seconds for some questions. */
const PEER_RUNS = 9;
const PEER_WARM_RUNS = 2;

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** Median and 99th percentile. */
function spread(times: readonly number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

async function timed(
  runs: number,
  warmRuns: number,
  work: (run: number) => unknown,
): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    await work(run);
    if (run >= warmRuns) times.push(performance.now() - began);
  }
  return spread(times);
}

/** How many answers about the whole month and about single devices differ from the month itself. */
async function wrongAnswers(store: TimeSeriesStore, { rows, count }: Month): Promise<number> {
  let wrong = 0;
  for (const [m, metric] of METRICS.entries()) {
    let sum = 0;
    for (let message = 0; message < count; message++) sum += rows[message * STRIDE + 3 + m]!;
    const [answer] = await store.aggregate({
      columns: [{ profile: PROFILE, metric }],
      area: COUNTY,
      from: MONTH_FROM,
      to: MONTH_TO,
      everyMs: 365 * DAY,
      offsetMs: 0,
      aggregates: ['count', 'sum'],
      groupBy: 'none',
    });
    // The sum here is a plain one of doubles: the rounding is its own, the store's sums are exact.
    const close = Math.abs((answer?.values.sum ?? 0) - sum) <= Math.abs(sum) * 1e-9;
    if (answer?.values.count !== count || !close) wrong++;
  }
  for (const device of [0, 7, DENSE_DEVICES + 1, DEVICES - 1]) {
    const expected = new Map<number, number>();
    for (let from = 0; from < rows.length; from += STRIDE)
      if (rows[from + 1] === device) expected.set(rows[from + 2]!, rows[from + 3]!);
    const got = await store.range({
      device: deviceId(device),
      from: MONTH_FROM,
      to: MONTH_TO,
      limit: 10_000,
    });
    const same = got.every((row) => expected.get(row.at) === row.values[METRICS[0]!]);
    if (got.length !== expected.size || !same) wrong++;
  }
  return wrong;
}

async function ours(month: Month): Promise<Case[]> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  const cases: Case[] = [];
  // The month has just ended, wherever the machine's clock is.
  const store = await openTimeSeries({ folder, timer: simulatedTimer(MONTH_TO, 1, Date.now()) });
  try {
    const place = (n: number) => ({ county: COUNTY, township: townshipOf(n), village: null });
    store.locate(new Map(Array.from({ length: DEVICES }, (_, n) => [deviceId(n), place(n)])));
    const { seconds, commitMs } = await append(store, month);
    const { p50, p99 } = spread(commitMs);
    const readings = month.count * READINGS;
    const { flushes } = store.counters();
    cases.push(
      judge('append: acknowledged durably', round(readings / seconds), 'readings/s', '>= 2000000'),
      judge('append: commit p50', round(p50, 2), 'ms'),
      judge('append: commit p99', round(p99, 2), 'ms', '<= 10'),
      judge('append: commit max', round(Math.max(...commitMs), 1), 'ms'),
      judge('append: flushes meanwhile', flushes, 'flushes', '>= 1'),
    );
    await store.flush();
    const merging = performance.now();
    await store.compact(MONTH_TO);
    cases.push(
      judge('merge of the month', round((performance.now() - merging) / 1000, 1), 's'),
      judge(
        'archive',
        round(store.counters().archiveBytes / readings, 3),
        'bytes per reading',
        '<= 2',
      ),
      judge('answers that differ from the month', await wrongAnswers(store, month), '', '== 0'),
    );
    for (const { name, target, ask } of QUESTIONS) {
      const { p50, p99 } = await timed(RUNS, WARM_RUNS, (run) => ask(store, run));
      cases.push(judge(`${name}, median`, round(p50, 2), 'ms', target));
      cases.push(judge(`${name}, p99`, round(p99, 2), 'ms'));
    }
    cases.push(
      judge('peak RSS', Math.round(process.resourceUsage().maxRSS / 1024), 'MB'),
      judge('of which the month itself', round(month.rows.byteLength / 2 ** 20), 'MB'),
    );
    return cases;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function theirs(month: Month): Promise<Case[]> {
  const peer = await InfluxDB.start();
  try {
    const readings = month.count * READINGS;
    const seconds = await peer.load(month);
    const cases = [
      judge('InfluxDB: acknowledged durably', round(readings / seconds), 'readings/s'),
      judge('InfluxDB: rows that differ from the month', (await peer.rows()) - month.count, 'rows'),
      judge('InfluxDB: data and log', round(peer.bytes() / readings, 3), 'bytes per reading'),
    ];
    for (const { name, influx } of QUESTIONS) {
      const { p50 } = await timed(PEER_RUNS, PEER_WARM_RUNS, (run) => peer.ask(influx(run)));
      cases.push(judge(`InfluxDB: ${name}, median`, round(p50, 2), 'ms'));
    }
    return cases;
  } finally {
    await peer.stop();
  }
}

/** Runs the benchmark. */
export async function run(options: string[]): Promise<void> {
  const { values } = parseArgs({
    args: options,
    options: { peer: { type: 'string', default: 'influxdb' }, only: { type: 'string' } },
  });
  console.error('making the month …');
  const month = makeMonth(1);
  if (values.only === 'fan-out') return report('store', await fanOut(month));
  const cases = [...(await ours(month)), ...(await fanOut(month))];
  if (values.peer === 'influxdb' && hasInfluxDB()) {
    console.error('the same in InfluxDB …');
    cases.push(...(await theirs(month)));
  } else console.error('without InfluxDB: not asked for, or not on this machine');
  report('store', cases);
}
