/** Clients that say more than they may at once, and leave: what was read of them is taken. */
import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerOptions } from './broker.ts';
import type { BrokerHooks } from './contract.ts';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

const RATE = 100;
/** More than the allowance of two seconds, and more than the socket is read in one piece. */
const MESSAGES = 450;
const PADDING = 'x'.repeat(150);
const will = { topic: 'own/a', payload: 'will', qos: 0 };

let one: TestBroker;
const left: string[] = [];
async function start(
  options: BrokerOptions = {},
  hooks: Partial<BrokerHooks<string>> = {},
): Promise<TestBroker> {
  left.length = 0;
  one = new TestBroker(
    { ...options, limits: { messagesPerSecond: RATE, ...options.limits } },
    {
      connected: ({ clientId }) => left.push(`+${clientId}`),
      disconnected: ({ clientId }) => left.push(`-${clientId}`),
      ...hooks,
    },
  );
  return one.start();
}
afterEach(() => one.stop());

const burst = (qos: 0 | 1, from = 0): ReturnType<typeof publishPacket>[] =>
  Array.from({ length: MESSAGES }, (_, n) =>
    publishPacket('own/a', `${from + n} ${PADDING}`, { qos, messageId: n + 1 }),
  );
const numbers = (): number[] => one.got.map(({ payload }) => Number.parseInt(payload, 10));
const all = Array.from({ length: MESSAGES }, (_, n) => n);

describe('leaving above the rate', { timeout: 30_000 }, () => {
  it('all that was said before a DISCONNECT is taken, and there is no will', async () => {
    await start();
    const client = await one.client('a', { will });
    client.send(...burst(0), { cmd: 'disconnect' });
    client.socket.end();
    await client.gone();
    await eventually(() => one.got.length === MESSAGES, 'all');
    await eventually(() => one.broker.counters().connections === 0, 'the end');
    expect(numbers()).toEqual(all);
    expect(one.broker.counters().refused).toEqual({});
    expect(left).toEqual(['+a', '-a']);
  });

  it('without a DISCONNECT the will comes last', async () => {
    await start();
    const client = await one.client('a', { will });
    client.send(...burst(0));
    client.socket.end();
    await eventually(() => one.got.length === MESSAGES + 1, 'all and the will');
    expect(one.got.at(-1)).toMatchObject({ payload: 'will', will: true });
    expect(numbers().slice(0, -1)).toEqual(all);
  });

  it('who comes back at once goes on beside what is left of before', async () => {
    await start();
    const first = await one.client('a');
    first.send(...burst(0), { cmd: 'disconnect' });
    first.socket.end();
    await first.gone();
    const again = await one.client('a');
    again.send(publishPacket('own/a', '1000000', { messageId: 1 }));
    await again.packet('puback');
    await eventually(() => one.got.length === MESSAGES + 1, 'all');
    expect(numbers().filter((n) => n < 1_000_000)).toEqual(all);
    expect(one.broker.counters().refused).toEqual({});
    // The owner hears of the end of the first before it hears of the second.
    expect(left).toEqual(['+a', '-a', '+a']);
    again.send({ cmd: 'pingreq' });
    await again.packet('pingresp');
  });

  it('what is given up is counted: a session whose rights end, a broker that closes', async () => {
    await start();
    const sent = async (): Promise<void> => {
      const client = await one.client('a');
      client.send(...burst(0), { cmd: 'disconnect' });
      client.socket.end();
      await client.gone();
    };
    await sent();
    one.broker.disconnect('a', 'revoked');
    const { refused } = one.broker.counters();
    const taken = one.got.length;
    expect(refused['revoked']).toBe(1);
    expect(taken + (refused['held-lost'] ?? 0)).toBe(MESSAGES);
    expect(refused['held-lost']).toBeGreaterThan(0);
    await sent();
    await one.broker.close(100);
    expect(one.got.length + (one.broker.counters().refused['held-lost'] ?? 0)).toBe(2 * MESSAGES);
  });

  it('clients that leave much behind them have no more memory than all unfinished packets', async () => {
    let ready = true;
    await start({ limits: { partialBytesMax: 200_000 } }, { ready: () => ready });
    const clients = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((id) => one.client(id)),
    );
    ready = false;
    for (const client of clients) {
      client.send(...burst(0).slice(0, 300));
      client.socket.end();
    }
    await eventually(() => (one.broker.counters().refused['partial-bytes'] ?? 0) > 0, 'one closed');
    const { refused } = one.broker.counters();
    expect(refused['held-lost']).toBeGreaterThan(0);
    ready = true;
    await eventually(() => one.broker.counters().connections === 0, 'the rest');
  });

  it('an unfinished CONNECT and what is behind it end with the socket', async () => {
    await start();
    const client = one.socket();
    client.send(connectPacket('a', { password: Buffer.from('guess') }), ...burst(0));
    client.socket.end();
    await client.gone();
    await eventually(() => one.broker.counters().connections === 0, 'the end');
    expect(one.got).toEqual([]);
  });
});
