/** Statements about much: other work of the process has its turn meanwhile, and the archive is not made to look twice. */
import { DAY, HOUR, MINUTE } from '@village/core';
import {
  type ArchiveQueries,
  byDevice,
  type DeviceRows,
  type RangeManyQuery,
  type RangeQuery,
  type RangeRow,
} from '@village/store/time-series';
import { describe, expect, it } from 'vitest';
import { turnsOf } from '../testing.ts';
import { type CorrectedRow, corrected } from './apply.ts';
import { correctedSpans } from './gathered.ts';
import { correctedLatest } from './latest.ts';
import { preview } from './preview.ts';
import { CorrectedQueries } from './queries.ts';
import { Budget, correctedRows } from './rows.ts';
import { type Statement, StatementBook } from './statement.ts';
import { received } from './testing.ts';

const START = Date.UTC(2026, 0, 1) - 8 * 3_600_000;

/** A device that says something every so often, answered without a turn of the loop; what was asked is kept. */
function source(everyMs: number) {
  const asked: RangeQuery[] = [];
  const range = (query: RangeQuery): Promise<RangeRow[]> => {
    asked.push(query);
    const rows: RangeRow[] = [];
    const first = Math.ceil((query.from - START) / everyMs);
    for (let n = first; START + n * everyMs < query.to && rows.length < query.limit; n++)
      rows.push(received(START + n * everyMs, { cod: n % 97, ph: n % 7 }));
    return Promise.resolve(rows);
  };
  const many: RangeManyQuery[] = [];
  async function* rangeMany(query: RangeManyQuery): AsyncGenerator<DeviceRows> {
    many.push(query);
    for (const [device, spans] of byDevice(query.spans))
      for (const span of spans)
        for (let { from } = span; from < span.to; ) {
          const first = Math.ceil((from - START) / everyMs) * everyMs + START;
          const to = Math.min(span.to, first + 1_000 * everyMs);
          const limit = Number.POSITIVE_INFINITY;
          const rows = await range({ device, from, to, limit });
          asked.pop();
          if (rows.length > 0) yield { device, rows };
          from = to;
        }
  }
  return { range, rangeMany, asked, many };
}

const statement = (days: number): Statement => ({
  ...{ id: 1, kind: 'offset', device: 'a', metric: null, value: 1, target: null },
  ...{ from: START, to: START + days * DAY },
});

describe('a month of minutes', () => {
  const days = 30;
  const book = new StatementBook([statement(days)]);
  const span = { device: 'a', from: START, to: START + days * DAY };

  it('is previewed while others have their turn', async () => {
    const books = [new StatementBook([]), book] as const;
    const [turns, told] = await turnsOf(() => preview(source(MINUTE), books, [span], undefined));
    expect(turns).toBeGreaterThan((days * DAY) / MINUTE / 100);
    expect(told).toMatchObject({ readings: (2 * days * DAY) / MINUTE, complete: true });
  });

  it('is corrected while others have their turn', async () => {
    let rows = 0;
    const read = async (): Promise<void> => {
      for await (const batch of correctedRows(source(MINUTE), book, span, new Budget()))
        rows += batch.length;
    };
    const [turns] = await turnsOf(read);
    expect(turns).toBeGreaterThan((days * DAY) / MINUTE / 100);
    expect(rows).toBe((days * DAY) / MINUTE);
  });
});

describe('pages of what was received', () => {
  it.each([
    ['every ten seconds', 10_000, 60],
    ['every minute', MINUTE, 365],
    ['once a day', DAY, 3_650],
    ['never', 100_000 * DAY, 3_650],
  ])(
    'of a device that speaks %s are small and few, and none looks at what others read',
    async (_name, everyMs, days) => {
      const { range, asked } = source(everyMs);
      const book = new StatementBook([statement(days)]);
      const span = { device: 'a', from: START + 1, to: START + days * DAY };
      const times: number[] = [];
      for await (const batch of correctedRows({ range }, book, span, new Budget()))
        for (const { at } of batch) times.push(at);
      const expected: number[] = [];
      for (let at = START + everyMs; at < span.to; at += everyMs) expected.push(at);
      expect(times).toEqual(expected);
      expect(asked.length).toBeLessThan(20 + expected.length / 2_000);
      expect(Math.max(...asked.map(({ limit }) => limit))).toBeLessThanOrEqual(10_000);
      const looked = asked.reduce((sum, { from, to }) => sum + to - from, 0);
      expect(looked).toBeLessThan(2 * days * DAY);
    },
  );
});

