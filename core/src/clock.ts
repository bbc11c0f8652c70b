/**
 * Time as an argument. The only place of the back end that reads the machine's clock. A simulated timer runs faster
 * than the wall, so that an hour's outage is tested in seconds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OperationalError } from './error.ts';

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Clock = () => number;

/** A clock, a measure of durations and a way to wait. */
export interface Timer {
  /** For stamps alone: people and networks set this clock forward and back. */
  readonly now: Clock;
  /** Milliseconds of this timer's time since some moment before the process began; never goes back. */
  readonly elapsed: () => number;
  /** Resolves after `ms` of this timer's time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock; handed in by main files only. */
export const systemClock: Clock = () => Date.now();

/** setTimeout counts in 31 bits. */
const SLEEP_MAX_MS = 2 ** 31 - 1;

function sleepReal(ms: number, signal?: AbortSignal): Promise<void> {
  return delay(
    Math.min(Math.max(ms, 0), SLEEP_MAX_MS),
    undefined,
    signal === undefined ? {} : { signal },
  );
}

export const systemTimer: Timer = {
  now: systemClock,
  elapsed: () => performance.now(),
  sleep: sleepReal,
};

/** Time that starts at `start` when the machine's clock reads `anchor`, and runs `factor` times as fast. */
export function simulatedTimer(
  start: number,
  factor: number,
  anchor: number,
  real: Clock = systemClock,
): Timer {
  return {
    now: () => Math.round(start + (real() - anchor) * factor),
    elapsed: () => performance.now() * factor,
    sleep: (ms, signal) => sleepReal(ms / factor, signal),
  };
}

/**
 * The timer that `VILLAGE_CLOCK` names, for tests and demonstrations: `<start ms>@<factor>@<anchor ms>`, all processes
 * given the same text agree. The system's timer when undefined.
 */
export function timerFromText(text: string | undefined): Timer {
  if (text === undefined || text === '') return systemTimer;
  const match = /^(\d+)@(\d+(?:\.\d+)?)@(\d+)$/.exec(text);
  if (match === null || Number(match[2]) === 0)
    throw new OperationalError(
      'bad-clock',
      `VILLAGE_CLOCK must be <start ms>@<factor>@<anchor ms>, not ${text}`,
    );
  return simulatedTimer(Number(match[1]), Number(match[2]), Number(match[3]));
}
