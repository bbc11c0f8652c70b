/** What every archive leaves to the journal before it: batches of gateways, and what could not be decoded. */
import { expect, it } from 'vitest';
import type { TestRow } from '../archive/oracle.ts';
import type { TimeSeriesStore } from '../time-series/contract.ts';

const NOW = Date.UTC(2026, 2, 10, 4);

interface Tools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
  readonly put: (store: TimeSeriesStore, row: TestRow) => Promise<void>;
}

export function journalTests({ folderOf, openIn, put }: Tools): void {
  it('knows which batches of a gateway are missing', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    for (const seq of [1, 2, 5, 9, 6, 6]) store.sequence('g', 'e1', seq);
    store.sequenceDropped('g', 'e1', [[3, 3]]);
    store.sequence('g', 'e2', 2);
    await store.commitNow();
    const expected = [
      {
        epoch: 'e1',
        highest: 9,
        gaps: [
          [4, 4],
          [7, 8],
        ],
      },
      { epoch: 'e2', highest: 2, gaps: [[1, 1]] },
    ];
    expect(store.sequences('g')).toEqual(expected);
    await put(store, { device: 'a', at: NOW, values: { pm25: 1 } });
    await store.flush();
    await store.close();
    store = await openIn(folder);
    expect(store.sequences('g')).toEqual(expected);
    expect(store.sequences('other')).toEqual([]);
  });

  it('keeps what could not be decoded, with its state', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    const entry = {
      receivedAt: NOW,
      source: 'g',
      device: null,
      topic: 't',
      reason: 'payload-not-json',
      message: 'no',
      payload: Buffer.from('{'),
    };
    for (let i = 0; i < 3; i++) store.deadLetter({ ...entry, topic: `t${i}` });
    await store.commitNow();
    const [first] = store.deadLetters({ limit: 1 });
    expect({ ...first, payload: Buffer.from(first!.payload).toString() }).toEqual({
      ...entry,
      topic: 't0',
      ...{ payload: '{', bytes: 1 },
      id: first!.id,
      state: 'open',
    });
    store.resolveDeadLetters([first!.id], 'rerun');
    await store.close();
    store = await openIn(folder);
    expect(store.deadLetters({ limit: 9, state: 'open' }).map(({ topic }) => topic)).toEqual([
      't1',
      't2',
    ]);
    expect(store.deadLetters({ limit: 9, after: first!.id }).map(({ topic }) => topic)).toEqual([
      't1',
      't2',
    ]);
    expect(store.deadLetters({ limit: 9, state: 'rerun' }).map(({ topic }) => topic)).toEqual([
      't0',
    ]);
    expect(store.counters().deadLetters).toBe(3);
  });
}
