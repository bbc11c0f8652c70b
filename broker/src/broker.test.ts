import mqtt, { type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerOptions } from './broker.ts';
import type { BrokerHooks } from './contract.ts';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

const started: TestBroker[] = [];
async function start(
  options: BrokerOptions = {},
  hooks: Partial<BrokerHooks<string>> = {},
): Promise<TestBroker> {
  const one = new TestBroker(options, hooks);
  started.push(one);
  return one.start();
}
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});
const refused = (one: TestBroker): Readonly<Record<string, number>> =>
  one.broker.counters().refused;

describe('acknowledging', () => {
  it('sends PUBACK when the owner is done and not before, in the order of arrival', async () => {
    const one = await start();
    one.hold = true;
    const client = await one.client('a');
    client.send(
      publishPacket('own/a', 'x', { messageId: 7 }),
      publishPacket('own/a', 'y', { messageId: 300 }),
      { cmd: 'pingreq' },
    );
    await client.packet('pingresp');
    await eventually(() => one.got.length === 2, 'two messages');
    expect(client.packets).toEqual([]);
    expect(one.broker.counters().inFlight).toBe(2);
    for (const message of one.got) message.done();
    expect((await client.packet('puback')).messageId).toBe(7);
    expect((await client.packet('puback')).messageId).toBe(300);
    expect(one.broker.counters()).toMatchObject({ messages: 2, acknowledged: 2, inFlight: 0 });
  });

  it('holds PUBREC of QoS 2, and completes the handshake', async () => {
    const one = await start();
    one.hold = true;
    const client = await one.client('a');
    client.send(publishPacket('own/a', 'x', { qos: 2, messageId: 9 }), { cmd: 'pingreq' });
    await client.packet('pingresp');
    await eventually(() => one.got.length === 1, 'the message');
    expect(client.packets).toEqual([]);
    one.got[0]?.done();
    expect((await client.packet('pubrec')).messageId).toBe(9);
    client.send({ cmd: 'pubrel', messageId: 9 });
    expect((await client.packet('pubcomp')).messageId).toBe(9);
    expect(one.got).toMatchObject([{ payload: 'x', qos: 2 }]);
  });

  it.each([21, 1_000, 65_535])(
    'takes %i messages of QoS 2 in one write, each once, on one connection',
    { timeout: 60_000 },
    async (count) => {
      const one = await start({ limits: { messagesPerSecond: 1e6 } });
      const client = await one.client('a');
      const ids = Array.from({ length: count }, (_, n) => n + 1);
      client.send(
        ...ids.map((messageId) => publishPacket('own/a', `${messageId}`, { qos: 2, messageId })),
      );
      await client.until(() => client.packets.length === count, 'each PUBREC');
      expect(client.packets.every(({ cmd }) => cmd === 'pubrec')).toBe(true);
      // Sent again before it is released: its PUBREC comes again, and it is not taken again.
      client.send(publishPacket('own/a', '1', { qos: 2, messageId: 1, dup: true }));
      client.send(...ids.map((messageId) => ({ cmd: 'pubrel' as const, messageId })));
      await client.until(() => client.packets.length === 2 * count + 1, 'each PUBCOMP');
      expect(one.got.map(({ payload }) => Number(payload))).toEqual(ids);
      // Released: the id is free for another message.
      client.send(publishPacket('own/a', 'again', { qos: 2, messageId: 1 }));
      await eventually(() => one.got.length === count + 1, 'the next of that id');
      expect(refused(one)).toEqual({});
      expect(one.broker.counters().acknowledged).toBe(count + 1);
    },
  );

  it('answers what was released before, and PUBREC of a session that is over', async () => {
    const one = await start();
    const client = await one.client('a');
    client.send(
      { cmd: 'pubrel', messageId: 8 },
      { cmd: 'pubrec', messageId: 9 },
      { cmd: 'pubcomp', messageId: 9 },
    );
    expect(await client.packet('pubcomp')).toMatchObject({ messageId: 8 });
    expect(await client.packet('pubrel')).toMatchObject({ messageId: 9 });
    expect(one.got).toEqual([]);
  });

  it('hands over a message of QoS 2 that comes again before it is done once', async () => {
    const one = await start();
    one.hold = true;
    const client = await one.client('a');
    const message = publishPacket('own/a', 'x', { qos: 2, messageId: 9 });
    client.send(message, message, { cmd: 'pingreq' });
    await client.packet('pingresp');
    expect(one.got).toHaveLength(1);
    one.got[0]?.done();
    expect((await client.packet('pubrec')).messageId).toBe(9);
    client.send({ cmd: 'pingreq' });
    await client.packet('pingresp');
    expect(client.packets).toEqual([]);
  });

  it('takes QoS 0 without an answer', async () => {
    const one = await start();
    const client = await one.client('a');
    client.send(publishPacket('own/a', 'x', { qos: 0 }), { cmd: 'pingreq' });
    await client.packet('pingresp');
    expect(one.got).toMatchObject([{ payload: 'x', qos: 0 }]);
    expect(client.packets).toEqual([]);
  });

  it.each([1, 2])(
    'closes without an acknowledgement when the owner refuses (QoS %i)',
    async (qos) => {
      const one = await start({}, { publish: (_message, done) => done(new Error('no')) });
      const client = await one.client('a');
      client.send(publishPacket('own/a', 'x', { qos }));
      await client.gone();
      expect(client.packets).toEqual([]);
      expect(refused(one)).toMatchObject({ 'publish-refused': 1 });
    },
  );

  it('takes messages that follow CONNECT in the same write, and any cutting of the stream', async () => {
    const one = await start();
    const client = one.socket();
    client.send(connectPacket('a'), publishPacket('own/a', 'early', { messageId: 1 }));
    await client.packet('connack');
    await client.packet('puback');
    const bytes = Buffer.from(
      '3217 0005 6f776e2f61 0002 6162636465666768696a6b6c6d6e'.replaceAll(' ', ''),
      'hex',
    );
    for (const byte of bytes) {
      client.raw(Buffer.from([byte]));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect((await client.packet('puback')).messageId).toBe(2);
    client.send(publishPacket('own/a', 'z'.repeat(200_000), { messageId: 3 }));
    expect((await client.packet('puback')).messageId).toBe(3);
    expect(one.got.map((message) => message.payload)).toEqual([
      'early',
      'abcdefghijklmn',
      'z'.repeat(200_000),
    ]);
  });
});

describe('connecting', () => {
  it.each([
    ['no credentials', { username: undefined, password: undefined }, 4],
    ['a wrong secret', { password: Buffer.from('guess') }, 5],
    ['NUL in the id', { clientId: 'a\0b' }, 2],
    ['a will with a wildcard', { will: { topic: 'own/+', payload: 'x', qos: 0 } }, 5],
    ['MQTT 5', { protocolVersion: 5 }, 1],
  ])('refuses %s', async (_name, more, code) => {
    const one = await start();
    const client = one.socket();
    client.send(connectPacket('a', more));
    const answer = await client.packet('connack');
    expect(answer.returnCode ?? answer.reasonCode).toBe(code);
    await client.gone();
    expect(one.broker.counters()).toMatchObject({ connects: 0 });
  });

  it('refuses no id and a session to keep', async () => {
    const one = await start();
    const client = one.socket();
    const connect = '101700044d51545404c0003c0000000161' + '0006736563726574';
    client.raw(Buffer.from(connect, 'hex'));
    expect((await client.packet('connack')).returnCode).toBe(2);
    await client.gone();
  });

  it('keeps no session: a client that asks for one is told there is none', async () => {
    const one = await start();
    for (let round = 0; round < 2; round++) {
      const client = one.socket();
      client.send(connectPacket('a', { clean: false }));
      expect(await client.packet('connack')).toMatchObject({
        returnCode: 0,
        sessionPresent: false,
      });
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'for/a', qos: 1 }] });
      await client.packet('suback');
      client.socket.destroy();
      await eventually(() => one.broker.counters().connections === 0, 'disconnect');
      await one.broker.send('for/a', 'while away', { qos: 1 });
    }
  });

  it('limits connections in all, and by address', async () => {
    const one = await start({ limits: { connectionsMax: 2 } });
    await one.client('a');
    await one.client('b');
    await one.socket().gone();
    expect(refused(one)).toMatchObject({ connections: 1 });
    const two = await start({ limits: { connectionsPerAddressMax: 1 } });
    await two.client('a');
    await two.socket().gone();
    expect(refused(two)).toMatchObject({ 'connections-per-address': 1 });
  });

  it('limits connects a second by address', async () => {
    const one = await start({ limits: { connectsPerAddressPerSecond: 3 } });
    const sockets = Array.from({ length: 20 }, () => one.socket());
    await eventually(() => sockets.filter((client) => client.closed).length >= 10, 'refusals');
    expect(refused(one)['connect-rate']).toBeGreaterThanOrEqual(10);
  });

  it('closes what never says CONNECT', async () => {
    const one = await start({ limits: { connectTimeoutMs: 200 } });
    await one.socket().gone();
    expect(refused(one)).toMatchObject({ 'connect-timeout': 1 });
  });

  it('closes a client that is silent beyond one and a half keep-alives: its own, or the longest where it names none', async () => {
    const one = await start({ limits: { keepaliveMaxSeconds: 1 } });
    const named = await one.client('a', { keepalive: 600 });
    const silent = await one.client('b', { keepalive: 0 });
    await silent.gone();
    expect(refused(one)).toMatchObject({ keepalive: 1 });
    named.send({ cmd: 'pingreq' });
    await named.packet('pingresp');
  });

  it('names itself as it likes, and stays when another says the same name', async () => {
    const one = await start();
    const first = await one.client('a', { clientId: 'mqttjs_1' });
    const second = await one.client('b', { clientId: 'mqttjs_1' });
    for (const [client, id] of [
      [first, 'a'],
      [second, 'b'],
    ] as const) {
      client.send(publishPacket(`own/${id}`, 'x'));
      await client.packet('puback');
    }
    expect(refused(one)).toEqual({});
  });

  it('of one credential the session that was silent for longest makes room', async () => {
    const one = await start({ limits: { sessionsPerUserMax: 2 } });
    const [first, second] = [
      await one.client('a', { clientId: '1' }),
      await one.client('a', { clientId: '2' }),
    ];
    await one.client('a', { clientId: '3' });
    await first.gone();
    second.send({ cmd: 'pingreq' });
    await second.packet('pingresp');
    expect(refused(one)).toEqual({ 'sessions-per-user': 1 });
  });

  it('tells who was refused and why, each once', async () => {
    const lines: string[] = [];
    const one = await start({
      log: (_level, message, detail) => lines.push(`${message} ${JSON.stringify(detail)}`),
    });
    for (let n = 0; n < 3; n++)
      for (const more of [{ password: Buffer.from('guess') }, { protocolVersion: 5 }]) {
        const client = one.socket();
        client.send(connectPacket('a', more));
        await client.gone();
      }
    expect(refused(one)).toEqual({ authentication: 3, 'protocol-version': 3 });
    expect(lines.filter((line) => line.startsWith('sign-in refused: authentication'))).toHaveLength(
      1,
    );
    expect(lines.filter((line) => line.includes('protocol-version'))).toHaveLength(1);
    expect(lines[0]).toMatch(/"username":"a"/);
  });

  it.each([
    ['level 6', '10 0d 0004 4d515454 06 02 003c 0001 61'],
    ['level 2', '10 0d 0004 4d515454 02 02 003c 0001 61'],
    ['MQIsdp 4', '10 0f 0006 4d5149736470 04 02 003c 0001 61'],
  ])('answers %s that the version is not spoken here', async (_name, hex) => {
    const one = await start();
    const client = one.socket();
    client.raw(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    expect(await client.packet('connack')).toMatchObject({ returnCode: 1 });
    await client.gone();
    expect(refused(one)).toEqual({ 'protocol-version': 1 });
  });

  it.each([
    ['a will of QoS 3', '10 13 0004 4d515454 04 1e 000a 0001 70 0001 70 0001 70'],
    ['the reserved bit', '10 0d 0004 4d515454 04 03 003c 0001 61'],
    ['another protocol', '10 0d 0004 4d515455 04 02 003c 0001 61'],
  ])('gives no answer to %s', async (_name, hex) => {
    const one = await start();
    const client = one.socket();
    client.raw(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
    await client.gone();
    expect(client.packets).toEqual([]);
    expect(refused(one)).toEqual({ protocol: 1 });
  });

  it('lets the same client take its place, and nobody else', async () => {
    const one = await start();
    const first = await one.client('a');
    // With a credential of its own, or with a guess at the other's.
    for (let n = 0; n < 100; n++) {
      const thief = one.socket();
      thief.send(
        n % 2 === 0
          ? connectPacket('b', { clientId: 'a' })
          : connectPacket('a', { password: Buffer.from(`guess ${n}`) }),
      );
      await thief.packet('connack');
      if (n % 2 === 1) await thief.gone();
    }
    expect(first.closed).toBe(false);
    expect(refused(one)).toEqual({ authentication: 50, takeover: 49 });
    await one.client('a');
    await first.gone();
    expect(refused(one)).toMatchObject({ takeover: 50 });
  });
});

