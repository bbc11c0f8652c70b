/** Tables of areas, devices and gateways as Kysely sees them, and how they came about. */
import type { AreaLevel, ClockUse, CoordinateSystem } from '@village/core';
import type { RelationalModule, SqlEngine } from '@village/store/relational';
import { type Kysely, sql } from 'kysely';

/** What PostgreSQL's NOTIFY is sent on when any of these tables changed. */
export const VERSION_CHANNEL = 'village_registry';

export interface AreaTable {
  code: string;
  level: AreaLevel;
  name_zh: string;
  name_en: string;
  parent: string | null;
  path: string;
  aliases: string;
  valid_from: string | null;
  valid_to: string | null;
  retired_at: number | null;
  retired_reason: string | null;
}

export interface DeviceTable {
  id: string;
  name: string;
  profile: string;
  area: string;
  gateway: string | null;
  address: string;
  options: string;
  longitude: number | null;
  latitude: number | null;
  retired_at: number | null;
  retired_reason: string | null;
  clock: ClockUse;
}

/** Where a device stands from an hour on; the next row of the device ends it. */
export interface DeviceLocationTable {
  device: string;
  /** Milliseconds; 0 is from the beginning. */
  since: number;
  area: string;
  by: string;
}

/** One piece of equipment behind a device's id. */
export interface InstallationTable {
  device: string;
  /** Milliseconds; 0 is from before anybody wrote it down. */
  since: number;
  until: number | null;
  serial: string | null;
  profile: string;
  address: string;
  by: string;
  /** Why it ended. */
  reason: string | null;
}

/** A label or an attribute of a device or area, with its validity; one of `text` and `number` is set. */
export interface PropertyTable {
  owner_kind: 'device' | 'area';
  owner: string;
  kind: 'label' | 'attribute';
  key: string;
  since: number;
  until: number | null;
  text: string | null;
  number: number | null;
  by: string;
}

/** Polygons of an area: coordinates of a MultiPolygon in WGS-84 as JSON, and the same in fewer points. */
export interface AreaGeometryTable {
  area: string;
  shape: string;
  outline: string;
  west: number;
  south: number;
  east: number;
  north: number;
  /** What the file's coordinates were. */
  system: CoordinateSystem;
  /** 审图号; empty when nobody said one. */
  review: string;
  at: number;
  by: string;
}

/** One row, whose number rises with each change to any of these tables. */
export interface VersionTable {
  id: number;
  version: number;
}

export interface GatewayTable {
  id: string;
  name: string;
  area: string;
  retired_at: number | null;
  retired_reason: string | null;
}

export interface GatewayStatusTable {
  gateway: string;
  online: number;
  at: number;
  body: string;
}

export interface CredentialTable {
  id: string;
  kind: 'device' | 'gateway';
  hash: string;
}

export interface RegistryTables {
  area: AreaTable;
  device: DeviceTable;
  gateway: GatewayTable;
  gateway_status: GatewayStatusTable;
  credential: CredentialTable;
  device_location: DeviceLocationTable;
  installation: InstallationTable;
  property: PropertyTable;
  area_geometry: AreaGeometryTable;
  registry_version: VersionTable;
}

