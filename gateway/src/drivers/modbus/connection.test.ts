import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ReadPdu } from '@village/device-profiles/modbus';
import { afterEach, describe, expect, it } from 'vitest';
import {
  answerOf,
  type Behaviour,
  behave,
  exceptionOf,
  openConnection,
  registers,
  type SlaveRequest,
  until,
} from '../../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(...args: Parameters<typeof openConnection>) {
  const { slave, connection, end, stop } = await openConnection(...args);
  cleanups.push(stop);
  return { slave, connection, stop: end };
}

const values = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

describe('a connection', () => {
  it('an answer that never comes ends in a time-out, and the next request is right', async () => {
    const { connection } = await start((request, socket) => {
      if (request.address !== 7) behave(request, socket, undefined as never);
    });
    await expect(connection.read(1, registers(7), 50)).rejects.toMatchObject({
      code: 'device-silent',
      retry: true,
    });
    expect([...(await connection.read(1, registers(8, 3), 1_000))]).toEqual([8, 9, 10]);
  });

  it('a late answer is never taken for that of a later request', async () => {
    const { connection } = await start((request, socket) => {
      const wait = request.address === 40 ? 150 : 0;
      setTimeout(() => socket.write(answerOf(request)), wait);
    });
    await expect(connection.read(1, registers(40), 50)).rejects.toMatchObject({
      code: 'device-silent',
    });
    for (let i = 0; i < 30; i++) {
      expect([...(await connection.read(1, registers(100 + i), 1_000))]).toEqual([100 + i]);
      await delay(10);
    }
  });

  it('2,000 requests, 8 under way: every answer belongs to its question', async () => {
    let most = 0;
    let open = 0;
    const { connection, slave } = await start(
      (request, socket) => {
        most = Math.max(most, ++open);
        setTimeout(() => {
          open--;
          socket.write(answerOf(request));
        }, request.address % 3);
      },
      { inFlight: 8 },
    );
    const ask = async (i: number): Promise<boolean> =>
      (await connection.read(1, registers(i), 10_000))[0] === i;
    // Two halves, as a queue holds 1,000.
    const first = await Promise.all(values(0, 1_000).map(ask));
    const second = await Promise.all(values(1_000, 1_000).map(ask));
    expect([...first, ...second].filter((right) => !right)).toHaveLength(0);
    expect(slave.connections).toBe(1);
    expect(most).toBe(8);
  });

  it('a queue that is full refuses', async () => {
    const { connection } = await start(() => undefined);
    const asked = values(0, 1_002).map((i) => connection.read(1, registers(i), 60_000));
    await expect(asked[1_001]).rejects.toMatchObject({ code: 'queue-full' });
    for (const one of asked.slice(0, 1_001)) one.catch(() => undefined);
  });

  it('an unanswered transaction number does not come round on the same connection', async () => {
    const { connection, slave } = await start((request, socket) => {
      if (request.address !== 7) socket.write(answerOf(request));
    });
    await expect(connection.read(1, registers(7), 30)).rejects.toMatchObject({
      code: 'device-silent',
    });
    for (let from = 1_000; from < 5_000; from += 500) {
      const right = await Promise.all(
        values(from, 500).map((i) => connection.read(1, registers(i), 5_000)),
      );
      expect(right.map((answer) => answer[0])).toEqual(values(from, 500));
    }
    expect(slave.connections).toBe(2);
    const silent = slave.requests.find((request) => request.address === 7);
    const reused = slave.requests.slice(1).filter((request) => request.id === silent?.id);
    expect(reused.every((request) => request.address >= 3_990)).toBe(true);
  });

  it('an answer in pieces is put together', async () => {
    const dribble = async (bytes: Buffer, socket: Socket): Promise<void> => {
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]));
        await delay(1);
      }
    };
    const { connection } = await start((request, socket) => {
      void dribble(answerOf(request), socket);
    });
    expect([...(await connection.read(1, registers(20, 4), 5_000))]).toEqual([20, 21, 22, 23]);
  });

  it('requests under way are told at once when the connection is lost, and it comes back by itself', async () => {
    const { connection, slave } = await start(() => undefined, { inFlight: 2 });
    const asked = [1, 2, 3].map((i) => connection.read(1, registers(i), 60_000));
    await until('the requests', () => slave.requests.length === 2);
    slave.behaviour = behave;
    slave.cut();
    for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'connection-lost' });
    await until('the connection', () => connection.open && slave.connections === 2);
    expect([...(await connection.read(1, registers(5), 1_000))]).toEqual([5]);
  });

  it('a stop leaves nobody waiting, not even for a connection that is about to be made anew', async () => {
    const { connection, stop } = await start(
      (request, socket) => {
        if (request.address > 8) socket.write(answerOf(request));
      },
      { inFlight: 2 },
    );
    // An unanswered number makes it renew after 3,000 more, once the other unanswered one is in: which is never.
    await expect(connection.read(1, registers(7), 30)).rejects.toMatchObject({
      code: 'device-silent',
    });
    const stuck = connection.read(1, registers(8), 60_000);
    for (let i = 0; i < 2_998; i++) await connection.read(1, registers(100), 5_000);
    const waiting = connection.read(1, registers(100), 5_000);
    await stop();
    await expect(stuck).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(waiting).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(connection.read(1, registers(100), 5_000)).rejects.toMatchObject({
      code: 'not-connected',
    });
  });

  it('is refused at once while there is no connection', async () => {
    const { connection, slave } = await start();
    await slave.stop();
    await until('the end of the connection', () => !connection.open);
    await expect(connection.read(1, registers(5), 60_000)).rejects.toMatchObject({
      code: 'not-connected',
    });
  });

  it('a connection on which nothing answers any more is made anew', async () => {
    const { connection, slave } = await start(() => undefined);
    for (let i = 0; i < 4; i++)
      await expect(connection.read(1, registers(i), 20)).rejects.toMatchObject({
        code: 'device-silent',
      });
    slave.behaviour = behave;
    // Between them the other framing is tried, as nothing was ever answered.
    await until('a new connection', () => connection.open && slave.connections === 3);
    expect([...(await connection.read(1, registers(5), 1_000))]).toEqual([5]);
  });

  it('each request goes to its own unit', async () => {
    const { connection, slave } = await start(behave, { inFlight: 8 });
    await Promise.all(values(1, 200).map((unit) => connection.read(unit, registers(unit), 5_000)));
    expect(slave.requests.every((request) => request.unit === request.address)).toBe(true);
    expect(slave.requests).toHaveLength(200);
  });

  it('keeps its pause between an answer and the next request', async () => {
    const { connection, slave } = await start(behave, { pauseMs: 60, inFlight: 8 });
    await Promise.all([1, 2, 3].map((i) => connection.read(1, registers(i), 5_000)));
    const at = slave.requests.map((request) => request.at);
    const gaps = at.slice(1).map((time, i) => time - (at[i] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(58);
  });

  it.each([
    [2, 'device-refused'],
    [4, 'device-refused'],
    [11, 'device-silent'],
  ])('exception %i is %s', async (code, expected) => {
    const { connection } = await start(
      (request, socket) => void socket.write(exceptionOf(request, code)),
    );
    await expect(connection.read(1, registers(1), 1_000)).rejects.toMatchObject({ code: expected });
  });

  it('an answer that lies about its length is malformed', async () => {
    const { connection } = await start((request, socket) => {
      socket.write(answerOf({ ...request, count: request.count - 1 }));
    });
    await expect(connection.read(1, registers(1, 4), 1_000)).rejects.toMatchObject({
      code: 'answer-malformed',
    });
  });

  it('garbage does not kill it', async () => {
    const garbage = (_: unknown, socket: Socket): void => {
      socket.write(Buffer.alloc(4_096, 0xff));
      socket.write(Buffer.alloc(4_096, 0));
    };
    const { connection, slave } = await start(garbage);
    for (let i = 0; i < 4; i++)
      await expect(connection.read(1, registers(1), 30)).rejects.toBeInstanceOf(Error);
    slave.behaviour = behave;
    await until('a new connection', () => connection.open && slave.connections >= 2);
    expect([...(await connection.read(1, registers(5), 1_000))]).toEqual([5]);
  });

  it('answers that were delivered are not kept', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { connection } = await start();
    // 2,000 bits are 16 kB.
    const read: ReadPdu = { table: 'coil', address: 0, count: 2_000 };
    const ask = async (times: number): Promise<number> => {
      for (let i = 0; i < times; i++) await connection.read(1, read, 5_000);
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await ask(20);
    const after = await ask(220);
    expect((after - before) / 200).toBeLessThan(8_000);
  });

  it('reads bits', async () => {
    const { connection } = await start();
    const read: ReadPdu = { table: 'coil', address: 16, count: 11 };
    expect(await connection.read(1, read, 1_000)).toEqual(
      values(16, 11).map((address) => address % 2 === 1),
    );
  });
});

