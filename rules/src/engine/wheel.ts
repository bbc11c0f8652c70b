/** Timers by the second: what is due comes out in order of its second, and of one second in the order in which it was put in. */

/** Seconds that are looked through one by one; of a longer leap the slots that there are. */
const STEPS_MAX = 100_000;

export class Wheel<Entry> {
  readonly #slots = new Map<number, Entry[]>();
  #next = Number.NaN;
  #firing = false;
  size = 0;

  /** Due at an instant, ms; a timer never comes before it. One that is set while timers come is not of the same second. */
  add(due: number, entry: Entry): void {
    const first = Number.isNaN(this.#next) ? -Infinity : this.#next + Number(this.#firing);
    const slot = Math.max(Math.ceil(due / 1000), first);
    const list = this.#slots.get(slot);
    if (list === undefined) this.#slots.set(slot, [entry]);
    else list.push(entry);
    this.size++;
  }

  /** Takes out all that is due by now, one after the other; what is given is to be done with before the next. */
  *due(now: number): Generator<Entry> {
    const last = Math.floor(now / 1000);
    if (Number.isNaN(this.#next)) this.#next = this.#first(last);
    if (last - this.#next > STEPS_MAX) {
      for (let slot = this.#first(last); slot <= last; slot = this.#first(last)) {
        this.#next = slot;
        yield* this.#fire(slot);
      }
      this.#next = last + 1;
      return;
    }
    for (; this.#next <= last; this.#next++) yield* this.#fire(this.#next);
  }

  /** What waits, with the second in which it is due, for a snapshot. */
  *waiting(): Generator<readonly [due: number, entry: Entry]> {
    for (const [slot, list] of this.#slots) for (const entry of list) yield [slot * 1000, entry];
  }

  *#fire(slot: number): Generator<Entry> {
    const list = this.#slots.get(slot);
    if (list === undefined) return;
    this.#slots.delete(slot);
    this.size -= list.length;
    this.#firing = true;
    yield* list;
    this.#firing = false;
  }

  #first(last: number): number {
    let first = last + 1;
    for (const slot of this.#slots.keys()) if (slot < first) first = slot;
    return first;
  }
}
