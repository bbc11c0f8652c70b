/** Which devices a rule is for. */
import type { Scope } from '../model.ts';
import type { RuleSubject } from './program-types.ts';

/** Whether a rule is for a device: all that its scope names must be right. */
export function isInScope(
  scope: Scope,
  { id, profile, areas, labels, attributes }: RuleSubject,
): boolean {
  const { profiles, kinds, devices } = scope;
  if (profiles.length > 0 && !profiles.includes(profile.id)) return false;
  if (kinds.length > 0 && !kinds.includes(profile.kind)) return false;
  if (devices.length > 0 && !devices.includes(id)) return false;
  if (scope.areas.length > 0 && !scope.areas.some((area) => areas.includes(area))) return false;
  const labelled = Object.entries(scope.labels).every(([key, values]) =>
    values.includes(labels[key] ?? ''),
  );
  const said = Object.entries(scope.attributes).every(([key, values]) => {
    const value = attributes[key];
    return value !== undefined && values.includes(value);
  });
  return labelled && said;
}

/** Columns of a rule's inputs among a profile's metrics, -1 where it has none; null when the driving one is missing. */
export function columnsOf(
  inputs: readonly { readonly metric: string | null; readonly quantity: string | null }[],
  profile: RuleSubject['profile'],
  metrics: readonly string[],
): Int32Array | null {
  const columns = inputs.map(({ metric, quantity }) => {
    if (metric !== null) return metrics.indexOf(metric);
    const own = profile.metrics.find((one) => one.quantity === quantity);
    return own === undefined ? -1 : metrics.indexOf(own.key);
  });
  return columns[0] === -1 ? null : Int32Array.from(columns);
}