describe('several units on one connection', () => {
  it('a converter that gives late answers to whoever asks then gives none to the wrong one', async () => {
    // One bus behind it: an answer goes to the last request, whichever it belongs to, and to nobody if that has its own.
    let asking: SlaveRequest | null = null;
    const converter: Behaviour = (request, socket) => {
      asking = request;
      setTimeout(
        () => {
          if (asking === null) return;
          socket.write(answerOf({ ...request, id: asking.id }));
          asking = null;
        },
        request.unit === 9 ? 150 : 15,
      );
    };
    const { connection } = await start(converter, { shared: true });
    const late = connection.read(9, registers(500), 100);
    const asked = values(0, 20).map((i) => connection.read(1, registers(i), 1_000));
    await expect(late).rejects.toMatchObject({ code: 'device-silent' });
    const got = await Promise.all(asked);
    expect(got.map((answer) => answer[0])).toEqual(values(0, 20));
  });

  it('a dead unit gets a bounded share of the time', async () => {
    const dead = (request: { unit: number }): boolean => request.unit >= 100;
    const { connection, slave } = await start(
      (request, socket) => {
        if (!dead(request)) socket.write(answerOf(request));
      },
      { shared: true },
    );
    const over = new AbortController();
    const pollDead = async (unit: number): Promise<void> => {
      while (!over.signal.aborted)
        await connection.read(unit, registers(1), 100).catch((error: { code: string }) => {
          expect(['device-silent', 'connection-lost', 'not-connected']).toContain(error.code);
          return delay(5);
        });
    };
    const running = values(100, 5).map(pollDead);
    await until(
      'all found dead',
      () => new Set(slave.requests.filter(dead).map((r) => r.unit)).size === 5,
    );
    const before = slave.requests.length;
    for (let i = 0; i < 150; i++) {
      await connection.read(1, registers(i), 1_000);
      await delay(5);
    }
    over.abort();
    const asked = slave.requests.slice(before);
    const took = (asked.at(-1)?.at as number) - (asked[0]?.at as number);
    // Each request to a dead unit takes 100 ms; a fifth of the time, and one that was under way.
    expect(asked.filter(dead).length * 100).toBeLessThanOrEqual(took / 5 + 250);
    expect(asked.filter((request) => !dead(request)).length).toBe(150);
    slave.behaviour = behave;
    await Promise.all(running);
  });
});
