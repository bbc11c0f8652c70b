/** Lets the first few of a kind through in each span of time, so that a flood is seen and not kept. */
import { BoundedMap } from './bounded-map.ts';

interface Seen {
  readonly span: number;
  readonly count: number;
}

export class Sampler {
  readonly #most: number;
  readonly #spanMs: number;
  readonly #kindsMax: number;
  /** By kind: the span, and how many came in it. */
  readonly #seen: BoundedMap<string, Seen>;
  /** Of kinds that come while too many others of the same span are known: they share what one kind may have. */
  #rest: Seen = { span: Number.NaN, count: 0 };

  /**
   * `most` of a kind in each span. Beyond `kindsMax` the kinds that were quiet for longest are forgotten, but none of the same
   * span: it would begin anew each time it comes.
   */
  constructor(most: number, spanMs: number, kindsMax: number) {
    this.#most = most;
    this.#spanMs = spanMs;
    this.#kindsMax = kindsMax;
    this.#seen = new BoundedMap(kindsMax);
  }

  /** Whether one more of a kind is let through. */
  admit(kind: string, now: number): boolean {
    const span = Math.floor(now / this.#spanMs);
    const known = this.#seen.get(kind);
    const isFull = this.#seen.size >= this.#kindsMax && this.#seen.oldest?.span === span;
    const isOfRest = known === undefined && isFull;
    const seen = isOfRest ? this.#rest : known;
    const count = seen?.span === span ? seen.count : 0;
    const counted = { span, count: Math.min(count, this.#most) + 1 };
    if (isOfRest) this.#rest = counted;
    else this.#seen.set(kind, counted);
    return count < this.#most;
  }
}
