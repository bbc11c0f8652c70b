/** Live changes laid over the devices a page shows. */
import type { Device, LatestChange, Value } from '../api/answers.ts';

/** Newest by event time for each metric; what is older than what is shown changes nothing. */
export function mergeValues(
  shown: ReadonlyMap<string, Value>,
  arrived: ReadonlyMap<string, Value>,
): Map<string, Value> {
  const merged = new Map(shown);
  for (const [metric, value] of arrived) {
    const before = merged.get(metric);
    if (before === undefined || before.at <= value.at) merged.set(metric, value);
  }
  return merged;
}

/** The same devices in the same order, those that changed replaced. */
export function mergeLatest(
  devices: readonly Device[],
  changes: readonly LatestChange[],
): readonly Device[] {
  const byDevice = new Map(changes.map((change) => [change.device, change]));
  if (!devices.some((device) => byDevice.has(device.id))) return devices;
  return devices.map((device) => {
    const change = byDevice.get(device.id);
    return change === undefined
      ? device
      : {
          ...device,
          state: change.state,
          lastSeenAt: change.lastSeenAt,
          values: mergeValues(device.values, change.values),
        };
  });
}
