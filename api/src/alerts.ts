/** Alerts: what rules found, how it stands, what happened to it, and what people do with it. */
import {
  ALERT_STEPS,
  ALERT_SUBJECTS,
  FALSE_ALERT_CAUSES,
  SEVERITIES,
  SHELVE_DAYS_MAX,
  SUPPRESSIONS,
  VERDICTS,
} from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  exactly,
  Id,
  Instant,
  Label,
  orNull,
  page,
  pageQuery,
  Time,
  words,
} from './shapes.ts';

/** How an alert is asked for. */
export const FILTERS = ['open', 'active', 'unacknowledged', 'ended'] as const;

const Named = Type.Object({ id: Type.String(), name: orNull(Type.String()) });
const SeverityWord = words(SEVERITIES);

export const Alert = Type.Object({
  id: Type.String(),
  /** What somebody answers to name it while it is open. */
  code: Type.String(),
  /** `title` is null of a rule that is not there any more. */
  rule: Type.Object({ id: Type.String(), title: orNull(Label) }),
  subject: Type.Object({
    kind: words(ALERT_SUBJECTS),
    id: Type.String(),
    name: orNull(Type.String()),
  }),
  /** Of a device, the one that speaks for it. */
  gateway: orNull(Named),
  /** Where its subject stands now. */
  area: orNull(AreaRef),
  /** Codes of the areas in which it stood then, county first. */
  areas: Type.Array(Type.String()),
  severity: SeverityWord,
  worst: SeverityWord,
  /** `active`: its condition holds; `over`: that is over, and it stays open until somebody acknowledges it. */
  state: words(['active', 'over', 'ended']),
  /** It changes too often, and is held open until it is quiet. */
  flapping: Type.Boolean(),
  /** Since when its condition holds, by the device's time. */
  beganAt: Time,
  /** When that had lasted long enough. */
  raisedAt: Time,
  /** When the server knew. */
  openedAt: Time,
  endedAt: orNull(Time),
  closedAt: orNull(Time),
  /** From its begin to its end, or to now. */
  lastedSeconds: Type.Number(),
  /** The metric that it is about, in which unit; null where it is about none. */
  metric: orNull(Type.String()),
  unit: orNull(Type.String()),
  /** Value and limit when it began, or became worse last. */
  value: orNull(Type.Number()),
  limit: orNull(Type.Number()),
  /** Why nobody is told; empty where nothing keeps its news back. */
  suppression: Type.Array(words(SUPPRESSIONS)),
  /** The alert that it comes from, as `rule:subject`. */
  inhibitedBy: orNull(Type.String()),
  acknowledged: orNull(Type.Object({ by: Type.String(), at: Time, note: orNull(Type.String()) })),
  assignedTo: orNull(Type.String()),
  shelvedUntil: orNull(Time),
  verdict: orNull(
    Type.Object({
      verdict: words(VERDICTS),
      cause: orNull(words(FALSE_ALERT_CAUSES)),
      note: orNull(Type.String()),
      by: Type.String(),
      at: Time,
    }),
  ),
  /** How many steps its time line has. */
  steps: Type.Integer(),
});
export type Alert = Static<typeof Alert>;

export const AlertStep = Type.Object({
  /** 1 is its beginning. */
  number: Type.Integer(),
  kind: words(ALERT_STEPS),
  /** By the server's clock. */
  at: Time,
  /** Who did it; null of what the rules found. */
  by: orNull(Type.String()),
  /** When it was so, by the device's time. */
  happenedAt: Type.Optional(Time),
  severity: Type.Optional(SeverityWord),
  value: Type.Optional(Type.Number()),
  limit: Type.Optional(Type.Number()),
  suppression: Type.Optional(Type.Array(words(SUPPRESSIONS))),
  inhibitedBy: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  until: Type.Optional(Time),
  verdict: Type.Optional(words(VERDICTS)),
  cause: Type.Optional(words(FALSE_ALERT_CAUSES)),
  /** It was over already when somebody acknowledged it. */
  over: Type.Optional(Type.Boolean()),
  /** It became worse: somebody has to acknowledge it anew. */
  unacknowledged: Type.Optional(Type.Boolean()),
});
export type AlertStep = Static<typeof AlertStep>;

