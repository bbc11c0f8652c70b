/**
 * Posts receipts and replies to the address that an account names, as the vendors do: later, again when they are not acknowledged,
 * sometimes twice, sometimes in another order. What is posted is made when it is due, so that it is signed then.
 */
import { bug, type Random, type Timer } from '@village/core';

export interface Letter {
  readonly provider: string;
  /** Where the account wants it; null where it wants none, and then nothing is posted. */
  readonly url: string | null;
  /** Made anew for each attempt. */
  readonly make: () => { readonly headers: Record<string, string>; readonly body: string };
  /** Whether the answer acknowledges it. */
  readonly accepted: (status: number, body: string) => boolean;
  /** Waits before further attempts, ms; after the last of them it is given up. */
  readonly retryAfter: readonly number[];
}

/** How letters travel; switches change it. */
export interface Manner {
  /** Before the first attempt, ms. */
  delayMs: number;
  /** How often each is posted, also when it was acknowledged. */
  copies: number;
  /** Letters wait until somebody releases them. */
  hold: boolean;
}

const ATTEMPT_TIMEOUT_MS = 5000;
const ANSWER_MAX = 64 * 1024;
/** Letters that wait or travel; more are dropped and counted. */
const LETTERS_MAX = 10_000;

export class Postman {
  readonly manner: Manner = { delayMs: 1000, copies: 1, hold: false };
  readonly counters = { posted: 0, acknowledged: 0, givenUp: 0, dropped: 0 };
  readonly #timer: Timer;
  readonly #random: Random;
  readonly #held: Letter[] = [];
  readonly #stop = new AbortController();
  readonly #travelling = new Set<Promise<void>>();

  constructor(timer: Timer, random: Random) {
    this.#timer = timer;
    this.#random = random;
  }

  get held(): number {
    return this.#held.length;
  }

  send(letter: Letter): void {
    if (letter.url === null) return;
    if (this.#held.length + this.#travelling.size >= LETTERS_MAX) this.counters.dropped++;
    else if (this.manner.hold) this.#held.push(letter);
    else this.#start(letter, this.manner.delayMs);
  }

  /** Lets those that were held go, one after the other. */
  async release(order: 'given' | 'reversed' | 'shuffled'): Promise<void> {
    const letters = this.#held.splice(0);
    if (order === 'reversed') letters.reverse();
    if (order === 'shuffled')
      for (let i = letters.length - 1; i > 0; i--) {
        const j = Math.floor(this.#random() * (i + 1));
        const [a, b] = [letters[i], letters[j]];
        if (a === undefined || b === undefined) bug('a letter outside the list');
        letters[i] = b;
        letters[j] = a;
      }
    for (const letter of letters) await this.#travel(letter, 0);
  }

  /** Resolves when nothing travels. */
  async idle(): Promise<void> {
    while (this.#travelling.size > 0) await Promise.all(this.#travelling);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#held.length = 0;
    await this.idle();
  }

  #start(letter: Letter, delayMs: number): void {
    const travel = this.#travel(letter, delayMs).finally(() => this.#travelling.delete(travel));
    this.#travelling.add(travel);
  }

  async #travel(letter: Letter, delayMs: number): Promise<void> {
    const { signal } = this.#stop;
    try {
      if (delayMs > 0) await this.#timer.sleep(delayMs, signal);
      for (let copy = 0; copy < this.manner.copies; copy++) await this.#attempts(letter);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #attempts(letter: Letter): Promise<void> {
    for (const wait of [0, ...letter.retryAfter]) {
      if (wait > 0) await this.#timer.sleep(wait, this.#stop.signal);
      if (await this.#attempt(letter)) {
        this.counters.acknowledged++;
        return;
      }
    }
    this.counters.givenUp++;
  }

  async #attempt({ url, make, accepted }: Letter): Promise<boolean> {
    const { headers, body } = make();
    this.counters.posted++;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]);
    try {
      const answer = await fetch(url ?? '', {
        method: 'POST',
        headers,
        body,
        signal,
        redirect: 'manual',
      });
      return accepted(answer.status, (await answer.text()).slice(0, ANSWER_MAX));
    } catch {
      // Nobody there, or no answer in time: not acknowledged.
      return false;
    }
  }
}
