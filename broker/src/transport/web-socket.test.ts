import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { systemTimer } from '@village/core';
import mqtt, { type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { BrokerLimits } from '../contract.ts';
import { connectPacket, eventually, publishPacket, TestBroker } from '../testing.ts';

const rules = { path: '/mqtt', origins: ['https://console.example', 'http://10.0.0.5:8080'] };
let one: TestBroker;
const clients: WebSocket[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  for (const socket of sockets.splice(0)) socket.destroy();
  await one.stop();
});

async function start(limits: Partial<BrokerLimits> = {}): Promise<void> {
  one = await new TestBroker({ limits: { connectTimeoutMs: 500, ...limits } }).start({
    websocket: rules,
  });
}

const refused = (): Readonly<Record<string, number>> => one.broker.counters().refused;

function dial(
  { path = '/mqtt', protocols = 'mqtt' }: { path?: string; protocols?: string | string[] } = {},
  options: ClientOptions = {},
): WebSocket {
  const client = new WebSocket(`ws://127.0.0.1:${one.port}${path}`, protocols, options);
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

async function open(...how: Parameters<typeof dial>): Promise<WebSocket> {
  const client = dial(...how);
  await Promise.race([
    once(client, 'open'),
    once(client, 'close').then(() => Promise.reject(new Error('refused'))),
  ]);
  return client;
}

/** Packets that come. */
function packets(client: WebSocket): Packet[] {
  const got: Packet[] = [];
  const parser = mqtt.parser();
  parser.on('packet', (packet) => got.push(packet));
  client.on('message', (data: Buffer) => parser.parse(data));
  return got;
}

async function signedIn(
  id: string,
  more: object = {},
): Promise<{ client: WebSocket; got: Packet[] }> {
  const client = await open();
  const got = packets(client);
  client.send(mqtt.generate(connectPacket(id, more)));
  await eventually(() => got.length === 1, 'CONNACK');
  return { client, got };
}

describe('MQTT over WebSocket', () => {
  it('takes packets in any pieces, and several at once', async () => {
    await start();
    const { client, got } = await signedIn('a');
    const three = Buffer.concat(
      [1, 2, 3].map((messageId) =>
        mqtt.generate(publishPacket('own/a', `m${messageId}`, { messageId })),
      ),
    );
    client.send(three);
    for (const byte of mqtt.generate(publishPacket('own/a', 'bytes', { messageId: 4 })))
      client.send(Buffer.from([byte]));
    const last = mqtt.generate(publishPacket('own/a', 'fragments', { messageId: 5 }));
    client.send(last.subarray(0, 5), { fin: false });
    client.send(last.subarray(5), { fin: true });
    await eventually(() => got.length === 6, 'acknowledgements');
    expect(one.got.map(({ payload }) => payload)).toEqual(['m1', 'm2', 'm3', 'bytes', 'fragments']);
    client.send(mqtt.generate({ cmd: 'disconnect' }));
    const [code] = (await once(client, 'close')) as [number];
    expect(code).toBe(1000);
    await eventually(() => one.broker.counters().connections === 0, 'the end');
  });

  it('commands come through it', async () => {
    await start();
    const { client, got } = await signedIn('a');
    client.send(
      mqtt.generate({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'for/a', qos: 1 }],
      }),
    );
    await eventually(() => got.length === 2, 'SUBACK');
    await one.broker.send('for/a', 'do it', { qos: 1 });
    await eventually(() => got.length === 3, 'the command');
    expect(got[2]).toMatchObject({ cmd: 'publish', topic: 'for/a', payload: Buffer.from('do it') });
  });

  it('takes the path, the subprotocol and the origins that are named, and no others', async () => {
    await start();
    for (const origin of rules.origins) await open({}, { origin });
    await open({ path: '/mqtt?x=1' });
    await open({ protocols: ['chat', 'mqttv3.1'] });
    for (const how of [{ path: '/' }, { path: '/mqtt/' }, { path: '/mqttx' }])
      await expect(open(how)).rejects.toThrow();
    for (const protocols of ['chat', []]) await expect(open({ protocols })).rejects.toThrow();
    for (const origin of [
      'https://evil.example',
      'http://console.example',
      'https://console.example:8443',
      'https://console.example.evil.example',
      'http://10.0.0.5',
      'null',
      `https://127.0.0.1:${one.port + 1}`,
    ])
      await expect(open({}, { origin }), origin).rejects.toThrow();
    expect(refused()).toEqual({
      'websocket-path': 3,
      'websocket-protocol': 2,
      'websocket-origin': 7,
    });
    // The broker's own address, as paho names it: paho 1.6 says https whatever it speaks, and a proxy may speak it for us.
    for (const scheme of ['http', 'https'])
      await open({}, { origin: `${scheme}://127.0.0.1:${one.port}` });
    // The same origin, written otherwise.
    await open({}, { origin: 'HTTPS://console.example:443' });
  });

  it('what is no upgrade is told, what says nothing is closed, and both are counted', async () => {
    await start();
    const answer = await fetch(`http://127.0.0.1:${one.port}/mqtt`);
    expect(answer.status).toBe(426);
    const raw = (bytes: string | Buffer): Promise<string> => {
      const socket = connectTcp(one.port, '127.0.0.1');
      sockets.push(socket);
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        text += String(data);
      });
      if (bytes.length > 0) socket.write(bytes);
      return once(socket, 'close').then(() => text);
    };
    expect(await raw(mqtt.generate(connectPacket('a')))).toMatch(/^HTTP\/1.1 400/);
    expect(await raw(`GET /mqtt HTTP/1.1\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 4/,
    );
    const head = `GET /mqtt HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-protocol: mqtt\r\n`;
    expect(await raw(`${head}sec-websocket-version: 12\r\nsec-websocket-key: x\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 400/,
    );
    await raw('');
    await raw('GET /mqtt HTTP/1.1\r\n');
    expect(refused()).toEqual({ 'websocket-request': 4, 'connect-timeout': 2 });
    await eventually(() => one.broker.counters().connections === 0, 'the end');
  });

  it('has the limits of TCP', async () => {
    await start({ packetBytes: 2_000, packetBytesBeforeConnect: 300, messagesPerSecond: 10 });
    const silent = await open();
    await once(silent, 'close');
    const text = await open();
    text.send('text');
    await once(text, 'close');
    const early = await open();
    early.send(mqtt.generate(connectPacket('a', { clientId: 'x'.repeat(400) })));
    await once(early, 'close');
    const { client: large, got: answered } = await signedIn('a');
    large.send(mqtt.generate(publishPacket('own/a', 'x'.repeat(2_000))));
    await eventually(() => answered.length === 2, 'PUBACK of what is not taken');
    large.close();
    await once(large, 'close');
    const { client: larger } = await signedIn('a');
    larger.send(
      mqtt.generate({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'x'.repeat(3_000), qos: 0 }],
      }),
    );
    await once(larger, 'close');
    const { client: still } = await signedIn('a', { keepalive: 1 });
    await once(still, 'close');
    expect(refused()).toEqual({
      'connect-timeout': 1,
      'websocket-text': 1,
      'packet-too-large': 3,
      keepalive: 1,
    });
    // Above the rate it is read later, and nothing is lost.
    const { client: fast, got } = await signedIn('b');
    for (let messageId = 1; messageId <= 30; messageId++)
      fast.send(mqtt.generate(publishPacket('own/b', 'm', { messageId })));
    await eventually(() => got.length >= 21, 'the first');
    expect(got.length).toBeLessThan(31);
    await eventually(() => got.length === 31, 'all');
  });

  it('a client that does not read is closed', async () => {
    await start({ unreadBytesMax: 100_000, drainTimeoutMs: 500 });
    const { client, got } = await signedIn('a');
    client.send(
      mqtt.generate({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'for/a', qos: 0 }],
      }),
    );
    await eventually(() => got.length === 2, 'SUBACK');
    (client as unknown as { _socket: Socket })._socket.pause();
    const payload = Buffer.alloc(200_000);
    for (let n = 0; n < 100 && one.broker.counters().connections > 0; n++) {
      await one.broker.send('for/a', payload, { qos: 0 });
      await systemTimer.sleep(10);
    }
    await eventually(() => one.broker.counters().connections === 0, 'the end');
    expect((refused()['unread'] ?? 0) + (refused()['drain-timeout'] ?? 0)).toBe(1);
  });

  it('a client that pings and does not read is closed', async () => {
    await start();
    const { client } = await signedIn('a');
    (client as unknown as { _socket: Socket })._socket.pause();
    const closed = eventually(() => one.broker.counters().connections === 0, 'the end');
    for (let n = 0; n < 5_000; n++) client.ping(Buffer.alloc(125));
    await closed;
    expect(refused()).toEqual({ 'websocket-pings': 1 });
  });

  it.each([
    ['pings', (client: WebSocket) => client.ping()],
    ['pongs', (client: WebSocket) => client.pong()],
    ['empty messages', (client: WebSocket) => client.send(Buffer.alloc(0))],
  ])(
    '%s are taken as often as anybody needs them; a flood of them ends its connection',
    async (_what, send) => {
      await start();
      const { client, got } = await signedIn('a');
      for (let n = 0; n < 60; n++) send(client);
      client.send(mqtt.generate(publishPacket('own/a', 'behind')));
      await eventually(() => got.length === 2, 'PUBACK');
      const closed = once(client, 'close');
      for (let n = 0; n < 5_000; n++) send(client);
      await closed;
      expect(refused()).toEqual({ 'websocket-pings': 1 });
    },
  );

  it('messages that are begun and not finished are bounded, for one client and over all', async () => {
    await start({
      packetBytes: 200_000,
      partialBytesMax: 500_000,
      packetBytesBeforeConnect: 4_096,
    });
    const begin = (client: WebSocket, packet: Buffer, bytes: number): void =>
      client.send(packet.subarray(0, bytes), { fin: false });
    // A stranger may not begin what only clients may send.
    const stranger = await open();
    begin(stranger, mqtt.generate(connectPacket('a', { clientId: 'x'.repeat(20_000) })), 5_000);
    await once(stranger, 'close');
    expect(refused()).toEqual({ 'packet-too-large': 1 });
    const names = ['a', 'b', 'c', 'd'];
    const all = await Promise.all(names.map((id) => signedIn(id)));
    for (const [n, { client }] of all.entries())
      begin(
        client,
        mqtt.generate(publishPacket(`own/${names[n]}`, Buffer.alloc(195_000))),
        190_000,
      );
    await eventually(() => refused()['partial-bytes'] === 2, 'two of four');
    await eventually(() => one.broker.counters().connections === 2, 'their end');
  });

  it('a message that is larger than is taken is read past, in one frame or many, and what is behind it is taken', async () => {
    await start({ packetBytes: 20_000, messagesPerSecond: 1_000 });
    const { client, got } = await signedIn('a');
    const large = (bytes: number, messageId: number): Buffer =>
      mqtt.generate(publishPacket('own/a', Buffer.alloc(bytes, messageId), { messageId }));
    const small = (messageId: number): Buffer =>
      mqtt.generate(publishPacket('own/a', `m${messageId}`, { messageId }));
    // One frame of several megabytes with a small packet behind it, a message of three frames, and one of very many.
    client.send(Buffer.concat([large(3_000_000, 1), small(2)]));
    const pieces = large(500_000, 3);
    client.send(pieces.subarray(0, 100_000), { fin: false });
    client.ping('between two frames of a message');
    client.send(pieces.subarray(100_000, 100_001), { fin: false });
    client.send(pieces.subarray(100_001), { fin: true });
    const bytes = Buffer.concat([large(20_100, 4), small(5)]);
    for (let at = 0; at < bytes.length; at += 10)
      client.send(bytes.subarray(at, at + 10), { fin: at + 10 >= bytes.length });
    client.send(small(6));
    await eventually(() => got.length === 7, 'acknowledgements');
    expect(got.slice(1)).toMatchObject([1, 2, 3, 4, 5, 6].map((messageId) => ({ messageId })));
    expect(one.got.map(({ payload }) => payload)).toEqual(['m2', 'm5', 'm6']);
    expect(refused()).toEqual({ 'packet-too-large': 3 });
  });

  it('connections count against the share of their address, with those of TCP', async () => {
    one = new TestBroker({ limits: { connectionsPerAddressMax: 2 } });
    await one.start();
    const tcp = await one.client('a');
    const web = (await one.broker.listen(0, '127.0.0.1', { websocket: rules })).port;
    one.port = web;
    await open();
    await expect(open()).rejects.toThrow();
    expect(refused()).toEqual({ 'connections-per-address': 1 });
    expect(tcp.closed).toBe(false);
  });

  it('who leaves without a word leaves a will, who says so does not', async () => {
    await start();
    const will = { topic: 'own/a', payload: Buffer.from('gone'), qos: 1, retain: false };
    const { client: polite } = await signedIn('a', { will });
    polite.send(mqtt.generate({ cmd: 'disconnect' }));
    await once(polite, 'close');
    const { client: rude } = await signedIn('a', { will });
    rude.close();
    await eventually(() => one.got.length === 1, 'the will');
    expect(one.got).toMatchObject([{ payload: 'gone', will: true }]);
  });
});
