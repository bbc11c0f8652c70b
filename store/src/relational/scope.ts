/** Conditions inside a query: the asker's area, and parts of texts. What is not wanted never leaves the database. */
import { type Expression, type SqlBool, sql } from 'kysely';

/**
 * Holds for rows whose area lies in `scope` or below, by the present tree; for none when there is no such area. `column`
 * is the reference to the row's area, as `case.area`.
 */
export function areaWithin(column: string, scope: string): Expression<SqlBool> {
  return sql<SqlBool>`${sql.ref(column)} in (
    select below.code from area as below, area as top
    where top.code = ${scope} and substr(below.path, 1, length(top.path)) = top.path)`;
}

/** Holds for rows of which one of the columns contains the text, whatever its capitals (of Latin letters). */
export function contains(columns: readonly string[], text: string): Expression<SqlBool> {
  const pattern = `%${text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
  const some = columns.map((column) => sql`lower(${sql.ref(column)}) like ${pattern} escape '\\'`);
  return sql<SqlBool>`(${sql.join(some, sql` or `)})`;
}
