/**
 * Which readings of a device are there of those expected. The server counts, stretch after stretch: what it answers is a row an hour and
 * a row a silence, however often a device speaks.
 */
import { BEIJING_OFFSET_MS, DAY, gapAfterMs, HOUR } from '@village/core';
import { ROW_FLAG } from '../../journal/contract.ts';
import { cut, ends, Slots, slotOf } from '../completeness/slots.ts';
import { type Completeness, type CompletenessQuery, GAPS_MAX } from '../contract.ts';
import { type InfluxClient, identifier, literal, type Series } from './client.ts';
import { FLAGS } from './points.ts';
import type { Registration, Registrations } from './registrations.ts';

/** Report intervals of a stretch, and its length at most: some seconds of counting. */
const STRETCH_SLOTS = 100_000;
const STRETCH_MS = 31 * DAY;
/** The same of a device under several profiles, whose rows are read where they lie among each other. */
const MIXED_MS = HOUR;
/** Rows of one answer of the server. */
const PAGE = 2_500;

interface Span {
  readonly from: number;
  readonly to: number;
}

const flags = identifier(FLAGS);
/** The values of flags that say that a row came through the backfill lane. */
const backfilled = [ROW_FLAG.backfill, ROW_FLAG.backfill | ROW_FLAG.clockReplaced]
  .map((value) => `${flags} = ${value}`)
  .join(' OR ');

const rowsOf = ({ device, profile }: Registration, { from, to }: Span): string =>
  `FROM ${identifier(profile)} WHERE device = ${literal(device)} AND time >= ${from}ms AND time < ${to}ms`;

/** What is known when all up to some time was looked at. */
interface Seen {
  first: number | null;
  last: number | null;
  gapCount: number;
  /** The newest. */
  gaps: Span[];
}

/** Expected against received, hour by hour, and the silences by their real times. @throws range-too-wide */
export async function completeness(
  client: InfluxClient,
  registrations: Registrations,
  query: CompletenessQuery,
  signal: AbortSignal | undefined,
): Promise<Completeness> {
  const list = registrations.of(query.device);
  const since = Math.min(...list.map(({ oldest }) => oldest));
  const firstAt = Number.isFinite(since) ? since : null;
  if (!(query.from < query.to)) return { hours: [], gaps: [], gapCount: 0, since: firstAt };
  const slots = new Slots(query, since);
  if (since >= query.to) return { hours: slots.hours, gaps: [], gapCount: 0, since: firstAt };
  const { from, to, reportEveryMs: every } = query;
  const gap = gapAfterMs(every);
  const ask = new Asking(client, query, slots, signal);
  await ask.edge(list, { from: from - gap, to: from }, 'DESC');
  for (const stretch of stretches({ from, to }, every, list.length))
    await ask.stretch(list, stretch);
  await ask.edge(list, { from: to, to: to + gap }, 'ASC');
  const { first, last, gaps, gapCount } = ask.seen;
  const newest = await ask.newestFrom(list, to);
  const edges = first === null || last === null ? null : { from: first, to: last };
  const outer = ends(edges, query, since, newest).filter((one) => one !== null);
  const all = [...gaps, ...outer].sort((a, b) => a.from - b.from);
  return {
    hours: slots.hours,
    gaps: all.slice(-GAPS_MAX),
    gapCount: gapCount + outer.length,
    since: firstAt,
  };
}

/** Parts of a span whose borders are those of report intervals. */
function* stretches({ from, to }: Span, every: number, profiles: number): Generator<Span> {
  const length = profiles > 1 ? MIXED_MS : Math.min(STRETCH_MS, STRETCH_SLOTS * every);
  const width = Math.max(1, Math.floor(length / every));
  for (let start = from; start < to; ) {
    const border = (slotOf(start, every) + width) * every - BEIJING_OFFSET_MS;
    const end = Math.min(to, border);
    yield { from: start, to: end };
    start = end;
  }
}

class Asking {
  readonly seen: Seen = { first: null, last: null, gapCount: 0, gaps: [] };
  readonly #client: InfluxClient;
  readonly #query: CompletenessQuery;
  readonly #slots: Slots;
  readonly #signal: AbortSignal | undefined;

  constructor(
    client: InfluxClient,
    query: CompletenessQuery,
    slots: Slots,
    signal: AbortSignal | undefined,
  ) {
    this.#client = client;
    this.#query = query;
    this.#slots = slots;
    this.#signal = signal;
  }

