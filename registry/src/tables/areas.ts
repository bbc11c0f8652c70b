/** Areas in the database, and the end of their service: every list is cut to the asker's area inside the query. */
import { type Area, OperationalError } from '@village/core';
import { inTransaction } from '@village/store/relational';
import { type Selectable, sql } from 'kysely';
import type { AreaDependents, AreaRetirement, Imported, StoredArea } from './contract.ts';
import { chunks, type Db, scopePath } from './rows.ts';
import type { AreaTable } from './schema.ts';
import { bumpVersion } from './version.ts';

export function toArea(row: Selectable<AreaTable>): StoredArea {
  return {
    code: row.code,
    level: row.level,
    name: { zh: row.name_zh, en: row.name_en },
    parent: row.parent,
    path: row.path,
    aliases: JSON.parse(row.aliases) as string[],
    validFrom: row.valid_from,
    validTo: row.valid_to,
    retiredAt: row.retired_at,
    retiredReason: row.retired_reason,
  };
}

/** All areas in scope, parents before children. */
export async function listAreas(db: Db, scope: string): Promise<StoredArea[]> {
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
export async function listRoots(db: Db): Promise<string[]> {
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
export async function importAreas(db: Db, areas: readonly Area[]): Promise<Imported> {
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    const before = await trx.selectFrom('area').selectAll().execute();
    const rows = new Map<string, AreaTable>(before.map((row) => [row.code, row]));
    let created = 0;
    for (const area of areas) {
      const known = rows.get(area.code);
      if (known === undefined) created++;
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
        retired_at: known?.retired_at ?? null,
        retired_reason: known?.retired_reason ?? null,
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

/** What is in service and of the area itself. */
export async function areaDependents(db: Db, area: string): Promise<AreaDependents> {
  const count = sql<number | string>`count(*)`.as('count');
  const inService = (table: 'device' | 'gateway') =>
    db
      .selectFrom(table)
      .select(count)
      .where('area', '=', area)
      .where('retired_at', 'is', null)
      .executeTakeFirstOrThrow();
  const below = await db
    .selectFrom('area')
    .select(count)
    .where('parent', '=', area)
    .where('retired_at', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    areas: Number(below.count),
    devices: Number((await inService('device')).count),
    gateways: Number((await inService('gateway')).count),
  };
}

/** Whoever wants to hold its row waits until the transaction ends. @throws not-installed */
export function retireArea(db: Db, { area, at, reason }: AreaRetirement): Promise<void> {
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    const { numUpdatedRows } = await trx
      .updateTable('area')
      .set({ retired_at: at, retired_reason: reason })
      .where('code', '=', area)
      .where('retired_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new OperationalError('not-installed', `${area} is retired already`);
  });
}

/** @throws not-retired */
export function reinstateArea(db: Db, area: string): Promise<void> {
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    const { numUpdatedRows } = await trx
      .updateTable('area')
      .set({ retired_at: null, retired_reason: null })
      .where('code', '=', area)
      .where('retired_at', 'is not', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new OperationalError('not-retired', `${area} is in service`);
  });
}

/** Writes what is there already: whoever would retire it waits until the transaction ends. @throws area-retired */
export async function holdArea(trx: Db, area: string): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('area')
    .set({ retired_at: null })
    .where('code', '=', area)
    .where('retired_at', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new OperationalError('area-retired', `${area} is retired`);
}
