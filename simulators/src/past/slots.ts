/** When devices measured in a span that is over, and the pieces in which such a span is sent: newest first. */
import { DAY, HOUR } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { CountyPlan, PlannedDevice } from '../county/county-plan.ts';
import { hashText } from '../county/noise.ts';

/** `from` ≤ time < `to`, ms since 1970. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** At most about as many rows are sent, and of so long a time, before it is noted how far the past has come. */
const ROWS_PER_PIECE = 60_000;
const PIECE_MAX_MS = 12 * HOUR;

/** A device's times: one in each report interval, at a phase of its own. */
export class Slots {
  readonly #everyMs: number;
  readonly #phase: number;

  constructor(device: Pick<PlannedDevice, 'id'>, profile: DeviceProfile, seed: number) {
    this.#everyMs = profile.reportEveryMs;
    this.#phase = hashText(`${seed}/${device.id}/past`) % this.#everyMs;
  }

  #first(at: number): number {
    return Math.ceil((at - this.#phase) / this.#everyMs);
  }

  count({ from, to }: TimeSpan): number {
    return Math.max(0, this.#first(to) - this.#first(from));
  }

  *in({ from, to }: TimeSpan): Generator<number> {
    const end = this.#first(to);
    for (let nth = this.#first(from); nth < end; nth++) yield nth * this.#everyMs + this.#phase;
  }
}

/** The times of each device of a plan, in the order of the plan. */
export function slotsOf(plan: CountyPlan): Slots[] {
  return plan.devices.map((device) => {
    const profile = plan.profiles.get(device.profile);
    if (profile === undefined) throw new Error(`BUG: no profile ${device.profile}`);
    return new Slots(device, profile, plan.seed);
  });
}

export interface Pieces {
  /** What is sent one after the other, the newest first. */
  readonly pieces: readonly TimeSpan[];
  readonly rows: number;
  /** Where what is sent begins; null when nothing is. */
  readonly from: number | null;
}

/** Cuts spans into pieces. Of what is more than `rowsMax` rows the oldest is left out. */
export function cut(slots: readonly Slots[], spans: readonly TimeSpan[], rowsMax: number): Pieces {
  const rowsOf = (span: TimeSpan): number => slots.reduce((sum, one) => sum + one.count(span), 0);
  const perDay = rowsOf({ from: 0, to: DAY });
  const pieceMs = Math.min(
    PIECE_MAX_MS,
    Math.max(HOUR, Math.floor((DAY * ROWS_PER_PIECE) / Math.max(1, perDay))),
  );
  const pieces: TimeSpan[] = [];
  let rows = 0;
  for (const span of [...spans].sort((a, b) => b.to - a.to))
    for (let { to } = span; to > span.from; to -= pieceMs) {
      const piece = { from: Math.max(span.from, to - pieceMs), to };
      const more = rowsOf(piece);
      if (rows + more > rowsMax) return { pieces, rows, from: pieces.at(-1)?.from ?? null };
      pieces.push(piece);
      rows += more;
    }
  return { pieces, rows, from: pieces.at(-1)?.from ?? null };
}
