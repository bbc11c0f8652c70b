/** Work that is done one after the other, of which a few may wait: each holds a file in memory. */
import { OperationalError } from '@village/core';

const WAITING_MAX = 4;

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws busy when too many wait, query-aborted when whoever asked has gone before its turn, and what the work throws */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#waiting > WAITING_MAX)
      throw new OperationalError('busy', 'other files are being imported', { retry: true });
    this.#waiting++;
    const begun = async (): Promise<T> => {
      // Nobody would be told what came of it.
      if (signal?.aborted === true)
        throw new OperationalError('query-aborted', 'whoever sent the file has gone');
      return work();
    };
    const turn = this.#last.then(begun, begun);
    this.#last = turn;
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }
}