describe('packets', () => {
  it('counts the size from the header, before and after CONNECT', async () => {
    const one = await start();
    const early = one.socket();
    early.raw(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await early.gone();
    const client = await one.client('a');
    client.raw(Buffer.from([0x82, 0xff, 0xff, 0x7f]));
    await client.gone();
    expect(refused(one)).toMatchObject({ 'packet-too-large': 2 });
  });

  it('bounds what unfinished packets of all clients may hold', async () => {
    const one = await start({ limits: { partialBytesMax: 100_000 } });
    const clients = await Promise.all(['a', 'b', 'c'].map((id) => one.client(id)));
    const header = Buffer.from([0x30, 0x80, 0x80, 0x08, 0, 1, 0x61]);
    for (const client of clients) client.raw(Buffer.concat([header, Buffer.alloc(40_000)]));
    await eventually(() => clients.some((client) => client.closed), 'one closed');
    expect(refused(one)).toMatchObject({ 'partial-bytes': 1 });
    expect(clients.filter((client) => client.closed).length).toBe(1);
  });

  it.each([
    ['a malformed length', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), 'protocol'],
    ['QoS 3', Buffer.from([0x36, 4, 0, 1, 0x61, 0]), 'protocol'],
    ['packet id 0', Buffer.from([0x32, 9, 0, 5, ...Buffer.from('own/a'), 0, 0]), 'protocol'],
    ['a topic longer than its packet', Buffer.from([0x30, 4, 0, 9, 0x61, 0x61]), 'protocol'],
    ['a CONNACK', Buffer.from([0x20, 2, 0, 0]), 'protocol'],
    ['an empty topic', Buffer.from([0x30, 2, 0, 0]), 'bad-topic'],
    ['NUL in a topic', Buffer.from([0x30, 5, 0, 3, 0x61, 0, 0x61]), 'bad-topic'],
    ['ill-formed UTF-8', Buffer.from([0x30, 4, 0, 2, 0xc3, 0x28]), 'bad-topic'],
    ['a wildcard', Buffer.from([0x30, 7, 0, 5, ...Buffer.from('own/+')]), 'bad-topic'],
    ['ill-formed UTF-8, QoS 2', Buffer.from([0x34, 6, 0, 2, 0xc3, 0x28, 0, 1]), 'bad-topic'],
    ['packet id 0, QoS 2', Buffer.from([0x34, 9, 0, 5, ...Buffer.from('own/a'), 0, 0]), 'protocol'],
    ['PUBREL of packet id 0', Buffer.from([0x62, 2, 0, 0]), 'protocol'],
    ['PUBREL with other flags', Buffer.from([0x60, 2, 0, 1]), 'protocol'],
    ['half a PUBREC', Buffer.from([0x50, 1, 0]), 'protocol'],
    ['PUBCOMP with more behind', Buffer.from([0x70, 3, 0, 1, 0]), 'protocol'],
    ['UNSUBSCRIBE from nothing', Buffer.from([0xa2, 2, 0x12, 0x34]), 'protocol'],
    ['SUBSCRIBE to nothing', Buffer.from([0x82, 2, 0x12, 0x34]), 'protocol'],
    ['NUL in a filter', Buffer.from([0x82, 8, 0, 1, 0, 3, 0x61, 0, 0x61, 0]), 'protocol'],
    ['a surrogate in a filter', Buffer.from([0xa2, 7, 0, 1, 0, 3, 0xed, 0xa0, 0x80]), 'protocol'],
    ['a filter of QoS 3', Buffer.from([0x82, 6, 0, 1, 0, 1, 0x61, 3]), 'protocol'],
    ['PINGREQ with a body', Buffer.from([0xc0, 1, 0]), 'protocol'],
  ])('closes on %s', async (_name, bytes, cause) => {
    const one = await start();
    const client = await one.client('a');
    client.raw(bytes);
    await client.gone();
    expect(one.got).toEqual([]);
    expect(refused(one)).toEqual({ [cause]: 1 });
  });

  it('takes what a client of MQTT 3.1 sends again with its mark, which 3.1.1 forbids', async () => {
    const one = await start();
    const dup = (packet: Packet): Buffer => {
      const bytes = mqtt.generate(packet);
      bytes[0]! |= 8;
      return bytes;
    };
    const again = Buffer.concat([
      mqtt.generate(publishPacket('own/a', 'x', { qos: 2, messageId: 5 })),
      dup({ cmd: 'pubrel', messageId: 5 }),
      dup({ cmd: 'subscribe', messageId: 6, subscriptions: [{ topic: 'for/a', qos: 1 }] }),
      dup({ cmd: 'unsubscribe', messageId: 7, unsubscriptions: ['for/a'] }),
      mqtt.generate({ cmd: 'pingreq' }),
    ]);
    const old = await one.client('a', { protocolId: 'MQIsdp', protocolVersion: 3 });
    old.raw(again);
    await old.until(() => old.packets.length === 5, 'five answers');
    expect(old.packets.map(({ cmd }) => cmd).sort()).toEqual([
      'pingresp',
      'pubcomp',
      'pubrec',
      'suback',
      'unsuback',
    ]);
    const client = await one.client('b');
    client.raw(dup({ cmd: 'pubrel', messageId: 5 }));
    await client.gone();
    expect(refused(one)).toEqual({ protocol: 1 });
  });

  it('acknowledges what is not for us and takes what is behind it, on one connection', async () => {
    const told: string[] = [];
    const one = await start(
      { limits: { topicLevels: 8 } },
      { ignored: (session, topic, cause) => told.push(`${session.who} ${topic} ${cause}`) },
    );
    const client = await one.client('a');
    const deep = 'own/a/3/4/5/6/7/8/9';
    client.send(
      publishPacket('own/b', '{}', { messageId: 1 }),
      publishPacket('$SYS/a', '{}', { messageId: 2 }),
      publishPacket(deep, '{}', { messageId: 3 }),
      publishPacket('own/b', '{}', { qos: 2, messageId: 4 }),
      publishPacket('own/b', '{}', { qos: 0 }),
      publishPacket('own/a', 'for us', { messageId: 5 }),
    );
    await client.until(() => client.packets.length === 5, 'five answers');
    expect(client.packets.map(({ cmd, messageId }) => `${cmd} ${messageId}`)).toEqual([
      'puback 1',
      'puback 2',
      'puback 3',
      'pubrec 4',
      'puback 5',
    ]);
    client.send({ cmd: 'pubrel', messageId: 4 });
    await client.until(() => client.packets.at(-1)?.cmd === 'pubcomp', 'the end of it');
    expect(one.got).toMatchObject([{ topic: 'own/a', payload: 'for us' }]);
    expect(refused(one)).toEqual({ 'acl-publish': 4, 'topic-levels': 1 });
    expect(told).toEqual([
      'a own/b acl-publish',
      'a $SYS/a acl-publish',
      `a ${deep} topic-levels`,
      'a own/b acl-publish',
      'a own/b acl-publish',
    ]);
  });

  it('survives bytes that are no MQTT at all', async () => {
    const one = await start();
    const client = one.socket();
    client.raw(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await client.gone();
    await one.client('a');
  });
});

describe('subscribing', () => {
  it('grants what the owner allows, and never wildcards over all, $SYS or shares', async () => {
    const one = await start({}, { maySubscribe: (_session, filter) => filter !== 'for/b' });
    const client = await one.client('a');
    const filters = ['for/a', 'for/b', '#', 'x/#', '$SYS/+', '$share/g/for/a'];
    client.send({
      cmd: 'subscribe',
      messageId: 5,
      subscriptions: filters.map((topic) => ({ topic, qos: 1 as const })),
    });
    expect((await client.packet('suback')).granted).toEqual([1, 128, 128, 128, 128, 128]);
    expect(refused(one)).toMatchObject({ 'acl-subscribe': 5 });
  });

  it('delivers commands to those subscribed, and clients never hear each other', async () => {
    const one = await start({}, { maySubscribe: () => true, mayPublish: () => true });
    const client = await one.client('a');
    client.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: 'for/a', qos: 1 }] });
    await client.packet('suback');
    const other = await one.client('b');
    other.send(publishPacket('for/a', 'forged', { retain: true }));
    await other.packet('puback');
    await one.broker.send('for/a', '{"command":1}', { qos: 1 });
    const got = await client.packet('publish');
    expect({ topic: got.topic, payload: got.payload.toString(), qos: got.qos }).toEqual({
      topic: 'for/a',
      payload: '{"command":1}',
      qos: 1,
    });
    client.send({ cmd: 'puback', messageId: got.messageId ?? 0 });
    const late = await one.client('c');
    late.send({ cmd: 'subscribe', messageId: 6, subscriptions: [{ topic: 'for/a', qos: 1 }] });
    await late.packet('suback');
    late.send({ cmd: 'pingreq' });
    await late.packet('pingresp');
    expect(late.packets).toEqual([]);
    await one.broker.send('for/a', 'second', { qos: 0 });
    expect((await client.packet('publish')).payload.toString()).toBe('second');
  });

  it('closes a subscriber that stops reading, while others are served', async () => {
    const one = await start({ limits: { unreadBytesMax: 200_000, drainTimeoutMs: 60_000 } });
    const frozen = await one.client('a');
    const healthy = await one.client('b');
    for (const [client, id] of [
      [frozen, 'a'],
      [healthy, 'b'],
    ] as const) {
      client.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: `for/${id}`, qos: 0 }],
      });
      await client.packet('suback');
    }
    frozen.socket.pause();
    for (let i = 0; i < 400 && refused(one)['unread'] === undefined; i++) {
      await one.broker.send('for/a', Buffer.alloc(50_000), { qos: 0 });
      await one.broker.send('for/b', String(i), { qos: 0 });
      await healthy.packet('publish');
    }
    expect(refused(one)).toMatchObject({ unread: 1 });
  });
});

