/** Whether DuckDB's client is the one that this program was made for: it starts, and reads back what is written. */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duck } from '../archive/embedded/duck/duck.ts';

/** @throws query-engine-unfit, and what keeps the client from being loaded */
export async function checkQueryEngine(): Promise<void> {
  const duck = await Duck.start({
    threads: 1,
    memoryLimitMb: 128,
    spillLimitMb: 1,
    spillFolder: join(tmpdir(), `village-inspect-spill-${process.pid}`),
  });
  await duck.close();
}
