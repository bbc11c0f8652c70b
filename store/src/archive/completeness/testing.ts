/** The part of the contract-test suite that tells what is missing, since when, and when it was silent. */
import { DAY, HOUR, MINUTE } from '@village/core';
import { expect, it } from 'vitest';
import { ROW_FLAG } from '../../journal/contract.ts';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import type { Completeness } from '../contract.ts';
import type { TestRow } from '../oracle.ts';

/** An hour of the clock. */
const NOW = Date.UTC(2026, 2, 10, 4);

/** What the suite lends. */
export interface Tools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
  readonly put: (store: TimeSeriesStore, ...rows: TestRow[]) => Promise<void>;
  /** An answer without what the engine does not keep. */
  readonly plainHours: (answer: Completeness) => object;
}

/** Declares the tests; called inside the suite's `describe`. */
export function completenessTests({ folderOf, openIn, put, plainHours }: Tools): void {
  it('shows what is missing', async () => {
    const store = await openIn(await folderOf());
    await put(
      store,
      { device: 'a', at: NOW, values: { pm25: 1 } },
      { device: 'a', at: NOW + 11 * MINUTE, values: { pm25: 1 } },
      { device: 'a', at: NOW + 12 * MINUTE, values: { pm25: 1 }, flags: ROW_FLAG.backfill },
      {
        device: 'a',
        at: NOW + HOUR + 30 * MINUTE,
        values: { pm25: 1 },
        flags: ROW_FLAG.backfill,
      },
    );
    const asked = {
      device: 'a',
      from: NOW,
      to: NOW + HOUR + 45 * MINUTE,
      reportEveryMs: 10 * MINUTE,
    };
    const expected = [
      { at: NOW, expected: 6, received: 2, rows: 3, backfilled: 1 },
      { at: NOW + HOUR, expected: 4, received: 1, rows: 1, backfilled: 1 },
    ];
    const gaps = [{ from: NOW + 12 * MINUTE, to: NOW + HOUR + 30 * MINUTE }];
    const answer = plainHours({ hours: expected, gaps, gapCount: 1, since: NOW });
    expect(plainHours(await store.completeness(asked))).toEqual(answer);
    await store.flush();
    expect(plainHours(await store.completeness(asked))).toEqual(answer);
  });

  it('expects nothing before a device was first heard, and nothing of one never heard', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    const asked = { device: 'a', from: NOW, to: NOW + 2 * HOUR, reportEveryMs: 10 * MINUTE };
    const hour = { received: 0, rows: 0, backfilled: 0 };
    const nothing = [
      { ...hour, at: NOW, expected: 0 },
      { ...hour, at: NOW + HOUR, expected: 0 },
    ];
    const never = { hours: nothing, gaps: [], gapCount: 0, since: null };
    expect(await store.completeness(asked)).toEqual(never);
    const first = NOW + 85 * MINUTE;
    await put(store, { device: 'a', at: first, values: { pm25: 1 } });
    const heard = {
      hours: [nothing[0], { at: NOW + HOUR, expected: 4, received: 1, rows: 1, backfilled: 0 }],
      // Silent from then on: 35 minutes are more than 22.
      gaps: [{ from: first, to: NOW + 2 * HOUR }],
      gapCount: 1,
      since: first,
    };
    expect(await store.completeness(asked)).toEqual(heard);
    expect(await store.completeness({ ...asked, to: first })).toMatchObject({ gaps: [] });
    await store.flush();
    await store.close();
    store = await openIn(folder);
    expect(await store.completeness(asked)).toEqual(heard);
    // History that comes later moves the beginning back.
    await put(store, { device: 'a', at: NOW - DAY, values: { pm25: 1 } });
    expect(await store.completeness(asked)).toMatchObject({
      hours: [{ expected: 6 }, { expected: 6, received: 1 }],
      gaps: [{ from: NOW, to: first }, heard.gaps[0]],
      since: NOW - DAY,
    });
  });

  it('tells silences by the rows around them, in the span or not', async () => {
    const store = await openIn(await folderOf());
    const times = [0, 10, 20, 60, 65, 87, 88, 111];
    await put(
      store,
      ...times.map((minute) => ({ device: 'a', at: NOW + minute * MINUTE, values: { pm25: 1 } })),
    );
    const gaps = async (from: number, to: number): Promise<number[][]> =>
      (
        await store.completeness({
          device: 'a',
          from: NOW + from * MINUTE,
          to: NOW + to * MINUTE,
          reportEveryMs: 10 * MINUTE,
        })
      ).gaps.map((gap) => [(gap.from - NOW) / MINUTE, (gap.to - NOW) / MINUTE]);
    // 22 minutes are no gap, 23 and 40 are.
    const all = [
      [20, 60],
      [88, 111],
    ];
    expect(await gaps(0, 111)).toEqual(all);
    await store.flush();
    expect(await gaps(0, 111)).toEqual(all);
    expect(await gaps(-60, 130)).toEqual(all);
    // Cut to the span, whole or in part inside the silence.
    expect(await gaps(30, 100)).toEqual([
      [30, 60],
      [88, 100],
    ]);
    expect(await gaps(40, 45)).toEqual([[40, 45]]);
    expect(await gaps(111, 133)).toEqual([]);
    expect(await gaps(111, 134)).toEqual([[111, 134]]);
  });
}
