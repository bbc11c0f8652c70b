/** Where readings came late, by device: what has to be judged again once no more of them come. */
import { MINUTE } from '@village/core';

export interface LateSpan {
  readonly device: string;
  /** Event times of the first and the last of them, ms. */
  readonly from: number;
  readonly to: number;
}

/** A backlog is over when none of it has come for so long. */
export const QUIET_MS = MINUTE;
/** What keeps coming late is judged all the same now and then. */
export const WAIT_MAX_MS = 10 * MINUTE;

interface Gathered {
  from: number;
  to: number;
  /** When it was begun and added to, by the engine's time. */
  since: number;
  last: number;
}

export class LateSpans {
  readonly #of = new Map<string, Gathered>();

  get size(): number {
    return this.#of.size;
  }

  note(device: string, at: number, now: number): void {
    const known = this.#of.get(device);
    if (known === undefined) {
      this.#of.set(device, { from: at, to: at, since: now, last: now });
      return;
    }
    known.from = Math.min(known.from, at);
    known.to = Math.max(known.to, at);
    known.last = now;
  }

  /** Takes out what may be judged by now. */
  takeDue(now: number): LateSpan[] {
    const due: LateSpan[] = [];
    for (const [device, { from, to, since, last }] of this.#of)
      if (now - last >= QUIET_MS || now - since >= WAIT_MAX_MS) {
        this.#of.delete(device);
        due.push({ device, from, to });
      }
    return due;
  }
}
