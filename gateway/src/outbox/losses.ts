/** What an outbox lost: readings by cause and the batch numbers that went with them. */

/** Ranges of lost numbers kept; beyond it the two lowest are joined over what lies between them. */
const RANGES_MAX = 500;

export class LossLedger {
  readonly readings: Map<string, number>;
  /** Inclusive, lowest first. */
  readonly ranges: [number, number][];

  constructor(
    readings: ReadonlyMap<string, number>,
    ranges: readonly (readonly [number, number])[],
  ) {
    this.readings = new Map(readings);
    this.ranges = ranges.map(([from, to]) => [from, to]);
  }

  copy(): LossLedger {
    return new LossLedger(this.readings, this.ranges);
  }

  count(cause: string, readings: number): void {
    if (readings > 0) this.readings.set(cause, (this.readings.get(cause) ?? 0) + readings);
  }

  /**
   * Adds a lost number. `joins` says that every number between the highest range and it was delivered or lost, so that one
   * range may cover them all.
   */
  number(seq: number, joins: boolean): void {
    const ranges = this.ranges;
    const last = ranges.at(-1);
    if (last !== undefined && seq > last[1] && (joins || last[1] + 1 === seq)) last[1] = seq;
    else ranges.push([seq, seq]);
    ranges.sort((a, b) => a[0] - b[0]);
    const [first, second] = ranges;
    if (ranges.length > RANGES_MAX && first !== undefined && second !== undefined)
      ranges.splice(0, 2, [first[0], second[1]]);
  }
}
