/**
 * How many answers and jobs may hold readings in memory at the same time. Those that wait have their turn by who asks, and are
 * bounded in number and time; jobs wait for as long as it takes.
 */
import type { Timer } from '@village/core';
import { asker, SYSTEM } from '../fair/asker.ts';
import { Turns } from '../fair/turns.ts';
import type { Turn } from './sources.ts';

const MOST = 2;
const WAITING_MAX = 1_000;
const WAITING_OF_ONE_MAX = 100;
const BUSY = { code: 'figures-busy', message: 'try again in a moment, or with less time' };
const WAIT_MS = 30_000;

export class AtOnce {
  readonly #turns: Turns;

  constructor(timer: Pick<Timer, 'sleep'>) {
    this.#turns = new Turns({
      ...{ timer, running: MOST, runningOfOne: 1, waitMs: WAIT_MS, refusal: BUSY },
      ...{ waiting: WAITING_MAX, waitingOfOne: WAITING_OF_ONE_MAX },
    });
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Those who were sent away since the start. */
  get refused(): number {
    return this.#turns.refused;
  }

  /**
   * Runs work when it is its asker's turn. Work may ask the archive, whose turns are others, and must not ask for a turn here: it
   * would wait for its own end. @throws figures-busy
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const who = asker();
    return this.#turns.run(who, work, signal, who === SYSTEM ? null : WAIT_MS);
  }
}

/** Turns of what holds values of all devices of an area, and of the parts of it, and all else, that hold readings of devices. */
export interface FigureTurns {
  readonly areas: AtOnce;
  readonly devices: AtOnce;
}

/** How work waits for its turns; not at all without any. */
export const turnsUntil = (
  turns: FigureTurns | undefined,
  signal: AbortSignal | undefined,
): { readonly days: Turn; readonly turn: Turn } => ({
  days: (work) => (turns === undefined ? work() : turns.areas.run(work, signal)),
  turn: (work) => (turns === undefined ? work() : turns.devices.run(work, signal)),
});
