/** A device's corrected rows as a stream in order of time, read page by page from where they were received. */
import { OperationalError } from '@village/core';
import type { ArchiveQueries, RangeRow } from '@village/store/time-series';
import { type CorrectedRow, type Placed, placed, rowOf } from './apply.ts';
import { joined, type Span, type StatementBook, shared, speaksOf } from './statement.ts';

/** Rows that one query may read to correct them: ten years of minutes. */
export const ROWS_MAX = 5_500_000;
const PAGE_MAX = 50_000;
const PAGE_MIN = 200;

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
interface Stretch extends Span {
  readonly device: string;
  readonly shift: number;
  readonly profile?: string;
}

/** Whatever may hold readings of the device in that time, in the order of the first corrected time. */
function stretches(book: StatementBook, query: RowsQuery): Stretch[] {
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

async function* received(
  source: Source,
  { device, from, to, profile }: Stretch,
  { metrics, wanted = PAGE_MAX }: RowsQuery,
  budget: Budget,
  signal: AbortSignal | undefined,
): AsyncGenerator<RangeRow> {
  let limit = Math.min(PAGE_MAX, Math.max(PAGE_MIN, wanted));
  for (let next = from; ; ) {
    const rows = await source.range(
      {
        device,
        ...(metrics === undefined ? {} : { metrics }),
        ...(profile === undefined ? {} : { profile }),
        from: next,
        to,
        limit,
      },
      signal,
    );
    budget.take(rows.length);
    yield* rows;
    if (rows.length < limit) return;
    next = rows.at(-1)!.at + 1;
    limit = PAGE_MAX;
  }
}

/** One stretch being read: what its next row says. */
class Head {
  readonly #book: StatementBook;
  readonly #stretch: Stretch;
  readonly #rows: AsyncGenerator<RangeRow>;
  at = Number.NEGATIVE_INFINITY;
  #row: RangeRow | undefined;

  constructor(book: StatementBook, stretch: Stretch, rows: AsyncGenerator<RangeRow>) {
    this.#book = book;
    this.#stretch = stretch;
    this.#rows = rows;
  }

  /** False when the stretch is over. */
  async advance(): Promise<boolean> {
    const { value, done } = await this.#rows.next();
    if (done === true) return false;
    this.#row = value as RangeRow;
    this.at = this.#row.at + this.#stretch.shift;
    return true;
  }

  readings(device: string): Placed[] {
    const all = placed(this.#book, this.#stretch.device, this.#row!);
    return all.filter((one) => one.device === device);
  }
}

/** Corrected rows in order of time, each time once; they end at the query's end, and whoever has enough may stop before. */
export async function* correctedRows(
  source: Source,
  book: StatementBook,
  query: RowsQuery,
  budget: Budget,
  signal?: AbortSignal,
): AsyncGenerator<CorrectedRow> {
  const waiting = stretches(book, query);
  let heads: Head[] = [];
  for (;;) {
    let at = Math.min(...heads.map((head) => head.at));
    while (waiting.length > 0 && waiting[0]!.from + waiting[0]!.shift <= at) {
      const stretch = waiting.shift()!;
      const head = new Head(book, stretch, received(source, stretch, query, budget, signal));
      if (await head.advance()) heads.push(head);
      at = Math.min(at, head.at === Number.NEGATIVE_INFINITY ? at : head.at);
    }
    if (heads.length === 0) return;
    const readings: Placed[] = [];
    const over = new Set<Head>();
    for (const head of heads) {
      if (head.at !== at) continue;
      readings.push(...head.readings(query.device));
      if (!(await head.advance())) over.add(head);
    }
    if (over.size > 0) heads = heads.filter((head) => !over.has(head));
    if (readings.length > 0) yield rowOf(readings);
  }
}
