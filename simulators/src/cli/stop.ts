/** What ends every command: SIGINT, SIGTERM, or the end of a parent that started us with a channel. */
import type { Timer } from '@village/core';

export const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.once('disconnect', () => stop.abort());

export async function sleepOrStop(timer: Timer, ms: number): Promise<void> {
  try {
    await timer.sleep(ms, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}
