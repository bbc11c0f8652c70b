/** Tables of areas, devices and gateways as Kysely sees them, and how they came about. */
import type { AreaLevel } from '@village/core';
import type { RelationalModule } from '@village/store/relational';
import type { Kysely } from 'kysely';

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
}

export interface GatewayTable {
  id: string;
  name: string;
  area: string;
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

/** Never change a migration that was released: add another. */
export const registryModule: RelationalModule = {
  name: 'registry',
  migrations: {
    '0001-places': { up: createPlaces },
    '0002-machines': { up: createMachines },
  },
  formerly: { '0001-places': '0001-places', '0002-machines': '0002-machines' },
};
