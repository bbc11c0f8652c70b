/** The part of the contract-test suite about a device whose profile changed: it has a registration under each. */
import { MINUTE, seededRandom } from '@village/core';
import { expect, it } from 'vitest';
import { ROW_FLAG } from '../../journal/contract.ts';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import type { RangeRow } from '../contract.ts';
import { Oracle, putRow, type TestRow } from '../oracle.ts';

const NOW = Date.UTC(2026, 2, 10, 4);
const OLD = { profile: 'acme/old', metrics: ['pm25', 'temp'] };
const NEW = { profile: 'acme/new', metrics: ['temp', 'pm25', 'no2'] };

/** What the suite lends. */
interface RegistrationTools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
  /** Rows without what the engine does not keep. */
  readonly plainRows: (rows: readonly RangeRow[]) => object[];
}

/** Reads on from where the page before ended, as pages of the HTTP interface do. */
async function byPages(store: TimeSeriesStore, limit: number): Promise<RangeRow[]> {
  const rows: RangeRow[] = [];
  for (let from = 0; ; ) {
    const page = await store.range({ device: 'a', from, to: NOW * 2, limit });
    rows.push(...page);
    if (page.length < limit) return rows;
    from = page.at(-1)!.at + 1;
  }
}

/** Declares the tests; called inside the suite's `describe`. */
export function registrationTests({ folderOf, openIn, plainRows }: RegistrationTools): void {
  it('tells each time of a device once when its profile changed, whole and by pages', async () => {
    const store = await openIn(await folderOf());
    const random = seededRandom('registrations');
    const rows = Array.from({ length: 60 }, (_, n) => {
      const under = n < 30 ? OLD : NEW;
      const metrics = under.metrics.filter((_, i) => i === n % under.metrics.length || n % 3 === 0);
      const row: TestRow = {
        device: 'a',
        // Twenty times for sixty rows, so that most are told under both.
        at: NOW + Math.floor(random() * 20) * MINUTE,
        receivedAt: NOW + Math.floor(random() * 100) * MINUTE,
        flags: random() < 0.5 ? ROW_FLAG.backfill : 0,
        values: Object.fromEntries(metrics.map((metric) => [metric, n])),
        quality: n % 4 === 0 ? { [metrics[0]!]: 'fault' } : {},
      };
      return { under, row };
    });
    // Late readings of the old registration come after those of the new one, and change nothing in it.
    const [first, ...rest] = rows;
    const arriving = [first!, ...rest.slice(29), ...rest.slice(0, 29)];
    for (const { under, row } of arriving) putRow(store, under.profile, under.metrics, row);
    await store.commitNow();
    const oracle = new Oracle();
    for (const { row } of rows) oracle.put(row);
    const rowsOnce = oracle.range('a', 0, NOW * 2);
    const expected = plainRows(rowsOnce);
    expect(new Set(rowsOnce.map(({ at }) => at)).size).toBe(expected.length);
    for (const limit of [1, 3, 1_000])
      expect(plainRows(await byPages(store, limit))).toEqual(expected);
    for (const { profile } of [OLD, NEW]) {
      const alone = new Oracle();
      for (const { under, row } of rows) if (under.profile === profile) alone.put(row);
      const found = await store.range({ device: 'a', profile, from: 0, to: NOW * 2, limit: 1_000 });
      expect(plainRows(found)).toEqual(plainRows(alone.range('a', 0, NOW * 2)));
    }
  });

  it('counts a device whose profile changed as one', async () => {
    const store = await openIn(await folderOf());
    const row = (at: number): TestRow => ({ device: 'a', at, values: { pm25: 1 } });
    putRow(store, OLD.profile, OLD.metrics, row(NOW));
    putRow(store, NEW.profile, NEW.metrics, row(NOW + MINUTE));
    putRow(store, NEW.profile, NEW.metrics, { ...row(NOW + MINUTE), device: 'b' });
    store.locate(
      new Map(
        ['a', 'b'].map((id) => [id, { county: '330522000000', township: null, village: null }]),
      ),
    );
    await store.commitNow();
    const asked = {
      columns: [OLD, NEW].map(({ profile }) => ({ profile, metric: 'pm25' })),
      area: '330522000000',
      from: NOW,
      to: NOW + 60 * MINUTE,
      everyMs: 60 * MINUTE,
      offsetMs: 0,
      aggregates: ['count'] as const,
      groupBy: 'device' as const,
    };
    const answer = [
      { at: NOW, group: 'a', values: { count: 2 } },
      { at: NOW, group: 'b', values: { count: 1 } },
    ];
    expect(await store.aggregate(asked)).toEqual(answer);
    await store.flush();
    expect(await store.aggregate(asked)).toEqual(answer);
    expect(await store.aggregate({ ...asked, top: 1 })).toEqual(answer.slice(0, 1));
  });
}
