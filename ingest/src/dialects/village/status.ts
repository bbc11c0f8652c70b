/** Checks the status message of a gateway. */
import {
  WIRE_LOSS_CAUSES,
  WIRE_REFUSALS_MAX,
  type WireRefusals,
  type WireStatus,
} from '@village/core';
import {
  type Fields,
  integer,
  isAbsent,
  list,
  MessagePath,
  object,
  ranges,
  refuse,
  TOP,
  textIn,
  time,
} from '../../pipeline/shape.ts';

const CAUSES_MAX = 32;

/** The checked status of a payload. @throws with the place of what is wrong */
export function checkStatus(value: unknown): WireStatus {
  const status = object(value, '');
  if (typeof status['online'] !== 'boolean') refuse('not-a-boolean', 'online', 'not true or false');
  const checked: WireStatus = { online: status['online'] };
  if (!isAbsent(status['at'])) {
    time(status, 'at', TOP);
    checked.at = String(status['at']);
  }
  if (!isAbsent(status['epoch'])) checked.epoch = textIn(status, 'epoch', TOP, 64);
  if (!isAbsent(status['ownFrom'])) checked.ownFrom = integer(status['ownFrom'], 'ownFrom', 1);
  if (!isAbsent(status['version'])) checked.version = textIn(status, 'version', TOP, 64);
  if (!isAbsent(status['waiting'])) {
    const waiting = object(status['waiting'], 'waiting');
    checked.waiting = {
      live: integer(waiting['live'], 'waiting.live', 0),
      backfill: integer(waiting['backfill'], 'waiting.backfill', 0),
    };
  }
  if (!isAbsent(status['oldestMs'])) checked.oldestMs = integer(status['oldestMs'], 'oldestMs', 0);
  if (!isAbsent(status['dropped'])) checked.dropped = counts(object(status['dropped'], 'dropped'));
  if (!isAbsent(status['refused']))
    checked.refused = list(status['refused'], 'refused').slice(0, WIRE_REFUSALS_MAX).map(refusals);
  if (!isAbsent(status['refusedLane'])) {
    const lane = object(status['refusedLane'], 'refusedLane');
    checked.refusedLane = {
      waiting: integer(lane['waiting'], 'refusedLane.waiting', 0),
      dropped: counts(object(lane['dropped'], 'refusedLane.dropped')),
    };
  }
  checked.droppedSeq = ranges(status['droppedSeq'], 'droppedSeq');
  return checked;
}

function refusals(value: unknown, n: number): WireRefusals {
  const path = new MessagePath('refused');
  path.index = n;
  const fields = object(value, path);
  const { metric, place } = fields;
  time(fields, 'firstAt', path);
  time(fields, 'lastAt', path);
  return {
    device: textIn(fields, 'device', path, 64),
    reason: textIn(fields, 'reason', path, 64),
    metric: typeof metric === 'string' ? metric.slice(0, 64) : null,
    place: typeof place === 'string' ? place.slice(0, 200) : '',
    count: integer(fields['count'], path.of('count'), 1),
    firstAt: String(fields['firstAt']),
    lastAt: String(fields['lastAt']),
  };
}

function counts(dropped: Fields): Record<string, number> {
  const causes = Object.entries(dropped);
  if (causes.length > CAUSES_MAX)
    refuse('too-many-causes', 'dropped', `more than ${CAUSES_MAX} causes`);
  // They become labels of metrics, of which there must not be more and more.
  const checked: Record<string, number> = {};
  for (const [cause, n] of causes) {
    const known = WIRE_LOSS_CAUSES.some((one) => one === cause) ? cause : 'other';
    const count = integer(n, `dropped.${cause.slice(0, 64)}`, 0);
    checked[known] = (checked[known] ?? 0) + count;
  }
  return checked;
}