describe('holding back', () => {
  it('pauses a client above its rate and loses nothing', async () => {
    const one = await start({ limits: { messagesPerSecond: 100 } });
    const client = await one.client('a');
    const packets = Array.from({ length: 300 }, (_, i) =>
      publishPacket('own/a', String(i), { messageId: i + 1 }),
    );
    client.send(...packets, { cmd: 'pingreq' });
    await eventually(() => one.got.length >= 200, 'the first');
    await client.packet('pingresp');
    expect(one.got.map((message) => message.payload)).toEqual(packets.map((_, i) => String(i)));
    expect(client.packets.length).toBe(300);
  });

  it('stops reading when too much is in flight over all clients, and goes on', async () => {
    const one = await start({ limits: { inFlightMax: 10, messagesPerSecond: 1e6 } });
    one.hold = true;
    const clients = await Promise.all(['a', 'b', 'c'].map((id) => one.client(id)));
    clients.forEach((client, k) => {
      const topic = `own/${['a', 'b', 'c'][k]}`;
      client.send(
        ...Array.from({ length: 50 }, (_, i) =>
          publishPacket(topic, String(i), { messageId: i + 1 }),
        ),
      );
    });
    await eventually(() => one.got.length === 10, 'ten messages');
    let released = 0;
    while (released < 150) {
      expect(one.got.length - released).toBeLessThanOrEqual(10);
      await eventually(() => one.got.length > released, 'more');
      one.got[released++]?.done();
    }
    for (const client of clients)
      await client.until(() => client.packets.length === 50, 'all acks');
  });

  it('reads nothing while the owner is not ready', async () => {
    let ready = false;
    const one = await start({}, { ready: () => ready });
    const client = await one.client('a');
    client.send(publishPacket('own/a', 'x'));
    client.send({ cmd: 'pingreq' });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(one.got).toEqual([]);
    ready = true;
    await client.packet('puback');
    await client.packet('pingresp');
  });
});

