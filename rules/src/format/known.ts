/** What a file of rules is checked against: the types of devices that there are, and the standards. */
import { type QuantityId, quantity } from '@village/core';
import type { DeviceProfile, Metric } from '@village/device-profiles';
import type { Standards } from '@village/platform';
import type { Input, Scope } from '../model.ts';

export interface Known {
  readonly profiles: readonly DeviceProfile[];
  readonly standards: Pick<Standards, 'all' | 'find'>;
}

/** The types of devices that a scope may mean; undefined where it names devices alone, whose types nobody knows here. */
export function profilesIn(
  { profiles, kinds }: Pick<Scope, 'profiles' | 'kinds'>,
  known: Known,
): DeviceProfile[] | undefined {
  if (profiles.length === 0 && kinds.length === 0) return undefined;
  return known.profiles.filter(
    ({ id, kind }) =>
      (profiles.length === 0 || profiles.includes(id)) &&
      (kinds.length === 0 || kinds.includes(kind)),
  );
}

/** What an input may be of a type of device; several where that can't be told. */
export const metricsOf = (
  { metric, quantity: of }: Pick<Input, 'metric' | 'quantity'>,
  profile: DeviceProfile,
): Metric[] =>
  profile.metrics.filter((one) => (metric === null ? one.quantity === of : one.key === metric));

/** The quantities that an input is of, by what it says itself or by the types of devices. */
export function quantitiesOf(
  input: Pick<Input, 'metric' | 'quantity'>,
  profiles: readonly DeviceProfile[],
): QuantityId[] {
  if (input.quantity !== null) return [input.quantity];
  const found = profiles.flatMap((profile) =>
    metricsOf(input, profile).map((metric) => metric.quantity),
  );
  return [...new Set(found)];
}

/** A quantity's id, when the text is one. */
export const quantityId = (text: string): QuantityId | null =>
  quantity(text) === undefined ? null : (text as QuantityId);

/** Where a level stands in its file; in a rule the worst is the first. */
export type LevelAt = (level: number) => number;
