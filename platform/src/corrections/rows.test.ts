/** Many rows corrected page by page: those of the definition, and no more in memory than pages of all that are read side by side. */
import { DAY, HOUR, MINUTE, seededRandom } from '@village/core';
import type { RangeQuery, RangeRow } from '@village/store/time-series';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CorrectedRow, corrected } from './apply.ts';
import { Budget, correctedRows } from './rows.ts';
import { type Statement, StatementBook } from './statement.ts';
import { DEVICES, received, statementsArbitrary } from './testing.ts';

/** Devices that all report each minute for ever. */
class Minutes {
  rows = 0;

  range(query: RangeQuery): Promise<RangeRow[]> {
    const rows: RangeRow[] = [];
    for (let at = Math.ceil(query.from / MINUTE) * MINUTE; at < query.to; at += MINUTE) {
      if (rows.length >= query.limit) break;
      rows.push(received(at, { cod: (at / MINUTE) % 97 }));
    }
    this.rows += rows.length;
    return Promise.resolve(rows);
  }
}

const statement = (more: Partial<Statement>): Statement => ({
  ...{ id: 1, kind: 'offset', device: 'a', metric: null, from: 0, to: 60 * DAY },
  ...{ value: 1, target: null },
  ...more,
});

it('of hundreds of devices that were moved into one only a part of each is in memory', async () => {
  const source = new Minutes();
  const moved = Array.from({ length: 300 }, (_, n) =>
    statement({ id: n, kind: 'reassign', device: `x${n}`, value: null, target: 'b' }),
  );
  const rows = correctedRows(
    source,
    new StatementBook(moved),
    { device: 'b', from: 0, to: 60 * DAY },
    new Budget(),
  );
  const { value: batch } = await rows.next();
  expect(batch![249]).toMatchObject({ at: 249 * MINUTE, values: { cod: 249 % 97 } });
  // A page of each, and of each that has given it a second one.
  expect(source.rows).toBeLessThanOrEqual(301 * 400);
});

it('page by page the rows are those of the definition, over holes of any size', {
  timeout: 60_000,
}, async () => {
  let pages = 0;
  await fc.assert(
    fc.asyncProperty(
      statementsArbitrary(0, 5 * HOUR),
      fc.constantFrom(...DEVICES),
      fc.integer({ min: 1, max: 900 }),
      fc.integer(),
      async (list, device, wanted, seed) => {
        const random = seededRandom(`holes ${seed}`);
        const all = new Map(
          DEVICES.map((id) => {
            const rows: RangeRow[] = [];
            for (let at = 0; at < 20 * DAY; at += MINUTE) {
              if (random() < 0.0005) at += Math.floor(random() ** 4 * 5_000) * MINUTE;
              rows.push(received(at, { cod: rows.length }));
            }
            return [id, rows] as const;
          }),
        );
        const source = {
          range: ({ device: id, from, to, limit }: RangeQuery): Promise<RangeRow[]> => {
            pages++;
            const rows = all.get(id)!.filter(({ at }) => at >= from && at < to);
            return Promise.resolve(rows.slice(0, limit));
          },
        };
        const book = new StatementBook(list);
        const found: CorrectedRow[] = [];
        const asked = { device, from: -DAY, to: 30 * DAY, wanted };
        for await (const batch of correctedRows(source, book, asked, new Budget()))
          found.push(...batch);
        expect(found).toEqual(corrected(book, all, device));
      },
    ),
    { seed: 20_261_128, numRuns: 6 },
  );
  console.info(`seed 20261128: ${pages} pages`);
  expect(pages).toBeGreaterThan(25);
});
