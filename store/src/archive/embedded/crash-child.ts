/**
 * The process that the crash test kills: writes one row after another in bursts, flushes all the time, and says on its
 * standard output which rows were acknowledged.
 */
import { systemTimer } from '@village/core';
import { openTimeSeries } from '../../time-series/open.ts';
import { putRow } from '../oracle.ts';
import { tell } from '../tell.ts';

const [folder, first] = process.argv.slice(2);
const store = await openTimeSeries({
  folder: folder!,
  timer: systemTimer,
  flushRows: 300,
  diskReserveBytes: 0,
});
const START = Date.UTC(2026, 0, 1);
let next = Number(first);
tell('open');

/** Row n is minute n of one device; the last minutes are repeated, as a client does that resends. */
function burst(): void {
  for (let i = 0; i < 20; i++) {
    const n = next++;
    putRow(store, 'acme/crash', ['n'], { device: 'd', at: START + n * 60_000, values: { n } });
    if (n % 7 === 0 && n > 3)
      putRow(store, 'acme/crash', ['n'], {
        device: 'd',
        at: START + (n - 3) * 60_000,
        values: { n: n - 3 },
      });
    store.sequence('g', 'e', n + 1);
    store.settle(() => tell(n));
  }
  // A parent that died can't kill it any more.
  if (process.ppid === 1) process.exit(1);
  setTimeout(burst, 2);
}
burst();
setInterval(() => void store.compact(Date.UTC(2026, 6, 1)), 150);