async function createPlaces(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('area')
    .addColumn('code', 'text', (c) => c.primaryKey())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('name_zh', 'text', (c) => c.notNull())
    .addColumn('name_en', 'text', (c) => c.notNull())
    .addColumn('parent', 'text', (c) => c.references('area.code'))
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('aliases', 'text', (c) => c.notNull())
    .addColumn('valid_from', 'text')
    .addColumn('valid_to', 'text')
    .execute();
  await db.schema.createIndex('area_path').on('area').column('path').execute();
  await db.schema
    .createTable('gateway')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .execute();
  await db.schema
    .createTable('device')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('gateway', 'text', (c) => c.references('gateway.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('options', 'text', (c) => c.notNull())
    .addColumn('longitude', 'double precision')
    .addColumn('latitude', 'double precision')
    .addUniqueConstraint('device_address', ['profile', 'address'])
    .execute();
  await db.schema.createIndex('device_area').on('device').column('area').execute();
}

async function createMachines(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('credential')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('gateway_status')
    .addColumn('gateway', 'text', (c) => c.primaryKey().references('gateway.id'))
    .addColumn('online', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .execute();
}

/**
 * A retired device frees its address: only those in use must differ. A table's own constraint can't be dropped in SQLite, so
 * the table is made anew on both engines; nothing refers to it yet.
 */
async function letDevicesRetire(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('device_next')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('gateway', 'text', (c) => c.references('gateway.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('options', 'text', (c) => c.notNull())
    .addColumn('longitude', 'double precision')
    .addColumn('latitude', 'double precision')
    .addColumn('retired_at', 'bigint')
    .addColumn('retired_reason', 'text')
    .execute();
  await sql`insert into device_next
    select id, name, profile, area, gateway, address, options, longitude, latitude, null, null from device`.execute(
    db,
  );
  await db.schema.dropTable('device').execute();
  await db.schema.alterTable('device_next').renameTo('device').execute();
  await db.schema.createIndex('device_by_area').on('device').column('area').execute();
  await sql`create unique index device_address_in_use on device (profile, address)
    where retired_at is null`.execute(db);
}

async function createHistories(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('device_location')
    .addColumn('device', 'text', (c) => c.notNull().references('device.id'))
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('device_location_key', ['device', 'since'])
    .execute();
  await db.schema
    .createTable('installation')
    .addColumn('device', 'text', (c) => c.notNull().references('device.id'))
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('until', 'bigint')
    .addColumn('serial', 'text')
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addPrimaryKeyConstraint('installation_key', ['device', 'since'])
    .execute();
  await sql`insert into device_location (device, since, area, "by") select id, 0, area, '' from device`.execute(
    db,
  );
  await sql`insert into installation (device, since, profile, address, "by")
    select id, 0, profile, address, '' from device`.execute(db);
  await db.schema
    .createTable('property')
    .addColumn('owner_kind', 'text', (c) => c.notNull())
    .addColumn('owner', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('since', 'bigint', (c) => c.notNull())
    .addColumn('until', 'bigint')
    .addColumn('text', 'text')
    .addColumn('number', 'double precision')
    .addColumn('by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('property_key', ['owner_kind', 'owner', 'kind', 'key', 'since'])
    .execute();
}

/** PostgreSQL tells whoever listens on VERSION_CHANNEL with the commit; others look at the row. */
async function createVersion(db: Kysely<unknown>, engine: SqlEngine): Promise<void> {
  await db.schema
    .createTable('registry_version')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('version', 'bigint', (c) => c.notNull())
    .execute();
  await sql`insert into registry_version (id, version) values (1, 1)`.execute(db);
  if (engine !== 'postgres') return;
  await sql`create function registry_changed() returns trigger language plpgsql as
    'begin perform pg_notify(''village_registry'', new.version::text); return null; end'`.execute(
    db,
  );
  await sql`create trigger registry_version_changed after update on registry_version
    for each row execute function registry_changed()`.execute(db);
}

async function addClockUse(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('device')
    .addColumn('clock', 'text', (c) => c.notNull().defaultTo('keep'))
    .execute();
}

async function createGeometry(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('area_geometry')
    .addColumn('area', 'text', (c) => c.primaryKey().references('area.code'))
    .addColumn('shape', 'text', (c) => c.notNull())
    .addColumn('outline', 'text', (c) => c.notNull())
    .addColumn('west', 'double precision', (c) => c.notNull())
    .addColumn('south', 'double precision', (c) => c.notNull())
    .addColumn('east', 'double precision', (c) => c.notNull())
    .addColumn('north', 'double precision', (c) => c.notNull())
    .addColumn('system', 'text', (c) => c.notNull())
    .addColumn('review', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .execute();
}

/** SQLite adds one column at a time. */
async function letGatewaysRetire(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('gateway').addColumn('retired_at', 'bigint').execute();
  await db.schema.alterTable('gateway').addColumn('retired_reason', 'text').execute();
}

async function letAreasRetire(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('area').addColumn('retired_at', 'bigint').execute();
  await db.schema.alterTable('area').addColumn('retired_reason', 'text').execute();
}

/** Never change a migration that was released: add another. */
export const registryModule: RelationalModule = {
  name: 'registry',
  migrations: {
    '0001-places': { up: createPlaces },
    '0002-machines': { up: createMachines },
    '0003-retirement': { up: letDevicesRetire },
    '0004-histories': { up: createHistories },
    '0005-version': { up: createVersion },
    '0006-clock': { up: addClockUse },
    '0007-geometry': { up: createGeometry },
    '0008-gateways-retire': { up: letGatewaysRetire },
    '0009-areas-retire': { up: letAreasRetire },
  },
  formerly: { '0001-places': '0001-places', '0002-machines': '0002-machines' },
};