  /** The row of a span that lies nearest to what is asked for. */
  async edge(list: readonly Registration[], span: Span, order: 'ASC' | 'DESC'): Promise<void> {
    const found = await this.#each(
      list.map((one) => `SELECT ${flags} ${rowsOf(one, span)} ORDER BY time ${order} LIMIT 1`),
    );
    const times = found.flatMap((series) => timesIn(series));
    if (times.length === 0) return;
    const at = order === 'ASC' ? Math.min(...times) : Math.max(...times);
    this.#saw(at, at);
  }

  /** Event time of the newest row at or after an instant; −Infinity when there is none. */
  async newestFrom(list: readonly Registration[], from: number): Promise<number> {
    const found = await this.#each(
      list.map(
        ({ device, profile }) =>
          `SELECT ${flags} FROM ${identifier(profile)} WHERE device = ${literal(device)}
           AND time >= ${from}ms ORDER BY time DESC LIMIT 1`,
      ),
    );
    return Math.max(Number.NEGATIVE_INFINITY, ...found.flatMap((series) => timesIn(series)));
  }

  async stretch(list: readonly Registration[], span: Span): Promise<void> {
    const counted = await this.#each(
      list.map((one) => `SELECT count(${flags}) ${rowsOf(one, span)}`),
    );
    const there = list.filter((_, n) => Number(counted[n]?.[0]?.values[0]?.[1] ?? 0) > 0);
    const [one] = there;
    if (one === undefined) return;
    await (there.length === 1 ? this.#counted(one, span) : this.#singly(there, span));
  }

  /** Rows of one profile, which the server counts. */
  async #counted(one: Registration, span: Span): Promise<void> {
    const every = this.#query.reportEveryMs;
    const rows = rowsOf(one, span);
    const byHour = `GROUP BY time(${HOUR}ms) fill(none)`;
    const shift = (every - (BEIJING_OFFSET_MS % every)) % every;
    const begin = (slot: number): number => slot * every - BEIJING_OFFSET_MS;
    // Intervals that count; the first row of a device lies in the middle of one.
    const first = begin(this.#slots.first);
    const counting = {
      from: Math.max(span.from, first),
      to: Math.min(span.to, begin(this.#slots.end)),
    };
    const received =
      counting.from < counting.to
        ? `SELECT count(slot) FROM (
            SELECT count(${flags}) AS slot ${rowsOf(one, counting)} GROUP BY time(${every}ms, ${shift}ms) fill(none))
            WHERE time >= ${begin(slotOf(counting.from, every))}ms AND time < ${counting.to}ms ${byHour}`
        : null;
    const silent = `FROM (SELECT elapsed(${flags}, 1ms) AS ms ${rows})
      WHERE ms > ${gapAfterMs(every)} AND time >= ${span.from}ms AND time < ${span.to}ms`;
    const [all, late, begun, ended, silences, slots] = await this.#each([
      `SELECT count(${flags}) ${rows} ${byHour}`,
      `SELECT count(${flags}) ${rows} AND (${backfilled}) ${byHour}`,
      `SELECT ${flags} ${rows} ORDER BY time LIMIT 1`,
      `SELECT ${flags} ${rows} ORDER BY time DESC LIMIT 1`,
      `SELECT count(ms) ${silent}`,
      ...(received === null ? [] : [received]),
    ]);
    for (const [hour, count] of hoursIn(all)) this.#slots.count(hour, count, 0);
    for (const [hour, count] of hoursIn(late)) this.#slots.count(hour, 0, count);
    for (const [hour, count] of hoursIn(slots)) this.#slots.receive(hour, count);
    const [begins, over] = [timesIn(begun)[0], timesIn(ended)[0]];
    if (begins === undefined || over === undefined) return;
    this.#saw(begins, begins);
    const count = Number(silences?.[0]?.values[0]?.[1] ?? 0);
    if (count > 0) await this.#silences(silent, count);
    this.#saw(over, over, true);
  }

  /** Silences between rows of a stretch, the newest. */
  async #silences(silent: string, count: number): Promise<void> {
    const skipped = Math.max(0, count - GAPS_MAX);
    const found: Span[] = [];
    for (let offset = skipped; offset < count; offset += PAGE) {
      const [series] = await this.#each([`SELECT ms ${silent} LIMIT ${PAGE} OFFSET ${offset}`]);
      for (const [at, ms] of series?.[0]?.values ?? [])
        found.push({ from: Number(at) - Number(ms), to: Number(at) });
    }
    this.seen.gapCount += skipped;
    for (const one of found) this.#silence(one);
  }

  /** Rows of several profiles of which some may tell of one time: a time is one row, and backfilled when all of them are. */
  async #singly(list: readonly Registration[], span: Span): Promise<void> {
    const times = new Map<number, boolean>();
    for (const one of list)
      for (let { from } = span; ; ) {
        const [series] = await this.#each([
          `SELECT ${flags} ${rowsOf(one, { from, to: span.to })} ORDER BY time LIMIT ${PAGE}`,
        ]);
        const values = series?.[0]?.values ?? [];
        for (const [time, value] of values) {
          const late = (Number(value) & ROW_FLAG.backfill) !== 0;
          times.set(Number(time), (times.get(Number(time)) ?? true) && late);
        }
        if (values.length < PAGE) break;
        from = Number(values.at(-1)?.[0]) + 1;
      }
    const every = this.#query.reportEveryMs;
    for (const [at, late] of [...times].sort(([a], [b]) => a - b)) {
      this.#slots.fill(slotOf(at, every), Math.floor(at / HOUR), 1, late ? 1 : 0);
      this.#saw(at, at);
    }
  }

  /** Notes rows, each later than those before; the silence before them unless it is known. */
  #saw(from: number, to: number, known = false): void {
    const { last } = this.seen;
    if (last !== null && !known) this.#silence({ from: last, to: from });
    this.seen.first ??= from;
    this.seen.last = to;
  }

  #silence(silence: Span): void {
    const gap = cut(silence, this.#query);
    if (gap === null) return;
    this.seen.gapCount++;
    this.seen.gaps.push(gap);
    if (this.seen.gaps.length >= 2 * GAPS_MAX) this.seen.gaps = this.seen.gaps.slice(-GAPS_MAX);
  }

  #each(statements: readonly string[]): Promise<Series[][]> {
    return this.#client.queryEach(statements, this.#signal);
  }
}

const timesIn = (series: readonly Series[] | undefined): number[] =>
  series?.[0]?.values.map(([at]) => Number(at)) ?? [];

/** Counts by the number of the hour since 1970. */
const hoursIn = (series: readonly Series[] | undefined): [hour: number, count: number][] =>
  series?.[0]?.values.map(([at, count]) => [Math.floor(Number(at) / HOUR), Number(count)]) ?? [];
