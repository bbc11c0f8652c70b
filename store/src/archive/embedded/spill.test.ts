/** DuckDB spills no more than the log's disk has room for, and more again when there is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Duck } from './duck/duck.ts';
import { SpillLimit, type SpillRoom, spillAllowed } from './spill.ts';

const MEGABYTE = 1024 * 1024;
const folders: string[] = [];
const ducks: Duck[] = [];
afterEach(async () => {
  for (const duck of ducks.splice(0)) await duck.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<{ duck: Duck; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'village-spill-'));
  folders.push(folder);
  const spillFolder = join(folder, 'spill');
  const duck = await Duck.start({
    threads: 2,
    memoryLimitMb: 64,
    spillLimitMb: 1_024,
    spillFolder,
  });
  ducks.push(duck);
  return { duck, folder: spillFolder };
}

/** Sorts about 100 MB. */
const sort = (duck: Duck): Promise<unknown> =>
  duck.query(
    `COPY (SELECT hash(range) AS h, 'xxxxxxxxxxxxxxxxxxxx' || range AS t FROM range(3000000) ORDER BY h)
      TO '/dev/null' (FORMAT csv, USE_TMP_FILE false)`,
    { queryClass: 'export' },
  );

it('allows what is free beyond what is kept, and what is spilled already', () => {
  const settings = { limitMb: 1_024, keptFree: 1_000 * MEGABYTE };
  const of = (free: number, used = 0): number =>
    spillAllowed(settings, { free: free * MEGABYTE, used: used * MEGABYTE });
  expect(of(5_000)).toBe(1_024);
  expect(of(1_500)).toBe(496);
  expect(of(900)).toBe(0);
  expect(of(900, 200)).toBe(96);
  expect(of(1_020, 500)).toBe(512);
});

it('holds DuckDB to it', async () => {
  const room: SpillRoom = { free: 1_008 * MEGABYTE, used: 0 };
  let now = room;
  const { duck, folder } = await open();
  const limit = new SpillLimit(
    { folder, limitMb: 1_024, keptFree: 1_000 * MEGABYTE },
    async () => now,
  );
  await sort(duck);
  await limit.look(duck);
  await expect(sort(duck)).rejects.toThrow(/max_temp_directory_size/);
  now = { free: 3_000 * MEGABYTE, used: 0 };
  await limit.look(duck);
  await sort(duck);
}, 120_000);

it('holds a new thread to it too', async () => {
  const { duck, folder } = await open();
  const limit = new SpillLimit({ folder, limitMb: 1_024, keptFree: 0 }, async () => ({
    ...{ free: 0, used: 0 },
  }));
  await limit.look(duck);
  const other = await open();
  await limit.look(other.duck);
  await expect(sort(other.duck)).rejects.toThrow(/max_temp_directory_size/);
}, 120_000);

it('looks at the disk that the folder lies on, also before anything was spilled', async () => {
  const { duck, folder } = await open();
  const limit = new SpillLimit({ folder, limitMb: 1_024, keptFree: Number.MAX_SAFE_INTEGER });
  await limit.look(duck);
  await expect(sort(duck)).rejects.toThrow(/max_temp_directory_size/);
}, 120_000);
