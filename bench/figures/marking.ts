/** What marking costs: a minute of 50,000 readings/s of 10,000 devices over the turn of an hour, read from the journal with and without it. */
import { join } from 'node:path';
import { HOUR, SECOND } from '@village/core';
import { Marks, StatementBook, statementsOf } from '@village/platform';
import { openTables, SetTimer } from '@village/platform/figures/testing';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge } from '../report.ts';

const DEVICES = 10_000;
const SECONDS = 60;
const METRICS = ['a', 'b', 'c', 'd', 'e'];
const GROUP_ROWS = 2_000;
/** Half a minute before the hour. */
const START = Date.UTC(2026, 2, 10, 4) - 30 * SECOND;

async function fill(store: TimeSeriesStore): Promise<void> {
  let rows = 0;
  const values = Object.fromEntries(METRICS.map((metric, n) => [metric, n]));
  for (let second = 0; second < SECONDS; second++)
    for (let n = 0; n < DEVICES; n++) {
      const at = START + second * SECOND + (n % 1_000);
      putRow(store, 'bench/five', METRICS, { device: `device-${n}`, at, receivedAt: at, values });
      if (++rows % GROUP_ROWS === 0) await store.commitNow();
    }
  await store.commitNow();
}

/** Seconds of a core that the process takes to read everything, `take`n or not. */
async function reading(
  store: TimeSeriesStore,
  name: string,
  take: (group: Parameters<Marks['take']>[0]) => Promise<void> | undefined,
): Promise<number> {
  const before = process.cpuUsage();
  for await (const group of store.follow(name, null, { lagMax: 1e12 })) {
    await take(group);
    if (group.id >= store.head) break;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** The figures of it. */
export async function marking(folder: string): Promise<Case[]> {
  const timer = new SetTimer(START);
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'marking'), timer, flushEveryMs: HOUR },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const relational = await openTables({ file: join(folder, 'marking.sqlite') }, timer.now);
  try {
    const statements = statementsOf(() => new StatementBook([]));
    const marks = new Marks({
      ...{ relational, store, timer, statements },
      said: () => Promise.resolve([]),
    });
    // Nothing is deleted of the journal before both have read it.
    void store.follow('plain', null, { lagMax: 1e12 }).return?.();
    await fill(store);
    const plain = await reading(store, 'plain', () => undefined);
    marks.begins(await marks.place());
    const marked = await reading(store, marks.name, (group) => {
      timer.at = group.rows[0]?.receivedAt(0) ?? timer.at;
      return marks.take(group, { journal: store.id, group: group.id });
    });
    const share = ((marked - plain) / SECONDS) * 100;
    return [
      judge('journal read without marking', Number(plain.toFixed(2)), 's of a core'),
      judge('journal read with marking', Number(marked.toFixed(2)), 's of a core'),
      judge('marks put down', marks.counters.marked, 'marks', '>= 20000'),
      judge('marking 50,000 readings/s', Number(share.toFixed(2)), '% of a core', '<= 5'),
    ];
  } finally {
    await store.close();
    await relational.close();
  }
}
