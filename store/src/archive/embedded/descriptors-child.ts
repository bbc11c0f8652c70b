/** A process with few file descriptors: uses them up, asks, frees them and asks again; prints both answers as JSON. */
import { closeSync, openSync } from 'node:fs';
import { systemTimer } from '@village/core';
import { openTimeSeries } from '../../time-series/open.ts';

const [folder, device, to] = process.argv.slice(2);
const store = await openTimeSeries({ folder: folder!, timer: systemTimer, diskReserveBytes: 0 });
const ask = (): Promise<string> =>
  store.range({ device: device!, from: 0, to: Number(to), limit: 100_000 }).then(
    (rows) => `${rows.length} rows`,
    (error: { retry?: boolean }) => `retry ${error.retry}`,
  );
const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  // None is left.
}
const without = await ask();
for (const one of held) closeSync(one);
const withThem = await ask();
await store.close();
process.stdout.write(JSON.stringify([without, withThem]));
