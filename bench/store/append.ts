/** Appends messages to a store as a busy broker does. */
import type { TimeSeriesStore } from '@village/store/time-series';
import { PROFILE } from './questions.ts';
import { DEVICES, deviceId, METRICS, type Month, STRIDE } from './workload.ts';

const READINGS = METRICS.length;
/** Messages between two turns of the event loop: what one commit of 10,000 readings holds. */
const MESSAGES_PER_TURN = 1_667;
/** Messages put in and not yet acknowledged; as many as a busy broker would let in. */
const UNACKNOWLEDGED_MAX = 20_000;

/** Puts messages of the month in; the time from the first row until the last acknowledgement, and of each commit. */
export async function append(
  store: TimeSeriesStore,
  { rows, count }: Pick<Month, 'rows' | 'count'>,
): Promise<{ seconds: number; commitMs: number[] }> {
  const layout = store.layout(PROFILE, METRICS);
  const numbers = Array.from({ length: DEVICES }, (_, n) => store.device(deviceId(n), layout));
  await store.commitNow();
  const commitMs: number[] = [];
  let acknowledged = 0;
  let wake = (): void => undefined;
  const acknowledge = (): void => {
    acknowledged++;
    wake();
  };
  const progress = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const commitsBefore = store.counters().commits;
  const began = performance.now();
  for (let message = 0; message < count; message++) {
    const from = message * STRIDE;
    const start = store.reserve(layout, numbers[rows[from + 1]!]!, rows[from + 2]!, rows[from]!, 0);
    const values = start + layout.valuesAt;
    for (let m = 0; m < READINGS; m++) layout.rows[values + m] = rows[from + 3 + m]!;
    const before = performance.now();
    store.settle(acknowledge);
    // `settle` commits by itself when the group is full: the time it took then is the commit's.
    if (layout.count === 0) commitMs.push(performance.now() - before);
    if ((message + 1) % MESSAGES_PER_TURN === 0) await new Promise(setImmediate);
    while (message + 1 - acknowledged > UNACKNOWLEDGED_MAX) await progress();
  }
  await store.commitNow();
  while (acknowledged < count) await progress();
  const seconds = (performance.now() - began) / 1000;
  const commits = store.counters().commits - commitsBefore;
  if (commitMs.length < commits * 0.9)
    throw new Error(`BUG: only ${commitMs.length} of ${commits} commits were timed`);
  return { seconds, commitMs };
}
