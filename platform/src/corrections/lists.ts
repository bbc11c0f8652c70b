/** Lists of statements, by pages that read about what they show. */
import { areaWithin, type RelationalAccess } from '@village/store/relational';
import { sql } from 'kysely';
import { joinedRows, type StatementState, type StoredStatement, stored, tables } from './tables.ts';

export interface StatementsQuery {
  /** Code of the area in which the asker sees devices. */
  readonly scope: string;
  readonly device?: string;
  /** Devices that stand in it or below. */
  readonly area?: string;
  readonly by?: string;
  readonly state?: StatementState;
  /** Only those with a lower number. */
  readonly before?: number;
  readonly limit: number;
}

/** Statements of an area that are looked for by its devices; of one with more, going through the newest of all finds enough sooner. */
const BY_DEVICES_MAX = 5_000;

/** As a set of devices, through whose statements a database goes. */
const ofDevicesIn = (area: string) =>
  sql<boolean>`s.device in (select d.id from device as d where ${areaWithin('d.area', area)})`;

/** As something that is looked up of each statement. */
const standsIn = (area: string) => sql<boolean>`exists (
  select 1 from device as d, area as below, area as top
  where d.id = s.device and below.code = d.area and top.code = ${area}
    and substr(below.path, 1, length(top.path)) = top.path)`;

/** Whether an area's devices have few statements; it counts no further than that. */
async function hasFew(
  access: RelationalAccess,
  area: string,
  before: number | undefined,
): Promise<boolean> {
  let some = tables(access)
    .selectFrom('correction_statement as s')
    .select('s.id')
    .where(ofDevicesIn(area))
    .limit(BY_DEVICES_MAX + 1);
  if (before !== undefined) some = some.where('s.id', '<', before);
  const { count } = await tables(access)
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count) <= BY_DEVICES_MAX;
}

/** Statements in scope, newest first. */
export async function listStatements(
  access: RelationalAccess,
  { scope, device, area = scope, by, state, before, limit }: StatementsQuery,
): Promise<StoredStatement[]> {
  let query = joinedRows(access);
  if (area !== scope) query = query.where(standsIn(scope));
  if (device !== undefined)
    query = query.where((eb) => eb.or([eb('s.device', '=', device), eb('s.target', '=', device)]));
  const few = device === undefined && (await hasFew(access, area, before));
  query = query.where(few ? ofDevicesIn(area) : standsIn(area));
  if (by !== undefined) query = query.where('s.by', '=', by);
  if (before !== undefined) query = query.where('s.id', '<', before);
  if (state !== undefined) query = query.where('s.state', '=', state);
  const rows = await query.orderBy('s.id', 'desc').limit(limit).execute();
  return rows.map(stored);
}
