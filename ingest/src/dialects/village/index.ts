/** Our own topics, `village/v1/…`: devices that send the standard reading object, and gateways with their batches. */
import { DAY, parseTime, topics } from '@village/core';
import { repeatedKeys } from '@village/device-profiles/mqtt';
import type { MessageContext } from '../../pipeline/message-context.ts';
import { rejectRowParts } from '../../pipeline/refused-parts.ts';
import {
  integer,
  isAbsent,
  lane as laneOf,
  list,
  object,
  parseJson,
  refuse,
  TOP,
  textIn,
} from '../../pipeline/shape.ts';
import { takeRow, takeRows } from '../../pipeline/wire-rows.ts';
import { type DialectFactory, type DialectServices, dialect, type Reject } from '../dialect.ts';
import { takeRefused } from './refused.ts';
import { checkStatus } from './status.ts';

/** Topics carry the id of who speaks. */
interface Route {
  readonly speaker: 'device' | 'gateway';
  readonly id: string;
  readonly take: Take;
}

type Take = (
  services: DialectServices,
  id: string,
  payload: Buffer,
  context: MessageContext,
  reject: Reject,
) => void;

const PATTERN = /^village\/v1\/([a-z]+)\/([A-Za-z0-9_-]{1,64})\/([a-z]+)$/;

const takeReading: Take = ({ rows }, id, payload, context, reject) => {
  const reading = object(parseJson(payload), '');
  if (!isAbsent(reading['device']) && reading['device'] !== id)
    refuse('not-your-device', 'device', `the topic is that of ${id}`);
  const registered = rows.deviceFor(id, context, TOP);
  const repeated = repeatedKeys(payload, reading);
  const refused = rows.put(registered, reading, context, TOP, () => payload, repeated);
  rejectRowParts(id, reading, refused, 0, reject);
};

/** A clock is set by a hundred years at most. */
const SHIFT_MAX = 100 * 366 * DAY;

const takeBatch: Take = (services, id, payload, context, reject) => {
  const { rows } = services;
  const batch = object(parseJson(payload), '');
  // Rows of a batch are rejected one by one, and run again one by one.
  if (context.sender.kind === 'rerun' && isAbsent(batch['readings']))
    return takeRow(rows, batch, context.asRow(), reject, payload);
  const epoch = textIn(batch, 'epoch', TOP, 64);
  const seq = integer(batch['seq'], 'seq', 1);
  const lane = laneOf(batch['lane'], 'lane');
  const readings = list(batch['readings'], 'readings');
  const events = list(batch['events'], 'events', true);
  const shift = isAbsent(batch['shift']) ? 0 : integer(batch['shift'], 'shift', -SHIFT_MAX);
  const numbered = context.asBatch(lane, { epoch, seq, shift });
  services.sequence(id, epoch, seq);
  takeRows(rows, readings, events, numbered, reject, payload, batch);
};

const takeStatus: Take = (services, id, payload, context) => {
  const { counters, gateways, sequenceDropped } = services;
  const status = checkStatus(parseJson(payload));
  const { epoch, droppedSeq } = status;
  counters.statuses++;
  // A rerun says nothing about how the gateway stands now.
  if (context.sender.kind !== 'rerun') {
    const at = status.online ? parseTime(status.at ?? '') : Number.NaN;
    if (!Number.isNaN(at)) services.heardClock(id, at, context.receivedAt, status);
    gateways.set(id, status, context.receivedAt);
  }
  if (epoch !== undefined && droppedSeq !== undefined && droppedSeq.length > 0)
    sequenceDropped(id, epoch, droppedSeq);
};

const takeResult: Take = ({ gatewayResult }, id, payload) =>
  gatewayResult(id, object(parseJson(payload), ''));

/** The one list of what can be said, by the topic's fixed levels. */
const ROUTES: ReadonlyMap<string, Omit<Route, 'id'>> = new Map([
  ['devices/readings', { speaker: 'device', take: takeReading }],
  ['gateways/readings', { speaker: 'gateway', take: takeBatch }],
  [
    'gateways/refused',
    {
      speaker: 'gateway',
      take: (services, _id, payload, context, reject) =>
        takeRefused(services, object(parseJson(payload), ''), context, reject),
    },
  ],
  ['gateways/status', { speaker: 'gateway', take: takeStatus }],
  ['gateways/results', { speaker: 'gateway', take: takeResult }],
]);

export const villageDialect: DialectFactory = dialect<Route>((services) => ({
  name: 'village',
  filters: [...ROUTES.keys()].map((levels) => `village/v1/${levels.replace('/', '/+/')}`),
  route(topic) {
    const [, whose, id = '', what] = PATTERN.exec(topic) ?? [];
    const known = ROUTES.get(`${whose}/${what}`);
    return known === undefined ? undefined : { ...known, id };
  },
  speaker: ({ speaker, id }) => ({ kind: speaker, id }),
  mayPublish: (principal, { speaker, id }) =>
    principal.kind === 'topic' || (principal.kind === speaker && principal.id === id),
  maySubscribe: (principal, filter) =>
    principal.kind === 'gateway' && filter === topics.gatewayCommands(principal.id),
  take: ({ id, take }, payload, context, reject) => take(services, id, payload, context, reject),
}));
