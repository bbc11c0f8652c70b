/** Statements about much: other work of the process has its turn meanwhile, and the archive is not made to look twice. */
import { DAY, MINUTE } from '@village/core';
import type { RangeQuery, RangeRow } from '@village/store/time-series';
import { describe, expect, it } from 'vitest';
import { correctedLatest } from './latest.ts';
import { preview } from './preview.ts';
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
  return { range, asked };
}

const statement = (days: number): Statement => ({
  ...{ id: 1, kind: 'offset', device: 'a', metric: null, value: 1, target: null },
  ...{ from: START, to: START + days * DAY },
});

/** How often the loop went round while something was computed. */
async function turnsOf(work: Promise<unknown>): Promise<number> {
  let [turns, over] = [0, false];
  const again = (): void => {
    turns++;
    if (!over) setImmediate(again);
  };
  setImmediate(again);
  await work;
  over = true;
  return turns;
}

describe('a month of minutes', () => {
  const days = 30;
  const book = new StatementBook([statement(days)]);
  const span = { device: 'a', from: START, to: START + days * DAY };

  it('is previewed while others have their turn', async () => {
    const books = [new StatementBook([]), book] as const;
    const work = preview(source(MINUTE), books, [span], undefined);
    expect(await turnsOf(work)).toBeGreaterThan((days * DAY) / MINUTE / 1_000);
    expect(await work).toMatchObject({ readings: (2 * days * DAY) / MINUTE, complete: true });
  });

  it('is corrected while others have their turn', async () => {
    let rows = 0;
    const read = async (): Promise<void> => {
      for await (const batch of correctedRows(source(MINUTE), book, span, new Budget()))
        rows += batch.length;
    };
    expect(await turnsOf(read())).toBeGreaterThan((days * DAY) / MINUTE / 1_000);
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
