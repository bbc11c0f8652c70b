/** Packets that are no messages, in floods: they cost their client its rate, and nobody else the time that they take. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { closeSoon } from './client-socket.ts';
import { publishPacket, TestBroker } from './testing.ts';

const PINGREQ = Buffer.from([0xc0, 0]);
let broker: TestBroker | undefined;

afterEach(async () => {
  await broker?.stop();
  broker = undefined;
});

async function start(messagesPerSecond: number): Promise<TestBroker> {
  broker = new TestBroker({ limits: { messagesPerSecond } });
  return broker.start();
}

const subscriptions = (count: number, topic: string) =>
  Array.from({ length: count }, () => ({ topic, qos: 1 as const }));

describe('floods of packets that are no messages', () => {
  it.each([
    ['PINGREQ', PINGREQ],
    ['PUBREC', Buffer.from([0x50, 2, 0, 1])],
    ['PUBREL of nothing', Buffer.from([0x62, 2, 0, 1])],
    ['SUBSCRIBE', Buffer.from([0x82, 10, 0, 1, 0, 5, ...Buffer.from('for/b'), 1])],
    ['UNSUBSCRIBE', Buffer.from([0xa2, 9, 0, 1, 0, 5, ...Buffer.from('for/b')])],
  ])('%s waits for the rate of its client, and others do not', async (_what, packet) => {
    const { got } = await start(1);
    const [bad, good] = [await broker!.client('b'), await broker!.client('good')];
    bad.raw(Buffer.concat(Array.from({ length: 200 }, () => packet)));
    good.send(publishPacket('own/good', 'x'));
    await good.packet('puback');
    // At one a second it would take minutes to answer more.
    expect(bad.packets.length).toBeLessThan(100);
    expect(got.map(({ payload }) => payload)).toEqual(['x']);
  });

  it('all are answered in the end, and what is behind them is taken', async () => {
    const { got } = await start(200);
    const client = await broker!.client('b');
    client.raw(Buffer.concat(Array.from({ length: 600 }, () => PINGREQ)));
    client.send(publishPacket('own/b', 'behind'));
    await client.packet('puback');
    expect(client.packets.map(({ cmd }) => cmd)).toEqual(Array(600).fill('pingresp'));
    expect(got.map(({ payload }) => payload)).toEqual(['behind']);
  });

  it('10,000 filters in one SUBSCRIBE are none of them granted, and the connection goes on', async () => {
    await start(20_000);
    const client = await broker!.client('b');
    const mine = subscriptions(10_000, 'for/b');
    client.send({ cmd: 'subscribe', messageId: 300, subscriptions: mine } as never);
    const answer = await client.packet('suback');
    expect(answer.messageId).toBe(300);
    expect(answer.granted).toEqual(Array(10_000).fill(0x80));
    expect(broker!.broker.counters().refused).toEqual({ filters: 10_000 });
    client.send({ cmd: 'subscribe', messageId: 2, subscriptions: mine.slice(0, 1) } as never);
    expect((await client.packet('suback')).granted).toEqual([1]);
    await broker!.broker.send('for/b', 'heard', { qos: 0 });
    expect(String((await client.packet('publish')).payload)).toBe('heard');
  });

  it('10,000 filters in one UNSUBSCRIBE, which were never granted, end the connection', async () => {
    await start(20_000);
    const client = await broker!.client('b');
    const unsubscriptions = subscriptions(10_000, 'a').map(({ topic }) => topic);
    client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions } as never);
    await client.gone();
    expect(broker!.broker.counters().refused).toEqual({ filters: 10_000 });
  });
});

it('a client that leaves its last answers unread loses its socket in time', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  client.pause();
  const [socket] = (await once(server, 'connection')) as [Socket];
  const block = Buffer.alloc(64 * 1024);
  while (socket.write(block)) await new Promise(setImmediate);
  expect(socket.writableLength).toBeGreaterThan(0);
  const closed = once(socket, 'close');
  closeSoon(socket, 100);
  expect(socket.destroyed).toBe(false);
  await closed;
  client.destroy();
  server.close();
});
