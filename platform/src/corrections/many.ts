/** Readings of many devices, corrected: what no statement meets comes from the archive at once, the rest is gathered and put right between. */
import {
  type ArchiveQueries,
  byDevice,
  type DeviceSpan,
  type RangeManyQuery,
  type RangeRow,
} from '@village/store/time-series';
import type { CorrectedRow } from './apply.ts';
import { gathered, isShort } from './gathered.ts';
import { Budget, correctedRows, type RowsQuery } from './rows.ts';
import { nearby, type Span, type StatementBook } from './statement.ts';

type Rows = { readonly device: string; readonly rows: readonly (RangeRow | CorrectedRow)[] };

/** What is left of spans, in order, without parts of them, in order. */
function without(spans: readonly DeviceSpan[], parts: readonly Span[]): DeviceSpan[] {
  let n = 0;
  return spans.flatMap(({ device, from, to }) => {
    const left: DeviceSpan[] = [];
    let start = from;
    for (; n < parts.length && parts[n]!.from < to; n++) {
      if (start < parts[n]!.from) left.push({ device, from: start, to: parts[n]!.from });
      start = parts[n]!.to;
    }
    if (start < to) left.push({ device, from: start, to });
    return left;
  });
}

/** A device of which statements may have changed something in what is asked for. */
interface Touched {
  readonly device: string;
  /** To be put right, in order, and what is left between. */
  readonly parts: readonly Span[];
  readonly straight: readonly DeviceSpan[];
}

/** As `rangeMany` of an archive. */
export async function* correctedMany(
  archive: Pick<ArchiveQueries, 'range' | 'rangeMany'>,
  book: StatementBook,
  query: RangeManyQuery,
  signal?: AbortSignal,
): AsyncGenerator<Rows> {
  const { metrics, profile } = query;
  const touched: Touched[] = [];
  const received: DeviceSpan[] = [];
  for (const [device, spans] of byDevice(query.spans)) {
    const parts = spans.flatMap((span) => nearby(book.touched(device, metrics, span)));
    const straight = without(spans, parts);
    if (parts.length > 0) touched.push({ device, parts, straight });
    else for (const span of straight) received.push(span);
  }
  if (received.length > 0) yield* archive.rangeMany({ ...query, spans: received }, signal);
  const more = {
    ...(metrics === undefined ? {} : { metrics }),
    ...(profile === undefined ? {} : { profile }),
  };
  const asked = (device: string, { from, to }: Span): RowsQuery => ({ device, from, to, ...more });
  const wanted = {
    things: touched,
    spansOf: ({ device, parts }: Touched) =>
      parts.filter(isShort).map((part) => asked(device, part)),
    ...more,
  };
  const budget = new Budget();
  for await (const { things, source } of gathered(archive, book, wanted, signal)) {
    const putRight = async function* (device: string, part: Span): AsyncGenerator<Rows> {
      const from = isShort(part) ? source : archive;
      for await (const rows of correctedRows(from, book, asked(device, part), budget, signal))
        yield { device, rows };
    };
    const spans = things.flatMap(({ straight }) => straight);
    const between = spans.length === 0 ? [] : archive.rangeMany({ ...query, spans }, signal);
    yield* interleaved(things, between, putRight);
  }
}

/** What came straight from the archive with what is put right between, a device after the other. */
async function* interleaved(
  devices: readonly Touched[],
  between: AsyncIterable<Rows> | Iterable<Rows>,
  putRight: (device: string, part: Span) => AsyncGenerator<Rows>,
): AsyncGenerator<Rows> {
  const left = new Map(devices.map(({ device, parts }) => [device, [...parts]]));
  let last = '';
  let waiting: Span[] = [];
  for await (const { device, rows } of between) {
    if (device !== last) {
      for (const part of waiting) yield* putRight(last, part);
      last = device;
      waiting = left.get(device) ?? [];
      left.delete(device);
    }
    let given = 0;
    while (waiting.length > 0 && waiting[0]!.from <= rows.at(-1)!.at) {
      const part = waiting.shift()!;
      const before = rows.findIndex(({ at }, n) => n >= given && at >= part.from);
      if (before > given) yield { device, rows: rows.slice(given, before) };
      given = before;
      yield* putRight(device, part);
    }
    yield given === 0 ? { device, rows } : { device, rows: rows.slice(given) };
  }
  for (const part of waiting) yield* putRight(last, part);
  for (const [device, parts] of left) for (const part of parts) yield* putRight(device, part);
}
