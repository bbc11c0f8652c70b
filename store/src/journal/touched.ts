/**
 * Which hours of which devices got rows, and in which group last: what figures have to be computed again. It follows
 * from the groups alone, so it is saved with the journal's snapshot and replayed like the latest values.
 */
import { HOUR } from '@village/core';
import { ROW } from './contract.ts';
import { rowShape } from './group.ts';

/** Entries kept; beyond it those that were left behind first are dropped. */
export const TOUCHED_MAX = 200_000;
/** Hours fit below this until the year 2209. */
const HOURS = 2 ** 21;

/**
 * Each device has the two hours that it touched last, so that live readings and a backlog may take turns; what is left
 * behind goes into a ring, where an hour may stand more than once. All of it is written once a row: nothing is looked up.
 */
export class TouchedHours {
  readonly #max: number;
  /** By dense device number, -1 for none: the hour touched last and the one before. */
  #hour = new Int32Array(1024).fill(-1);
  #group = new Float64Array(1024);
  #hourBefore = new Int32Array(1024).fill(-1);
  #groupBefore = new Float64Array(1024);
  #devices = 0;
  /** Pairs: device × HOURS + hour, and the last group that touched it. */
  #ring = new Float64Array(2 * 1024);
  /** Pairs ever written; the newest `#max` of them are in the ring. */
  #written = 0;
  /** Entries of this group and before may have been dropped. */
  #floor = 0;

  constructor(max = TOUCHED_MAX) {
    this.#max = max;
  }

  #grow(device: number): void {
    const size = Math.max(this.#hour.length * 2, device + 1);
    const hours = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(size).fill(-1);
      grown.set(old);
      return grown;
    };
    const groups = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(old);
      return grown;
    };
    this.#hour = hours(this.#hour);
    this.#group = groups(this.#group);
    this.#hourBefore = hours(this.#hourBefore);
    this.#groupBefore = groups(this.#groupBefore);
  }

  /** Takes the rows of one layout in a group. */
  apply(group: number, metrics: number, rows: Float64Array, count: number): void {
    const { stride } = rowShape(metrics);
    for (let row = 0, start = 0; row < count; row++, start += stride) {
      const hour = Math.floor(rows[start]! / HOUR);
      const device = Math.floor(rows[start + ROW.device]! / 4);
      if (device < this.#devices && this.#hour[device] === hour) this.#group[device] = group;
      else this.#move(device, hour, group);
    }
  }

  #move(device: number, hour: number, group: number): void {
    if (device >= this.#hour.length) this.#grow(device);
    this.#devices = Math.max(this.#devices, device + 1);
    const before = this.#hourBefore[device]!;
    if (before >= 0 && before !== hour)
      this.#push(device * HOURS + before, this.#groupBefore[device]!);
    this.#hourBefore[device] = this.#hour[device]!;
    this.#groupBefore[device] = this.#group[device]!;
    this.#hour[device] = hour;
    this.#group[device] = group;
  }

  #push(key: number, group: number): void {
    const place = (this.#written++ % this.#max) * 2;
    if (place >= this.#ring.length) {
      const grown = new Float64Array(Math.min(this.#ring.length * 2, this.#max * 2));
      grown.set(this.#ring);
      this.#ring = grown;
    }
    if (this.#written > this.#max) this.#floor = Math.max(this.#floor, this.#ring[place + 1]!);
    this.#ring[place] = key;
    this.#ring[place + 1] = group;
  }

  /** The last group that touched each hour of a device, those after `group` only. */
  #entries(group: number): Map<number, number> {
    const found = new Map<number, number>();
    const note = (key: number, at: number): void => {
      if (at > group && at > (found.get(key) ?? group)) found.set(key, at);
    };
    const end = Math.min(this.#written, this.#max) * 2;
    for (let place = 0; place < end; place += 2) note(this.#ring[place]!, this.#ring[place + 1]!);
    for (let device = 0; device < this.#devices; device++) {
      const [hour, before] = [this.#hour[device]!, this.#hourBefore[device]!];
      if (hour >= 0) note(device * HOURS + hour, this.#group[device]!);
      if (before >= 0) note(device * HOURS + before, this.#groupBefore[device]!);
    }
    return found;
  }

  /** What was touched after a group, oldest first, whole groups at a time, at least `limit` when there are so many. */
  since(
    group: number,
    limit: number,
  ): { list: { device: number; hour: number }[]; upTo: number | null; complete: boolean } {
    const found = [...this.#entries(group)].map(([key, at]) => ({
      device: Math.floor(key / HOURS),
      hour: key % HOURS,
      group: at,
    }));
    found.sort((a, b) => a.group - b.group || a.device - b.device || a.hour - b.hour);
    let end = Math.min(limit, found.length);
    while (end > 0 && end < found.length && found[end]!.group === found[end - 1]!.group) end++;
    const upTo = end < found.length ? found[end - 1]!.group : null;
    return { list: found.slice(0, end), upTo, complete: group >= this.#floor };
  }

  /** Oldest first, an hour perhaps more than once: this runs beside acknowledgements and only copies. */
  save(): Uint8Array {
    const kept = Math.min(this.#written, this.#max);
    const oldest = (this.#written > this.#max ? this.#written % this.#max : 0) * 2;
    const body = new Float64Array(1 + kept * 2 + this.#devices * 4);
    body[0] = this.#floor;
    body.set(this.#ring.subarray(oldest, kept * 2), 1);
    body.set(this.#ring.subarray(0, oldest), 1 + kept * 2 - oldest);
    let at = 1 + kept * 2;
    const add = (device: number, hour: number, group: number): void => {
      if (hour < 0) return;
      body[at++] = device * HOURS + hour;
      body[at++] = group;
    };
    for (let device = 0; device < this.#devices; device++) {
      add(device, this.#hourBefore[device]!, this.#groupBefore[device]!);
      add(device, this.#hour[device]!, this.#group[device]!);
    }
    return new Uint8Array(body.buffer, 0, at * 8);
  }

  restore(body: Uint8Array): void {
    const doubles = new Float64Array(Math.floor(body.byteLength / 8));
    new Uint8Array(doubles.buffer).set(body.subarray(0, doubles.byteLength));
    this.#floor = doubles[0] ?? 0;
    for (let i = 1; i + 1 < doubles.length; i += 2) this.#push(doubles[i]!, doubles[i + 1]!);
  }

  /** Nothing is known of what was touched up to this group. */
  suspect(group: number): void {
    this.#floor = Math.max(this.#floor, group);
  }
}
