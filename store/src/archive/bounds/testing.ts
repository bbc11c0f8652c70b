/** The part of the contract-test suite about the size of answers: bounded where they arise, and cut the same way everywhere. */
import { MINUTE, SECOND } from '@village/core';
import { expect, it } from 'vitest';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import { AGGREGATE_ROWS_MAX, type AggregateQuery, type AggregateRow } from '../contract.ts';
import { putRow } from '../oracle.ts';

const START = Date.UTC(2026, 2, 1);
const COUNTY = '330522000000';
const PROFILE = 'acme/bounds';

interface BoundsTools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
}

const asked = (more: Partial<AggregateQuery>): AggregateQuery => ({
  ...{ columns: [{ profile: PROFILE, metric: 'pm25' }], area: COUNTY, offsetMs: 0 },
  ...{ from: START, to: START + 20 * MINUTE, everyMs: SECOND },
  ...{ aggregates: ['count'], groupBy: 'device' },
  ...more,
});

/** Declares the tests; called inside the suite's `describe`. */
export function boundsTests({ folderOf, openIn }: BoundsTools): void {
  /** So many devices with a reading a second, `seconds` long; the value is the second. */
  const filled = async (devices: number, seconds: number): Promise<TimeSeriesStore> => {
    const store = await openIn(await folderOf());
    store.locate(
      new Map(
        Array.from({ length: devices }, (_, n) => [
          `d${n}`,
          { county: COUNTY, township: null, village: null },
        ]),
      ),
    );
    for (let second = 0; second < seconds; second++) {
      for (let n = 0; n < devices; n++)
        putRow(store, PROFILE, ['pm25'], {
          ...{ device: `d${n}`, at: START + second * SECOND, values: { pm25: second % 7 } },
        });
      await store.commitNow();
    }
    return store;
  };

  it(`answers ${AGGREGATE_ROWS_MAX} rows, and refuses more`, { timeout: 120_000 }, async () => {
    const store = await filled(100, 502);
    const seconds = AGGREGATE_ROWS_MAX / 100;
    const rows = await store.aggregate(asked({ to: START + seconds * SECOND }));
    expect(rows.length).toBe(AGGREGATE_ROWS_MAX);
    const inOrder = (a: AggregateRow, b: AggregateRow): boolean =>
      a.at < b.at || (a.at === b.at && (a.group ?? '') < (b.group ?? ''));
    expect(rows.every((row, n) => n === 0 || inOrder(rows[n - 1]!, row))).toBe(true);
    await expect(
      store.aggregate(asked({ to: START + (seconds + 1) * SECOND })),
    ).rejects.toMatchObject({ code: 'answer-too-large', retry: false });
    // The same readings in fewer buckets, or the best of them, are an answer.
    expect((await store.aggregate(asked({ everyMs: MINUTE }))).length).toBe(9 * 100);
  });

  it('cuts a top where thousands are as good by time and name', { timeout: 60_000 }, async () => {
    const store = await filled(30, 100);
    // Each device counts one reading a second: 3,000 rows are equally good.
    const best = await store.aggregate(asked({ top: 4 }));
    expect(best.map(({ at, group }) => [at - START, group])).toEqual([
      [0, 'd0'],
      [0, 'd1'],
      [0, 'd10'],
      [0, 'd11'],
    ]);
    const last = await store.aggregate(asked({ top: 33, aggregates: ['max'] }));
    // Six is the largest value: at 6 s of all thirty, and of the first three by name at 13 s.
    expect(last.map(({ at }) => (at - START) / SECOND)).toEqual([
      ...Array.from({ length: 30 }, () => 6),
      13,
      13,
      13,
    ]);
    expect(last.slice(30).map(({ group }) => group)).toEqual(['d0', 'd1', 'd10']);
  });
}
