import { OperationalError } from '@village/core';
import { expect, it } from 'vitest';
import { NOON, never, outgoing, testTimer } from '../testing.ts';
import { inboxKind, type Keep } from './index.ts';

const made = (keep: Keep) => {
  const kind = inboxKind(keep);
  const tools = { timer: testTimer(NOON), random: (n: number) => new Uint8Array(n) };
  return kind.make('inbox', kind.options({}), tools);
};

it('hands over the message, and says that it is there', async () => {
  const kept: string[] = [];
  const channel = made((message) => {
    kept.push(message.key);
    return Promise.resolve();
  });
  const { key } = outgoing();
  expect(await channel.send(outgoing(), never)).toEqual({ kind: 'sent', id: key });
  expect(kept).toEqual([key]);
  expect(channel.health()).toMatchObject({ lastSuccess: NOON, lastFault: null });
});

it('says what was wrong', async () => {
  const failing = (retry: boolean) =>
    made(() =>
      Promise.reject(new OperationalError('no-account', 'nobody of that name', { retry })),
    );
  expect(await failing(false).send(outgoing(), never)).toEqual({
    kind: 'rejected',
    code: 'no-account',
    text: 'nobody of that name',
  });
  expect(await failing(true).send(outgoing(), never)).toMatchObject({ kind: 'retry' });
});

it('a bug is none of the world’s faults', async () => {
  const channel = made(() => Promise.reject(new TypeError('x')));
  await expect(channel.send(outgoing(), never)).rejects.toThrow(TypeError);
});
