/** A device's corrected rows as a stream in order of time, read page by page from where they were received. */
import { DAY, OperationalError, Slices } from '@village/core';
import type { ArchiveQueries, RangeRow } from '@village/store/time-series';
import { ReadAhead } from './ahead.ts';
import { type CorrectedRow, type Placed, Placer, rowOf } from './apply.ts';
import { joined, type Span, type StatementBook, shared, speaksOf } from './statement.ts';

/** Rows that one query may read to correct them: ten years of minutes. */
export const ROWS_MAX = 5_500_000;
/**
 * Rows of a page: what an archive makes of it in one go holds up nobody. Stretches that are read side by side share it, since a page
 * of each is in memory.
 */
const PAGE_MAX = 10_000;
const PAGE_MIN = 200;
/**
 * Time of the first page; later ones take more where there are few rows, and less where there are many. Without it each page
 * would make the archive look through everything that comes after.
 */
const PAGE_MS = 7 * DAY;
/** Rows given at once. */
const BATCH = 250;

/** What is asked for. */
export interface RowsQuery extends Span {
  readonly device: string;
  readonly metrics?: readonly string[];
  /** Of the device's own readings only those received under this profile. */
  readonly profile?: string;
  /** False leaves out what was received from other devices. */
  readonly others?: boolean;
  /** Rows that are probably wanted. */
  readonly wanted?: number;
}

/** How many rows a query may still read. */
export class Budget {
  #left = ROWS_MAX;

  /** @throws range-too-wide */
  take(rows: number): void {
    this.#left -= rows;
    if (this.#left < 0)
      throw new OperationalError(
        'range-too-wide',
        `At most ${ROWS_MAX} rows can be corrected for one answer: ask for less time or fewer devices.`,
      );
  }
}

/** A stretch of what was received from one device, all of it shifted alike. */
export interface Stretch extends Span {
  readonly device: string;
  readonly shift: number;
  readonly profile?: string;
}

/** Whatever may hold readings of the device in that time, in the order of the first corrected time. */
export function stretches(book: StatementBook, query: RowsQuery): Stretch[] {
  const { device, metrics, profile } = query;
  const shifts = book.of(device).map(({ kind, value }) => (kind === 'shift-clock' ? value! : 0));
  const wide = { from: query.from - Math.max(0, ...shifts), to: query.to - Math.min(0, ...shifts) };
  const own = book
    .clock(device, wide)
    .map((part) => ({ ...part, device, ...(profile === undefined ? {} : { profile }) }));
  const into = query.others === false ? [] : book.into(device);
  const bySource = Map.groupBy(
    into.filter((one) => speaksOf(one, metrics)),
    (one) => one.device,
  );
  const others = [...bySource].flatMap(([source, statements]) =>
    joined(statements).flatMap((span) =>
      book.clock(source, span).map((part) => ({ ...part, device: source })),
    ),
  );
  return [...own, ...others]
    .flatMap((part) => {
      const { shift } = part;
      const inside = shared({ from: part.from + shift, to: part.to + shift }, query);
      return inside === null ? [] : [{ ...part, from: inside.from - shift, to: inside.to - shift }];
    })
    .sort((a, b) => a.from + a.shift - (b.from + b.shift));
}

type Source = Pick<ArchiveQueries, 'range'>;

/** One stretch being read, page by page: what its next row says. */
class Head {
  readonly #source: Source;
  readonly #stretch: Stretch;
  readonly #query: RowsQuery;
  readonly #placer: Placer;
  #ms = PAGE_MS;
  #next: number;
  #page: readonly RangeRow[] = [];
  #row = -1;
  #last = false;
  /** Corrected time of the next row. */
  at = Number.NEGATIVE_INFINITY;

  constructor(source: Source, book: StatementBook, stretch: Stretch, query: RowsQuery) {
    this.#source = source;
    this.#stretch = stretch;
    this.#query = query;
    this.#placer = new Placer(book, stretch.device);
    this.#next = stretch.from;
  }

  /** Goes to the next row of the page; false when another page has to be read. */
  step(): boolean {
    const row = this.#page[++this.#row];
    if (row === undefined) return false;
    this.at = row.at + this.#stretch.shift;
    return true;
  }

  /** Reads the next page, of at most `most` rows, and goes to its first row; false when the stretch is over. */
  async turn(budget: Budget, most: number, signal: AbortSignal | undefined): Promise<boolean> {
    while (!this.#last) {
      this.#page = await this.#read(Math.max(PAGE_MIN, most), signal);
      budget.take(this.#page.length);
      this.#row = -1;
      if (this.step()) return true;
    }
    return false;
  }

  async #read(limit: number, signal: AbortSignal | undefined): Promise<readonly RangeRow[]> {
    const { device, to: end, profile } = this.#stretch;
    const { metrics } = this.#query;
    const from = this.#next;
    const to = Math.min(end, from + this.#ms);
    const page = await this.#source.range(
      {
        device,
        ...(metrics === undefined ? {} : { metrics }),
        ...(profile === undefined ? {} : { profile }),
        from,
        to,
        limit,
      },
      signal,
    );
    const full = page.length >= limit;
    this.#next = full ? page.at(-1)!.at + 1 : to;
    this.#last = this.#next >= end;
    if (page.length < limit / 4) this.#ms *= 2;
    else if (full) this.#ms = Math.ceil(this.#ms / 2);
    return page;
  }

  /** Readings of the row that belong to the device. */
  readings(): Placed[] {
    const all = this.#placer.readings(this.#page[this.#row]!);
    const { device } = this.#query;
    return all.every((one) => one.device === device)
      ? all
      : all.filter((one) => one.device === device);
  }
}

/** Corrected rows in order of time, each time once, some at a time; whoever has enough may stop before the end. */
export async function* correctedRows(
  source: Source,
  book: StatementBook,
  query: RowsQuery,
  budget: Budget,
  signal?: AbortSignal,
): AsyncGenerator<CorrectedRow[]> {
  const waiting = stretches(book, query);
  const ahead = waiting.length > 1 ? new ReadAhead(source, waiting, PAGE_MS) : source;
  let heads: Head[] = [];
  let batch: CorrectedRow[] = [];
  let given = 0;
  /** Rows of a page where so many are read side by side by then; the first are no larger than what is wanted. */
  const most = (at: number): number => {
    const coming = waiting.filter(({ from, shift }) => from + shift <= at).length;
    const part = Math.floor(PAGE_MAX / Math.max(1, heads.length + coming));
    return given === 0 ? Math.min(part, query.wanted ?? part) : part;
  };
  const slices = new Slices();
  for (;;) {
    let at = Math.min(...heads.map((head) => head.at));
    while (waiting.length > 0 && waiting[0]!.from + waiting[0]!.shift <= at) {
      const page = most(waiting[0]!.from + waiting[0]!.shift);
      const head = new Head(ahead, book, waiting.shift()!, query);
      if (!(await head.turn(budget, page, signal))) continue;
      heads.push(head);
      at = Math.min(at, head.at);
    }
    if (heads.length === 0) break;
    let readings: Placed[] = [];
    let over: Head | null = null;
    for (const head of heads) {
      if (head.at !== at) continue;
      const more = head.readings();
      readings = readings.length === 0 ? more : [...readings, ...more];
      if (!head.step() && !(await head.turn(budget, most(at), signal))) over = head;
      if (over === head) head.at = Number.POSITIVE_INFINITY;
    }
    if (over !== null) heads = heads.filter((head) => head.at !== Number.POSITIVE_INFINITY);
    if (slices.over) await slices.next();
    if (readings.length === 0) continue;
    batch.push(rowOf(readings));
    given++;
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
