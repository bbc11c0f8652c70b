/** A header of answers that may lack readings: those that lie in archive files which are damaged or missing. */
import { formatTime } from '@village/core';
import type { LackingQuery, TimeSeriesStore } from '@village/store/time-series';

/** Spans that one header tells. */
const SPANS_MAX = 10;

/** `village-incomplete: <from>/<to>, …`, the spans of such files; no header when there are none. */
export function incompleteHeaders(
  store: Pick<TimeSeriesStore, 'lacking'>,
  query: LackingQuery,
): Record<string, string> {
  const spans = store.lacking(query).slice(0, SPANS_MAX);
  if (spans.length === 0) return {};
  const told = spans.map(({ from, to }) => `${formatTime(from)}/${formatTime(to)}`);
  return { 'village-incomplete': told.join(', ') };
}
