/** Answers and jobs that wait for their turn: by who asks, bounded, and nothing is left behind by those who go. */
import { systemTimer } from '@village/core';
import { expect, it } from 'vitest';
import { SYSTEM, workFor } from '../fair/asker.ts';
import { AtOnce } from './at-once.ts';

const quick = { sleep: (_ms: number, signal?: AbortSignal) => systemTimer.sleep(20, signal) };

/** Holds both places until it is told. */
function full(atOnce: AtOnce): () => Promise<unknown> {
  const held = Promise.withResolvers<void>();
  const all = ['x', 'y'].map((who) => workFor(who, () => atOnce.run(() => held.promise)));
  return () => {
    held.resolve();
    return Promise.all(all);
  };
}

it('runs two at once, one of each asker, who waits behind herself and not before others', async () => {
  const atOnce = new AtOnce(systemTimer);
  const begun: string[] = [];
  const running = new Map<string, number>();
  let most = 0;
  const ask = (who: string, n: number): Promise<unknown> =>
    workFor(who, () =>
      atOnce.run(async () => {
        begun.push(`${who} ${n}`);
        running.set(who, (running.get(who) ?? 0) + 1);
        expect(running.get(who)).toBe(1);
        most = Math.max(
          most,
          [...running.values()].reduce((sum, one) => sum + one, 0),
        );
        await systemTimer.sleep(1);
        running.set(who, 0);
        if (n === 5) throw new Error('of its own');
      }),
    ).catch(() => undefined);
  const end = full(atOnce);
  const many = Array.from({ length: 20 }, (_, n) => ask('many', n));
  const once = ask('once', 0);
  // What nobody waits for is one more asker.
  const jobs = Array.from({ length: 3 }, (_, n) => ask(SYSTEM, n));
  await end();
  await Promise.all([...many, once, ...jobs]);
  expect(most).toBe(2);
  expect(begun.slice(0, 2)).toEqual(['many 0', 'once 0']);
  expect(begun[2]).toBe(`${SYSTEM} 0`);
  const own = begun.filter((one) => one.startsWith('many'));
  expect(own).toEqual(Array.from({ length: 20 }, (_, n) => `many ${n}`));
  expect(begun.indexOf(`${SYSTEM} 2`)).toBeLessThan(begun.indexOf('many 6'));
  expect([atOnce.waiting, atOnce.refused]).toEqual([0, 0]);
});

it('refuses whom nobody lets in in time, leaves those alone who went, and goes on; jobs wait', async () => {
  const atOnce = new AtOnce(quick);
  const end = full(atOnce);
  const one = (): Promise<number> => atOnce.run(() => Promise.resolve(1));
  const left = new AbortController();
  const gone = workFor('gone', () => atOnce.run(() => Promise.resolve(1), left.signal));
  left.abort(new Error('went'));
  await expect(gone).rejects.toThrow('went');
  const stopped = new AbortController();
  const cut = workFor(SYSTEM, () => atOnce.run(() => Promise.resolve(1), stopped.signal));
  const job = workFor(SYSTEM, one);
  const late = { code: 'figures-busy', retry: true };
  await expect(workFor('late', one)).rejects.toMatchObject(late);
  await expect(workFor('late', one)).rejects.toMatchObject(late);
  stopped.abort(new Error('stopped'));
  await expect(cut).rejects.toThrow('stopped');
  expect([atOnce.waiting, atOnce.refused]).toEqual([1, 2]);
  await end();
  expect(await job).toBe(1);
  expect(await Promise.all(['a', 'b', 'c'].map((who) => workFor(who, one)))).toEqual([1, 1, 1]);
});

it('refuses more than a thousand that wait, and more than a hundred of one', async () => {
  const atOnce = new AtOnce(quick);
  const end = full(atOnce);
  const ask = (who: string): Promise<string> =>
    workFor(who, () => atOnce.run(() => Promise.resolve(1))).then(String, String);
  const hers = Array.from({ length: 101 }, () => ask('she'));
  expect(atOnce.waiting).toBe(100);
  expect(await hers[100]).toContain('100 of your questions wait');
  const all = Array.from({ length: 902 }, (_, n) => ask(`person ${n % 10}`));
  expect(atOnce.waiting).toBe(1_000);
  // Who has most waiting gives up the newest for those who have fewer, and gets no other place.
  expect(await hers[99]).toContain('too many questions wait');
  expect(await ask('she')).toContain('too many questions wait');
  await end();
  await Promise.all([...hers, ...all]);
  expect(atOnce.waiting).toBe(0);
});
