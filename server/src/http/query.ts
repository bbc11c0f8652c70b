/** The area or devices that a query asks for, cut to the caller's own. */
import { OperationalError } from '@village/core';
import { type Caller, notFound } from '@village/platform';
import type { AreaNode, DeviceEntry, Directory } from '@village/registry';

/** The area asked for, or the caller's own. @throws not-found when it is not in the caller's scope */
export function areaFor(directory: Directory, caller: Caller, code: string | undefined): AreaNode {
  return directory.area(caller.area, code ?? caller.area) ?? notFound('area');
}

/** The device asked for. @throws not-found when it is not in the caller's scope */
export function deviceFor(directory: Directory, caller: Caller, id: string): DeviceEntry {
  return directory.entry(caller.area, id) ?? notFound('device');
}

/** The devices asked for: one, or all of an area, the caller's own when none is named. @throws bad-request not-found */
export function devicesFor(
  directory: Directory,
  caller: Caller,
  query: { device?: string; area?: string },
): readonly DeviceEntry[] {
  if (query.device === undefined) return areaFor(directory, caller, query.area).entries;
  if (query.area !== undefined)
    throw new OperationalError('bad-request', 'give either device or area, not both');
  return [deviceFor(directory, caller, query.device)];
}
