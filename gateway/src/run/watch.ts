/**
 * What a gateway notices and says of itself while it runs: that its clock was set, and every ten minutes its counters, so
 * that a box can be looked into by its log alone.
 */
import { MINUTE, SECOND, type Timer } from '@village/core';
import { rest } from './backoff.ts';
import type { Log } from './log.ts';

const LOOK_MS = 10 * SECOND;
const REPORT_MS = 10 * MINUTE;
/** A clock that moved by this much more or less than the time that passed has been set; less is drift and slewing. */
const STEP_MIN_MS = MINUTE;

/** Until the signal: `clockSet` with how far the clock has jumped (ms), `summary` into the log. */
export async function watch(
  signal: AbortSignal,
  deps: { timer: Timer; log: Log },
  on: { readonly clockSet: (stepMs: number) => void; readonly summary: () => object },
): Promise<void> {
  const { timer, log } = deps;
  let sinceReport = 0;
  // How far the clock is ahead of the time that passes.
  let before = timer.now() - timer.elapsed();
  while (await rest(timer, LOOK_MS, signal)) {
    const ahead = timer.now() - timer.elapsed();
    const step = ahead - before;
    before = ahead;
    if (Math.abs(step) >= STEP_MIN_MS) {
      log.warn({ bySeconds: Math.round(step / SECOND) }, 'gateway: its clock was set');
      on.clockSet(step);
    }
    sinceReport += LOOK_MS;
    if (sinceReport < REPORT_MS) continue;
    sinceReport = 0;
    log.info(on.summary(), 'gateway: so far');
  }
}
