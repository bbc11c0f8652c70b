/**
 * Which device spoke under which profiles, in which order they came, and since when: written before the rows that make it
 * so, and read back at each start.
 */
import type { CommittedRows } from '../../journal/contract.ts';
import type { InfluxClient, Point } from './client.ts';
import { identifier } from './client.ts';

const MEASUREMENT = ':registrations';
/** All of them lie at one time, far from any reading, so that no retention meets them. */
const AT = Date.UTC(2200, 0, 1);

export interface Registration {
  readonly device: string;
  readonly profile: string;
  /** The newer registration of a device has the higher number. */
  readonly number: number;
  /** Event time of its first row, or from when on rows are kept. */
  oldest: number;
}

/** The registrations of one database. */
export class Registrations {
  readonly #byDevice = new Map<string, Registration[]>();
  readonly #profiles = new Set<string>();
  readonly #unwritten = new Set<Registration>();
  #next = 1;

  async load(client: InfluxClient): Promise<void> {
    const series = await client.query(
      `SELECT number, oldest FROM ${identifier(MEASUREMENT)} GROUP BY device, profile`,
    );
    const found = series.flatMap(({ tags, values }) =>
      values.map(([, number, oldest]) => ({
        device: tags['device'] ?? '',
        profile: tags['profile'] ?? '',
        number: Number(number),
        oldest: Number(oldest),
      })),
    );
    this.#byDevice.clear();
    this.#unwritten.clear();
    for (const one of found.sort((a, b) => a.number - b.number)) this.#add(one);
  }

  #add(one: Registration): void {
    const list = this.#byDevice.get(one.device);
    if (list === undefined) this.#byDevice.set(one.device, [one]);
    else list.push(one);
    this.#profiles.add(one.profile);
    this.#next = Math.max(this.#next, one.number + 1);
  }

  /** Oldest registration first; empty when the device was never heard. */
  of(device: string): readonly Registration[] {
    return this.#byDevice.get(device) ?? [];
  }

  /** Profiles that any device spoke under. */
  profiles(): readonly string[] {
    return [...this.#profiles];
  }

  /** Notes who is in these rows. */
  note(rows: CommittedRows): void {
    for (let row = 0; row < rows.count; row++) {
      const device = rows.device(row);
      const at = rows.at(row);
      let known = this.of(device).find(({ profile }) => profile === rows.profile);
      if (known === undefined) {
        known = { device, profile: rows.profile, number: this.#next, oldest: at };
        this.#add(known);
        this.#unwritten.add(known);
      }
      if (at >= known.oldest) continue;
      known.oldest = at;
      this.#unwritten.add(known);
    }
  }

  /** Rows from before were deleted: nothing is known of that time, and nothing expected. */
  forgetBefore(before: number): void {
    for (const list of this.#byDevice.values())
      for (const one of list)
        if (one.oldest < before) {
          one.oldest = before;
          this.#unwritten.add(one);
        }
  }

  /** What has to be written before any row that was noted; `written` when it is. What changed meanwhile stays to be written. */
  unwritten(): { readonly points: readonly Point[]; readonly written: () => void } {
    const batch = [...this.#unwritten].map((one) => ({ one, oldest: one.oldest }));
    return {
      points: batch.map(({ one: { device, profile, number }, oldest }) => ({
        measurement: MEASUREMENT,
        tags: { device, profile },
        fields: { number, oldest },
        timestamp: AT,
      })),
      written: () => {
        for (const { one, oldest } of batch) if (one.oldest === oldest) this.#unwritten.delete(one);
      },
    };
  }
}
