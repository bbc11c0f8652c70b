/** The intervals of a profile from the section of its protocol. */
import { parseDuration } from '@village/core';
import type { IntervalsFile } from '../schema/parts.ts';
import type { Intervals } from './protocol.ts';

/** `reportDefault` gives the heartbeat, ms, where the section names none. */
export function intervalsOf(
  section: IntervalsFile | undefined,
  reportDefault: (everyMs: number) => number,
): Intervals {
  const everyMs = parseDuration(section?.every ?? '');
  const reportEveryMs =
    section?.reportEvery === undefined
      ? reportDefault(everyMs)
      : parseDuration(section.reportEvery);
  const silentAfterMs =
    section?.silentAfter === undefined ? 3 * reportEveryMs : parseDuration(section.silentAfter);
  return { everyMs, reportEveryMs, silentAfterMs };
}
