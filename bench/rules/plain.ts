/** The same ten conditions in one loop over arrays, with hysteresis and delays and nothing else: what the engine is held against. */
import { MINUTE } from '@village/core';

const RULES = 10;
const FOR = [1, 0, 5, 1, 0, 2, 1, 0, 0, 0].map((minutes) => minutes * MINUTE);
const CLEAR_FOR = MINUTE;
const BUCKETS = 10;

export class Plain {
  readonly #series: number;
  readonly #state: Uint8Array;
  readonly #since: Float64Array;
  readonly #before: Float64Array;
  /** The last ten values of each series, and their sum. */
  readonly #ring: Float64Array;
  readonly #sum: Float64Array;
  #round = 0;
  changes = 0;

  constructor(series: number) {
    this.#series = series;
    this.#state = new Uint8Array(series * RULES);
    this.#since = new Float64Array(series * RULES);
    this.#before = new Float64Array(series);
    this.#ring = new Float64Array(series * BUCKETS);
    this.#sum = new Float64Array(series);
  }

  take(at: number, x: Float64Array, y: Float64Array): void {
    const slot = this.#round++ % BUCKETS;
    for (let n = 0; n < this.#series; n++) {
      const value = x[n] as number;
      const other = y[n] as number;
      const place = n * BUCKETS + slot;
      const sum = (this.#sum[n] as number) + value - (this.#ring[place] as number);
      this.#sum[n] = sum;
      this.#ring[place] = value;
      const mean = sum / BUCKETS;
      const rate = (value - (this.#before[n] as number)) / 60;
      this.#before[n] = value;
      const k = n * RULES;
      this.#step(k, 0, at, value > 60, value < 58);
      this.#step(k + 1, 1, at, value > 62, value < 60);
      this.#step(k + 2, 2, at, value > 64, value < 60);
      this.#step(k + 3, 3, at, value < 40, value > 42);
      this.#step(k + 4, 4, at, value < 38, value > 40);
      this.#step(k + 5, 5, at, value > 66, value <= 66);
      const both = value > 55 && other < 20;
      this.#step(k + 6, 6, at, both, !both);
      const either = Math.abs(value - other) > 70 || value > 90;
      this.#step(k + 7, 7, at, either, !either);
      this.#step(k + 8, 8, at, mean > 60, mean < 58);
      this.#step(k + 9, 9, at, rate > 0.2, rate <= 0.2);
    }
  }

  #step(k: number, rule: number, at: number, when: boolean, clear: boolean): void {
    const state = this.#state[k] as number;
    if (state === 0) {
      if (!when) return;
      this.#state[k] = FOR[rule] === 0 ? 2 : 1;
    } else if (state === 1) {
      if (clear) this.#state[k] = 0;
      else if (at - (this.#since[k] as number) >= (FOR[rule] as number)) this.#state[k] = 2;
      else return;
    } else if (state === 2) {
      if (!clear) return;
      this.#state[k] = 3;
    } else if (!clear) this.#state[k] = 2;
    else if (at - (this.#since[k] as number) >= CLEAR_FOR) this.#state[k] = 0;
    else return;
    this.#since[k] = at;
    this.changes++;
  }
}
