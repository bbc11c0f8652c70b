/** Repeated work: one run after the other, a failure logged and counted, never the end of the loop. */
import type { Timer } from '@village/core';

export interface LoopOptions {
  readonly timer: Timer;
  readonly signal: AbortSignal;
  /** How long to wait before the next run, asked after each. */
  readonly wait: () => number;
  readonly run: () => void | Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** Waits and runs until the signal; resolves when the run under way has ended. */
export async function loop({ timer, signal, wait, run, failed }: LoopOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      await timer.sleep(wait(), signal);
      await run();
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
  }
}
