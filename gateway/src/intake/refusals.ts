/** Counts what of the devices' frames was refused, and says which of it is kept as a sample. */
import {
  BoundedMap,
  formatTime,
  HOUR,
  REFUSED_PER_HOUR,
  Sampler,
  WIRE_REFUSALS_MAX,
  type WireRefusals,
} from '@village/core';
import type { RefusedPart } from '@village/device-profiles';

/** Kinds (device, reason, metric) that are counted; of more, the one that was quiet for longest is forgotten. */
const KINDS_MAX = 10_000;

interface Count {
  readonly device: string;
  readonly part: RefusedPart;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export class Refusals {
  readonly #counts = new BoundedMap<string, Count>(KINDS_MAX);
  readonly #sampler = new Sampler(REFUSED_PER_HOUR, HOUR, KINDS_MAX);
  /** Newest last, as far as the status tells them. */
  readonly #newest = new Set<string>();

  /** Counts parts of a device's frame; those of them that are to be kept. */
  count(device: string, parts: readonly RefusedPart[], now: number): RefusedPart[] {
    return parts.filter((part) => {
      const kind = `${device} ${part.reason} ${part.metric}`;
      const { count, firstAt } = this.#counts.get(kind) ?? { count: 0, firstAt: now };
      this.#counts.set(kind, { device, part, count: count + 1, firstAt, lastAt: now });
      this.#newest.delete(kind);
      this.#newest.add(kind);
      if (this.#newest.size > WIRE_REFUSALS_MAX)
        for (const oldest of this.#newest) {
          this.#newest.delete(oldest);
          break;
        }
      return this.#sampler.admit(kind, now);
    });
  }

  /** The newest first. */
  told(): WireRefusals[] {
    return [...this.#newest].reverse().flatMap((kind) => {
      const counted = this.#counts.get(kind);
      if (counted === undefined) return [];
      const { device, part, count, firstAt, lastAt } = counted;
      const { reason, metric, place } = part;
      return [
        {
          device,
          reason,
          metric,
          place,
          count,
          firstAt: formatTime(firstAt),
          lastAt: formatTime(lastAt),
        },
      ];
    });
  }
}
