/** How an area stands now: its overview, and the stream of what changes. */
import { type Static, Type } from 'typebox';
import { AlertChanges } from './alerts.ts';
import { Latest } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { AreaRef, Code, Counts, exactly, Id, Label } from './shapes.ts';

export const Overview = Type.Object({
  area: AreaRef,
  counts: Counts,
  areas: Type.Array(Type.Object({ ...AreaRef.properties, counts: Counts })),
  quantities: Type.Array(
    Type.Object({
      kind: Type.String(),
      quantity: Type.String(),
      name: Label,
      unit: Type.String(),
      avg: Type.Number(),
      min: Type.Number(),
      max: Type.Number(),
      devices: Type.Integer(),
    }),
  ),
  readingsPerMinute: Type.Number(),
});
export type Overview = Static<typeof Overview>;

/** The devices that changed. */
export const LatestChanges = Type.Object({ items: Type.Array(Latest) });
export type LatestChanges = Static<typeof LatestChanges>;

/** Devices of which other corrections hold than before: whatever was asked of their past has another answer now. */
export const CorrectedDevices = Type.Object({ devices: Type.Array(Type.String()) });
export type CorrectedDevices = Static<typeof CorrectedDevices>;

export const overview = endpoint({
  method: 'GET',
  path: '/overview',
  right: 'readings.read',
  summary: 'How an area stands',
  notes:
    '`areas` are those directly below, `quantities` the newest good values of devices online, one row for each kind of ' +
    'device and quantity, in the order of both lists, without states, counters and directions; `readingsPerMinute` ' +
    'counts the readings (one value of one metric) stored in the last 60 s, of every lane and repeats included; ' +
    '`npm start` prints the same figure',
  tags: ['areas'],
  query: exactly({ area: Type.Optional(Code) }),
  answers: { 200: Overview },
});

export const follow = endpoint({
  method: 'GET',
  path: '/live',
  right: 'readings.read',
  summary: 'Server-sent events of what changes',
  notes:
    '`latest` holds what changed, at most once a second; `corrected` names devices of which other corrections hold than before: ' +
    'their newest values come in `latest`, whatever was asked of their past has another answer now; `alert` holds alerts that began, changed or ended, to whom may see alerts; ' +
    'a comment comes every 15 s',
  tags: ['areas'],
  query: exactly({ area: Type.Optional(Code), device: Type.Optional(Id) }),
  produces: ['text/event-stream'],
  answers: { 200: Type.Unsafe<string>({ type: 'string', description: 'server-sent events' }) },
  stream: {
    latest: LatestChanges,
    corrected: CorrectedDevices,
    counts: Counts,
    alert: AlertChanges,
  },
});
