/**
 * Which hours of which devices got rows, and in which group last: what figures have to be computed again. It follows
 * from the groups alone, so it is saved with the journal's snapshot and replayed like the latest values.
 */
import { HOUR } from '@village/core';
import { ROW } from './contract.ts';
import { rowShape } from './group.ts';

/** Entries kept; beyond it the half touched longest ago is dropped. */
export const TOUCHED_MAX = 400_000;
/** Hours fit below this until the year 2209. */
const HOURS = 2 ** 21;

/** The hour that each device touches now is in arrays; hours left behind are in a map. */
export class TouchedHours {
  readonly #max: number;
  #hour = new Int32Array(1024).fill(-1);
  #group = new Float64Array(1024);
  #devices = 0;
  /** device × HOURS + hour → the last group that touched it. */
  #left = new Map<number, number>();
  /** Entries of this group and before may have been dropped. */
  #floor = 0;

  constructor(max = TOUCHED_MAX) {
    this.#max = max;
  }

  #grow(device: number): void {
    const size = Math.max(this.#hour.length * 2, device + 1);
    const hour = new Int32Array(size).fill(-1);
    hour.set(this.#hour);
    this.#hour = hour;
    const group = new Float64Array(size);
    group.set(this.#group);
    this.#group = group;
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
    const before = this.#hour[device]!;
    if (before >= 0) this.#left.set(device * HOURS + before, this.#group[device]!);
    this.#hour[device] = hour;
    this.#group[device] = group;
    this.#left.delete(device * HOURS + hour);
    if (this.#left.size > this.#max) this.#drop();
  }

  #drop(): void {
    const groups = Float64Array.from(this.#left.values()).sort();
    this.#floor = groups[Math.floor(groups.length / 2)]!;
    for (const [key, group] of this.#left) if (group <= this.#floor) this.#left.delete(key);
  }

  #entries(): Float64Array {
    const list = new Float64Array((this.#left.size + this.#devices) * 2);
    let at = 0;
    for (const [key, group] of this.#left) {
      list[at++] = key;
      list[at++] = group;
    }
    for (let device = 0; device < this.#devices; device++) {
      if (this.#hour[device]! < 0) continue;
      list[at++] = device * HOURS + this.#hour[device]!;
      list[at++] = this.#group[device]!;
    }
    return list.subarray(0, at);
  }

  /** What was touched after a group, oldest first, whole groups at a time, at least `limit` when there are so many. */
  since(
    group: number,
    limit: number,
  ): { list: { device: number; hour: number }[]; upTo: number | null; complete: boolean } {
    const entries = this.#entries();
    const found: { device: number; hour: number; group: number }[] = [];
    for (let i = 0; i < entries.length; i += 2)
      if (entries[i + 1]! > group)
        found.push({
          device: Math.floor(entries[i]! / HOURS),
          hour: entries[i]! % HOURS,
          group: entries[i + 1]!,
        });
    found.sort((a, b) => a.group - b.group || a.device - b.device || a.hour - b.hour);
    let end = Math.min(limit, found.length);
    while (end > 0 && end < found.length && found[end]!.group === found[end - 1]!.group) end++;
    const upTo = end < found.length ? found[end - 1]!.group : null;
    return { list: found.slice(0, end), upTo, complete: group >= this.#floor };
  }

  save(): Uint8Array {
    const entries = this.#entries();
    const body = new Float64Array(entries.length + 1);
    body[0] = this.#floor;
    body.set(entries, 1);
    return new Uint8Array(body.buffer);
  }

  restore(body: Uint8Array): void {
    const doubles = new Float64Array(Math.floor(body.byteLength / 8));
    new Uint8Array(doubles.buffer).set(body.subarray(0, doubles.byteLength));
    this.#floor = doubles[0] ?? 0;
    for (let i = 1; i + 1 < doubles.length; i += 2) this.#left.set(doubles[i]!, doubles[i + 1]!);
  }

  /** Nothing is known of what was touched up to this group. */
  suspect(group: number): void {
    this.#floor = Math.max(this.#floor, group);
  }
}
