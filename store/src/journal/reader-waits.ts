/** Those who wait until a reader of the journal has taken everything that was committed before they asked. */
import { OperationalError } from '@village/core';

/** Longest wait, ms of the machine's own time. */
const VISIBLE_WAIT_MS = 10_000;

interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class ReaderWaits {
  readonly #late: () => OperationalError;
  #waiters: Waiter[] = [];

  /** `late` makes the error of a wait that took too long. */
  constructor(late: () => OperationalError) {
    this.#late = late;
  }

  /** The reader has taken this group and all before. */
  taken(group: number): void {
    const ready = this.#waiters.filter(({ target }) => target <= group);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter(({ target }) => target > group);
    for (const { resolve } of ready) resolve();
  }

  /** The reader takes nothing at present. */
  fail(error: Error): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  /** Resolves once the reader has taken the group. @throws what `late` makes, query-aborted, what `fail` was told */
  async until(target: number, signal?: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(VISIBLE_WAIT_MS);
    const ended = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    await new Promise<void>((resolve, reject) => {
      const give = (done: () => void): void => {
        ended.removeEventListener('abort', stop);
        done();
      };
      const waiter: Waiter = {
        target,
        resolve: () => give(resolve),
        reject: (error) => give(() => reject(error)),
      };
      const stop = (): void => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        reject(
          timeout.aborted
            ? this.#late()
            : new OperationalError('query-aborted', 'The query was given up.'),
        );
      };
      if (ended.aborted) return stop();
      ended.addEventListener('abort', stop, { once: true });
      this.#waiters.push(waiter);
    });
  }
}
