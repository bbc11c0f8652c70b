/** How many answers may hold readings in memory at the same time; those that wait for it are bounded in number and time. */
import { OperationalError, type Timer } from '@village/core';

const MOST = 2;
const WAITING_MAX = 1_000;
const WAIT_MS = 30_000;

export class AtOnce {
  readonly #timer: Pick<Timer, 'sleep'>;
  readonly #waiting = new Set<() => void>();
  #taken = 0;
  /** Those who were sent away since the start. */
  refused = 0;

  constructor(timer: Pick<Timer, 'sleep'>) {
    this.#timer = timer;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Runs work when it is its turn, in the order of asking. @throws figures-busy */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#taken < MOST) this.#taken++;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#taken--;
      // The place is handed on.
      else next();
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= WAITING_MAX) throw this.#refuse('too many wait already');
    const over = new AbortController();
    const ended = AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])]);
    let enter = (): void => undefined;
    const entered = new Promise<true>((resolve) => {
      enter = () => {
        this.#waiting.delete(enter);
        resolve(true);
      };
      this.#waiting.add(enter);
    });
    const late = this.#timer.sleep(WAIT_MS, ended).then(
      () => false,
      () => false,
    );
    const came = await Promise.race([entered, late]);
    over.abort();
    if (came) return;
    if (!this.#waiting.delete(enter)) {
      // It was handed over in the same moment, and nobody takes it.
      const [next] = this.#waiting;
      if (next === undefined) this.#taken--;
      else next();
    }
    signal?.throwIfAborted();
    throw this.#refuse(`others have been computed for ${WAIT_MS / 1000} s`);
  }

  #refuse(why: string): OperationalError {
    this.refused++;
    return new OperationalError('figures-busy', `figures: ${why}`, { retry: true });
  }
}
