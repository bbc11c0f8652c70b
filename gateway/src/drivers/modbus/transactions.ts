/**
 * The transaction numbers of one host and port, over all its connections: converters give a late answer to whoever is
 * connected then, so a new connection does not begin with the numbers of the one before.
 */
import type { Random } from '@village/core';
import type { Past } from './tcp-answers.ts';

/** Not the low numbers: devices that keep only a part of the number, or none, answer under those. */
const FIRST = 4_096;
const NUMBERS = 4_096;
/** Of the latest numbers so many are known as used. Not all, or a device that counts on by itself would have none left. */
const USED = 2_048;
/** What a new connection leaves out, so that devices with numbers that are off by some are not heard for another request. */
const LEFT_OUT = 64;
const LATE_MAX = 256;

export class Transactions {
  /** Numbers given out or left out, from the first on. */
  #count = 0;
  /** Where the first stood: not the same for two gateways behind one converter, which may hear each other's answers. */
  readonly #start: number;
  /** Numbers that timed out, and whether their answer may still come under them. */
  readonly #timedOut = new Map<number, boolean>();

  constructor(random: Random) {
    this.#start = Math.floor(random() * NUMBERS);
  }

  next(): number {
    const number = FIRST + ((this.#start + this.#count++) % NUMBERS);
    this.#timedOut.delete(number);
    return number;
  }

  /** A new connection begins. */
  renew(): void {
    if (this.#count > 0) this.#count += LEFT_OUT;
  }

  /** No answer came in time; `mayCome` when nothing says what became of it. */
  timedOut(number: number, mayCome: boolean): void {
    this.#timedOut.set(number, mayCome);
    for (const oldest of this.#timedOut.keys()) {
      if (this.#timedOut.size <= LATE_MAX) break;
      this.#timedOut.delete(oldest);
    }
  }

  past(number: number): Past {
    const late = this.#timedOut.get(number);
    if (late !== undefined) return late ? 'late' : 'never';
    if (number < FIRST || number >= FIRST + NUMBERS) return 'never';
    const nth = number - FIRST - this.#start;
    const back = (((this.#count - 1 - nth) % NUMBERS) + NUMBERS) % NUMBERS;
    return back < Math.min(this.#count, USED) ? 'answered' : 'never';
  }
}
