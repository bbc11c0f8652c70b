import { beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../contract.ts';
import { NOON, never, testTimer } from '../testing.ts';
import { type Granted, TokenKeeper } from './token.ts';

const HOURS_2 = 7_200_000;
const sent: Outcome = { kind: 'sent', id: null };
let timer: ReturnType<typeof testTimer>;
let asked: (string | null)[];
let answers: (() => Promise<Granted>)[];
let keeper: TokenKeeper;
beforeEach(() => {
  timer = testTimer(NOON);
  asked = [];
  answers = [];
  keeper = new TokenKeeper(timer, (refused) => {
    asked.push(refused);
    const usual = () => Promise.resolve({ grant: { token: `t${asked.length}`, lastsMs: HOURS_2 } });
    return (answers.shift() ?? usual)();
  });
});

/** An attempt that takes these tokens, and notes what it was given. */
function taking(...good: string[]) {
  const given: string[] = [];
  const attempt = (token: string): Promise<Outcome | null> => {
    given.push(token);
    return Promise.resolve(good.includes(token) ? sent : null);
  };
  return { given, attempt };
}

it('is fetched once and kept, and fetched anew before it ends', async () => {
  const { given, attempt } = taking('t1', 't2');
  expect(await keeper.call(attempt, never)).toEqual(sent);
  expect(keeper.told()).toEqual({ since: NOON, until: NOON + HOURS_2 });
  timer.at = NOON + HOURS_2 - 300_001;
  await keeper.call(attempt, never);
  timer.at = NOON + HOURS_2 - 300_000;
  await keeper.call(attempt, never);
  expect(given).toEqual(['t1', 't1', 't2']);
  expect(asked).toEqual([null, null]);
});

it('is fetched once for all who wait', async () => {
  const { given, attempt } = taking('t1');
  const calls = Array.from({ length: 20 }, () => keeper.call(attempt, never));
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => sent));
  expect(asked).toHaveLength(1);
  expect(given).toHaveLength(20);
});

it('is refreshed once when it is taken back, for all whose call it was', async () => {
  await keeper.call(taking('t1').attempt, never);
  timer.at += 60_000;
  const { given, attempt } = taking('t2');
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => keeper.call(attempt, never)));
  expect(outcomes.every(({ kind }) => kind === 'sent')).toBe(true);
  expect(asked).toEqual([null, 't1']);
  expect(given.filter((token) => token === 't1')).toHaveLength(5);
});

it('does not go round in circles when fresh ones are refused, too', async () => {
  const { given, attempt } = taking();
  expect(await keeper.call(attempt, never)).toMatchObject({ kind: 'retry', code: 'token' });
  timer.at += 60_000;
  expect(await keeper.call(attempt, never)).toMatchObject({ kind: 'fault', code: 'token' });
  expect(given).toEqual(['t1', 't1', 't2']);
  for (let i = 0; i < 10; i++) await keeper.call(attempt, never);
  expect(asked).toEqual([null, 't1']);
});

it('is kept while the clock jumps by years, since its life is measured', async () => {
  let clock = NOON;
  let elapsed = 0;
  const jumpy = new TokenKeeper(
    { now: () => clock, elapsed: () => elapsed, sleep: () => Promise.resolve() },
    (refused) => {
      asked.push(refused);
      return Promise.resolve({ grant: { token: `t${asked.length}`, lastsMs: HOURS_2 } });
    },
  );
  const { attempt, given } = taking('t1', 't2');
  for (const jump of [0, 5 * 365 * 86_400_000, -20 * 365 * 86_400_000]) {
    clock += jump;
    elapsed += 1000;
    expect(await jumpy.call(attempt, never)).toEqual(sent);
  }
  elapsed += HOURS_2;
  await jumpy.call(attempt, never);
  expect(given).toEqual(['t1', 't1', 't1', 't2']);
});

describe('trouble with the provider', () => {
  it('means that nothing was sent, and nobody asks again for five seconds', async () => {
    const failing = (outcome: Outcome) => () => Promise.resolve({ outcome });
    answers.push(failing({ kind: 'unknown', id: null, text: 'x: timeout' }));
    const { given, attempt } = taking('t2');
    expect(await keeper.call(attempt, never)).toEqual({
      kind: 'retry',
      code: 'token',
      text: 'asking for a token: x: timeout',
    });
    timer.at += 4999;
    expect((await keeper.call(attempt, never)).kind).toBe('retry');
    expect(asked).toHaveLength(1);
    timer.at += 1;
    expect(await keeper.call(attempt, never)).toEqual(sent);
    expect(given).toEqual(['t2']);
  });

  it('is a fault where it is one of the configuration', async () => {
    answers.push(() =>
      Promise.resolve({ outcome: { kind: 'rejected', code: '40003', text: 'no' } }),
    );
    expect(await keeper.call(taking().attempt, never)).toEqual({
      kind: 'fault',
      code: '40003',
      text: 'no',
    });
  });

  it('keeps nobody who gives up, and the others get their token', async () => {
    let give: (granted: Granted) => void = () => undefined;
    answers.push(
      () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    );
    const caller = new AbortController();
    const { attempt, given } = taking('late');
    const leaving = keeper.call(attempt, caller.signal);
    const staying = keeper.call(attempt, never);
    caller.abort();
    expect(await leaving).toMatchObject({ kind: 'retry', code: 'aborted' });
    give({ grant: { token: 'late', lastsMs: HOURS_2 } });
    expect(await staying).toEqual(sent);
    expect(given).toEqual(['late']);
  });
});
