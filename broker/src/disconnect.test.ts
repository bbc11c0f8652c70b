import { afterEach, describe, expect, it } from 'vitest';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

let one: TestBroker;
afterEach(() => one.stop());
const refused = (): Readonly<Record<string, number>> => one.broker.counters().refused;

describe('disconnecting by username', () => {
  it.each([0, 1, 2])(
    'ends a session with a message in flight, which gets no answer (QoS %i)',
    async (qos) => {
      one = await new TestBroker().start();
      one.hold = true;
      const other = await one.client('b');
      const client = await one.client('a', {
        will: { topic: 'own/a', payload: 'gone', qos: 0, retain: false },
      });
      client.send(publishPacket('own/a', 'x', { qos, messageId: 9 }));
      await eventually(() => one.got.length === 1, 'the message');
      expect(one.broker.disconnect('a', 'credential-replaced')).toBe(1);
      one.got[0]?.done();
      await client.gone();
      expect(client.packets).toEqual([]);
      expect(refused()).toEqual({ 'credential-replaced': 1, 'will-revoked': 1 });
      // Neither a second session nor anybody else's is touched, and the will is not published.
      expect(one.broker.disconnect('a', 'credential-replaced')).toBe(0);
      one.hold = false;
      other.send(publishPacket('own/b', 'y', { messageId: 4 }));
      expect((await other.packet('puback')).messageId).toBe(4);
      expect(one.got.map(({ payload }) => payload)).toEqual(['x', 'y']);
      expect(one.broker.counters()).toMatchObject({ connections: 1, inFlight: 0 });
    },
  );

  it('drops what was sent and not taken yet', async () => {
    let room = true;
    one = await new TestBroker({}, { ready: () => room }).start();
    const client = await one.client('a');
    room = false;
    client.send(publishPacket('own/a', 'x', { messageId: 1 }));
    // The socket is not read while there is no room; a second client proves that the first packet has arrived.
    const later = one.socket();
    later.send(connectPacket('b'));
    await later.packet('connack');
    expect(one.broker.disconnect('a', 'retired')).toBe(1);
    room = true;
    await client.gone();
    later.send(publishPacket('own/b', 'y', { messageId: 2 }));
    await later.packet('puback');
    expect(one.got.map(({ payload }) => payload)).toEqual(['y']);
  });

  it('waits for no client that leaves its answers unread', async () => {
    const MEGABYTE = 1024 * 1024;
    one = await new TestBroker({ limits: { unreadBytesMax: 64 * MEGABYTE } }).start();
    const client = await one.client('a');
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'for/a', qos: 0 }] });
    await client.packet('suback');
    client.socket.pause();
    // More than the kernel keeps for a socket.
    for (let n = 0; n < 24; n++) await one.broker.send('for/a', Buffer.alloc(MEGABYTE), { qos: 0 });
    expect(one.broker.disconnect('a', 'retired')).toBe(1);
    await eventually(() => one.broker.counters().connections === 0, 'the socket to be closed');
    expect(refused()).toEqual({ retired: 1 });
  });

  it('lets the same client in again when its owner does', async () => {
    one = await new TestBroker().start();
    for (let round = 1; round <= 3; round++) {
      const client = await one.client('a');
      expect(one.broker.disconnect('a', 'credential-replaced')).toBe(1);
      await client.gone();
      expect(refused()).toEqual({ 'credential-replaced': round });
    }
  });
});
