/**
 * The parts that a file of readings is written in, in the order of the file: by device, and within one by time. A part is so small
 * that it is sorted in memory, and that others have their turn soon.
 */

/** Readings of some devices in a time. */
export interface Part {
  /** In the order of the file. */
  readonly devices: readonly string[];
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
}

/** The two halves of a part, the first one first; null when it is of one device and instant. */
export function halves({ devices, from, to }: Part): readonly [Part, Part] | null {
  if (devices.length > 1) {
    const middle = Math.ceil(devices.length / 2);
    return [
      { devices: devices.slice(0, middle), from, to },
      { devices: devices.slice(middle), from, to },
    ];
  }
  const middle = Math.floor((from + to) / 2);
  if (middle <= from) return null;
  return [
    { devices, from, to: middle },
    { devices, from: middle, to },
  ];
}

/** What is left of a file: gives one part after the other, halved until each is small. */
export class Parts {
  /** The next one last. */
  readonly #left: Part[];
  readonly #rows: (part: Part) => number;
  readonly #rowsMax: number;

  constructor(whole: Part, rows: (part: Part) => number, rowsMax: number) {
    this.#left = [whole];
    this.#rows = rows;
    this.#rowsMax = rowsMax;
  }

  /** The next part, and about how many rows it has; null when there is none. */
  next(): { readonly part: Part; readonly rows: number } | null {
    for (;;) {
      const part = this.#left.pop();
      if (part === undefined) return null;
      const rows = this.#rows(part);
      if (rows <= this.#rowsMax || !this.putBack(part)) return { part, rows };
    }
  }

  /** Has a part come again as two halves; false when it has none. */
  putBack(part: Part): boolean {
    const both = halves(part);
    if (both === null) return false;
    this.#left.push(both[1], both[0]);
    return true;
  }
}
