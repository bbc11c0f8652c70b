/** The calls of alerts: lists, one with its time line, and what people do with it. */
import { alerts as api } from '@village/api';
import { OperationalError, type Severity } from '@village/core';
import {
  type AnyRoute,
  type Call,
  type Caller,
  cursorOf,
  instant,
  list,
  notFound,
  openCursor,
  route,
} from '@village/platform';
import {
  type ChangedAlert,
  type Doer,
  findAlert,
  type Handling,
  listAlerts,
  stepsOf,
} from '@village/rules';
import { areaFor, deviceFor } from '../../http/query.ts';
import { viewAlert, viewStep } from '../../http/view-alert.ts';
import type { Needs } from '../needs.ts';

const doerOf = ({ caller, audited }: Pick<Call, 'caller' | 'audited'>): Doer => ({
  ...{ by: caller.actor, scope: caller.area },
  audited,
});

/** Part of an alert's span. @throws bad-time */
function spanOf(query: { from?: string; to?: string }): { from?: number; to?: number } {
  const from = query.from === undefined ? undefined : instant(query.from, 'from');
  const to = query.to === undefined ? undefined : instant(query.to, 'to');
  if (from !== undefined && to !== undefined && from >= to)
    throw new OperationalError('bad-time', 'to: must be later than from');
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function listRoute(needs: Needs): AnyRoute {
  const { relational, directory, clock } = needs;
  return route(api.list, async ({ caller, query }) => {
    const { limit = 100, cursor, severity, area, device, rule, state, suppressed } = query;
    if (device !== undefined) deviceFor(directory, caller, device);
    const opened = openCursor(cursor, ['number', 'string']) as [number, string] | null;
    const found = await listAlerts(relational, {
      scope: caller.area,
      area: areaFor(directory, caller, area).area.code,
      ...{ device, rule, state, ...spanOf(query) },
      severities: list(severity) as Severity[] | undefined,
      suppressed: suppressed === undefined ? undefined : suppressed === 'yes',
      after: opened === null ? undefined : { beganAt: opened[0], id: opened[1] },
      limit: limit + 1,
    });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const now = clock();
    return {
      items: items.map((one) => viewAlert(needs, caller.area, one, now)),
      next: last === undefined || found.length <= limit ? null : cursorOf(last.began_at, last.id),
    };
  });
}

export function alertRoutes(needs: Needs, handling: Handling): readonly AnyRoute[] {
  const { relational, clock } = needs;
  const detail = async (caller: Caller, alert: ChangedAlert): Promise<api.AlertDetail> => ({
    ...viewAlert(needs, caller.area, alert, clock()),
    timeline: (await stepsOf(relational, alert.id)).map(viewStep),
  });
  return [
    listRoute(needs),
    route(api.one, async ({ caller, params }) =>
      detail(caller, (await findAlert(relational, caller.area, params.id)) ?? notFound('alert')),
    ),
    route(api.acknowledge, async (call) => {
      const { params, body } = call;
      const alert = await handling.acknowledge(doerOf(call), params.id, body.note ?? null);
      return detail(call.caller, alert);
    }),
    route(api.comment, async (call) => {
      const { params, body } = call;
      return detail(call.caller, await handling.comment(doerOf(call), params.id, body.note));
    }),
    route(api.assign, async (call) => {
      const { params, body } = call;
      return detail(call.caller, await handling.assign(doerOf(call), params.id, body.to));
    }),
    route(api.shelve, async (call) => {
      const { params, body } = call;
      const until = body.until === null ? null : instant(body.until, 'until');
      const alert = await handling.shelve(doerOf(call), params.id, until, body.note ?? null);
      return detail(call.caller, alert);
    }),
    route(api.verdict, async (call) => {
      const { params, body } = call;
      const { verdict, cause = null, note = null } = body;
      const alert = await handling.judge(doerOf(call), params.id, verdict, cause, note);
      return detail(call.caller, alert);
    }),
  ];
}
