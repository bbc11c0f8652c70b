/** How alerts and what happened to them are told over HTTP. */
import type { alerts as api } from '@village/api';
import { formatTime, QUANTITIES } from '@village/core';
import { type AreaNode, areaRefOf } from '@village/registry';
import {
  type AlertStepTable,
  type ChangedAlert,
  type StepDetail,
  suppressionsOf,
} from '@village/rules';
import type { Needs } from '../modules/needs.ts';

type Known = Pick<Needs, 'directory' | 'rules'>;

const timeOrNull = (at: number | null): string | null => (at === null ? null : formatTime(at));

/** Where the subject stands now, and what it is called; undefined where it is not in scope. */
function standing(
  { directory }: Known,
  scope: string,
  { subject_kind: kind, subject }: ChangedAlert,
): { readonly node: AreaNode; readonly name: string } | undefined {
  if (kind === 'device') {
    const entry = directory.entry(scope, subject);
    return entry && { node: entry.node, name: entry.device.name };
  }
  if (kind === 'gateway') return directory.everyGateway(scope, subject);
  const node = directory.area(scope, subject);
  return node && { node, name: node.area.name.zh };
}

/** The metric that an alert on readings is about, as its device's type has it. */
function measured(
  { directory, rules }: Known,
  { rule, subject_kind: kind, subject }: ChangedAlert,
): Pick<api.Alert, 'metric' | 'unit'> {
  const judged = rules.find(rule)?.subject;
  const profile = kind === 'device' ? directory.known(subject)?.profile : undefined;
  if (judged?.kind !== 'readings' || profile === undefined) return { metric: null, unit: null };
  const [{ metric, quantity }] = judged.inputs;
  const own = profile.metrics.find((one) =>
    metric === null ? one.quantity === quantity : one.key === metric,
  );
  return own === undefined
    ? { metric, unit: null }
    : { metric: own.key, unit: QUANTITIES[own.quantity].unit };
}

/** An alert with the names that an asker of this area may know. */
export function viewAlert(
  known: Known,
  scope: string,
  alert: ChangedAlert,
  now: number,
): api.Alert {
  const { directory, rules } = known;
  const stands = standing(known, scope, alert);
  const gateway =
    alert.subject_kind === 'device'
      ? (directory.known(alert.subject)?.device.gateway ?? null)
      : null;
  const title = rules.find(alert.rule)?.title;
  const { verdict } = alert;
  return {
    ...{ id: alert.id, code: alert.code },
    rule: { id: alert.rule, title: title === undefined ? null : { ...title } },
    subject: { kind: alert.subject_kind, id: alert.subject, name: stands?.name ?? null },
    gateway:
      gateway === null
        ? null
        : { id: gateway, name: directory.everyGateway(scope, gateway)?.name ?? null },
    area: stands === undefined ? null : areaRefOf(stands.node),
    areas: alert.areas.split(' ').filter((code) => code !== ''),
    ...{ severity: alert.severity, worst: alert.worst },
    state: alert.closed_at !== null ? 'ended' : alert.active === 1 ? 'active' : 'over',
    flapping: alert.flapping === 1,
    beganAt: formatTime(alert.began_at),
    raisedAt: formatTime(alert.raised_at),
    openedAt: formatTime(alert.opened_at),
    endedAt: timeOrNull(alert.ended_at),
    closedAt: timeOrNull(alert.closed_at),
    lastedSeconds: Math.max(0, (alert.ended_at ?? now) - alert.began_at) / 1_000,
    ...measured(known, alert),
    ...{ value: alert.value, limit: alert.limit_value },
    suppression: suppressionsOf(alert.suppression),
    inhibitedBy: alert.inhibited_by,
    acknowledged:
      alert.acked_by === null
        ? null
        : { by: alert.acked_by, at: formatTime(alert.acked_at ?? 0), note: alert.ack_note },
    assignedTo: alert.assigned_to,
    shelvedUntil: timeOrNull(alert.shelved_until),
    verdict:
      verdict === null
        ? null
        : {
            ...{ verdict, cause: alert.verdict_cause, note: alert.verdict_note },
            by: alert.verdict_by ?? '',
            at: formatTime(alert.verdict_at ?? 0),
          },
    steps: alert.steps,
  };
}

/** One step of a time line. */
export function viewStep({ number, kind, at, by, detail }: AlertStepTable): api.AlertStep {
  const { at: happenedAt, suppression, until, ...more } = JSON.parse(detail) as StepDetail;
  return {
    ...{ number, kind, at: formatTime(at), by },
    ...(happenedAt === undefined ? {} : { happenedAt: formatTime(happenedAt) }),
    ...(suppression === undefined ? {} : { suppression: [...suppression] }),
    ...(until === undefined ? {} : { until: formatTime(until) }),
    ...more,
  };
}

/** Codes of the areas in which an alert's subject stands now, county first; empty where it stands in none. */
export function areasNow({ directory }: Known, alert: ChangedAlert): string[] {
  const { subject_kind: kind, subject } = alert;
  const code = kind === 'area' ? subject : directory.holder(subject)?.area;
  const node = code === undefined ? undefined : directory.area(code, code);
  return (node?.line ?? []).map(({ area }) => area.code);
}
