/** A header of answers that may lack readings: those that lie in archive files which are damaged or missing. */
import { formatTime } from '@village/core';
import type { LackingQuery, TimeSeriesStore } from '@village/store/time-series';

/** Spans that one header tells. */
const SPANS_MAX = 10;

/** `village-incomplete: <from>/<to>, …`; no header when there are no spans. */
export function missingHeaders(
  spans: readonly { readonly from: number; readonly to: number }[],
): Record<string, string> {
  if (spans.length === 0) return {};
  const told = spans
    .slice(0, SPANS_MAX)
    .map(({ from, to }) => `${formatTime(from)}/${formatTime(to)}`);
  return { 'village-incomplete': told.join(', ') };
}

/** The same, for the spans of such files. */
export function incompleteHeaders(
  store: Pick<TimeSeriesStore, 'lacking'>,
  query: LackingQuery,
): Record<string, string> {
  return missingHeaders(store.lacking(query));
}
