/** Polygons of areas in the database. */
import type { StoredGeometry } from './contract.ts';
import { chunks, type Db } from './rows.ts';

/** Rows of one statement: a shape is some ten thousand characters. */
const ROWS = 50;

export async function listGeometries(db: Db, areas: readonly string[]): Promise<StoredGeometry[]> {
  const found: StoredGeometry[] = [];
  for (const chunk of chunks(areas))
    found.push(
      ...(await db
        .selectFrom('area_geometry')
        .selectAll()
        .where('area', 'in', chunk)
        .orderBy('area')
        .execute()),
    );
  return found;
}

export async function saveGeometries(db: Db, rows: readonly StoredGeometry[]): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS)
    await db
      .insertInto('area_geometry')
      .values(rows.slice(at, at + ROWS))
      .onConflict((conflict) =>
        conflict.column('area').doUpdateSet((eb) => ({
          shape: eb.ref('excluded.shape'),
          outline: eb.ref('excluded.outline'),
          west: eb.ref('excluded.west'),
          south: eb.ref('excluded.south'),
          east: eb.ref('excluded.east'),
          north: eb.ref('excluded.north'),
          system: eb.ref('excluded.system'),
          review: eb.ref('excluded.review'),
          at: eb.ref('excluded.at'),
          by: eb.ref('excluded.by'),
        })),
      )
      .execute();
}

/** Takes polygons away; says of how many areas. */
export async function removeGeometries(db: Db, areas: readonly string[]): Promise<number> {
  let removed = 0;
  for (const chunk of chunks(areas)) {
    const { numDeletedRows } = await db
      .deleteFrom('area_geometry')
      .where('area', 'in', chunk)
      .executeTakeFirstOrThrow();
    removed += Number(numDeletedRows);
  }
  return removed;
}
