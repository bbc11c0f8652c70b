/** What held of a device over time, as figures need it: which equipment measured what how often, and what was said of it. */
import { createHash } from 'node:crypto';
import type { QuantityId } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Installation, Property } from '@village/registry';
import type { Span } from './days.ts';

/** A stretch of time in which one metric measured a quantity. */
export interface Measured extends Span {
  readonly metric: string;
  readonly reportEveryMs: number;
}

interface Stretch extends Span {
  readonly profile: DeviceProfile;
}

/** One device. */
export class Circumstances {
  readonly device: string;
  /** The same as long as the same holds: a figure that was computed under another one has to be computed again. */
  readonly digest: string;
  readonly #stretches: readonly Stretch[];
  readonly #attributes: readonly Property[];

  constructor(
    device: string,
    profiles: ReadonlyMap<string, DeviceProfile>,
    installations: readonly Pick<Installation, 'profile' | 'since'>[],
    properties: readonly Property[],
  ) {
    this.device = device;
    // Each piece of equipment counts until the next: readings that came late are of the one that stood there.
    this.#stretches = installations.flatMap(({ profile: id, since }, n) => {
      const profile = profiles.get(id);
      const from = n === 0 ? Number.NEGATIVE_INFINITY : since;
      const to = installations[n + 1]?.since ?? Number.POSITIVE_INFINITY;
      return profile === undefined || from >= to ? [] : [{ profile, from, to }];
    });
    this.#attributes = properties.filter(({ kind }) => kind === 'attribute');
    const held = [
      this.#stretches.map(({ profile, from, to }) => [
        String(from),
        String(to),
        profile.id,
        profile.reportEveryMs,
        profile.metrics.map(({ key, quantity, span }) => [key, quantity, span]),
      ]),
      this.#attributes.map(({ key, value, since, until }) => [key, value, since, until]),
    ];
    this.digest = createHash('sha256')
      .update(JSON.stringify(held))
      .digest('base64url')
      .slice(0, 22);
  }

  /** What measured a quantity and when, in order of time. Means of a data logger are no instants and are left out. */
  measured(quantity: QuantityId): Measured[] {
    return this.#stretches.flatMap(({ profile, from, to }) => {
      const own = profile.metrics.filter(
        (metric) => metric.quantity === quantity && metric.span === 'instant',
      );
      // Two sensors of one quantity: nobody said which one the figure is of.
      if (own.length !== 1) return [];
      return own.map(({ key: metric }) => ({
        metric,
        from,
        to,
        reportEveryMs: profile.reportEveryMs,
      }));
    });
  }

  attribute(key: string, at: number): string | number | undefined {
    return this.#attributes.find(
      (one) => one.key === key && one.since <= at && (one.until === null || at < one.until),
    )?.value;
  }
}
