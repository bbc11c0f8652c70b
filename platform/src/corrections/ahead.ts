/** Reads on for stretches that follow each other: a device whose clock was put right a thousand times is not asked about a thousand times. */
import type { ArchiveQueries, RangeQuery, RangeRow } from '@village/store/time-series';
import { NEAR_MS, type Span } from './statement.ts';

/** Pages that are kept, of the devices read last. */
const KEPT_MAX = 4;

type Source = Pick<ArchiveQueries, 'range'>;

/** What is to be read of one device, and under which profile. */
interface Part extends Span {
  readonly device: string;
  readonly profile?: string;
}

/** All rows of a span. */
interface Page extends Span {
  readonly rows: readonly RangeRow[];
}

/** The first of rows that is not before a time. */
export function firstFrom(rows: readonly RangeRow[], at: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

const keyOf = ({ device, profile }: Pick<Part, 'device' | 'profile'>): string =>
  `${profile ?? ''} ${device}`;

export class ReadAhead implements Source {
  readonly #source: Source;
  readonly #mostMs: number;
  /** In order of time. */
  readonly #parts: ReadonlyMap<string, readonly Part[]>;
  readonly #pages = new Map<string, Page>();

  /** For those who will ask for these parts; no question is for more than `mostMs` because of others that follow. */
  constructor(source: Source, parts: readonly Part[], mostMs: number) {
    this.#source = source;
    this.#mostMs = mostMs;
    this.#parts = Map.groupBy(
      parts.toSorted((a, b) => a.from - b.from),
      keyOf,
    );
  }

  async range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]> {
    const key = keyOf(query);
    const { from, to, limit } = query;
    let page = this.#pages.get(key);
    if (page === undefined || page.from > from || page.to < to) {
      const end = this.#endOf(key, query);
      const rows = await this.#source.range({ ...query, to: end }, signal);
      const full = rows.length >= limit;
      page = { from, to: full ? rows.at(-1)!.at + 1 : end, rows };
      this.#keep(key, page);
    }
    const first = firstFrom(page.rows, from);
    return page.rows.slice(first, Math.min(firstFrom(page.rows, to), first + limit));
  }

  /** How far to read: over what is asked for next, as far as it lies near. */
  #endOf(key: string, { from, to }: Span): number {
    const parts = this.#parts.get(key) ?? [];
    let [low, high] = [0, parts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (parts[middle]!.from < to) low = middle + 1;
      else high = middle;
    }
    const most = Math.max(to, from + this.#mostMs);
    let end = to;
    for (; low < parts.length && end < most && parts[low]!.from <= end + NEAR_MS; low++)
      end = Math.max(end, Math.min(parts[low]!.to, most));
    return end;
  }

  #keep(key: string, page: Page): void {
    this.#pages.delete(key);
    this.#pages.set(key, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > KEPT_MAX && oldest !== undefined) this.#pages.delete(oldest);
  }
}
