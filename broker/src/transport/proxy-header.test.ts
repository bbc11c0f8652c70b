import { connect } from 'node:net';
import { seededRandom } from '@village/core';
import { afterEach, describe, expect, it } from 'vitest';
import { connectPacket, eventually, publishPacket, TestBroker } from '../testing.ts';
import { Addresses, shareOf } from './addresses.ts';
import { readProxyHeader } from './proxy-header.ts';

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function version2(command: number, kind: number, body: Buffer): Buffer {
  const head = Buffer.from([0x20 | command, kind, body.length >> 8, body.length & 255]);
  return Buffer.concat([SIGNATURE, head, body]);
}

const ipv4 = version2(1, 0x11, Buffer.from([203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x67, 7, 91]));
const ipv6 = version2(
  1,
  0x21,
  Buffer.concat([
    Buffer.from('20010db8000000000000000000000001', 'hex'),
    Buffer.from('20010db8000000000000000000000002', 'hex'),
    Buffer.from([0x12, 0x67, 7, 91]),
  ]),
);

const taken: [what: string, bytes: Buffer, address: string | null][] = [
  ['v1 IPv4', line('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883'), '203.0.113.7'],
  ['v1 IPv6', line('PROXY TCP6 2001:db8::1 2001:db8::2 4711 1883'), '2001:db8::1'],
  ['v1 of an unknown kind', line('PROXY UNKNOWN'), null],
  ['v1 of an unknown kind, with words', line('PROXY UNKNOWN ffff::1 what ever'), null],
  ['v2 IPv4', ipv4, '203.0.113.7'],
  ['v2 IPv6', ipv6, '2001:db8::1'],
  ['v2 of the proxy itself', version2(0, 0, Buffer.alloc(0)), null],
  ['v2 of the proxy itself, with extras', version2(0, 0x11, Buffer.alloc(40)), null],
  [
    'v2 with extras',
    version2(1, 0x11, Buffer.concat([ipv4.subarray(16), Buffer.alloc(80)])),
    '203.0.113.7',
  ],
];

const malformed: [what: string, bytes: Buffer][] = [
  ['nothing of the kind', Buffer.from('GET / HTTP/1.1\r\n')],
  ['a CONNECT of MQTT', Buffer.from([0x10, 12])],
  ['a word too much', line('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883 1')],
  ['no address', line('PROXY TCP4 203.0.113 10.0.0.1 4711 1883')],
  ['an address of the other kind', line('PROXY TCP4 ::1 ::1 4711 1883')],
  ['another protocol', line('PROXY UDP4 203.0.113.7 10.0.0.1 4711 1883')],
  ['no port', line('PROXY TCP4 203.0.113.7 10.0.0.1 4711 65536')],
  ['a port with a zero before', line('PROXY TCP4 203.0.113.7 10.0.0.1 04711 1883')],
  ['two spaces', line('PROXY  TCP4 203.0.113.7 10.0.0.1 4711 1883')],
  ['a line without end', Buffer.from(`PROXY TCP4 ${' '.repeat(120)}`)],
  [
    'v2 of a version to come',
    Buffer.concat([SIGNATURE, Buffer.from([0x31, 0x11, 0, 12]), Buffer.alloc(12)]),
  ],
  ['v2 with another command', version2(2, 0x11, Buffer.alloc(12))],
  ['v2 too short for its addresses', version2(1, 0x21, Buffer.alloc(12))],
  ['v2 of datagrams', version2(1, 0x12, Buffer.alloc(12))],
  ['v2 longer than we take', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
];

describe('a PROXY header', () => {
  it.each(taken)('%s is read, in pieces too', (_what, bytes, address) => {
    const more = Buffer.concat([bytes, Buffer.from('more')]);
    expect(readProxyHeader(more)).toEqual({ state: 'whole', length: bytes.length, address });
    for (let at = 0; at < bytes.length; at++)
      expect(readProxyHeader(bytes.subarray(0, at)), `after ${at} bytes`).toEqual({
        state: 'partial',
      });
  });

  it.each(malformed)('%s is none', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ state: 'malformed' });
  });

  it('bytes made up at random never throw, and never wait for more than there may be', () => {
    const random = seededRandom('headers');
    for (let n = 0; n < 20_000; n++) {
      const [start] =
        taken[Math.floor(random() * taken.length)] === undefined
          ? [ipv4]
          : [taken[n % taken.length]![1]];
      const bytes = Buffer.concat([start, Buffer.alloc(Math.floor(random() * 40))]);
      for (let flips = 0; flips < 3; flips++)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const read = readProxyHeader(bytes);
      if (read.state === 'whole') expect(read.length).toBeLessThanOrEqual(bytes.length);
    }
    expect(
      readProxyHeader(
        Buffer.concat([ipv4.subarray(0, 14), Buffer.from([0x10, 0]), Buffer.alloc(4096)]),
      ),
    ).toMatchObject({ state: 'whole' });
  });
});

