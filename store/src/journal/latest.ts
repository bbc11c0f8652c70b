/**
 * The newest value of each metric of each device, in typed arrays, and what must be known of a device's past: the newest
 * event time of all its rows tells whether a row can be a repetition, the oldest from when on rows are expected.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { OperationalError, qualityWord } from '@village/core';
import { type LatestValue, METRICS_PER_QUALITY_WORD, ROW, ROW_FLAG } from './contract.ts';
import { rowShape } from './group.ts';

const MAGIC = 0x32545356;
/** Doubles of a device in a snapshot, before those of its metrics: number, last seen, newest and oldest event time. */
const HEAD = 4;
/** Snapshots of before had no oldest event time. */
const MAGIC_BEFORE = 0x31545356;

/** Arrays of one layout; a device has a slot, a slot has one cell for each metric. */
class Cells {
  metrics = 0;
  slots = 0;
  devices = new Int32Array(0);
  at = new Float64Array(0);
  value = new Float64Array(0);
  receivedAt = new Float64Array(0);
  code = new Uint8Array(0);

  /** Makes room for so many slots and metrics; cells never written have time NaN. */
  fit(slots: number, metrics: number): void {
    const capacity = this.devices.length;
    if (slots <= capacity && metrics === this.metrics) return;
    const larger = slots <= capacity ? capacity : Math.max(64, capacity * 2, slots);
    const old = { at: this.at, value: this.value, receivedAt: this.receivedAt, code: this.code };
    const before = this.metrics;
    this.at = new Float64Array(larger * metrics).fill(Number.NaN);
    this.value = new Float64Array(larger * metrics);
    this.receivedAt = new Float64Array(larger * metrics);
    this.code = new Uint8Array(larger * metrics);
    for (let slot = 0; slot < this.slots; slot++) {
      const from = slot * before;
      const to = slot * metrics;
      this.at.set(old.at.subarray(from, from + before), to);
      this.value.set(old.value.subarray(from, from + before), to);
      this.receivedAt.set(old.receivedAt.subarray(from, from + before), to);
      this.code.set(old.code.subarray(from, from + before), to);
    }
    const devices = new Int32Array(larger);
    devices.set(this.devices.subarray(0, this.slots));
    this.devices = devices;
    this.metrics = metrics;
  }
}

/** The latest map of all layouts, by dense device number. */
export class Latest {
  #cells: Cells[] = [];
  /** By device number. */
  #slot = new Int32Array(1024).fill(-1);
  #lastSeen = new Float64Array(1024).fill(Number.NaN);
  #newestAt = new Float64Array(1024).fill(Number.NEGATIVE_INFINITY);
  #oldestAt = new Float64Array(1024).fill(Number.POSITIVE_INFINITY);
  #changedAt = new Float64Array(1024);
  #devices = 0;
  #changes = 0;

