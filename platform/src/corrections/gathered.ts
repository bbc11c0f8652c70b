/**
 * Corrected rows of many spans of many devices. Short ones are gathered: what was received is asked for once for as many of them as
 * fit in memory, and put right there; long ones are read page by page.
 */
import { DAY } from '@village/core';
import type { ArchiveQueries, DeviceSpan, RangeQuery, RangeRow } from '@village/store/time-series';
import { firstFrom } from './ahead.ts';
import type { CorrectedRow } from './apply.ts';
import { type Budget, correctedRows, type RowsQuery, type Stretch, stretches } from './rows.ts';
import type { Span, StatementBook } from './statement.ts';

/** Longer spans have pages of their own. */
const SHORT_MS = 8 * DAY;
/** Time of the first spans that are gathered, over all devices; later ones take more where there are few rows, and less where there are many. */
const TIME_MS = 120 * DAY;
const TIME_MAX_MS = 3_650 * DAY;
/** Rows in memory. */
const ROWS_MAX = 40_000;
const SPANS_MAX = 2_000;

type Source = Pick<ArchiveQueries, 'range' | 'rangeMany'>;

/** Spans of any devices, in any order, those of one device apart from each other. */
export interface SpansQuery extends Pick<RowsQuery, 'metrics' | 'profile'> {
  readonly spans: readonly DeviceSpan[];
  /** Whether what was received from other devices counts; it does when absent. */
  readonly others?: (device: string) => boolean;
}

export interface SpanRows {
  readonly device: string;
  readonly rows: readonly CorrectedRow[];
}

/** Rows that were received, by device. */
type Received = ReadonlyMap<string, readonly RangeRow[]>;

/** What was gathered, asked as an archive is: own rows are those under the profile that is asked for. */
const inMemory = (own: Received, others: Received): Pick<ArchiveQueries, 'range'> => ({
  range: ({ device, profile, from, to, limit }: RangeQuery) => {
    const rows = (profile === undefined ? others : own).get(device) ?? [];
    const first = firstFrom(rows, from);
    const end = Math.min(firstFrom(rows, to), first + limit);
    return Promise.resolve(rows.slice(first, end));
  },
});

/** Reads rows of spans into memory; null when they are more than fit. */
async function gather(
  archive: Source,
  query: { spans: readonly DeviceSpan[]; metrics?: readonly string[]; profile?: string },
  signal: AbortSignal | undefined,
): Promise<{ rows: Map<string, RangeRow[]>; count: number } | null> {
  const rows = new Map<string, RangeRow[]>();
  let count = 0;
  if (query.spans.length === 0) return { rows, count };
  for await (const { device, rows: more } of archive.rangeMany(query, signal)) {
    count += more.length;
    if (count > ROWS_MAX) return null;
    const known = rows.get(device);
    if (known === undefined) rows.set(device, [...more]);
    else for (const row of more) known.push(row);
  }
  return { rows, count };
}

const lengthOf = ({ from, to }: Span): number => to - from;

/** What to read of things that are to be kept together. */
interface Wanted<Thing> {
  readonly things: readonly Thing[];
  readonly spansOf: (thing: Thing) => readonly RowsQuery[];
  readonly metrics?: readonly string[];
  readonly profile?: string;
}

/** Some of the things, and what was received of them: in memory, or the archive itself for one that is too much for it. */
interface Gathered<Thing> {
  readonly things: readonly Thing[];
  readonly source: Pick<Source, 'range'>;
}

/** Goes through things whose spans are short, of as many at once as fit in memory, in no particular order. */
export async function* gathered<Thing>(
  archive: Source,
  book: StatementBook,
  { things, spansOf, metrics, profile }: Wanted<Thing>,
  signal?: AbortSignal,
): AsyncGenerator<Gathered<Thing>> {
  const waiting = things.map((thing) => {
    const spans = spansOf(thing);
    return { thing, spans, time: spans.reduce((sum, one) => sum + lengthOf(one), 0) };
  });
  const more = metrics === undefined ? {} : { metrics };
  let most = TIME_MS;
  while (waiting.length > 0) {
    const batch = [waiting.pop()!];
    let [time, spans] = [batch[0]!.time, batch[0]!.spans.length];
    for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
      time += next.time;
      spans += next.spans.length;
      if (time > most || spans > SPANS_MAX) break;
      batch.push(waiting.pop()!);
    }
    const parts = batch.flatMap((one) => one.spans.flatMap((span) => stretches(book, span)));
    const isOwn = (part: Stretch): boolean => part.profile !== undefined;
    const [own, others] = await Promise.all([
      profile === undefined
        ? gather(archive, { spans: [] }, signal)
        : gather(archive, { ...more, profile, spans: parts.filter(isOwn) }, signal),
      gather(archive, { ...more, spans: parts.filter((part) => !isOwn(part)) }, signal),
    ]);
    const all = { things: batch.map(({ thing }) => thing) };
    if (own !== null && others !== null) {
      yield { ...all, source: inMemory(own.rows, others.rows) };
      if (own.count + others.count < ROWS_MAX / 4) most = Math.min(TIME_MAX_MS, most * 4);
      continue;
    }
    const sum = batch.reduce((total, one) => total + one.time, 0);
    most = Math.max(1, Math.min(most, sum) / 4);
    // What one alone is too much for is read page by page.
    if (batch.length === 1) yield { ...all, source: archive };
    else for (const one of batch) waiting.push(one);
  }
}

/** Whether what was received in a span is worth being gathered. */
export const isShort = (span: Span): boolean => lengthOf(span) <= SHORT_MS;

/** Rows of the spans, one span after the other, in no particular order of them; those of a span in order of time, some at once. */
export async function* correctedSpans(
  archive: Source,
  book: StatementBook,
  query: SpansQuery,
  budgetOf: () => Budget,
  signal?: AbortSignal,
): AsyncGenerator<SpanRows> {
  const { metrics, profile } = query;
  const more = {
    ...(metrics === undefined ? {} : { metrics }),
    ...(profile === undefined ? {} : { profile }),
  };
  const asked = (span: DeviceSpan): RowsQuery => ({
    ...span,
    ...more,
    ...(query.others === undefined ? {} : { others: query.others(span.device) }),
  });
  async function* read(source: Pick<Source, 'range'>, span: DeviceSpan): AsyncGenerator<SpanRows> {
    const { device } = span;
    for await (const rows of correctedRows(source, book, asked(span), budgetOf(), signal))
      yield { device, rows };
  }
  for (const span of query.spans) if (!isShort(span)) yield* read(archive, span);
  const wanted = {
    things: query.spans.filter(isShort),
    spansOf: (span: DeviceSpan) => [asked(span)],
    ...more,
  };
  for await (const { things, source } of gathered(archive, book, wanted, signal))
    for (const span of things) yield* read(source, span);
}
