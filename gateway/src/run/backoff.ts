/** Waiting: growing, jittered delays between attempts, and sleeps that end quietly when everything stops. */
import type { Random, Timer } from '@village/core';

/**
 * Delay before the attempt that follows `failures` failures in a row: it doubles from `baseMs` to `maxMs`, and a random
 * half of it is taken off so that many do not come back at once.
 */
export function backoffMs(
  failures: number,
  random: Random,
  limits: { readonly baseMs: number; readonly maxMs: number },
): number {
  const whole = Math.min(
    limits.maxMs,
    limits.baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 30),
  );
  return whole * (0.5 + random() / 2);
}

/** Sleeps by the timer; false when the signal ended the sleep. */
export async function rest(timer: Timer, ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  try {
    await timer.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
