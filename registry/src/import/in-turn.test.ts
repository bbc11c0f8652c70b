import { expect, it } from 'vitest';
import { InTurn } from './in-turn.ts';

it('does one after the other, lets few wait, and passes over what nobody waits for', async () => {
  const turns = new InTurn();
  const done: number[] = [];
  const first = Promise.withResolvers<void>();
  const gone = new AbortController();
  const all = Array.from({ length: 7 }, (_, n) =>
    turns.run(
      async () => {
        if (n === 0) await first.promise;
        if (n === 1) throw new Error('a fault of one');
        done.push(n);
        return n;
      },
      n === 2 ? { signal: gone.signal } : {},
    ),
  );
  const settled = Promise.allSettled(all);
  gone.abort();
  first.resolve();
  const ends = (await settled).map((one) =>
    one.status === 'fulfilled' ? one.value : (one.reason.code ?? one.reason.message),
  );
  expect(ends).toEqual([0, 'a fault of one', 'query-aborted', 3, 4, 'busy', 'busy']);
  expect(done).toEqual([0, 3, 4]);
  expect(await turns.run(async () => 8)).toBe(8);
});

it('lets many forms wait behind a file, and tells one that waited too long that nothing was done', async () => {
  const turns = new InTurn({ formWaitMs: 20 });
  const first = Promise.withResolvers<void>();
  const file = turns.run(() => first.promise);
  let done = 0;
  const form = () => turns.run(async () => ++done, { kind: 'form' });
  const late = await Promise.allSettled(Array.from({ length: 20 }, form));
  expect(late.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
    Array.from({ length: 20 }, () => 'busy'),
  );
  first.resolve();
  await file;
  expect(await Promise.all(Array.from({ length: 20 }, form))).toHaveLength(20);
  expect(done).toBe(20);
});
