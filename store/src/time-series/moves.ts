/** Which devices moved or were retired, as system events: readers see it between the readings around it. */
import type { DeviceLocation } from '../archive/contract.ts';
import { locationAt } from '../archive/location.ts';
import type { SystemEvent } from '../journal/contract.ts';

const same = (one: DeviceLocation, other: DeviceLocation): boolean =>
  one.county === other.county && one.township === other.township && one.village === other.village;

/** Compares where devices stand with where they stood. Nothing is told of the first call: it says what is known. */
export class DeviceMoves {
  #before: ReadonlyMap<string, DeviceLocation> | null = null;

  changed(
    locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>,
    at: number,
  ): SystemEvent[] {
    const now = new Map<string, DeviceLocation>();
    for (const [device, given] of locations) {
      const location = locationAt(given, at);
      if (location === undefined) continue;
      const { county, township, village } = location;
      now.set(device, { county, township, village });
    }
    const events: SystemEvent[] = [];
    for (const [subject, from] of this.#before ?? []) {
      const to = now.get(subject);
      if (to === undefined) events.push({ type: 'device-retired', at, subject, detail: { from } });
      else if (!same(from, to))
        events.push({ type: 'device-moved', at, subject, detail: { from, to } });
    }
    this.#before = now;
    return events;
  }
}
