/** What rules at work are about, and what they are given. */
import type { DeviceProfile } from '@village/device-profiles';
import type { Rule } from '../model.ts';

/** A device, gateway or area as rules see it. */
export interface RuleSubject {
  readonly id: string;
  /** Of a gateway or an area it is one that measures nothing. */
  readonly profile: Pick<
    DeviceProfile,
    'id' | 'kind' | 'metrics' | 'reportEveryMs' | 'silentAfterMs'
  >;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** County, township and village in which it stands. */
  readonly areas: readonly string[];
  readonly gateway: string | null;
  /** When it was registered, ms. */
  readonly registeredAt: number;
}

/**
 * The limit that a rule's standard sets for a device at a time; NaN where it is not known. `temperature` is the water's, ℃, NaN where
 * that is not known.
 */
export type LimitOf = (rule: Rule, subject: RuleSubject, at: number, temperature: number) => number;
