/** What has been seen of the gateways' sequence numbers: the highest of each outbox and the numbers missing below it. */
import type { SequenceState } from './contract.ts';

/** Outboxes remembered for one gateway; a new one begins when its disk is replaced. */
const EPOCHS_MAX = 8;
/** Missing ranges remembered for one outbox; beyond that the lowest is forgotten. */
const GAPS_MAX = 1_000;

interface Outbox {
  epoch: string;
  highest: number;
  gaps: [number, number][];
}

/** Takes numbers out of ascending inclusive ranges. */
function without(gaps: readonly [number, number][], from: number, to: number): [number, number][] {
  const rest: [number, number][] = [];
  for (const gap of gaps) {
    if (gap[1] < from || gap[0] > to) {
      rest.push(gap);
      continue;
    }
    if (gap[0] < from) rest.push([gap[0], from - 1]);
    if (gap[1] > to) rest.push([to + 1, gap[1]]);
  }
  return rest;
}

/** The sequence numbers of all gateways. Noting the same number twice changes nothing. */
export class Sequences {
  #gateways = new Map<string, Outbox[]>();

  #outbox(gateway: string, epoch: string): Outbox {
    let outboxes = this.#gateways.get(gateway);
    if (outboxes === undefined) {
      outboxes = [];
      this.#gateways.set(gateway, outboxes);
    }
    let outbox = outboxes.find((one) => one.epoch === epoch);
    if (outbox === undefined) {
      outbox = { epoch, highest: 0, gaps: [] };
      outboxes.push(outbox);
      if (outboxes.length > EPOCHS_MAX) outboxes.shift();
    }
    return outbox;
  }

  see(gateway: string, epoch: string, seq: number): void {
    const outbox = this.#outbox(gateway, epoch);
    if (seq === outbox.highest + 1) outbox.highest = seq;
    else if (seq > outbox.highest) {
      outbox.gaps.push([outbox.highest + 1, seq - 1]);
      if (outbox.gaps.length > GAPS_MAX) outbox.gaps.shift();
      outbox.highest = seq;
    } else if (outbox.gaps.length > 0) outbox.gaps = without(outbox.gaps, seq, seq);
  }

  /** Numbers given up by the gateway: seen for this purpose, also those above the highest. */
  drop(gateway: string, epoch: string, ranges: readonly (readonly [number, number])[]): void {
    const outbox = this.#outbox(gateway, epoch);
    for (const [from, to] of ranges) {
      if (to < from) continue;
      if (from > outbox.highest + 1) {
        outbox.gaps.push([outbox.highest + 1, from - 1]);
        if (outbox.gaps.length > GAPS_MAX) outbox.gaps.shift();
      }
      outbox.gaps = without(outbox.gaps, from, to);
      outbox.highest = Math.max(outbox.highest, to);
    }
  }

  of(gateway: string): SequenceState[] {
    return (this.#gateways.get(gateway) ?? []).map((outbox) => ({
      epoch: outbox.epoch,
      highest: outbox.highest,
      gaps: outbox.gaps.map(([from, to]) => [from, to] as const),
    }));
  }

  save(): string {
    return JSON.stringify([...this.#gateways]);
  }

  restore(text: string): void {
    this.#gateways = new Map(JSON.parse(text) as [string, Outbox[]][]);
  }
}
