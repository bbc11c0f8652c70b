/** Answers that wait for their turn: bounded, in order, and nothing is left behind by those who go. */
import { systemTimer } from '@village/core';
import { expect, it } from 'vitest';
import { AtOnce } from './at-once.ts';

const quick = { sleep: (_ms: number, signal?: AbortSignal) => systemTimer.sleep(20, signal) };

it('runs two at once, the others in the order of asking', async () => {
  const atOnce = new AtOnce(systemTimer);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      atOnce.run(async () => {
        begun.push(n);
        most = Math.max(most, ++running);
        await systemTimer.sleep(1);
        running--;
        if (n === 5) throw new Error('of its own');
      }),
    ).map((one) => one.catch(() => undefined)),
  );
  expect(most).toBe(2);
  expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect([atOnce.waiting, atOnce.refused]).toEqual([0, 0]);
});

it('refuses whom nobody lets in in time, leaves those alone who went, and goes on', async () => {
  const atOnce = new AtOnce(quick);
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  const long = [atOnce.run(() => held), atOnce.run(() => held)];
  const left = new AbortController();
  const gone = atOnce.run(() => Promise.resolve(1), left.signal);
  left.abort(new Error('went'));
  await expect(gone).rejects.toThrow('went');
  await expect(atOnce.run(() => Promise.resolve(1))).rejects.toMatchObject({
    ...{ code: 'figures-busy', retry: true },
  });
  expect([atOnce.waiting, atOnce.refused]).toEqual([0, 1]);
  end();
  await Promise.all(long);
  expect(await Promise.all([1, 2, 3].map((n) => atOnce.run(() => Promise.resolve(n))))).toEqual([
    1, 2, 3,
  ]);
});

it('refuses more than a thousand that wait', async () => {
  const atOnce = new AtOnce(quick);
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  const all = Array.from({ length: 1_003 }, () => atOnce.run(() => held).then(String, String));
  expect(atOnce.waiting).toBe(1_000);
  expect(await all[1_002]).toContain('too many wait');
  end();
  await Promise.all(all);
  expect(atOnce.waiting).toBe(0);
});
