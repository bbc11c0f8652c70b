/** Messages that are larger than is taken, over real sockets: read past, acknowledged, counted, and what is behind them is taken. */
import mqtt, { type Packet } from 'mqtt-packet';
import { afterEach, expect, it } from 'vitest';
import { eventually, publishPacket, TestBroker, type TestClient } from './testing.ts';

const LIMIT = 2_000;
let one: TestBroker;
afterEach(() => one.stop());

const start = async (
  limits: object = {},
  hooks: ConstructorParameters<typeof TestBroker>[1] = {},
): Promise<TestClient> => {
  one = await new TestBroker({ limits: { packetBytes: LIMIT, ...limits } }, hooks).start();
  return one.client('a');
};
const large = (id: number, more: object = {}, bytes = 10 * LIMIT): Packet =>
  publishPacket('own/a', Buffer.alloc(bytes, 0x30), { messageId: id, ...more });
const answers = (client: TestClient): string[] =>
  client.packets.map(({ cmd, messageId }) => `${cmd} ${messageId}`);

it.each([
  ['in one piece', 1 << 20],
  ['in pieces of 7 bytes', 7],
  ['byte by byte', 1],
])('%s: acknowledged at each QoS, and what is behind it is taken', async (_how, pieceBytes) => {
  const told: string[] = [];
  const client = await start(
    {},
    { ignored: (session, topic, cause) => told.push(`${session.who} ${topic} ${cause}`) },
  );
  const bytes = Buffer.concat(
    [
      large(1),
      publishPacket('own/a', 'first', { messageId: 2 }),
      large(3, { qos: 2 }),
      large(0, { qos: 0 }),
      publishPacket('other', Buffer.alloc(3 * LIMIT), { messageId: 4 }),
      publishPacket('own/a', 'second', { messageId: 5 }),
    ].map((packet) => mqtt.generate(packet)),
  );
  for (let at = 0; at < bytes.length; at += pieceBytes)
    client.raw(bytes.subarray(at, at + pieceBytes));
  await client.until(() => client.packets.length === 5, 'five answers');
  expect(answers(client)).toEqual(['puback 1', 'puback 2', 'pubrec 3', 'puback 4', 'puback 5']);
  expect(one.got.map(({ payload }) => payload)).toEqual(['first', 'second']);
  expect(one.broker.counters().refused).toEqual({ 'packet-too-large': 4 });
  expect(told).toEqual([
    'a own/a packet-too-large',
    'a own/a packet-too-large',
    'a own/a packet-too-large',
    'a other packet-too-large',
  ]);
  expect(client.closed).toBe(false);
});

it('at QoS 2 that comes again before its PUBREL is answered again and counted once', async () => {
  const client = await start();
  client.send(large(9, { qos: 2 }), large(9, { qos: 2, dup: true }));
  await client.until(() => client.packets.length === 2, 'two answers');
  client.send({ cmd: 'pubrel', messageId: 9 });
  await client.packet('pubcomp');
  expect(answers(client)).toEqual(['pubrec 9', 'pubrec 9']);
  expect(one.broker.counters().refused).toEqual({ 'packet-too-large': 1 });
});

it('costs its client its rate, and nobody any memory', async () => {
  const client = await start({ messagesPerSecond: 10, partialBytesMax: 10_000 });
  const other = await one.client('b');
  // As much as forty messages, where twenty may come at once.
  client.send(large(1, {}, 40 * LIMIT), publishPacket('own/a', 'after', { messageId: 2 }));
  await client.packet('puback');
  expect(one.got).toEqual([]);
  other.send(publishPacket('own/b', 'beside', { messageId: 3 }));
  await other.packet('puback');
  await client.packet('puback');
  expect(one.got.map(({ payload }) => payload)).toEqual(['beside', 'after']);
  expect(one.broker.counters().refused).toEqual({ 'packet-too-large': 1 });
});

it('that breaks off is not acknowledged, and what was held back behind it is counted right', async () => {
  const client = await start({ messagesPerSecond: 1 });
  const half = mqtt.generate(large(1)).subarray(0, 5 * LIMIT);
  client.raw(half);
  client.socket.end();
  await client.gone();
  await eventually(() => one.broker.counters().connections === 0, 'the end of it');
  expect(client.packets).toEqual([]);
  expect(one.broker.counters().refused).toEqual({});
});

it.each([
  ['whose topic is longer than it', Buffer.from([0x32, 0xff, 0xff, 0x03, 0xff, 0xff]), 'protocol'],
  ['with a wildcard in its topic', Buffer.from([0x30, 0xff, 0xff, 0x03, 0, 1, 0x23]), 'bad-topic'],
  ['with packet id 0', Buffer.from([0x32, 0xff, 0xff, 0x03, 0, 1, 0x61, 0, 0]), 'protocol'],
])('a packet %s ends the connection all the same', async (_what, head, cause) => {
  const client = await start();
  client.raw(Buffer.concat([head, Buffer.alloc(70_000, 0x61)]));
  await client.gone();
  expect(one.broker.counters().refused).toEqual({ [cause]: 1 });
});

it('a filter of too many levels is not granted, and the connection goes on', async () => {
  const client = await start({ topicLevels: 8 });
  const deep = Array.from({ length: 9 }, () => '+').join('/');
  client.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [
      { topic: deep, qos: 1 },
      { topic: 'for/a', qos: 1 },
    ],
  } as Packet);
  expect(await client.packet('suback')).toMatchObject({ granted: [128, 1] });
  client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [deep] } as Packet);
  await client.packet('unsuback');
  client.send(publishPacket('own/a', 'on', { messageId: 3 }));
  await client.packet('puback');
  expect(one.broker.counters().refused).toEqual({ 'acl-subscribe': 1 });
});
