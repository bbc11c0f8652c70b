/** Where every device stood and when it was in service, for those who ask what there was in an area at a time; histories of many devices at once. */
import { Slices } from '@village/core';
import type { DeviceHistory, DeviceStanding, Installation, Property } from './contract.ts';
import { toProperty } from './properties.ts';
import { chunks, type Db } from './rows.ts';

/** Devices of one page. */
const PAGE = 2_000;

/** Every device, also those retired, by id. */
export async function listStandings(db: Db): Promise<DeviceStanding[]> {
  const standings: DeviceStanding[] = [];
  const slices = new Slices();
  for (let after = ''; ; ) {
    const devices = await db
      .selectFrom('device')
      .select(['id', 'area'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(PAGE)
      .execute();
    const last = devices.at(-1);
    if (last === undefined) return standings;
    const places = await db
      .selectFrom('device_location')
      .select(['device', 'area', 'since'])
      .where('device', '>', after)
      .where('device', '<=', last.id)
      .orderBy('device')
      .orderBy('since')
      .execute();
    const installed = await db
      .selectFrom('installation')
      .select(['device', 'since', 'until'])
      .where('device', '>', after)
      .where('device', '<=', last.id)
      .orderBy('device')
      .orderBy('since')
      .execute();
    const stood = Map.groupBy(places, ({ device }) => device);
    const service = Map.groupBy(installed, ({ device }) => device);
    for (const { id, area } of devices) {
      if (slices.over) await slices.next();
      const own = stood.get(id) ?? [];
      standings.push({
        device: id,
        // What an older version of the server has changed is not in the history.
        places:
          own.at(-1)?.area === area
            ? own.map(({ area: code, since }) => ({ area: code, since }))
            : [{ area, since: 0 }],
        service: (service.get(id) ?? []).map(({ since, until }) => ({ since, until })),
      });
    }
    after = last.id;
  }
}

/** Installations and properties of many devices; of one that is unknown nothing. */
export async function listHistories(
  db: Db,
  devices: readonly string[],
): Promise<Map<string, DeviceHistory>> {
  const found = new Map<string, { installations: Installation[]; properties: Property[] }>();
  for (const id of devices) found.set(id, { installations: [], properties: [] });
  for (const chunk of chunks(devices)) {
    const installed = await db
      .selectFrom('installation')
      .select(['device', 'serial', 'profile', 'address', 'since', 'until', 'by', 'reason'])
      .where('device', 'in', chunk)
      .orderBy('device')
      .orderBy('since')
      .execute();
    for (const { device, ...one } of installed) found.get(device)?.installations.push(one);
    const said = await db
      .selectFrom('property')
      .selectAll()
      .where('owner_kind', '=', 'device')
      .where('owner', 'in', chunk)
      .orderBy('owner')
      .orderBy('kind')
      .orderBy('key')
      .orderBy('since')
      .execute();
    for (const row of said) found.get(row.owner)?.properties.push(toProperty(row));
  }
  return found;
}