describe('wills', () => {
  const will = { topic: 'own/a/status', payload: '{"online":false}', qos: 1, retain: true };

  it('hands over the will of a client that vanishes, once', async () => {
    const one = await start();
    const client = await one.client('a', { will });
    client.socket.resetAndDestroy();
    await eventually(() => one.got.length === 1, 'the will');
    expect(one.got).toMatchObject([
      { topic: 'own/a/status', payload: '{"online":false}', will: true, who: 'a' },
    ]);
  });

  it('forgets it after DISCONNECT', async () => {
    const one = await start();
    const client = await one.client('a', { will });
    client.send({ cmd: 'disconnect' });
    await client.gone();
    await eventually(() => one.broker.counters().connections === 0, 'disconnect');
    expect(one.got).toEqual([]);
  });

  it.each([
    ['on a foreign topic', 'own/b'],
    ['on a topic that is too deep', `own/a${'/x'.repeat(40)}`],
  ])('keeps no will %s, and lets the client in', async (_name, topic) => {
    const lines: string[] = [];
    const one = await start({ log: (_level, message) => lines.push(message) });
    const client = await one.client('a', { will: { topic, payload: 'x', qos: 1 } });
    client.send(publishPacket('own/a', 'fine'));
    await client.packet('puback');
    client.socket.resetAndDestroy();
    await eventually(() => one.broker.counters().connections === 0, 'disconnect');
    expect(one.got.map(({ payload }) => payload)).toEqual(['fine']);
    expect(refused(one)['acl-will']).toBe(1);
    expect(lines.filter((line) => line.startsWith('will not kept'))).toHaveLength(1);
  });
});

