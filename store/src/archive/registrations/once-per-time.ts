/** A device whose profile changed has a registration under each; queries tell each of its times once. */
import type { RangeRow } from '../contract.ts';

/**
 * The rows of a device's registrations, oldest registration first, as one list in which each time stands once. Values come
 * from the newer registration, metric by metric; the rest follows as it does for rows of one registration.
 */
export function oncePerTime(lists: readonly (readonly RangeRow[])[]): RangeRow[] {
  const byTime = new Map<number, RangeRow>();
  for (const newer of lists.flat()) {
    const older = byTime.get(newer.at);
    byTime.set(newer.at, older === undefined ? newer : merged(older, newer));
  }
  return [...byTime.values()].sort((a, b) => a.at - b.at);
}

/** One row of two of the same time. */
export function merged(older: RangeRow, newer: RangeRow): RangeRow {
  const quality = { ...older.quality };
  for (const metric of Object.keys(newer.values)) delete quality[metric];
  return {
    at: newer.at,
    receivedAt: Math.min(older.receivedAt, newer.receivedAt),
    lane: older.lane === 'live' ? 'live' : newer.lane,
    clockReplaced: older.clockReplaced && newer.clockReplaced,
    values: { ...older.values, ...newer.values },
    quality: { ...quality, ...newer.quality },
  };
}
