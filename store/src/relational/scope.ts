/** The asker's area as a condition inside a query: what lies outside never leaves the database. */
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
