/**
 * Whose turn it is: askers are served one after the other, so that one who asks much waits behind herself and not before the
 * others. What waits is bounded in number and time.
 */
import { OperationalError, type Timer } from '@village/core';

export interface TurnsOptions {
  readonly timer: Pick<Timer, 'sleep'>;
  /** Works that run at once, of all and of one asker. */
  readonly running: number;
  readonly runningOfOne: number;
  /** Works that wait, of all and of one asker; more are refused. */
  readonly waiting: number;
  readonly waitingOfOne: number;
  /** The longest wait, ms. */
  readonly waitMs: number;
  /** What is told who can't have a turn; a question to the store when absent. */
  readonly refusal?: { readonly code: string; readonly message: string };
}

const STORE_BUSY = { code: 'store-busy', message: 'try again in a moment, or with less time' };

interface Asker {
  running: number;
  /** How many works had begun when the last of theirs did. */
  served: number;
  /** Oldest first. */
  readonly waiting: Set<Waiting>;
}

interface Waiting {
  readonly enter: () => void;
  /** Leaves without a turn, since others need the place. */
  readonly yieldPlace: () => void;
}

export class Turns {
  readonly #options: TurnsOptions;
  /** Those who have something running or waiting. */
  readonly #askers = new Map<string, Asker>();
  #begun = 0;
  #running = 0;
  #waiting = 0;
  /** Works that were sent away since the start. */
  refused = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Does work when it is the asker's turn; the signal ends the wait. Whom nobody waits for may wait without end (null).
   * @throws store-busy or as `refusal` says
   */
  async run<T>(
    who: string,
    work: () => Promise<T>,
    signal?: AbortSignal,
    waitMs: number | null = this.#options.waitMs,
  ): Promise<T> {
    const { running, runningOfOne } = this.#options;
    signal?.throwIfAborted();
    const known = this.#askers.get(who);
    const free = this.#running < running && (known?.running ?? 0) < runningOfOne;
    // Who has work waiting waits behind it.
    if (free && (known?.waiting.size ?? 0) === 0) this.#begin(this.#asker(who));
    else await this.#turn(who, signal, waitMs);
    try {
      return await work();
    } finally {
      this.#running--;
      const asker = this.#askers.get(who)!;
      asker.running--;
      this.#forget(who, asker);
      this.#next();
    }
  }

  #asker(who: string): Asker {
    const asker = this.#askers.get(who) ?? { running: 0, served: 0, waiting: new Set() };
    this.#askers.set(who, asker);
    return asker;
  }

  /** Who has nothing any more. They may have been forgotten and have asked anew since: then they are another. */
  #forget(who: string, asker: Asker): void {
    if (asker.running > 0 || asker.waiting.size > 0) return;
    if (this.#askers.get(who) === asker) this.#askers.delete(who);
  }

  #begin(asker: Asker): void {
    this.#running++;
    asker.running++;
    asker.served = ++this.#begun;
  }

  /** Begins what waits as far as there is room, first of who was served longest ago. */
  #next(): void {
    const { running, runningOfOne } = this.#options;
    while (this.#running < running) {
      let next: Asker | null = null;
      for (const asker of this.#askers.values())
        if (asker.waiting.size > 0 && asker.running < runningOfOne)
          if (next === null || asker.served < next.served) next = asker;
      if (next === null) return;
      const [first] = next.waiting;
      this.#begin(next);
      first!.enter();
    }
  }

  async #turn(who: string, signal: AbortSignal | undefined, waitMs: number | null): Promise<void> {
    const { timer, waiting, waitingOfOne } = this.#options;
    const asker = this.#asker(who);
    if (asker.waiting.size >= waitingOfOne)
      throw this.#refuse(who, `${waitingOfOne} of your questions wait already`);
    if (this.#waiting >= waiting && !this.#makeRoom(asker))
      throw this.#refuse(who, 'too many questions wait already');
    const over = new AbortController();
    const ended = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const outcome = await new Promise<'came' | 'over' | 'yielded'>((resolve) => {
      const one: Waiting = {
        enter: () => {
          this.#leave(asker, one);
          resolve('came');
        },
        yieldPlace: () => {
          this.#leave(asker, one);
          resolve('yielded');
        },
      };
      asker.waiting.add(one);
      this.#waiting++;
      const giveUp = (): void => {
        if (!asker.waiting.has(one)) return;
        this.#leave(asker, one);
        resolve('over');
      };
      // It ends of itself, by the asker's going, or because the turn has come.
      if (waitMs !== null) timer.sleep(waitMs, ended).then(giveUp, giveUp);
      else ended.addEventListener('abort', giveUp, { once: true });
    });
    over.abort();
    if (outcome === 'came') return;
    this.#forget(who, asker);
    if (outcome === 'yielded') throw this.#refuse(who, 'too many questions wait already');
    signal?.throwIfAborted();
    throw this.#refuse(who, `others have been answered for ${(waitMs ?? 0) / 1000} s`);
  }

  /** A place for one more: of who has most waiting, the newest gives up its own; false where nobody has more than the asker would have. */
  #makeRoom(asker: Asker): boolean {
    let longest: Asker | null = null;
    for (const one of this.#askers.values())
      if (longest === null || one.waiting.size > longest.waiting.size) longest = one;
    if (longest === null || longest.waiting.size <= asker.waiting.size + 1) return false;
    [...longest.waiting].at(-1)!.yieldPlace();
    return true;
  }

  #leave(asker: Asker, one: Waiting): void {
    asker.waiting.delete(one);
    this.#waiting--;
  }

  #refuse(who: string, why: string): OperationalError {
    this.refused++;
    const known = this.#askers.get(who);
    if (known !== undefined) this.#forget(who, known);
    const { code, message } = this.#options.refusal ?? STORE_BUSY;
    return new OperationalError(code, `${why}: ${message}`, { retry: true });
  }
}
