/** Turns: nobody waits behind another's many, and what waits is bounded. */
import { seededRandom, systemTimer } from '@village/core';
import { expect, it } from 'vitest';
import { Turns, type TurnsOptions } from './turns.ts';

const options = (more: Partial<TurnsOptions> = {}): TurnsOptions => ({
  ...{ timer: systemTimer, running: 2, runningOfOne: 1, waiting: 100, waitingOfOne: 20 },
  waitMs: 20_000,
  ...more,
});

/** A work that ends when it is told to. */
function work(): { readonly run: () => Promise<void>; readonly end: () => void; begun: boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const one = {
    begun: false,
    end: resolve,
    run: () => {
      one.begun = true;
      return promise;
    },
  };
  return one;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('who asks ten waits behind herself: another asker is next', async () => {
  const turns = new Turns(options({ running: 1 }));
  const hers = Array.from({ length: 10 }, work);
  const all = hers.map((one) => turns.run('many', one.run));
  const his = work();
  const answered = turns.run('once', his.run);
  await settle();
  expect(hers.map(({ begun }) => begun)).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  hers[0]!.end();
  await settle();
  expect(his.begun).toBe(true);
  expect(hers[1]!.begun).toBe(false);
  his.end();
  await answered;
  for (const one of hers) one.end();
  await Promise.all(all);
  expect([turns.running, turns.waiting]).toEqual([0, 0]);
});

it('a free place is not taken by one who has her share', async () => {
  const turns = new Turns(options());
  const [first, second] = [work(), work()];
  const both = [turns.run('one', first.run), turns.run('one', second.run)];
  await settle();
  expect([first.begun, second.begun]).toEqual([true, false]);
  first.end();
  await settle();
  expect(second.begun).toBe(true);
  second.end();
  await Promise.all(both);
});

it('refuses what is more than may wait, of one and of all, and those who are refused cost nobody a place', async () => {
  const turns = new Turns(options({ running: 1, waitingOfOne: 1, waiting: 2 }));
  const first = work();
  const running = turns.run('a', first.run);
  const second = work();
  second.end();
  const waiting = turns.run('a', second.run);
  await expect(turns.run('a', async () => 1)).rejects.toMatchObject({
    code: 'store-busy',
    retry: true,
  });
  const other = turns.run('b', async () => 2);
  await expect(turns.run('c', async () => 3)).rejects.toMatchObject({ code: 'store-busy' });
  expect(turns.refused).toBe(2);
  first.end();
  await Promise.all([running, waiting]);
  expect(await other).toBe(2);
  expect(await turns.run('c', async () => 4)).toBe(4);
});

it('where all places are taken, who has most waiting gives up the newest for one who has nothing', async () => {
  const turns = new Turns(options({ running: 1, waiting: 6, waitingOfOne: 4 }));
  const first = work();
  const all = [turns.run('a', first.run)];
  const [ofA, ofB] = [
    [work(), work(), work(), work()],
    [work(), work()],
  ];
  const told: string[] = [];
  const ask = (who: string, ones: ReturnType<typeof work>[]): void => {
    for (const [n, one] of ones.entries())
      all.push(turns.run(who, one.run).catch(({ code }) => void told.push(`${who}${n} ${code}`)));
  };
  ask('a', ofA);
  ask('b', ofB);
  const newcomer = work();
  const answered = turns.run('c', newcomer.run);
  await settle();
  expect(told).toEqual(['a3 store-busy']);
  expect([turns.waiting, turns.refused]).toEqual([6, 1]);
  // Who would have as many as anybody else is refused.
  await expect(turns.run('b', async () => undefined)).rejects.toMatchObject({ code: 'store-busy' });
  first.end();
  await settle();
  // Served longest ago are those who were not served at all.
  ofB[0]!.end();
  newcomer.end();
  await answered;
  for (const one of [...ofA, ...ofB]) one.end();
  await Promise.all(all);
  expect([turns.running, turns.waiting]).toEqual([0, 0]);
});

it('the wait ends with its time and with its asker, and neither leaves a place behind', async () => {
  const turns = new Turns(options({ running: 1, waitMs: 20 }));
  const first = work();
  const running = turns.run('a', first.run);
  await expect(turns.run('b', async () => 1)).rejects.toMatchObject({ code: 'store-busy' });
  const gone = new AbortController();
  const left = turns.run('b', async () => 1, gone.signal);
  gone.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await expect(turns.run('b', async () => 1, gone.signal)).rejects.toThrow('gone');
  first.end();
  await running;
  expect(await turns.run('b', async () => 5)).toBe(5);
  expect([turns.running, turns.waiting]).toEqual([0, 0]);
});

it('keeps its bounds and answers everybody, whatever comes and however it ends', async () => {
  const random = seededRandom('turns');
  const turns = new Turns(options({ running: 3, runningOfOne: 2, waiting: 60, waitingOfOne: 9 }));
  const running = new Map<string, number>();
  let most = 0;
  let mostOfOne = 0;
  const ends: Record<string, number> = {};
  const ask = async (who: string): Promise<void> => {
    const signal = random() < 0.1 ? AbortSignal.timeout(1) : undefined;
    const one = async (): Promise<void> => {
      running.set(who, (running.get(who) ?? 0) + 1);
      most = Math.max(
        most,
        [...running.values()].reduce((sum, n) => sum + n, 0),
      );
      mostOfOne = Math.max(mostOfOne, running.get(who)!);
      for (let n = Math.floor(random() * 4); n >= 0; n--) await settle();
      running.set(who, running.get(who)! - 1);
      if (random() < 0.1) throw new Error('failed');
    };
    const end = await turns.run(who, one, signal).then(
      () => 'done',
      (error: Error) => ('code' in error ? String(error.code) : error.message),
    );
    ends[end] = (ends[end] ?? 0) + 1;
  };
  const all: Promise<void>[] = [];
  for (let n = 0; n < 3_000; n++) {
    all.push(ask(`asker ${Math.floor(random() ** 3 * 12)}`));
    if (random() < 0.4) await settle();
  }
  await Promise.all(all);
  expect([most, mostOfOne]).toEqual([3, 2]);
  expect(ends['done']).toBeGreaterThan(500);
  expect(ends['failed']).toBeGreaterThan(0);
  expect(ends['store-busy']).toBe(turns.refused);
  expect([turns.running, turns.waiting]).toEqual([0, 0]);
});

it('who gave up, was refused and asks again at once has a turn', async () => {
  const turns = new Turns(options({ running: 1, waiting: 2, waitingOfOne: 1 }));
  const long = work();
  const running = turns.run('long', long.run);
  const [her, other] = [new AbortController(), new AbortController()];
  const gone = expect(turns.run('her', work().run, her.signal, null)).rejects.toThrow();
  const left = expect(turns.run('other', work().run, other.signal, null)).rejects.toThrow();
  const third = work();
  const thirds = new AbortController();
  her.abort();
  const also = expect(turns.run('third', third.run, thirds.signal, null)).rejects.toThrow();
  const refused = expect(turns.run('her', work().run)).rejects.toMatchObject({
    code: 'store-busy',
  });
  other.abort();
  const again = work();
  const answered = turns.run('her', again.run, undefined, null);
  thirds.abort();
  await Promise.all([gone, left, refused, also]);
  long.end();
  await running;
  await settle();
  expect(again.begun).toBe(true);
  again.end();
  await answered;
});
