/** A client whose will is larger than strangers may send is let in without it; texts of a CONNECT are told from their bytes. */
import mqtt from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { withoutWill } from './large-will.ts';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

let one: TestBroker;
afterEach(() => one?.stop());

const connect = (bytes: number, more: object = {}): Buffer =>
  mqtt.generate(
    connectPacket('a', {
      will: { topic: 'own/a', payload: Buffer.alloc(bytes, 0x77), qos: 2, retain: true },
      ...more,
    }),
  );

describe('a large will', () => {
  it.each([
    ['in one piece', 1 << 20, 4],
    ['in pieces of 7 bytes', 7, 4],
    ['byte by byte, MQTT 3.1', 1, 3],
  ] as const)('%s: is read past, and what is behind it is taken', async (_how, atOnce, version) => {
    const told: string[] = [];
    one = await new TestBroker(
      {},
      { ignored: (session, topic, cause) => told.push(`${session.who} ${topic} ${cause}`) },
    ).start();
    const how = version === 3 ? { protocolId: 'MQIsdp', protocolVersion: 3 } : {};
    const client = one.socket();
    const bytes = Buffer.concat([
      connect(atOnce === 1 ? 5_000 : 65_535, how),
      mqtt.generate(publishPacket('own/a', 'behind it')),
    ]);
    for (let at = 0; at < bytes.length; at += atOnce) client.raw(bytes.subarray(at, at + atOnce));
    expect(await client.packet('connack')).toMatchObject({ returnCode: 0 });
    await client.packet('puback');
    expect(told).toEqual(['a own/a acl-will']);
    client.socket.destroy();
    await eventually(() => one.broker.counters().connections === 0, 'the end');
    expect(one.got).toMatchObject([{ payload: 'behind it', will: false }]);
    expect(one.broker.counters().refused).toEqual({ 'acl-will': 1 });
  });

  it('opens no way around sign-in and limits', async () => {
    one = await new TestBroker({ limits: { connectTimeoutMs: 300 } }).start();
    const wrong = one.socket();
    wrong.raw(connect(10_000, { password: Buffer.from('wrong') }));
    expect(await wrong.packet('connack')).toMatchObject({ returnCode: 5 });
    // What is too large without its will, what never ends, and a length that lies.
    const large = one.socket();
    large.raw(connect(10_000, { clientId: 'x'.repeat(5_000) }));
    const endless = one.socket();
    endless.raw(connect(60_000).subarray(0, 50_000));
    const lies = one.socket();
    const lie = connect(60_000);
    lie.writeUInt16BE(0xffff, lie.indexOf('own/a') + 5);
    lies.raw(lie);
    for (const client of [wrong, large, endless, lies]) await client.gone();
    expect(one.broker.counters().refused).toEqual({
      authentication: 1,
      'packet-too-large': 2,
      'connect-timeout': 1,
    });
  });

  it('is asked for no more bytes than are needed to know, and none when it can not be', () => {
    const whole = connect(9_000);
    const known = whole.indexOf('own/a') + 5 + 2;
    for (let end = 5; end < known; end++) {
      const asked = withoutWill(whole.subarray(0, end), whole.length, 4_096);
      expect(asked).toHaveProperty('needed');
      if (asked !== null && 'needed' in asked) {
        expect(asked.needed).toBeGreaterThan(end);
        expect(asked.needed).toBeLessThanOrEqual(known);
      }
    }
    const short = withoutWill(whole.subarray(0, known), whole.length, 4_096);
    if (short === null || 'needed' in short) throw new Error('not told');
    const packet = Buffer.concat([short.begin, whole.subarray(short.willEnd)]);
    expect(packet).toEqual(mqtt.generate(connectPacket('a')));
  });
});

it('U+FFFD is a character like others in client id and will topic; NUL and ill-formed UTF-8 are none', async () => {
  one = await new TestBroker().start();
  const answer = async (bytes: Buffer): Promise<number | undefined> => {
    const client = one.socket();
    client.raw(bytes);
    return (await client.packet('connack')).returnCode;
  };
  const named = (text: string): Buffer =>
    connect(3, {
      clientId: text,
      will: { topic: `own/a/${text}`, payload: Buffer.from('w'), qos: 0, retain: false },
    });
  const texts = ['\uFFFD', '设备', '\uFEFFa', '\uFFFF', '😀'];
  for (const text of texts) expect(await answer(named(text)), text).toBe(0);
  for (const bad of [Buffer.from([0]), Buffer.from([0xff])]) {
    const id = named('@');
    id.set(bad, id.indexOf('@'));
    expect(await answer(id)).toBe(2);
    const topic = connect(3, {
      will: { topic: 'own/a/@', payload: Buffer.from('w'), qos: 0, retain: false },
    });
    topic.set(bad, topic.indexOf('@'));
    expect(await answer(topic)).toBe(5);
  }
  for (const client of one.clients) client.socket.destroy();
  await eventually(() => one.got.length === texts.length, 'their wills');
  expect(one.got.map(({ topic }) => topic).sort()).toEqual(
    texts.map((text) => `own/a/${text}`).sort(),
  );
});
