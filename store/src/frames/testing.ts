/** The part of the contract-test suite about frames: they stand beside the rows, whatever the archive. */
import { DAY } from '@village/core';
import { expect, it } from 'vitest';
import { putRow } from '../archive/oracle.ts';
import type { ReceivedFrame } from '../journal/contract.ts';
import type { TimeSeriesStore } from '../time-series/contract.ts';

const NOW = Date.UTC(2026, 2, 10, 4);

/** What the suite lends. */
interface FrameTools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
}

/** Declares the tests; called inside the suite's `describe`. */
export function frameTests({ folderOf, openIn }: FrameTools): void {
  it('keeps what was received beside the rows, through flushes and restarts', async () => {
    const folder = await folderOf();
    const store = await openIn(folder);
    const said = (n: number): ReceivedFrame => ({
      device: 'a',
      at: NOW + n,
      receivedAt: NOW + n + 900,
      source: 'gw',
      way: 'village/v1/gateways/gw/readings',
      epoch: 'e',
      sequence: n,
      decoding: '{}',
      payload: Uint8Array.of(0, n, 255),
    });
    for (let n = 0; n < 20; n++) {
      putRow(store, 'acme/kept', ['pm25'], { device: 'a', at: NOW + n, values: { pm25: n } });
      store.frame(said(n));
      await store.commitNow();
      if (n === 10) await store.flush();
    }
    const wanted = Array.from({ length: 20 }, (_, n) => said(n));
    const all = { frames: wanted, more: false, missing: [] };
    expect(await store.frames.find('a', NOW, NOW + 20, 100)).toEqual(all);
    await store.close();
    const again = await openIn(folder);
    expect(await again.frames.find('a', NOW, NOW + 20, 100)).toEqual(all);
    await again.compact(NOW + 2 * DAY);
    expect(await again.frames.find('a', NOW, NOW + 20, 100)).toEqual(all);
    expect(await again.range({ device: 'a', from: NOW, to: NOW + 20, limit: 100 })).toHaveLength(
      20,
    );
  });
}
