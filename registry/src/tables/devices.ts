/** Devices and credentials in the database, and the import of both with their gateways. */
import type { ClockUse, Device } from '@village/core';
import { inTransaction } from '@village/store/relational';
import { type Selectable, sql } from 'kysely';
import type { Credential, DeviceImport, Imported, StoredDevice } from './contract.ts';
import { expectInService, saveGateways } from './gateways.ts';
import { devicesBefore, noteImport } from './installations.ts';
import { chunks, type Db, scopePath } from './rows.ts';
import type { DeviceTable } from './schema.ts';
import { bumpVersion } from './version.ts';

export function toDevice(row: Selectable<DeviceTable>): StoredDevice {
  const { retired_at, retired_reason, options, ...fields } = row;
  return {
    ...fields,
    options: JSON.parse(options) as Device['options'],
    retiredAt: retired_at,
    retiredReason: retired_reason,
  };
}

/** Devices in scope by id, those after `page.after`. */
export async function listDevices(
  db: Db,
  scope: string,
  page: { after?: string; limit: number },
): Promise<StoredDevice[]> {
  const path = await scopePath(db, scope);
  if (path === null) return [];
  let query = db
    .selectFrom('device')
    .innerJoin('area', 'area.code', 'device.area')
    .selectAll('device')
    .where('area.path', 'like', `${path}%`);
  if (page.after !== undefined) query = query.where('device.id', '>', page.after);
  const rows = await query.orderBy('device.id').limit(page.limit).execute();
  return rows.map(toDevice);
}

async function existingGateways(trx: Db, ids: readonly string[]): Promise<number> {
  let count = 0;
  for (const chunk of chunks(ids)) {
    const rows = await trx.selectFrom('gateway').select('id').where('id', 'in', chunk).execute();
    count += rows.length;
  }
  return count;
}

async function saveDevices(trx: Db, devices: readonly Device[]): Promise<void> {
  for (const chunk of chunks(devices)) {
    await trx
      .insertInto('device')
      .values(
        chunk.map((device) => ({
          ...device,
          options: JSON.stringify(device.options),
          retired_at: null,
          retired_reason: null,
        })),
      )
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          profile: eb.ref('excluded.profile'),
          area: eb.ref('excluded.area'),
          gateway: eb.ref('excluded.gateway'),
          address: eb.ref('excluded.address'),
          options: eb.ref('excluded.options'),
          longitude: eb.ref('excluded.longitude'),
          latitude: eb.ref('excluded.latitude'),
          clock: eb.ref('excluded.clock'),
          retired_at: null,
          retired_reason: null,
        })),
      )
      .execute();
  }
}

/** Credentials by id: those of a page, or all. */
export function listCredentials(
  db: Db,
  page?: { after?: string; limit: number },
): Promise<Credential[]> {
  let query = db.selectFrom('credential').selectAll().orderBy('id');
  if (page !== undefined) query = query.limit(page.limit);
  if (page?.after !== undefined) query = query.where('id', '>', page.after);
  return query.execute();
}

async function saveCredentials(trx: Db, credentials: readonly Credential[]): Promise<void> {
  for (const chunk of chunks(credentials))
    await trx
      .insertInto('credential')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          hash: eb.ref('excluded.hash'),
        })),
      )
      .execute();
}

/** Says what is made of a device's clock. */
export function setClockUse(db: Db, device: string, use: ClockUse): Promise<void> {
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    await trx.updateTable('device').set({ clock: use }).where('id', '=', device).execute();
  });
}

/**
 * Writes addresses in another spelling, also into the present installation; in many transactions where a county has many, since none
 * may take longer than others.
 */
export async function spellAddresses(
  db: Db,
  addresses: readonly { id: string; address: string }[],
): Promise<void> {
  for (const chunk of chunks(addresses)) {
    const given = sql.join(chunk.map(({ id, address }) => sql`(${id}, ${address})`));
    await inTransaction(db, async (trx) => {
      await bumpVersion(trx);
      await sql`update device set address = given.column2 from (values ${given}) as given
        where device.id = given.column1`.execute(trx);
      await sql`update installation set address = given.column2 from (values ${given}) as given
        where installation.device = given.column1 and installation.until is null`.execute(trx);
    });
  }
}

/** Adds or replaces devices, gateways and credentials in one transaction. */
export async function importDevices(db: Db, batch: DeviceImport): Promise<Imported> {
  return inTransaction(db, async (trx) => {
    const { devices, gateways } = batch;
    await bumpVersion(trx);
    const before = await devicesBefore(
      trx,
      devices.map((device) => device.id),
    );
    const gatewaysBefore = await existingGateways(
      trx,
      gateways.map((gateway) => gateway.id),
    );
    const updated = before.size + gatewaysBefore;
    await saveGateways(trx, batch.gateways);
    await expectInService(
      trx,
      devices.flatMap(({ gateway }) => gateway ?? []),
    );
    await saveDevices(trx, batch.devices);
    await noteImport(trx, batch, before);
    await saveCredentials(trx, batch.credentials);
    return { created: devices.length + gateways.length - updated, updated };
  });
}
