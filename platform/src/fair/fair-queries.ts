/**
 * An archive whose questions are asked in turns: small ones have a lane of their own, so that a page of one device does not wait
 * behind a year of a county, and of the large ones each asker has one at a time.
 */
import { DAY, MINUTE, type Timer } from '@village/core';
import type {
  AggregateQuery,
  AggregateRow,
  ArchiveQueries,
  DeviceRows,
  RangeManyQuery,
  Weighed,
} from '@village/store/time-series';
import { asker } from './asker.ts';
import { Turns } from './turns.ts';

/** Rows up to which a question is a small one: some tens of milliseconds of reading. */
export const SMALL_ROWS = 200_000;
/** What an engine that can't tell is taken to hold: a row a minute of each device. */
const ROW_EVERY_MS = MINUTE;
/** The same for an area, of whose devices nothing is known here. */
const AREA_DEVICES = 2_000;
/** Files that many short spans of a year touch cost more than their rows. */
const SMALL_SPAN = 400 * DAY;

const WAIT_MS = 30_000;

export interface FairCounters {
  readonly running: number;
  readonly waiting: number;
  readonly refused: number;
}

export class FairQueries implements ArchiveQueries {
  readonly #archive: ArchiveQueries;
  readonly #small: Turns;
  readonly #large: Turns;

  constructor(archive: ArchiveQueries, timer: Pick<Timer, 'sleep'>) {
    this.#archive = archive;
    const bounds = { timer, waiting: 1_000, waitingOfOne: 100, waitMs: WAIT_MS };
    this.#small = new Turns({ ...bounds, running: 2, runningOfOne: 2 });
    this.#large = new Turns({ ...bounds, running: 2, runningOfOne: 1 });
  }

  counters(): Readonly<Record<'small' | 'large', FairCounters>> {
    const of = ({ running, waiting, refused }: Turns): FairCounters => ({
      running,
      waiting,
      refused,
    });
    return { small: of(this.#small), large: of(this.#large) };
  }

  range: ArchiveQueries['range'] = (query, signal) =>
    this.#ask({ of: 'spans', spans: [query] }, () => this.#archive.range(query, signal), signal);

  completeness: ArchiveQueries['completeness'] = (query, signal) =>
    this.#ask(
      { of: 'spans', spans: [query] },
      () => this.#archive.completeness(query, signal),
      signal,
    );

  events: ArchiveQueries['events'] = (query, signal) =>
    this.#small.run(asker(), () => this.#archive.events(query, signal), signal);

  aggregate = (query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> =>
    this.#ask({ of: 'aggregate', query }, () => this.#archive.aggregate(query, signal), signal);

  /** A turn for each piece: whoever reads on may ask other questions between. */
  async *rangeMany(query: RangeManyQuery, signal?: AbortSignal): AsyncGenerator<DeviceRows> {
    const weighed: Weighed = { of: 'spans', spans: query.spans };
    const pieces = this.#archive.rangeMany(query, signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const piece = await this.#ask(weighed, () => pieces.next(), signal);
        if (piece.done === true) return;
        yield piece.value;
      }
    } finally {
      await pieces.return?.();
    }
  }

  /** Files have turns of their own, where they are made. */
  exportTo: ArchiveQueries['exportTo'] = (path, format, query, signal) =>
    this.#archive.exportTo(path, format, query, signal);

  weigh = (weighed: Weighed): number =>
    this.#archive.weigh?.(weighed) ??
    (weighed.of === 'spans' ? spanRows(weighed) : areaRows(weighed));

  #ask<T>(weighed: Weighed, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const isSmall = reachOf(weighed) <= SMALL_SPAN && this.weigh(weighed) <= SMALL_ROWS;
    return (isSmall ? this.#small : this.#large).run(asker(), work, signal);
  }
}

const reachOf = (weighed: Weighed): number =>
  weighed.of === 'aggregate'
    ? weighed.query.to - weighed.query.from
    : weighed.spans.reduce((longest, { from, to }) => Math.max(longest, to - from), 0);

const spanRows = ({ spans }: Weighed & { of: 'spans' }): number =>
  spans.reduce((sum, { from, to }) => sum + (to - from) / ROW_EVERY_MS, 0);

const areaRows = ({ query }: Weighed & { of: 'aggregate' }): number =>
  ((query.to - query.from) / ROW_EVERY_MS) * (query.device === undefined ? AREA_DEVICES : 1);
