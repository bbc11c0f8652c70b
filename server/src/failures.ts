/** Failures of work that nobody waits for: each is counted, and told once as long as it goes on, since most of it is tried every two seconds. */
import { BoundedMap, MINUTE, OperationalError } from '@village/core';
import type { Logger } from '@village/platform';

/** A failure that has not come for so long is told anew; whatever is tried again is tried each minute at least. */
const OVER_MS = 5 * MINUTE;
/** How often one that goes on is told, in a line. */
const AGAIN_MS = 30 * MINUTE;
/** Failures that are known to go on. */
const KNOWN_MAX = 1_000;

interface Episode {
  readonly toldAt: number;
  readonly lastAt: number;
  readonly times: number;
}

export class Failures {
  /** By kind, since the start. */
  readonly counts: Record<string, number> = {};
  readonly #log: Pick<Logger, 'error'>;
  readonly #elapsed: () => number;
  readonly #episodes = new BoundedMap<string, Episode>(KNOWN_MAX);

  constructor(log: Pick<Logger, 'error'>, elapsed: () => number) {
    this.#log = log;
    this.#elapsed = elapsed;
  }

  readonly failed = (kind: string, error: unknown): void => {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    const now = this.#elapsed();
    const what = said(error);
    const key = `${kind} ${what}`;
    const known = this.#episodes.get(key);
    const goesOn = known !== undefined && now - known.lastAt < OVER_MS;
    const times = goesOn ? known.times + 1 : 1;
    const tells = !goesOn || now - known.toldAt >= AGAIN_MS;
    this.#episodes.set(key, { toldAt: tells ? now : known.toldAt, lastAt: now, times });
    if (!tells) return;
    if (goesOn) this.#log.error({ kind, reason: what, times }, 'this work fails again and again');
    else this.#log.error({ err: error, kind }, 'work that nobody waits for failed; it goes on');
  };
}

/** What failures are told apart by. */
function said(error: unknown): string {
  if (error instanceof OperationalError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