describe('many spans', () => {
  const devices = ['a', 'b', 'c'];
  const book = new StatementBook([
    { ...statement(40), value: 1 },
    { ...statement(40), id: 2, device: 'b', kind: 'shift-clock', value: 17 },
    { ...statement(40), id: 3, device: 'c', kind: 'reassign', value: null, target: 'a' },
  ]);

  it.each([
    ['of few rows are asked for at once', 6 * 3_600_000, 0, 1],
    ['of more rows than fit are asked for in parts', MINUTE, 0, 30],
    ['each of more rows than fit are read page by page', 1_000, 500, 30],
  ])('%s', async (_name, everyMs, pages, questions) => {
    const length = everyMs === 1_000 ? DAY / 2 : DAY;
    const spans = devices.flatMap((device, n) =>
      Array.from({ length: everyMs === 1_000 ? 3 : 15 }, (_, day) => {
        const from = START + (2 * day + 1) * DAY + n * 3_600_000;
        return { device, from, to: from + length };
      }),
    );
    const here = source(everyMs);
    const digest = new Map<string, number>();
    const add = (key: string, rows: readonly CorrectedRow[]): void => {
      for (const { at, values, received: was } of rows) {
        const one =
          at * 3 + (values['cod'] ?? 0) * 7 + (values['ph'] ?? 0) + Object.keys(was).length;
        // Spans come in no particular order.
        digest.set(key, ((digest.get(key) ?? 0) + (one % 1_000_003) * (at % 9_973)) % 1_000_003);
      }
    };
    const budget = (): Budget => new Budget();
    for await (const { device, rows } of correctedSpans(here, book, { spans }, budget))
      for (const [day, own] of Map.groupBy(rows, ({ at }) => Math.floor((at - START) / DAY / 2)))
        add(`${device} ${day}`, own);
    const found = new Map(digest);
    expect(here.asked.length).toBeGreaterThanOrEqual(pages > 0 ? 1 : 0);
    if (pages === 0) expect(here.asked).toEqual([]);
    expect(here.many.length).toBeLessThanOrEqual(questions);
    digest.clear();
    for (const span of spans)
      for await (const rows of correctedRows(source(everyMs), book, span, budget()))
        for (const [day, own] of Map.groupBy(rows, ({ at }) => Math.floor((at - START) / DAY / 2)))
          add(`${span.device} ${day}`, own);
    expect(found).toEqual(digest);
    expect(found.size).toBeGreaterThan(0);
  });
});

describe('newest values of a device', () => {
  const value = { metric: 'cod', value: 1, receivedAt: START, quality: 'good' } as const;
  const said = new StatementBook(
    Array.from({ length: 1_000 }, (_, n) => ({
      ...{ ...statement(1), id: n + 1, metric: 'cod', value: 1 },
      ...{ from: START + n * MINUTE, to: START + (n + 1) * MINUTE },
    })),
  );

  it('are taken as they are where all that is said is of the past', () => {
    const newest = [{ ...value, at: START + DAY }];
    expect(correctedLatest(said, () => newest, 'a')).toBe(newest);
  });

  it('are corrected where some of it is not', () => {
    const newest = ['ph', 'cod'].map((metric) => ({ ...value, metric, at: START }));
    expect(correctedLatest(said, () => newest, 'a')).toMatchObject([
      { metric: 'ph', value: 1 },
      { metric: 'cod', value: 2, received: { value: 1, statements: [1] } },
    ]);
  });
});

it('what is valid of months with hundreds of short statements is counted by few questions', async () => {
  const [days, every] = [100, 10 * MINUTE];
  const { range, rangeMany, asked, many } = source(every);
  const list = Array.from({ length: 400 }, (_, n): Statement => {
    const from = START + n * 6 * HOUR;
    const said = { id: n + 1, device: 'a', metric: null, from, to: from + HOUR, value: null };
    return { ...said, kind: 'invalid', target: null };
  });
  const hours = Array.from({ length: days * 24 }, (_, n) => ({
    ...{ at: START + n * HOUR, expected: 6, received: 6, rows: 6, backfilled: 0 },
  }));
  const none = (): never => {
    throw new Error('BUG: nothing else is asked for');
  };
  const archive: ArchiveQueries = {
    ...{ range, rangeMany, aggregate: none, events: none, exportTo: none },
    completeness: () => Promise.resolve({ hours, gaps: [], gapCount: 0, since: START }),
  };
  const book = new StatementBook(list);
  const devices = { locations: () => undefined, profile: () => undefined, count: () => 1 };
  const queries = new CorrectedQueries(archive, () => book, devices);
  const span = { from: START, to: START + days * DAY };
  const answer = await queries.completeness({ device: 'a', ...span, reportEveryMs: every });
  expect(answer.hours.map(({ valid }) => valid)).toEqual(
    hours.map((_, n) => (n % 6 === 0 ? 0 : 6)),
  );
  expect(asked.length + many.length).toBeLessThan(10);
});

it('a device whose clock was put right hundreds of times is read by few questions', async () => {
  const [days, every] = [100, 10 * MINUTE];
  const { range, asked } = source(every);
  const list = Array.from({ length: 400 }, (_, n): Statement => {
    const from = START + n * 6 * HOUR;
    const said = { id: n + 1, device: 'a', metric: null, from, to: from + 2 * HOUR, target: null };
    return { ...said, kind: 'shift-clock', value: (n % 50) * 7_000 + 1_000 };
  });
  const book = new StatementBook(list);
  const span = { from: START, to: START + days * DAY };
  const rows: CorrectedRow[] = [];
  const found = correctedRows({ range }, book, { device: 'a', ...span }, new Budget());
  for await (const batch of found) rows.push(...batch);
  // A week a question; 800 stretches follow each other.
  expect(asked.length).toBeLessThan(40);
  const limit = Number.POSITIVE_INFINITY;
  const received = await range({ device: 'a', from: START - DAY, to: span.to + DAY, limit });
  const all = corrected(book, new Map([['a', received]]), 'a');
  expect(rows).toEqual(all.filter(({ at }) => at >= span.from && at < span.to));
});
