/** Checks the frames that a gateway could not take all of, and hands their parts over. */
import { NEWS_MS, OperationalError } from '@village/core';
import type { MessageContext } from '../../pipeline/message-context.ts';
import {
  type Fields,
  fault,
  integer,
  isAbsent,
  list,
  MessagePath,
  object,
  textIn,
  time,
} from '../../pipeline/shape.ts';
import type { DialectServices, Reject } from '../dialect.ts';

const PARTS_MAX = 100;
const TAKEN_MAX = 2_000;
const FRAMING_MAX = 1_000;

/** Takes a list of them; one that can't be used is rejected alone. */
export function takeRefused(
  { rows, mayHandOver }: DialectServices,
  message: Fields,
  context: MessageContext,
  reject: Reject,
): void {
  if (context.sender.kind !== 'rerun') {
    mayHandOver(context.sender);
    context.paced = true;
  }
  const entries = isAbsent(message['refused']) ? [message] : list(message['refused'], 'refused');
  const path = new MessagePath('refused');
  for (const [n, entry] of entries.entries()) {
    path.index = n;
    try {
      const fields = object(entry, path);
      const device = textIn(fields, 'device', path, 64);
      const registered = rows.deviceFor(device, context, path);
      const told = time(fields, 'at', path);
      const stamped = registered.profile.tellsTime
        ? told
        : rows.stampedAt(registered, told, context);
      // A gateway whose clock was not set.
      const at = told > 0 ? stamped : context.receivedAt;
      rejectEach(device, fields, n, path, at, reject);
      // Whatever it said, it was there; what waited for the county says nothing of now.
      if (context.receivedAt - at <= NEWS_MS) rows.spoke(registered, context);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      reject(entry, n, error);
    }
  }
}

/** `at` is the time under which the rest of the frame is stored. */
function rejectEach(
  device: string,
  fields: Fields,
  n: number,
  path: MessagePath,
  at: number,
  reject: Reject,
): void {
  const parts = list(fields['parts'], path.of('parts'));
  const taken = list(fields['taken'], path.of('taken'), true);
  const { frame, framing, size } = fields;
  if (parts.length > PARTS_MAX || taken.length > TAKEN_MAX)
    throw fault('too-many-rows', path.of('parts'), `more than ${PARTS_MAX}`);
  if (typeof frame !== 'string' || typeof framing !== 'string' || framing.length > FRAMING_MAX)
    throw fault('not-a-text', path.of('frame'), 'frame and framing must be texts');
  const shared = {
    device,
    at,
    taken: taken.filter((one) => typeof one === 'string').map((one) => one.slice(0, 64)),
    framing,
    payload: Buffer.from(frame, 'base64'),
    byGateway: true,
    ...(isAbsent(size) ? {} : { size: integer(size, path.of('size'), 1) }),
  };
  const checked = parts.map((one) => {
    const part = object(one, path.of('parts'));
    const { metric, place, message } = part;
    const reason = textIn(part, 'reason', path, 64);
    return {
      error: new OperationalError(reason, typeof message === 'string' ? message : ''),
      place: typeof place === 'string' ? place.slice(0, 200) : '',
      metric: typeof metric === 'string' ? metric.slice(0, 64) : null,
    };
  });
  for (const { error, place, metric } of checked)
    reject(fields, n, error, { ...shared, place, metric });
}
