/** Checks the status message of a gateway. */
import type { WireStatus } from '@village/core';
import {
  type Fields,
  integer,
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
  if (status['at'] !== undefined) {
    time(status, 'at', TOP);
    checked.at = String(status['at']);
  }
  if (status['epoch'] !== undefined) checked.epoch = textIn(status, 'epoch', TOP, 64);
  if (status['version'] !== undefined) checked.version = textIn(status, 'version', TOP, 64);
  if (status['waiting'] !== undefined) {
    const waiting = object(status['waiting'], 'waiting');
    checked.waiting = {
      live: integer(waiting['live'], 'waiting.live', 0),
      backfill: integer(waiting['backfill'], 'waiting.backfill', 0),
    };
  }
  if (status['dropped'] !== undefined)
    checked.dropped = counts(object(status['dropped'], 'dropped'));
  checked.droppedSeq = ranges(status['droppedSeq'], 'droppedSeq');
  return checked;
}

function counts(dropped: Fields): Record<string, number> {
  const causes = Object.entries(dropped);
  if (causes.length > CAUSES_MAX)
    refuse('too-many-causes', 'dropped', `more than ${CAUSES_MAX} causes`);
  return Object.fromEntries(
    causes.map(([cause, n]) => [
      cause.slice(0, 64),
      integer(n, `dropped.${cause.slice(0, 64)}`, 0),
    ]),
  );
}
