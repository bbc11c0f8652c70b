/** Readings of many devices at once: several statements a request, as many as hold about as many rows as an answer may. */
import { HOUR, Slices } from '@village/core';
import type { DeviceRows, DeviceSpan, RangeManyQuery, RangeRow } from '../contract.ts';
import { byDevice, Pieces } from '../many/pieces.ts';
import { oncePerTime } from '../registrations/once-per-time.ts';
import type { InfluxClient } from './client.ts';
import { PAGE, range, selection } from './device-queries.ts';
import { readRows } from './points.ts';
import type { Registrations } from './registrations.ts';

/** Rows of one request's answer. */
const ROWS_MAX = 40_000;
/** Spans of one request. */
const SPANS_MAX = 100;
/** Rows given at once, and made between two pauses in which others have their turn. */
const BATCH = 2_000;
/** Spans of one device with so little between are asked for as one: a statement costs as much as some hundred rows. */
const NEAR_MS = HOUR;

/** A device's spans in order as fewer, with some time between them. */
function bridged(own: readonly DeviceSpan[]): DeviceSpan[] {
  const list: { device: string; from: number; to: number }[] = [];
  for (const one of own) {
    const last = list.at(-1);
    if (last !== undefined && one.from - last.to <= NEAR_MS) last.to = one.to;
    else list.push({ ...one });
  }
  return list;
}

/** The rows, in order, that lie in spans, in order. */
function inside(rows: readonly RangeRow[], own: readonly DeviceSpan[]): readonly RangeRow[] {
  const [first] = rows;
  let n = first === undefined ? 0 : own.findIndex(({ to }) => to > first.at);
  return rows.filter(({ at }) => {
    while (n < own.length && own[n]!.to <= at) n++;
    return n < own.length && own[n]!.from <= at;
  });
}

/** Rows of many devices: a device's one after the other in order of time, each (device, metric, at) once. */
export async function* rangeMany(
  client: InfluxClient,
  registrations: Registrations,
  query: RangeManyQuery,
  signal: AbortSignal | undefined,
): AsyncGenerator<DeviceRows> {
  if (query.metrics?.length === 0) return;
  const registered = (device: string) =>
    registrations
      .of(device)
      .filter(({ profile }) => query.profile === undefined || query.profile === profile);
  const wanted = byDevice(query.spans);
  const spans = [...wanted].flatMap(([device, own]) =>
    registered(device).length === 0 ? [] : bridged(own),
  );
  const slices = new Slices();
  const pieces = new Pieces(spans, ROWS_MAX, SPANS_MAX);
  for (let piece = pieces.next(); piece.length > 0; piece = pieces.next()) {
    const parts = piece.map((span) => ({ span, of: registered(span.device) }));
    const limit = Math.floor(ROWS_MAX / parts.reduce((sum, { of: { length } }) => sum + length, 0));
    const statements = parts.flatMap(({ span: { from, to }, of }) =>
      of.map((one) => `${selection(one, from, to, query.metrics)} LIMIT ${limit}`),
    );
    const answers = await client.queryEach(statements, signal);
    let rows = 0;
    let cut = false;
    let next = 0;
    for (const { span, of } of parts) {
      const lists: RangeRow[][] = [];
      let whole = true;
      for (const [series] of answers.slice(next, next + of.length)) {
        whole &&= (series?.values.length ?? 0) < limit;
        lists.push(series === undefined ? [] : readRows(series, query.metrics));
      }
      next += of.length;
      // The others' answers are here already, so it is read to its end before they are given.
      const found = whole ? [lists] : paged(client, registrations, query, span, signal);
      cut ||= !whole;
      for await (const page of found) {
        const all = page.length === 1 ? page[0]! : oncePerTime(page);
        rows += all.length;
        const list = inside(all, wanted.get(span.device)!);
        for (let n = 0; n < list.length; n += BATCH) {
          yield { device: span.device, rows: list.slice(n, n + BATCH) };
          await slices.next();
        }
      }
    }
    pieces.came(cut ? Math.max(rows, 2 * ROWS_MAX) : rows);
  }
}

/** A span that holds more than its share of an answer, page by page. */
async function* paged(
  client: InfluxClient,
  registrations: Registrations,
  { metrics, profile }: RangeManyQuery,
  { device, from, to }: DeviceSpan,
  signal: AbortSignal | undefined,
): AsyncGenerator<RangeRow[][]> {
  const asked = {
    ...{ device, to, limit: PAGE },
    ...(metrics === undefined ? {} : { metrics }),
    ...(profile === undefined ? {} : { profile }),
  };
  for (let start = from; ; ) {
    const page = await range(client, registrations, { ...asked, from: start }, signal);
    if (page.length > 0) yield [page];
    if (page.length < PAGE) return;
    start = page.at(-1)!.at + 1;
  }
}
