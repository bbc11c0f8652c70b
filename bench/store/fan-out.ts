/**
 * What readers of the journal cost the one who appends: the same messages without a reader, and with four that look at
 * every row and one that stopped after its first group. Judged by the ratio alone, since both are of the same run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { type Case, judge } from '../report.ts';
import { append } from './append.ts';
import { METRICS, type Month } from './workload.ts';

const READERS = 4;
/** Each way is measured so often, in turn. */
const ROUNDS = 3;
const MESSAGES = 600_000;
const LAG_MAX = 16 * 1024 * 1024;

/** Reads every group to the end of the store, and adds up its event times. */
async function read(store: TimeSeriesStore, name: string): Promise<number> {
  let rows = 0;
  let sum = 0;
  for await (const group of store.follow(name, null, { lagMax: 1e12 })) {
    for (const block of group.rows)
      for (let row = 0; row < block.count; row++) {
        sum += block.at(row) + (block.value(row, 0) || 0);
        rows++;
      }
    store.hold(name, group.id);
  }
  if (!(sum > 0)) throw new Error('BUG: a reader saw nothing');
  return rows;
}

async function rate(month: Month, withReaders: boolean): Promise<{ rate: number; missed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  const store = await openTimeSeries({ folder, timer: systemTimer });
  try {
    const readers: Promise<number>[] = [];
    if (withReaders) {
      for (let n = 0; n < READERS; n++) readers.push(read(store, `reader-${n}`));
      void store.follow('stopped', null, { lagMax: LAG_MAX }).next();
    }
    const count = Math.min(MESSAGES, month.count);
    const { seconds } = await append(store, { rows: month.rows, count });
    const cutOff = store.counters().readersCutOff;
    if (withReaders && cutOff !== 1)
      throw new Error(`BUG: ${cutOff} readers were cut off, not one`);
    // What followed is over when the store is closed; everything committed has been given by then.
    const lag = (): number =>
      Math.max(
        0,
        ...Object.entries(store.counters().readerLag).map(([name, bytes]) =>
          name.startsWith('reader-') ? bytes : 0,
        ),
      );
    const until = performance.now() + 60_000;
    while (lag() > 0 && performance.now() < until) await systemTimer.sleep(20);
    await systemTimer.sleep(100);
    await store.close();
    const seen = await Promise.all(readers);
    const missed = seen.reduce((sum, rows) => sum + Math.abs(count - rows), 0);
    return { rate: (count * METRICS.length) / seconds, missed };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The cases of the fan-out. */
export async function fanOut(month: Month): Promise<Case[]> {
  let alone = 0;
  let together = 0;
  let missed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    alone = Math.max(alone, (await rate(month, false)).rate);
    const measured = await rate(month, true);
    together = Math.max(together, measured.rate);
    missed += measured.missed;
  }
  return [
    judge('append without readers', Math.round(alone), 'readings/s'),
    judge(
      `append with ${READERS} readers and one that stopped`,
      Math.round(together),
      'readings/s',
    ),
    judge('ratio of the two', Number((together / alone).toFixed(2)), '', '>= 0.5'),
    judge('rows that a reader missed', missed, 'rows', '== 0'),
  ];
}