it('addresses of one IPv6 network have one share, those of others their own', () => {
  const same = [
    '2001:db8:0:7::1',
    '2001:0db8::7:ffff:0:0:1',
    '2001:DB8:0:7:1:2:3:4',
    '2001:db8:0:7::1.2.3.4',
  ];
  expect(same.map(shareOf)).toEqual(same.map(() => '2001:db8:0:7::/64'));
  expect(shareOf('2001:db8:0:8::1')).toBe('2001:db8:0:8::/64');
  expect(['::', '::1', 'fe80::1%eth0'].map(shareOf)).toEqual([
    '0:0:0:0::/64',
    '0:0:0:0::/64',
    'fe80:0:0:0::/64',
  ]);
  expect(['10.0.0.1', 'unknown'].map(shareOf)).toEqual(['10.0.0.1', 'unknown']);
});

it('lists of addresses know networks of both kinds', () => {
  const list = new Addresses(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);
  for (const inside of ['10.255.0.1', '192.0.2.1', '2001:db8:1::9'])
    expect(list.has(inside), inside).toBe(true);
  for (const outside of ['11.0.0.1', '192.0.2.2', '2001:db9::1', 'unknown', ''])
    expect(list.has(outside), outside).toBe(false);
  expect(new Addresses([]).has('127.0.0.1')).toBe(false);
});

describe('a listener behind a proxy', () => {
  let one: TestBroker;
  afterEach(() => one.stop());

  it('holds each client to its own share', async () => {
    one = await new TestBroker({ limits: { connectionsPerAddressMax: 2 } }).start({
      proxies: ['127.0.0.1'],
    });
    const from = (address: string) => {
      const socket = one.socket();
      socket.raw(line(`PROXY TCP4 ${address} 10.0.0.1 4711 1883`));
      return socket;
    };
    const first = from('203.0.113.7');
    first.send(connectPacket('a'));
    expect(await first.packet('connack')).toMatchObject({ returnCode: 0 });
    first.send(publishPacket('own/a', 'through'));
    await first.packet('puback');
    from('203.0.113.7').send(connectPacket('b'));
    await eventually(() => one.broker.counters().connects === 2, 'the second');
    await from('203.0.113.7').gone();
    const other = from('203.0.113.8');
    other.send(connectPacket('c'));
    expect(await other.packet('connack')).toMatchObject({ returnCode: 0 });
    expect(one.broker.counters().refused).toEqual({ 'connections-per-address': 1 });
  });

  it('holds clients of one IPv6 network to one share', async () => {
    one = await new TestBroker({ limits: { connectionsPerAddressMax: 1 } }).start({
      proxies: ['127.0.0.1'],
    });
    const from = (address: string) => {
      const socket = one.socket();
      socket.raw(line(`PROXY TCP6 ${address} 2001:db8::1 4711 1883`));
      socket.send(connectPacket('a', { clientId: address.replaceAll(':', '-') }));
      return socket;
    };
    expect(await from('2001:db8:0:7::1').packet('connack')).toMatchObject({ returnCode: 0 });
    await from('2001:db8:0:7:ffff::2').gone();
    expect(await from('2001:db8:0:8::1').packet('connack')).toMatchObject({ returnCode: 0 });
    expect(one.broker.counters().refused).toEqual({ 'connections-per-address': 1 });
  });

  it('takes header and first packet in one piece and in single bytes', async () => {
    one = await new TestBroker().start({ proxies: ['127.0.0.0/8'] });
    const whole = one.socket();
    whole.raw(ipv4);
    whole.send(connectPacket('a'));
    expect(await whole.packet('connack')).toMatchObject({ returnCode: 0 });
    const slow = one.socket();
    for (const byte of ipv6) {
      slow.raw(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    slow.send(connectPacket('b'));
    expect(await slow.packet('connack')).toMatchObject({ returnCode: 0 });
  });

  it('closes and counts what has no header, a bad one, half of one, or too many that wait', async () => {
    one = await new TestBroker({ limits: { connectTimeoutMs: 300, connectionsMax: 5 } }).start({
      proxies: ['127.0.0.1'],
    });
    const none = one.socket();
    none.send(connectPacket('a'));
    await none.gone();
    const bad = one.socket();
    bad.raw(line('PROXY TCP4 nobody 10.0.0.1 1 2'));
    await bad.gone();
    const waiting = Array.from({ length: 7 }, () => one.socket());
    for (const socket of waiting) socket.raw(Buffer.from('PROXY '));
    await Promise.all(waiting.map((socket) => socket.gone()));
    expect(one.broker.counters().refused).toEqual({
      'proxy-header': 2,
      'proxy-pending': 2,
      'proxy-header-timeout': 5,
    });
    expect(one.broker.counters().connections).toBe(0);
  });

  it('believes only addresses that are configured', async () => {
    one = await new TestBroker().start({ proxies: ['127.0.0.9'] });
    for (const header of [line('PROXY TCP4 203.0.113.7 10.0.0.1 4711 1883'), ipv4]) {
      const liar = one.socket();
      liar.raw(header);
      liar.send(connectPacket('a'));
      await liar.gone();
    }
    expect(one.broker.counters().refused).toEqual({ 'proxy-not-listed': 2 });
    const direct = await one.client('a');
    expect(direct.closed).toBe(false);
    const proxied = connect({ port: one.port, host: '127.0.0.1', localAddress: '127.0.0.9' });
    proxied.write(connectPacketBytes());
    await new Promise((resolve) => proxied.once('close', resolve));
    expect(one.broker.counters().refused).toEqual({ 'proxy-not-listed': 2, 'proxy-header': 1 });
  });
});

const connectPacketBytes = (): Buffer => Buffer.from([0x10, 0]);
