/** The machine's clock is set while the store runs: commits and flushes go by the time that passes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, systemTimer, type Timer } from '@village/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from '../time-series/contract.ts';
import { openTimeSeries } from '../time-series/open.ts';

/** The machine's time, whose clock a test sets. */
class SetTimer implements Timer {
  set = 0;
  readonly now = (): number => systemTimer.now() + this.set;
  readonly elapsed = systemTimer.elapsed;
  readonly sleep = systemTimer.sleep;
}

let folder = '';
let timer: SetTimer;
let store: TimeSeriesStore | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-store-'));
  timer = new SetTimer();
});

afterEach(async () => {
  await store?.close();
  store = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function opened(more: Partial<TimeSeriesOptions> = {}): Promise<TimeSeriesStore> {
  store = await openTimeSeries({ folder, timer, diskReserveBytes: 0, ...more });
  return store;
}

const put = (into: TimeSeriesStore, n: number): Promise<'durable'> => {
  putRow(into, PROFILE, METRICS, { device: 'a', at: NOW + n, values: { pm25: n } });
  return new Promise((resolve) => into.settle(() => resolve('durable')));
};

/** Never waits for a promise longer than ten seconds. */
const soon = <T>(promise: Promise<T>): Promise<T | 'not in ten seconds'> =>
  Promise.race([promise, systemTimer.sleep(10_000).then(() => 'not in ten seconds' as const)]);

it.each([
  ['back', -HOUR],
  ['forward', HOUR],
])(
  'an acknowledgement does not wait for a clock that was set %s an hour',
  async (_way, step) => {
    const into = await opened();
    expect(await soon(put(into, 1))).toBe('durable');
    timer.set = step;
    expect(await soon(put(into, 2))).toBe('durable');
    expect(await soon(put(into, 3))).toBe('durable');
  },
  40_000,
);

it.each([
  ['back', -HOUR],
  ['forward', HOUR],
])(
  'rows are flushed at their age when the clock was set %s an hour',
  async (_way, step) => {
    const into = await opened({ flushEveryMs: 1_500 });
    timer.set = step;
    expect(await soon(put(into, 1))).toBe('durable');
    const flushed = async (): Promise<'flushed'> => {
      while (into.counters().rowsFlushed < 1) await systemTimer.sleep(20);
      return 'flushed';
    };
    expect(await soon(flushed())).toBe('flushed');
  },
  40_000,
);