  #grow(device: number): void {
    const size = Math.max(this.#slot.length * 2, device + 1);
    const grown = (old: Float64Array, fill: number): Float64Array<ArrayBuffer> => {
      const array = new Float64Array(size).fill(fill);
      array.set(old);
      return array;
    };
    const slot = new Int32Array(size).fill(-1);
    slot.set(this.#slot);
    this.#slot = slot;
    this.#lastSeen = grown(this.#lastSeen, Number.NaN);
    this.#newestAt = grown(this.#newestAt, Number.NEGATIVE_INFINITY);
    this.#oldestAt = grown(this.#oldestAt, Number.POSITIVE_INFINITY);
    this.#changedAt = grown(this.#changedAt, 0);
  }

  #slotOf(cells: Cells, device: number): number {
    if (device >= this.#slot.length) this.#grow(device);
    let slot = this.#slot[device]!;
    if (slot < 0) {
      slot = cells.slots;
      cells.fit(slot + 1, cells.metrics);
      cells.devices[slot] = device;
      cells.slots++;
      this.#slot[device] = slot;
      this.#devices = Math.max(this.#devices, device + 1);
    }
    return slot;
  }

  #cellsOf(layout: number, metrics: number): Cells {
    while (this.#cells.length <= layout) this.#cells.push(new Cells());
    const cells = this.#cells[layout]!;
    if (metrics > cells.metrics) cells.fit(cells.slots, metrics);
    return cells;
  }

  /** Takes durable rows of one layout, in the order in which they were put in; returns how many readings they hold. */
  apply(layout: number, metrics: number, rows: Float64Array, count: number): number {
    const cells = this.#cellsOf(layout, metrics);
    const { stride, valuesAt } = rowShape(metrics);
    let readings = 0;
    for (let row = 0, start = 0; row < count; row++, start += stride) {
      const at = rows[start]!;
      const receivedAt = rows[start + ROW.receivedAt]!;
      const head = rows[start + ROW.device]!;
      const device = Math.floor(head / 4);
      const slot = this.#slotOf(cells, device);
      if (at > this.#newestAt[device]!) this.#newestAt[device] = at;
      if (at < this.#oldestAt[device]!) this.#oldestAt[device] = at;
      let changed = false;
      if ((head & ROW_FLAG.backfill) === 0 && !(receivedAt <= this.#lastSeen[device]!)) {
        this.#lastSeen[device] = receivedAt;
        changed = true;
      }
      const first = slot * cells.metrics;
      for (let metric = 0; metric < metrics; metric++) {
        const value = rows[start + valuesAt + metric]!;
        if (Number.isNaN(value)) continue;
        readings++;
        const cell = first + metric;
        if (at < cells.at[cell]!) continue;
        const code = qualityAt(rows, start + ROW.quality, metric);
        if (at === cells.at[cell] && value === cells.value[cell] && code === cells.code[cell])
          continue;
        cells.at[cell] = at;
        cells.value[cell] = value;
        cells.receivedAt[cell] = receivedAt;
        cells.code[cell] = code;
        changed = true;
      }
      if (changed) this.#changedAt[device] = ++this.#changes;
    }
    return readings;
  }

  /** The device was there then, whatever it said. */
  spoke(device: number, receivedAt: number): void {
    if (device >= this.#slot.length) this.#grow(device);
    if (receivedAt <= this.#lastSeen[device]!) return;
    this.#devices = Math.max(this.#devices, device + 1);
    this.#lastSeen[device] = receivedAt;
    this.#changedAt[device] = ++this.#changes;
  }

  /** Appends the device's newest values to `into`; `metrics` are the names of the layout's columns. */
  values(layout: number, device: number, metrics: readonly string[], into: LatestValue[]): void {
    const cells = this.#cells[layout];
    const slot = this.#slot[device] ?? -1;
    if (cells === undefined || slot < 0) return;
    for (let metric = 0; metric < cells.metrics; metric++) {
      const cell = slot * cells.metrics + metric;
      if (Number.isNaN(cells.at[cell]!)) continue;
      into.push({
        metric: metrics[metric]!,
        value: cells.value[cell]!,
        at: cells.at[cell]!,
        receivedAt: cells.receivedAt[cell]!,
        quality: qualityWord(cells.code[cell]!),
      });
    }
  }

  /** When it was heard last: with a live row, or as `spoke` says; NaN when never. */
  lastSeen(device: number): number {
    return this.#lastSeen[device] ?? Number.NaN;
  }

  /** Event time of its newest row, Infinity when that is not known any more; −Infinity when never heard. */
  newestAt(device: number): number {
    return this.#newestAt[device] ?? Number.NEGATIVE_INFINITY;
  }

  /** Event time of its oldest row, −Infinity when that is not known any more; Infinity when never heard. */
  oldestAt(device: number): number {
    return this.#oldestAt[device] ?? Number.POSITIVE_INFINITY;
  }

  /** Rows from before were deleted: nothing is known of a device's time before, and nothing expected. */
  forgetBefore(device: number, before: number): void {
    if (this.oldestAt(device) < before) this.#oldestAt[device] = before;
  }

  /** A copy of the newest event times, by device number. */
  newestTimes(): Float64Array {
    return this.#newestAt.slice(0, this.#devices);
  }

  /** Whether any row of the device was ever taken. */
  heard(device: number): boolean {
    return (this.#slot[device] ?? -1) >= 0;
  }

  changedSince(cursor: number): { devices: number[]; cursor: number } {
    const devices: number[] = [];
    for (let device = 0; device < this.#devices; device++)
      if (this.#changedAt[device]! > cursor) devices.push(device);
    return { devices, cursor: this.#changes };
  }

  /** The map as bytes, one text for each layout, to be written before log rows are deleted. */
  save(): Map<number, Uint8Array> {
    const saved = new Map<number, Uint8Array>();
    for (const [layout, cells] of this.#cells.entries()) {
      if (cells.slots === 0) continue;
      saved.set(layout, saveCells(cells, [this.#lastSeen, this.#newestAt, this.#oldestAt]));
    }
    return saved;
  }

  /**
   * Takes back what `save` gave.
   * @throws snapshot-damaged when the bytes are not what was written.
   */
  restore(layout: number, body: Uint8Array): void {
    const { head, doubles, codes } = readSnapshot(body);
    const cells = this.#cellsOf(layout, head.metrics);
    let at = 0;
    for (let i = 0; i < head.slots; i++) {
      const device = doubles[at]!;
      const slot = this.#slotOf(cells, device);
      this.#lastSeen[device] = doubles[at + 1]!;
      this.#newestAt[device] = doubles[at + 2]!;
      this.#oldestAt[device] = head.doubles < HEAD ? Number.NEGATIVE_INFINITY : doubles[at + 3]!;
      this.#changedAt[device] = ++this.#changes;
      at += head.doubles;
      for (let metric = 0; metric < head.metrics; metric++, at += 3) {
        const cell = slot * cells.metrics + metric;
        cells.at[cell] = doubles[at]!;
        cells.value[cell] = doubles[at + 1]!;
        cells.receivedAt[cell] = doubles[at + 2]!;
        cells.code[cell] = codes[i * head.metrics + metric]!;
      }
    }
  }

  /** After a damaged snapshot: every row of this device may now be a repetition of an archived one, or its first. */
  suspect(device: number): void {
    if (device >= this.#slot.length) this.#grow(device);
    this.#devices = Math.max(this.#devices, device + 1);
    this.#newestAt[device] = Number.POSITIVE_INFINITY;
    this.#oldestAt[device] = Number.NEGATIVE_INFINITY;
  }
}

/** The quality code of a metric in a row whose first quality word is at `wordsAt`. */
export function qualityAt(rows: Float64Array, wordsAt: number, metric: number): number {
  const word = rows[wordsAt + Math.floor(metric / METRICS_PER_QUALITY_WORD)]!;
  if (word === 0) return 0;
  return Math.floor(word / 16 ** (metric % METRICS_PER_QUALITY_WORD)) % 16;
}

function saveCells(cells: Cells, heads: readonly Float64Array[]): Uint8Array {
  const { metrics, slots } = cells;
  const doubles = new Float64Array(slots * (HEAD + metrics * 3));
  let at = 0;
  for (let slot = 0; slot < slots; slot++) {
    const device = cells.devices[slot]!;
    doubles[at++] = device;
    for (const head of heads) doubles[at++] = head[device]!;
    for (let cell = slot * metrics, end = cell + metrics; cell < end; cell++, at += 3) {
      doubles[at] = cells.at[cell]!;
      doubles[at + 1] = cells.value[cell]!;
      doubles[at + 2] = cells.receivedAt[cell]!;
    }
  }
  const body = Buffer.alloc(16 + doubles.byteLength + slots * metrics);
  body.writeUInt32LE(MAGIC, 0);
  body.writeUInt32LE(metrics, 8);
  body.writeUInt32LE(slots, 12);
  body.set(new Uint8Array(doubles.buffer), 16);
  body.set(cells.code.subarray(0, slots * metrics), 16 + doubles.byteLength);
  body.writeUInt32LE(crc32(body.subarray(8)), 4);
  return body;
}

function readSnapshot(body: Uint8Array): {
  head: { metrics: number; slots: number; doubles: number };
  doubles: Float64Array;
  codes: Uint8Array;
} {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const magic = buffer.length >= 16 ? buffer.readUInt32LE(0) : 0;
  const whole =
    (magic === MAGIC || magic === MAGIC_BEFORE) &&
    buffer.readUInt32LE(4) === crc32(buffer.subarray(8));
  if (!whole)
    throw new OperationalError('snapshot-damaged', 'The snapshot of the latest values is damaged.');
  const metrics = buffer.readUInt32LE(8);
  const slots = buffer.readUInt32LE(12);
  const headDoubles = magic === MAGIC ? HEAD : HEAD - 1;
  const doubles = new Float64Array(slots * (headDoubles + metrics * 3));
  const end = 16 + doubles.byteLength;
  assert(buffer.length === end + slots * metrics, 'BUG: a whole snapshot has the wrong length');
  new Uint8Array(doubles.buffer).set(buffer.subarray(16, end));
  return { head: { metrics, slots, doubles: headDoubles }, doubles, codes: buffer.subarray(end) };
}
