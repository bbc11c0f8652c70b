/** Newest values as statements leave them. */
import type { LatestValue, RangeRow } from '@village/store/time-series';
import { placed } from './apply.ts';
import type { StatementBook } from './statement.ts';

/**
 * A device's newest values, corrected when they are read. Where its newest value of a metric belongs to another device, what
 * it had before is not looked for: the metric is left out until the next one.
 */
export function correctedLatest(
  book: StatementBook,
  latest: (device: string) => LatestValue[],
  device: string,
): LatestValue[] {
  const sources = book.into(device).map((one) => one.device);
  if (sources.length === 0 && book.of(device).length === 0) return latest(device);
  const newest = new Map<string, LatestValue>();
  for (const source of new Set([device, ...sources]))
    for (const value of latest(source))
      for (const one of placed(book, source, rowOf(value))) {
        const known = newest.get(one.metric);
        if (one.device !== device || (known !== undefined && known.at >= one.at)) continue;
        const { metric, at, quality } = one;
        newest.set(metric, { metric, value: one.value, at, receivedAt: value.receivedAt, quality });
      }
  return [...newest.values()];
}

const rowOf = ({ metric, value, at, receivedAt, quality }: LatestValue): RangeRow => ({
  at,
  receivedAt,
  lane: 'live',
  clockReplaced: false,
  values: { [metric]: value },
  quality: quality === 'good' ? {} : { [metric]: quality },
});