export const AlertDetail = Type.Object({
  ...Alert.properties,
  /** Oldest first; of very many the first and the newest thousand. */
  timeline: Type.Array(AlertStep),
});
export type AlertDetail = Static<typeof AlertDetail>;

/** Alerts that began, changed or ended. */
export const AlertChanges = Type.Object({
  items: Type.Array(Alert),
  /** More have changed than are told: ask for the list. */
  more: Type.Boolean(),
});
export type AlertChanges = Static<typeof AlertChanges>;

const tags = ['alerts'] as const;
const params = exactly({ id: Id });
/** What somebody says; on several lines when they like. */
const Note = Type.String({ minLength: 1, maxLength: 500 });
const severities = SEVERITIES.join('|');

export const list = endpoint({
  method: 'GET',
  path: '/alerts',
  right: 'alerts.read',
  summary: 'Alerts on what stands in the caller’s area, those that began last first',
  notes:
    '`state`: `open` are those that somebody has to look after: `active`, or over and not acknowledged where the rule asks for that; ' +
    'all when absent. `from` ≤ `beganAt` < `to`. `suppressed`: whether something keeps their news back. ' +
    '`area` is where their subjects stand now',
  tags,
  query: pageQuery({
    state: Type.Optional(words(FILTERS)),
    severity: Type.Optional(
      Type.String({
        pattern: `^(${severities})(,(${severities})){0,3}$`,
        description: 'severities with commas between',
      }),
    ),
    area: Type.Optional(Code),
    device: Type.Optional(Id),
    rule: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    suppressed: Type.Optional(words(['yes', 'no'])),
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
  }),
  answers: { 200: page(Alert) },
});

export const one = endpoint({
  method: 'GET',
  path: '/alerts/{id}',
  right: 'alerts.read',
  summary: 'An alert with its time line',
  tags,
  params,
  answers: { 200: AlertDetail },
});

export const acknowledge = endpoint({
  method: 'POST',
  path: '/alerts/{id}/acknowledge',
  right: 'alerts.acknowledge',
  summary: 'Says “mine”',
  notes:
    'Of two who say it at once the first holds: 409 `already-acknowledged` names who did. It may be over already, as `state` and ' +
    'the step (`over`) tell. It has to be acknowledged anew when it becomes worse',
  tags,
  params,
  body: exactly({ note: Type.Optional(Note) }),
  answers: { 200: AlertDetail },
});

export const comment = endpoint({
  method: 'POST',
  path: '/alerts/{id}/comment',
  right: 'alerts.acknowledge',
  summary: 'Adds something to the time line',
  tags,
  params,
  body: exactly({ note: Note }),
  answers: { 200: AlertDetail },
});

export const assign = endpoint({
  method: 'POST',
  path: '/alerts/{id}/assign',
  right: 'alerts.handle',
  summary: 'Gives it to somebody',
  notes: '`to` is an account whose area it lies in (422 `unknown-person`); null is nobody',
  tags,
  params,
  body: exactly({ to: orNull(Type.String({ minLength: 1, maxLength: 64 })) }),
  answers: { 200: AlertDetail },
});

export const shelve = endpoint({
  method: 'POST',
  path: '/alerts/{id}/shelve',
  right: 'alerts.handle',
  summary: 'Puts it aside for a while: nobody is told of it',
  notes:
    `\`until\` lies within ${SHELVE_DAYS_MAX} days (422 \`bad-shelving\`); null ends it. Whoever was told that it began is told when it ends ` +
    'all the same. 409 `alert-over`',
  tags,
  params,
  body: exactly({ until: orNull(Instant), note: Type.Optional(Note) }),
  answers: { 200: AlertDetail },
});

export const verdict = endpoint({
  method: 'POST',
  path: '/alerts/{id}/verdict',
  right: 'alerts.verdict',
  summary: 'Says whether it was right',
  notes:
    '`cause` of a false one and of no other (422 `cause-needed`); with `other` a `note` (422 `note-needed`). Said again it replaces ' +
    'what was said',
  tags,
  params,
  body: exactly({
    verdict: words(VERDICTS),
    cause: Type.Optional(words(FALSE_ALERT_CAUSES)),
    note: Type.Optional(Note),
  }),
  answers: { 200: AlertDetail },
});