describe('faults of the owner', () => {
  const boom = (): never => {
    throw new Error('boom');
  };
  it.each([
    ['authenticate', { authenticate: boom }],
    ['mayPublish', { mayPublish: boom }],
    ['publish', { publish: boom }],
  ])('an exception in %s closes that client and no more', async (_name, hooks) => {
    const logged: string[] = [];
    const one = await start({ log: (_level, message) => logged.push(message) }, hooks);
    for (const qos of [1, 2]) {
      const client = one.socket();
      client.send(connectPacket('a'), publishPacket('own/a', 'x', { qos }));
      await client.gone();
    }
    expect(refused(one)['hook-exception']).toBe(2);
    expect(logged.some((line) => line.includes('threw'))).toBe(true);
    await one.socket().until(() => true);
  });

  it('an exception in maySubscribe, connected or disconnected is counted', async () => {
    const one = await start({}, { maySubscribe: boom, connected: boom, disconnected: boom });
    const client = await one.client('a');
    client.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: 'for/a', qos: 1 }] });
    expect((await client.packet('suback')).granted).toEqual([128]);
    client.socket.destroy();
    await eventually(() => refused(one)['hook-exception'] === 3, 'three exceptions');
  });
});

describe('closing', () => {
  it('waits for what is in flight and acknowledges it', async () => {
    const one = await start();
    one.hold = true;
    const client = await one.client('a', { will: { topic: 'own/a', payload: 'w', qos: 0 } });
    client.send(publishPacket('own/a', 'x'));
    await eventually(() => one.got.length === 1, 'the message');
    const closing = one.broker.close(10_000);
    one.got[0]?.done();
    await closing;
    await client.gone();
    expect(client.packets).toMatchObject([{ cmd: 'puback', messageId: 1 }]);
    expect(one.got.length).toBe(1);
  });
});
