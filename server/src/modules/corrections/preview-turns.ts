/** Whose turn it is to have a preview made: few at once, one of each person, so that nobody's many keep the others waiting. */
import { OperationalError } from '@village/core';

/** Previews that are made at once: each holds pages of readings, and the archive answers two questions at a time. */
const AT_ONCE_MAX = 2;
/** Previews of one person that wait. */
const WAITING_MAX = 10;

const busy = (): OperationalError =>
  new OperationalError(
    'busy',
    'other previews are being made: try again in a moment, or with less time',
    { retry: true },
  );

interface Waiting {
  readonly who: string;
  readonly begin: () => void;
}

export class PreviewTurns {
  readonly #running = new Set<string>();
  readonly #waiting = new Set<Waiting>();

  /** Makes a preview when it is this person's turn; the signal ends the wait. @throws busy */
  async run<T>(who: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(who, signal);
    try {
      return await work();
    } finally {
      this.#running.delete(who);
      this.#next();
    }
  }

  #turn(who: string, signal: AbortSignal): Promise<void> {
    const own = [...this.#waiting].filter((one) => one.who === who);
    if (signal.aborted || own.length >= WAITING_MAX) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(one);
        reject(busy());
      };
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const one = { who, begin };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(one);
      this.#next();
    });
  }

  /** Begins what waited longest among those whose person has none. */
  #next(): void {
    for (const one of this.#waiting) {
      if (this.#running.size >= AT_ONCE_MAX) return;
      if (this.#running.has(one.who)) continue;
      this.#waiting.delete(one);
      this.#running.add(one.who);
      one.begin();
    }
  }
}
