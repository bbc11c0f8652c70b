/** What stood behind a device's id, where, and since when; replacing and retiring. */
import { HOUR, OperationalError } from '@village/core';
import { inTransaction, isRefusal } from '@village/store/relational';
import { sql } from 'kysely';
import type {
  DeviceImport,
  Installation,
  LocationSince,
  Replacement,
  Retirement,
} from './contract.ts';
import { chunks, type Db } from './rows.ts';
import { bumpVersion } from './version.ts';

export async function listInstallations(db: Db, device: string): Promise<Installation[]> {
  return db
    .selectFrom('installation')
    .select(['serial', 'profile', 'address', 'since', 'until', 'by', 'reason'])
    .where('device', '=', device)
    .orderBy('since')
    .execute();
}

export async function listLocations(db: Db, device: string): Promise<LocationSince[]> {
  return db
    .selectFrom('device_location')
    .select(['area', 'since', 'by'])
    .where('device', '=', device)
    .orderBy('since')
    .execute();
}

/** The places of every device that has stood in more than one. */
export async function listMoves(db: Db): Promise<Map<string, LocationSince[]>> {
  const rows = await db
    .selectFrom('device_location')
    .select(['device', 'area', 'since', 'by'])
    .where('device', 'in', (eb) =>
      eb.selectFrom('device_location').select('device').where('since', '>', 0),
    )
    .orderBy('device')
    .orderBy('since')
    .execute();
  const moves = new Map<string, LocationSince[]>();
  for (const { device, ...location } of rows) {
    const known = moves.get(device);
    if (known === undefined) moves.set(device, [location]);
    else known.push(location);
  }
  return moves;
}

/** What an import needs to know of the devices that are there already. */
export interface Before {
  readonly area: string;
  readonly profile: string;
  readonly retiredAt: number | null;
}

/** The devices of an import as they stand, by id. */
export async function devicesBefore(trx: Db, ids: readonly string[]): Promise<Map<string, Before>> {
  const before = new Map<string, Before>();
  for (const chunk of chunks(ids)) {
    const rows = await trx
      .selectFrom('device')
      .select(['id', 'area', 'profile', 'retired_at'])
      .where('id', 'in', chunk)
      .execute();
    for (const { id, area, profile, retired_at } of rows)
      before.set(id, { area, profile, retiredAt: retired_at });
  }
  return before;
}

/** Devices whose last installation ended, or can end, only after that time, since the clock was set back: with the time that it did. */
async function endedAfter(
  trx: Db,
  devices: readonly string[],
  at: number,
): Promise<ReadonlyMap<string, number>> {
  if (devices.length === 0) return new Map();
  const last = sql<number>`max(coalesce(until, since + 1))`;
  const rows = await trx
    .selectFrom('installation')
    .select(['device', last.as('last')])
    .where('device', 'in', devices)
    .groupBy('device')
    .having(last, '>', at)
    .execute();
  return new Map(rows.map((row) => [row.device, Number(row.last)]));
}

/**
 * Writes into the histories what an import changed. A new device stands where it stands from the beginning, since its
 * readings may be older than its registration; a move counts from the begin of the present hour.
 */
export async function noteImport(
  trx: Db,
  { devices, at, by }: DeviceImport,
  before: ReadonlyMap<string, Before>,
): Promise<void> {
  const hour = Math.floor(at / HOUR) * HOUR;
  const moved = devices.filter(({ id, area }) => before.get(id)?.area !== area);
  for (const chunk of chunks(moved))
    await trx
      .insertInto('device_location')
      .values(
        chunk.map(({ id, area }) => ({
          device: id,
          since: before.has(id) ? hour : 0,
          area,
          by,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['device', 'since']).doUpdateSet((eb) => ({
          area: eb.ref('excluded.area'),
          by: eb.ref('excluded.by'),
        })),
      )
      .execute();
  const changed = devices.filter(({ id, profile }) => {
    const known = before.get(id);
    return known === undefined || known.retiredAt !== null || known.profile !== profile;
  });
  for (const chunk of chunks(changed)) {
    const known = chunk.flatMap(({ id }) => (before.has(id) ? [id] : []));
    const later = await endedAfter(trx, known, at);
    const end = (ids: readonly string[], until: number): Promise<unknown> =>
      trx
        .updateTable('installation')
        .set({ until, reason: 'imported with another profile' })
        .where('device', 'in', ids)
        .where('until', 'is', null)
        .execute();
    for (const [id, until] of later) await end([id], until);
    const others = known.filter((id) => !later.has(id));
    if (others.length > 0) await end(others, at);
    await trx
      .insertInto('installation')
      .values(
        chunk.map(({ id, profile, address }) => ({
          device: id,
          since: later.get(id) ?? at,
          until: null,
          serial: null,
          profile,
          address,
          by,
          reason: null,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['device', 'since']).doUpdateSet((eb) => ({
          until: null,
          profile: eb.ref('excluded.profile'),
          address: eb.ref('excluded.address'),
          by: eb.ref('excluded.by'),
          reason: null,
        })),
      )
      .execute();
  }
}

/** Ends the present installation. @throws not-installed, replaced-later */
async function endInstallation(
  trx: Db,
  { device, at, reason }: { device: string; at: number; reason: string | null },
): Promise<{ address: string }> {
  const row = await trx
    .selectFrom('device')
    .innerJoin('installation', 'installation.device', 'device.id')
    .select(['device.address', 'installation.since'])
    .where('device.id', '=', device)
    .where('device.retired_at', 'is', null)
    .where('installation.until', 'is', null)
    .executeTakeFirst();
  if (row === undefined)
    throw new OperationalError(
      'not-installed',
      `${device} is retired: reinstate it to use it again`,
    );
  if (at <= row.since)
    throw new OperationalError('replaced-later', `${device} was installed at that time or later`);
  await trx
    .updateTable('installation')
    .set({ until: at, reason })
    .where('device', '=', device)
    .where('until', 'is', null)
    .execute();
  return { address: row.address };
}

export function replaceDevice(db: Db, replacement: Replacement): Promise<void> {
  const { device, serial, profile, hash, at, by } = replacement;
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    const ended = await endInstallation(trx, replacement);
    const { address = ended.address } = replacement;
    await trx
      .insertInto('installation')
      .values({ device, since: at, until: null, serial, profile, address, by, reason: null })
      .execute();
    try {
      await trx.updateTable('device').set({ profile, address }).where('id', '=', device).execute();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      throw new OperationalError('address-taken', `another ${profile} has the address ${address}`, {
        cause: error,
      });
    }
    if (hash !== undefined)
      await trx
        .insertInto('credential')
        .values({ id: device, kind: 'device', hash })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ hash }))
        .execute();
  });
}

export function retireDevice(db: Db, retirement: Retirement): Promise<void> {
  const { device, at, reason } = retirement;
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    await endInstallation(trx, retirement);
    await trx
      .updateTable('device')
      .set({ retired_at: at, retired_reason: reason })
      .where('id', '=', device)
      .execute();
    await trx.deleteFrom('credential').where('id', '=', device).execute();
  });
}
