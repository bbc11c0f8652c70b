/** Alerts that somebody may see: those on devices, gateways and areas that stand in their area now, newest first. */
import type { alerts } from '@village/api';
import { bug, type Severity } from '@village/core';
import { areaWithin, type RelationalAccess } from '@village/store/relational';
import { type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { type AlertStepTable, type AlertTable, type AlertTables, alertTables } from './tables.ts';

type Access = Pick<RelationalAccess, 'for'>;

/** How an alert is asked for. */
export type AlertFilter = (typeof alerts.FILTERS)[number];

/** A place in the order of lists: by begin, and by id where that is the same. */
export interface AlertPlace {
  readonly beganAt: number;
  readonly id: string;
}

export interface AlertsQuery {
  /** Code of the area of which the asker sees what stands in it. */
  readonly scope: string;
  /** What stands in it or below. */
  readonly area?: string | undefined;
  readonly device?: string | undefined;
  readonly rule?: string | undefined;
  readonly severities?: readonly Severity[] | undefined;
  readonly state?: AlertFilter | undefined;
  /** Whether something keeps its news back. */
  readonly suppressed?: boolean | undefined;
  /** Began then or later, event time, ms. */
  readonly from?: number | undefined;
  /** Began before. */
  readonly to?: number | undefined;
  readonly after?: AlertPlace | undefined;
  readonly limit: number;
}

/** Of an area with more alerts going through the newest of all finds enough sooner. */
const BY_SUBJECTS_MAX = 5_000;
/** Steps of one alert that are told: the first, and the newest. */
const STEPS_MAX = 1_000;

const TABLES = { device: ['device', 'id'], gateway: ['gateway', 'id'] } as const;

/** Holds for alerts on what stands in an area or below, looked up for each alert. */
export function standsIn(area: string) {
  const of = ([table, key]: (typeof TABLES)[keyof typeof TABLES]) => sql<SqlBool>`exists (
    select 1 from ${sql.table(table)} as s, area as below, area as top
    where s.${sql.ref(key)} = alert.subject and below.code = s.area and top.code = ${area}
      and substr(below.path, 1, length(top.path)) = top.path)`;
  return sql<SqlBool>`case alert.subject_kind
    when 'device' then ${of(TABLES.device)}
    when 'gateway' then ${of(TABLES.gateway)}
    else ${areaWithin('alert.subject', area)} end`;
}

/** The same as a set of subjects, through whose alerts a database goes. Their kinds are not looked at. */
const ofThoseIn = (area: string) =>
  sql<SqlBool>`alert.subject in (
    select d.id from device as d where ${areaWithin('d.area', area)}
    union all select g.id from gateway as g where ${areaWithin('g.area', area)}
    union all select own.code from area as own where ${areaWithin('own.code', area)})`;

async function hasFew(access: Access, area: string): Promise<boolean> {
  const some = alertTables(access)
    .selectFrom('alert')
    .select('alert.id')
    .where(ofThoseIn(area))
    .limit(BY_SUBJECTS_MAX + 1);
  const { count } = await alertTables(access)
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count) <= BY_SUBJECTS_MAX;
}

const inState = (eb: ExpressionBuilder<AlertTables, 'alert'>, state: AlertFilter) => {
  const isOpen = eb('alert.closed_at', 'is', null);
  switch (state) {
    case 'open':
      return isOpen;
    case 'active':
      return eb.and([isOpen, eb('alert.active', '=', 1)]);
    case 'unacknowledged':
      return eb.and([isOpen, eb('alert.acked_by', 'is', null)]);
    case 'ended':
      return eb('alert.closed_at', 'is not', null);
  }
};

export async function listAlerts(access: Access, query: AlertsQuery): Promise<AlertTable[]> {
  const { scope, area = scope, device, rule, severities, state, suppressed, from, to } = query;
  const { after } = query;
  let found = alertTables(access).selectFrom('alert').selectAll('alert').where(standsIn(area));
  if (area !== scope) found = found.where(standsIn(scope));
  if (device !== undefined)
    found = found.where('alert.subject', '=', device).where('alert.subject_kind', '=', 'device');
  // Those that are open are few, and so are those of one device.
  const isNarrow = device !== undefined || (state !== undefined && state !== 'ended');
  if (!isNarrow && (await hasFew(access, area))) found = found.where(ofThoseIn(area));
  if (rule !== undefined) found = found.where('alert.rule', '=', rule);
  if (severities !== undefined) found = found.where('alert.severity', 'in', severities);
  if (state !== undefined) found = found.where((eb) => inState(eb, state));
  if (suppressed !== undefined)
    found = found.where('alert.suppression', suppressed ? '<>' : '=', 0);
  if (from !== undefined) found = found.where('alert.began_at', '>=', from);
  if (to !== undefined) found = found.where('alert.began_at', '<', to);
  if (after !== undefined)
    found = found.where(sql<SqlBool>`(alert.began_at, alert.id) < (${after.beganAt}, ${after.id})`);
  return found
    .orderBy('alert.began_at', 'desc')
    .orderBy('alert.id', 'desc')
    .limit(query.limit)
    .execute();
}

/** An alert in scope; undefined when it lies outside or does not exist, which look the same. */
export const findAlert = (
  access: Access,
  scope: string,
  id: string,
): Promise<AlertTable | undefined> =>
  alertTables(access)
    .selectFrom('alert')
    .selectAll('alert')
    .where('alert.id', '=', id)
    .where(standsIn(scope))
    .executeTakeFirst();

/** The first step and the newest ones, oldest first. */
export async function stepsOf(access: Access, id: string): Promise<AlertStepTable[]> {
  const of = alertTables(access).selectFrom('alert_step').selectAll().where('alert', '=', id);
  const newest = await of.orderBy('number', 'desc').limit(STEPS_MAX).execute();
  const [last] = newest.toReversed();
  if (last === undefined) bug(`the alert ${id} has no beginning`);
  const first = last.number === 1 ? [] : await of.where('number', '=', 1).execute();
  return [...first, ...newest.toReversed()];
}
