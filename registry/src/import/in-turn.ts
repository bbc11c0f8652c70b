/** Work that is done one after the other, of which some may wait: few files, since each is held in memory, and many forms. */
import { OperationalError, SECOND } from '@village/core';

/** How many of a kind may wait besides the one that is done. */
const WAITING_MAX = { file: 4, form: 200 } as const;
/** A person who filled in a form waits this long at most, also behind a large file. */
const FORM_WAIT_MS = 10 * SECOND;

interface Turn {
  readonly kind?: keyof typeof WAITING_MAX;
  /** Fires when whoever asked has gone. */
  readonly signal?: AbortSignal | undefined;
}

const busy = (waiting: number): OperationalError =>
  new OperationalError(
    'busy',
    `others import or register at this moment, and ${waiting} more wait: nothing of this was done; try again in some seconds`,
    { retry: true },
  );

export class InTurn {
  readonly #formWaitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  readonly #waiting = { file: 0, form: 0 };

  constructor({ formWaitMs = FORM_WAIT_MS }: { readonly formWaitMs?: number } = {}) {
    this.#formWaitMs = formWaitMs;
  }

  /**
   * @throws busy when too many wait or a form has waited too long, query-aborted when whoever asked has gone before its turn, and
   * what the work throws
   */
  async run<T>(work: () => Promise<T>, { kind = 'file', signal }: Turn = {}): Promise<T> {
    if (this.#waiting[kind] > WAITING_MAX[kind]) throw busy(this.#count - 1);
    this.#waiting[kind]++;
    const given = Promise.withResolvers<never>();
    let over = false;
    const timer =
      kind === 'file'
        ? undefined
        : setTimeout(() => {
            over = true;
            given.reject(busy(this.#count - 2));
          }, this.#formWaitMs);
    const begun = async (): Promise<T> => {
      clearTimeout(timer);
      // Whoever asked was told already.
      if (over) return given.promise;
      // Nobody would be told what came of it.
      if (signal?.aborted === true)
        throw new OperationalError('query-aborted', 'whoever asked has gone');
      return work();
    };
    const turn = this.#last.then(begun, begun);
    this.#last = turn;
    try {
      return await Promise.race([turn, given.promise]);
    } finally {
      this.#waiting[kind]--;
    }
  }

  get #count(): number {
    return this.#waiting.file + this.#waiting.form;
  }
}
