/** Areas, devices, gateways and credentials: every list is cut to the asker's area inside the query. */
import { type Area, type Device, OperationalError } from '@village/core';
import type { Kysely, Selectable } from 'kysely';
import type {
  Credential,
  DeviceImport,
  Gateway,
  GatewayStatus,
  Imported,
  Registry,
  StoredArea,
} from '../contract.ts';
import { isRefusal } from '../faults.ts';
import { inTransaction } from '../transactions.ts';
import type { AreaTable, DeviceTable, RegistryTables } from './tables.ts';

/** Rows of one statement: more would be more values than a statement may have. */
const CHUNK = 200;

function toArea(row: Selectable<AreaTable>): StoredArea {
  return {
    code: row.code,
    level: row.level,
    name: { zh: row.name_zh, en: row.name_en },
    parent: row.parent,
    path: row.path,
    aliases: JSON.parse(row.aliases) as string[],
    validFrom: row.valid_from,
    validTo: row.valid_to,
  };
}

function toDevice(row: Selectable<DeviceTable>): Device {
  return { ...row, options: JSON.parse(row.options) as Device['options'] };
}

function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += CHUNK) yield items.slice(at, at + CHUNK);
}

/** Path of the scope's area; null when there is no such area. */
async function scopePath(db: Kysely<RegistryTables>, scope: string): Promise<string | null> {
  const row = await db
    .selectFrom('area')
    .select('path')
    .where('code', '=', scope)
    .executeTakeFirst();
  return row?.path ?? null;
}

/** All areas in scope, parents before children. */
async function listAreas(db: Kysely<RegistryTables>, scope: string): Promise<StoredArea[]> {
  const path = await scopePath(db, scope);
  if (path === null) return [];
  const rows = await db
    .selectFrom('area')
    .selectAll()
    .where('path', 'like', `${path}%`)
    .orderBy('path')
    .execute();
  return rows.map(toArea);
}

/** Codes of the areas without a parent. */
async function listRoots(db: Kysely<RegistryTables>): Promise<string[]> {
  const rows = await db
    .selectFrom('area')
    .select('code')
    .where('parent', 'is', null)
    .orderBy('code')
    .execute();
  return rows.map((row) => row.code);
}

/** `/county/township/village/` of every area, parents first. @throws area-without-parent */
function pathsOf(parents: ReadonlyMap<string, string | null>): Map<string, string> {
  const paths = new Map<string, string>();
  const pathOf = (code: string, trail: readonly string[]): string => {
    const known = paths.get(code);
    if (known !== undefined) return known;
    const parent = parents.get(code);
    if (parent === undefined || trail.includes(code))
      throw new OperationalError(
        'area-without-parent',
        parent === undefined
          ? `no area has the code ${code}`
          : `the parents of area ${code} form a ring`,
      );
    const path = parent === null ? `/${code}/` : `${pathOf(parent, [...trail, code])}${code}/`;
    paths.set(code, path);
    return path;
  };
  for (const code of parents.keys()) pathOf(code, []);
  return new Map([...paths].sort((a, b) => a[1].length - b[1].length));
}

/** Adds or replaces areas in one transaction; paths of all areas are computed anew, since a township may have moved. */
async function importAreas(db: Kysely<RegistryTables>, areas: readonly Area[]): Promise<Imported> {
  return inTransaction(db, async (trx) => {
    const before = await trx.selectFrom('area').selectAll().execute();
    const rows = new Map<string, AreaTable>(before.map((row) => [row.code, row]));
    let created = 0;
    for (const area of areas) {
      if (!rows.has(area.code)) created++;
      rows.set(area.code, {
        code: area.code,
        level: area.level,
        name_zh: area.name.zh,
        name_en: area.name.en,
        parent: area.parent,
        path: '',
        aliases: JSON.stringify(area.aliases),
        valid_from: area.validFrom,
        valid_to: area.validTo,
      });
    }
    const paths = pathsOf(new Map([...rows].map(([code, row]) => [code, row.parent])));
    const ordered = [...paths].map(([code, path]) => ({ ...(rows.get(code) as AreaTable), path }));
    for (const chunk of chunks(ordered)) {
      await trx
        .insertInto('area')
        .values(chunk)
        .onConflict((conflict) =>
          conflict.column('code').doUpdateSet((eb) => ({
            level: eb.ref('excluded.level'),
            name_zh: eb.ref('excluded.name_zh'),
            name_en: eb.ref('excluded.name_en'),
            parent: eb.ref('excluded.parent'),
            path: eb.ref('excluded.path'),
            aliases: eb.ref('excluded.aliases'),
            valid_from: eb.ref('excluded.valid_from'),
            valid_to: eb.ref('excluded.valid_to'),
          })),
        )
        .execute();
    }
    return { created, updated: areas.length - created };
  });
}

