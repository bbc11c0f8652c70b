/** Says each thing of each client once in a while, so that neither a device in a loop nor an attack fills the log. */
import { BoundedMap, MINUTE } from '@village/core';

export type Log = (level: 'info' | 'warn' | 'error', message: string, detail: object) => void;

const WITHIN_MS = 10 * MINUTE;
const REMEMBERED_MAX = 10_000;
/** Lines of all clients together in a minute; devices that all come back at once must not hide what else is said. */
const LINES_A_MINUTE = 120;

interface Said {
  readonly at: number;
  /** Times it happened since it was said. */
  more: number;
}

/** `now` is of a clock that never goes back, ms. */
export class SparingLog {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #said = new BoundedMap<string, Said>(REMEMBERED_MAX);
  #minuteAt = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #heldBack = 0;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Logs unless the same was said of the same subject within ten minutes; the next line tells how often it was not. */
  say(
    level: 'info' | 'warn',
    message: string,
    { subject, ...detail }: { readonly subject: string; readonly [more: string]: unknown },
  ): void {
    const now = this.#now();
    const key = `${message}\0${subject}`;
    const before = this.#said.get(key);
    if (before !== undefined && now - before.at < WITHIN_MS) {
      before.more++;
      return;
    }
    if (now - this.#minuteAt >= MINUTE) {
      if (this.#heldBack > 0)
        this.#log('info', 'lines about clients were held back', { lines: this.#heldBack });
      this.#minuteAt = now;
      this.#lines = 0;
      this.#heldBack = 0;
    }
    if (this.#lines >= LINES_A_MINUTE) {
      this.#heldBack++;
      return;
    }
    this.#lines++;
    this.#said.set(key, { at: now, more: 0 });
    const again = before === undefined || before.more === 0 ? {} : { timesSince: before.more };
    this.#log(level, message, { subject, ...detail, ...again });
  }
}
