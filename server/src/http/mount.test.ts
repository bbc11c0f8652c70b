/** Requests that come together are begun one after the other, and the thread looks after its sockets and timers between. */
import { endpoint } from '@village/api';
import { route } from '@village/platform';
import Fastify from 'fastify';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { type Means, mount } from './mount.ts';

it('begins one request of many in each turn of the loop', async () => {
  const app = Fastify();
  const turns: number[] = [];
  let turn = 0;
  let over = false;
  const count = (): void => {
    turn++;
    if (!over) setImmediate(count);
  };
  const asked = endpoint({
    method: 'GET',
    path: '/asked',
    right: 'public',
    summary: 'Says in which turn it was begun',
    tags: ['test'],
    answers: { 200: Type.Object({}) },
  });
  mount(
    app,
    route(asked, () => {
      turns.push(turn);
      return {};
    }),
    {} as Means,
  );
  await app.ready();
  setImmediate(count);
  await Promise.all(Array.from({ length: 10 }, () => app.inject('/asked')));
  over = true;
  await app.close();
  expect(turns).toHaveLength(10);
  expect(new Set(turns).size).toBe(10);
});
