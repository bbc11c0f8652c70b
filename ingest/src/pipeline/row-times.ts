/** What is made of the time of a row: whether it is history, and that posted history is never stored under another. */
import { formatTime, NEWS_MS } from '@village/core';
import type { Arrival } from './message-context.ts';
import type { RegisteredDevice } from './registered-device.ts';
import { type MessagePath, refuse } from './shape.ts';

/** History is stored under the time that it says or not at all. @throws time-too-early, time-ahead */
export function refuseTime({ profile }: RegisteredDevice, at: number, path: MessagePath): never {
  const { earliest, id } = profile;
  if (at < earliest)
    refuse('time-too-early', path.of('at'), `no ${id} measured before ${formatTime(earliest)}`);
  refuse('time-ahead', path.of('at'), 'is still to come');
}

/** What was measured long before it came: by whatever clock, or by ours where a device is to be taken at its word. */
export function isHistory(
  { device, clock }: RegisteredDevice,
  told: number,
  at: number,
  { receivedAt, lane }: Arrival,
): boolean {
  if (lane === 'backfill') return true;
  const isLate = receivedAt - at > NEWS_MS;
  if (device.clock === 'history') return isLate;
  return lane === null && isLate && !clock.isNews(told, receivedAt);
}
