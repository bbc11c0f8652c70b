/** Where a device stands at a time, of the locations that it is given. */
import type { DeviceLocation } from './contract.ts';

/** The location that holds at `at`; undefined when there is none at all. */
export function locationAt(
  given: DeviceLocation | readonly DeviceLocation[],
  at: number,
): DeviceLocation | undefined {
  if (!Array.isArray(given)) return given as DeviceLocation;
  const [first, ...later] = given as readonly DeviceLocation[];
  return later.findLast(({ from }) => from !== undefined && from <= at) ?? first;
}
