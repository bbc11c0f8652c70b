/** Long works take turns, and the thread looks after its sockets and timers between any two slices. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { Slices } from './slices.ts';

/** A measure that says that each step takes `ms`. */
function steps(ms: number): () => number {
  let now = 0;
  return () => (now += ms);
}

it('a slice is over after its time, and the next begins anew', async () => {
  let now = 0;
  const slices = new Slices(() => now);
  expect(slices.over).toBe(false);
  now = 0.4;
  expect(slices.over).toBe(false);
  now = 0.5;
  expect(slices.over).toBe(true);
  await slices.next();
  expect(slices.over).toBe(false);
});

it('gives each of many works one slice before any has its second', async () => {
  const order: string[] = [];
  const work = async (name: string): Promise<void> => {
    const slices = new Slices(steps(1));
    for (let n = 0; n < 4; n++) {
      await slices.next();
      order.push(`${name}${n}`);
    }
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  expect(order).toEqual([0, 1, 2, 3].flatMap((n) => ['a', 'b', 'c'].map((name) => `${name}${n}`)));
});

it('lets a socket be heard between two slices of different works', async () => {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let slicesRun = 0;
  let stop = false;
  const work = async (): Promise<void> => {
    const slices = new Slices();
    while (!stop) {
      await slices.next();
      slicesRun++;
      const end = performance.now() + 0.5;
      while (performance.now() < end);
    }
  };
  const works = Array.from({ length: 50 }, work);
  // How many slices went by while a word went to the server and back: two looks at sockets each way, not all fifty works each time.
  const gone: number[] = [];
  for (let n = 0; n < 40; n++) {
    const before = slicesRun;
    socket.write('x');
    await once(socket, 'data');
    gone.push(slicesRun - before);
  }
  stop = true;
  await Promise.all(works);
  socket.destroy();
  server.close();
  expect(gone.toSorted((a, b) => a - b)[20]).toBeLessThan(25);
});
