/** Contents of files that were read are not kept beside what the system keeps of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Duck } from './duck.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('a file that was read leaves nothing of itself', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'village-kept-'));
  folders.push(folder);
  const duck = await Duck.start({
    threads: 1,
    memoryLimitMb: 128,
    spillFolder: join(folder, 'spill'),
    spillLimitMb: 16,
  });
  try {
    const file = join(folder, 'a.parquet');
    await duck.run(
      `COPY (SELECT i::DOUBLE AS v, hash(i)::DOUBLE AS w FROM range(300000) t(i)) TO '${file}'`,
    );
    const read = await duck.query(`SELECT count(w)::DOUBLE, sum(v) FROM read_parquet('${file}')`);
    expect(read.columns.map(([value]) => value)).toEqual([300_000, (300_000 * 299_999) / 2]);
    // Entries for files that were deleted long ago would stay until the process ends.
    const kept = await duck.query('SELECT count(*)::DOUBLE FROM duckdb_external_file_cache()');
    expect(kept.columns.map(([value]) => value)).toEqual([0]);
  } finally {
    await duck.close();
  }
}, 60_000);
