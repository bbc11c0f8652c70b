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

const EVER: readonly Span[] = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];

/** One device. */
export class Circumstances {
  readonly device: string;
  readonly #stretches: readonly Stretch[];
  readonly #attributes: readonly Property[];
  readonly #given: ConstructorParameters<typeof Circumstances>;
  /** Made when it is asked for: not all that is cut to an area is kept. */
  #digest: string | undefined;

  constructor(
    device: string,
    profiles: ReadonlyMap<string, DeviceProfile>,
    installations: readonly Pick<Installation, 'profile' | 'since'>[],
    properties: readonly Property[],
    /** What lies outside of these spans counts as if nothing had been measured; in order of time. */
    within: readonly Span[] = EVER,
  ) {
    this.device = device;
    this.#given = [device, profiles, installations, properties, within];
    // Each piece of equipment counts until the next: readings that came late are of the one that stood there.
    this.#stretches = installations.flatMap(({ profile: id, since }, n) => {
      const profile = profiles.get(id);
      const from = n === 0 ? Number.NEGATIVE_INFINITY : since;
      const to = installations[n + 1]?.since ?? Number.POSITIVE_INFINITY;
      if (profile === undefined) return [];
      return within.flatMap((span) => {
        const part = { from: Math.max(from, span.from), to: Math.min(to, span.to) };
        return part.from < part.to ? [{ profile, ...part }] : [];
      });
    });
    this.#attributes = properties.filter(({ kind }) => kind === 'attribute');
  }

  /** The same as long as the same holds: a figure that was computed under another one has to be computed again. */
  get digest(): string {
    this.#digest ??= createHash('sha256')
      .update(
        JSON.stringify([
          this.#stretches.map(({ profile, from, to }) => [
            String(from),
            String(to),
            profile.id,
            profile.reportEveryMs,
            profile.metrics.map(({ key, quantity, span }) => [key, quantity, span]),
          ]),
          this.#attributes.map(({ key, value, since, until }) => [key, value, since, until]),
        ]),
      )
      .digest('base64url')
      .slice(0, 22);
    return this.#digest;
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

  /** The same device as far as it stood somewhere; itself where it always did. */
  within(spans: readonly Span[]): Circumstances {
    const [first] = spans;
    if (first?.from === Number.NEGATIVE_INFINITY && first.to === Number.POSITIVE_INFINITY)
      return this;
    const [device, profiles, installations, properties] = this.#given;
    return new Circumstances(device, profiles, installations, properties, spans);
  }

  /** Stretches of time in which something was said of an attribute. */
  said(key: string): readonly Property[] {
    return this.#attributes.filter((one) => one.key === key);
  }

  attribute(key: string, at: number): string | number | undefined {
    return this.#attributes.find(
      (one) => one.key === key && one.since <= at && (one.until === null || at < one.until),
    )?.value;
  }
}
