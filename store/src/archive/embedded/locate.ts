/** New locations of devices: durable first, then in memory; hours that rollups counted elsewhere are computed again. */
import { HOUR, OperationalError } from '@village/core';
import type { DeviceLocation } from '../contract.ts';
import type { ArchiveParts } from './parts.ts';
import { differingSpans, sameSteps, type UnitSteps } from './units.ts';
import type { Span } from './view.ts';

/** As the contract's `locate`. @throws commit-failed */
export function locate(
  archive: ArchiveParts,
  locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>,
): void {
  archive.syncDevices();
  const { db, manifest, locations: books, unitsOf, savedUnitsOf } = archive;
  const plan = books.plan(locations);
  const moved = plan.unitsOf.flatMap((steps, device) =>
    sameSteps(steps, unitsOf[device]!) ? [] : [device],
  );
  const stale = staleHours(archive, moved, plan.unitsOf);
  try {
    db.transaction(() => {
      for (const [code, number] of plan.newAreas) manifest.addArea(number, code);
      for (const device of moved) manifest.setDeviceUnits(device, plan.unitsOf[device]!);
      for (const [layout, hours] of stale)
        for (const hour of hours) manifest.addDirty(layout, hour);
    });
  } catch (cause) {
    const { message } = cause as Error;
    throw new OperationalError('commit-failed', `The log refuses: ${message}`, {
      retry: true,
      cause,
    });
  }
  // Nothing in memory changes before it is durable.
  books.adopt(plan);
  for (const device of moved) {
    unitsOf[device] = plan.unitsOf[device]!;
    savedUnitsOf[device] = plan.unitsOf[device]!;
  }
  for (const [layout, hours] of stale)
    for (const hour of hours) archive.view.addDirty(layout, hour);
  if (moved.some((device) => archive.latest.heard(device))) archive.moves++;
}

/** By layout, the hours of rollups in which a device that was heard is counted in another area now. */
function staleHours(
  archive: ArchiveParts,
  moved: readonly number[],
  unitsOf: readonly UnitSteps[],
): Map<number, Set<number>> {
  const spansOf = new Map<number, Span[]>();
  for (const device of moved) {
    if (!archive.latest.heard(device)) continue;
    const layout = archive.layoutOf[device]!;
    const spans = spansOf.get(layout) ?? [];
    spansOf.set(layout, spans);
    spans.push(...differingSpans(archive.unitsOf[device]!, unitsOf[device]!));
  }
  const stale = new Map<number, Set<number>>();
  for (const [layout, spans] of spansOf) {
    const hours = new Set<number>();
    for (const { first, last } of archive.view.rollups(layout, spans))
      for (const { from, to } of spans) {
        const end = Math.min(to, last + 1);
        for (let hour = Math.floor(Math.max(from, first) / HOUR); hour * HOUR < end; hour++)
          hours.add(hour);
      }
    if (hours.size > 0) stale.set(layout, hours);
  }
  return stale;
}
