/** Newest values as statements leave them. */
import type { LatestValue, RangeRow } from '@village/store/time-series';
import { type AsReceived, type Placed, placed, rowOf } from './apply.ts';
import type { StatementBook } from './statement.ts';

/** A newest value; `received` tells, where statements speak of it, what was received. */
export interface CorrectedLatest extends LatestValue {
  readonly received?: AsReceived;
}

/**
 * A device's newest values, corrected when they are read. Where its newest value of a metric belongs to another device, what
 * it had before is not looked for: the metric is left out until the next one.
 */
export function correctedLatest(
  book: StatementBook,
  latest: (device: string) => LatestValue[],
  device: string,
): CorrectedLatest[] {
  const sources = book.into(device).map((one) => one.device);
  const own = book.of(device);
  const received = latest(device);
  // Most is said of the past: the newest of a large county are asked for every second.
  const meets = ({ at }: LatestValue): boolean => own.some(({ from, to }) => at >= from && at < to);
  if (sources.length === 0 && !received.some(meets)) return received;
  const newest = new Map<string, Placed[]>();
  for (const source of new Set([device, ...sources]))
    for (const value of latest(source))
      for (const one of placed(book, source, alone(value))) {
        if (one.device !== device) continue;
        const known = newest.get(one.metric);
        if (known === undefined || known[0]!.at < one.at) newest.set(one.metric, [one]);
        else if (known[0]!.at === one.at) known.push(one);
      }
  return [...newest].map(([metric, meeting]) => {
    const { at, receivedAt, values, quality, received } = rowOf(meeting);
    const was = received[metric];
    return {
      ...{ metric, value: values[metric] as number, at, receivedAt },
      quality: quality[metric] ?? 'good',
      ...(was === undefined ? {} : { received: was }),
    };
  });
}

const alone = ({ metric, value, at, receivedAt, quality }: LatestValue): RangeRow => ({
  at,
  receivedAt,
  lane: 'live',
  clockReplaced: false,
  values: { [metric]: value },
  quality: quality === 'good' ? {} : { [metric]: quality },
});
