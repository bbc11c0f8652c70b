/** A SQLite thread that is stuck or ends too soon keeps nobody else from the database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SqliteClient } from './sqlite-client.ts';

const folders: string[] = [];
async function fileOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-sqlite-'));
  folders.push(folder);
  return join(folder, 'db.sqlite');
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Some seconds of work in one statement, which nothing from outside can stop. */
const LONG =
  'with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000000) select count(*) as c from n';

it('goes on reading beside a statement that does not end', async () => {
  const client = new SqliteClient({ file: await fileOf(), reads: true }, 500);
  const stuck = client.run(await client.life(), { sql: LONG, values: [] });
  await expect(stuck).rejects.toMatchObject({ code: 'relational-unavailable', retry: true });
  const { rows } = await client.run(await client.life(), { sql: 'select 7 as n', values: [] });
  expect(rows).toEqual([{ n: 7 }]);
  expect(client.counters.restarts).toBe(1);
  await client.close();
}, 60_000);

it('a thread that ends as soon as it has begun is replaced', async () => {
  const client = new SqliteClient({ file: await fileOf(), reads: false });
  process.once('worker', (worker) => {
    // As Node tells it when both come while the process is busy: the words and the end in one turn.
    worker.once('message', () => worker.emit('exit', 1));
  });
  await expect(client.life()).rejects.toMatchObject({ code: 'relational-unavailable' });
  const { rows } = await client.run(await client.life(), { sql: 'select 7 as n', values: [] });
  expect(rows).toEqual([{ n: 7 }]);
  await client.close();
}, 20_000);