/** Devices in scope by id, those after `page.after`. */
async function listDevices(
  db: Kysely<RegistryTables>,
  scope: string,
  page: { after?: string; limit: number },
): Promise<Device[]> {
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

/** Gateways in scope by id. */
async function listGateways(db: Kysely<RegistryTables>, scope: string): Promise<Gateway[]> {
  const path = await scopePath(db, scope);
  if (path === null) return [];
  return db
    .selectFrom('gateway')
    .innerJoin('area', 'area.code', 'gateway.area')
    .selectAll('gateway')
    .where('area.path', 'like', `${path}%`)
    .orderBy('gateway.id')
    .execute();
}

async function existing(
  trx: Kysely<RegistryTables>,
  table: 'device' | 'gateway',
  ids: readonly string[],
): Promise<number> {
  let count = 0;
  for (const chunk of chunks(ids)) {
    const rows = await trx.selectFrom(table).select('id').where('id', 'in', chunk).execute();
    count += rows.length;
  }
  return count;
}

async function saveGateways(
  trx: Kysely<RegistryTables>,
  gateways: readonly Gateway[],
): Promise<void> {
  for (const chunk of chunks(gateways))
    await trx
      .insertInto('gateway')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          area: eb.ref('excluded.area'),
        })),
      )
      .execute();
}

async function saveDevices(trx: Kysely<RegistryTables>, devices: readonly Device[]): Promise<void> {
  for (const chunk of chunks(devices)) {
    await trx
      .insertInto('device')
      .values(chunk.map((device) => ({ ...device, options: JSON.stringify(device.options) })))
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
        })),
      )
      .execute();
  }
}

async function saveCredentials(
  trx: Kysely<RegistryTables>,
  credentials: readonly Credential[],
): Promise<void> {
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

/** Adds or replaces devices, gateways and credentials in one transaction. */
async function importDevices(db: Kysely<RegistryTables>, batch: DeviceImport): Promise<Imported> {
  return inTransaction(db, async (trx) => {
    const updated =
      (await existing(
        trx,
        'device',
        batch.devices.map((device) => device.id),
      )) +
      (await existing(
        trx,
        'gateway',
        batch.gateways.map((gateway) => gateway.id),
      ));
    await saveGateways(trx, batch.gateways);
    await saveDevices(trx, batch.devices);
    await saveCredentials(trx, batch.credentials);
    return { created: batch.devices.length + batch.gateways.length - updated, updated };
  });
}

/** Remembers what a gateway said of itself last. */
async function saveGatewayStatus(db: Kysely<RegistryTables>, status: GatewayStatus): Promise<void> {
  await db
    .insertInto('gateway_status')
    .values({ ...status, online: status.online ? 1 : 0, body: JSON.stringify(status.body) })
    .onConflict((conflict) =>
      conflict.column('gateway').doUpdateSet((eb) => ({
        online: eb.ref('excluded.online'),
        at: eb.ref('excluded.at'),
        body: eb.ref('excluded.body'),
      })),
    )
    .execute();
}

/** What every gateway said last. */
async function listGatewayStatuses(db: Kysely<RegistryTables>): Promise<GatewayStatus[]> {
  const rows = await db.selectFrom('gateway_status').selectAll().orderBy('gateway').execute();
  return rows.map((row) => ({
    ...row,
    online: row.online === 1,
    body: JSON.parse(row.body) as Record<string, unknown>,
  }));
}

/** What an import may not contain is told as such, whichever table refused it. */
async function asImport<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new OperationalError('import-conflict', (error as Error).message, { cause: error });
  }
}

/** Areas, devices, gateways and credentials over a database or a transaction. */
export function registry(db: Kysely<RegistryTables>): Registry {
  return {
    areas: (scope) => listAreas(db, scope),
    roots: () => listRoots(db),
    importAreas: (areas) => asImport(importAreas(db, areas)),
    devices: (scope, page) => listDevices(db, scope, page),
    gateways: (scope) => listGateways(db, scope),
    importDevices: (batch) => asImport(importDevices(db, batch)),
    credentials: () => db.selectFrom('credential').selectAll().orderBy('id').execute(),
    saveGatewayStatus: (status) => saveGatewayStatus(db, status),
    gatewayStatuses: () => listGatewayStatuses(db),
  };
}
