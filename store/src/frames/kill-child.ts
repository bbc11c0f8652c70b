/** The process that the kill test of the frames kills: it writes, flushes, joins and deletes all the time. */
import { DAY, systemTimer } from '@village/core';
import { putRow } from '../archive/oracle.ts';
import { tell } from '../archive/tell.ts';
import { openTimeSeries } from '../time-series/open.ts';

const [folder] = process.argv.slice(2);
const store = await openTimeSeries({
  folder: folder!,
  timer: systemTimer,
  flushRows: 300,
  diskReserveBytes: 0,
  tickMs: 50,
});
tell('open');

const BEGIN = 1_767_225_600_000;
let next = (store.latest('d0')[0]?.value ?? -1) + 1;

function burst(): void {
  for (let i = 0; i < 10; i++) {
    const n = next++;
    // Some come again, as they do when an acknowledgement is lost.
    const said = i === 3 && n > 5 ? [n - 5, n] : [n];
    for (const one of said) {
      const device = `d${one % 7}`;
      const at = BEGIN + one * 60_000;
      putRow(store, 'acme/crash', ['n'], { device, at, values: { n: one } });
      putRow(store, 'acme/crash', ['n'], { device: 'd0', at, values: { n: one } });
      store.frame({
        device,
        at,
        receivedAt: at + 500 + (one === n ? 0 : 9_000),
        source: 'gw',
        way: 'test',
        epoch: 'e',
        sequence: one,
        decoding: '{}',
        payload: Buffer.from(`frame ${one}`),
      });
    }
    store.settle(() => tell(n));
  }
  // A parent that died can't kill it any more.
  if (process.ppid === 1) process.exit(1);
  setTimeout(burst, 2);
}
burst();
setInterval(() => void store.frames.flush(), 40);
setInterval(() => void store.flush(), 90);
setInterval(() => void store.frames.compact(BEGIN + 1_000 * DAY), 110);
// Nothing is so old: files are looked at and none may go.
setInterval(() => void store.frames.retain(BEGIN - DAY), 130);
