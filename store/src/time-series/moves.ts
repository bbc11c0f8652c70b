/** Which devices moved or were retired, as system events: readers see it between the readings around it. */
import type { DeviceLocation } from '../archive/contract.ts';
import { locationAt } from '../archive/location.ts';
import type { SystemEvent } from '../journal/contract.ts';

const same = (one: DeviceLocation, other: DeviceLocation): boolean =>
  one.county === other.county && one.township === other.township && one.village === other.village;

/** A location without the time from which it holds. */
const placeOf = ({ county, township, village }: DeviceLocation): DeviceLocation => ({
  county,
  township,
  village,
});

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
      if (location !== undefined) now.set(device, location);
    }
    const events: SystemEvent[] = [];
    for (const [subject, before] of this.#before ?? []) {
      const after = now.get(subject);
      if (after !== undefined && same(before, after)) continue;
      const from = placeOf(before);
      if (after === undefined)
        events.push({ type: 'device-retired', at, subject, detail: { from } });
      else events.push({ type: 'device-moved', at, subject, detail: { from, to: placeOf(after) } });
    }
    this.#before = now;
    return events;
  }
}
