/** A thread that fails while it is asked goes once its queries have ended, and takes nobody along. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Duck } from './duck.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('that fails in the middle of queries refuses them and ends, the process goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'village-leaving-'));
  folders.push(folder);
  for (let round = 0; round < 8; round++) {
    const duck = await Duck.start({
      threads: 2,
      memoryLimitMb: 128,
      spillFolder: join(folder, 'spill'),
      spillLimitMb: 16,
    });
    const died = new Promise((resolve) => {
      duck.onDeath = resolve;
    });
    // Each takes some tenths of a second, beyond the end of the thread.
    const asked = [1, 2].map((n) =>
      duck.query(`SELECT sum(hash(range))::DOUBLE FROM range(${100_000_000 + n})`),
    );
    const refused = asked.map((one) =>
      expect(one).rejects.toMatchObject({ code: 'query-engine-down', retry: true }),
    );
    duck.append('a table that was never made', new Float64Array(4), 1);
    expect(await died).toMatchObject({ message: expect.stringContaining('never made') });
    await Promise.all(refused);
    await expect.poll(() => duck.isGone, { timeout: 10_000 }).toBe(true);
    await duck.close();
  }
}, 60_000);

it('that ends as soon as it has begun is noticed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'village-leaving-'));
  folders.push(folder);
  let end = async (): Promise<unknown> => undefined;
  process.once('worker', (worker) => {
    end = () => worker.terminate();
    // As Node tells it when both come while the process is busy: the words and the end in one turn.
    worker.once('message', () => worker.emit('exit', 1));
  });
  const started = Duck.start({
    threads: 1,
    memoryLimitMb: 64,
    spillFolder: join(folder, 'spill'),
    spillLimitMb: 16,
  });
  const fault = await started.then(
    (duck) => duck.dead,
    (error: unknown) => error,
  );
  expect(fault).toMatchObject({ code: 'query-engine-down', retry: true });
  await end();
});
