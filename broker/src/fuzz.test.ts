import fc from 'fast-check';
import mqtt, { type Packet } from 'mqtt-packet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectPacket, eventually, publishPacket, TestBroker } from './testing.ts';

let one: TestBroker;
beforeAll(async () => {
  one = await new TestBroker({
    limits: { connectsPerAddressPerSecond: 100_000, connectTimeoutMs: 1000 },
  }).start();
});
afterAll(() => one.stop());

const packets: Packet[] = [
  publishPacket('own/a', 'x'),
  publishPacket('own/a', 'x', { qos: 2, messageId: 3 }),
  publishPacket('own/a', 'x', { qos: 0 }),
  { cmd: 'pubrel', messageId: 3 },
  { cmd: 'pubrec', messageId: 3 },
  { cmd: 'puback', messageId: 9 },
  { cmd: 'pubcomp', messageId: 9 },
  { cmd: 'subscribe', messageId: 4, subscriptions: [{ topic: 'for/a', qos: 1 }] },
  { cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['for/a'] },
  { cmd: 'pingreq' },
  { cmd: 'disconnect' },
  connectPacket('a', { will: { topic: 'own/a', payload: 'w', qos: 2, retain: true } }),
];
const whole = packets.map((packet) => mqtt.generate(packet));

/** A well-formed packet with some bytes changed, cut off or put in. */
const mutated = fc
  .tuple(
    fc.constantFrom(...whole),
    fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 3 }),
    fc.option(fc.nat(20)),
  )
  .map(([packet, changes, cut]) => {
    const bytes = Buffer.from(packet);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return cut === null ? bytes : bytes.subarray(0, bytes.length - (cut % bytes.length));
  });

it('no bytes of a client reach further than its own connection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(mutated, { maxLength: 8 }), async (connect, junk) => {
      const client = one.socket();
      client.raw(Buffer.concat(connect ? [whole.at(-1) ?? Buffer.alloc(0), ...junk] : junk));
      client.socket.end();
      await client.gone();
    }),
    { numRuns: 500 },
  );
  const healthy = await one.client('b');
  healthy.send(publishPacket('own/b', 'fine'));
  await healthy.packet('puback');
  healthy.socket.destroy();
  await eventually(() => one.broker.counters().connections === 0, 'all gone');
  expect(one.broker.counters().inFlight).toBe(0);
  expect(one.broker.counters().refused).not.toHaveProperty('hook-exception');
  expect(one.got.every((message) => message.topic.startsWith(`own/${message.who}`))).toBe(true);
}, 30_000);
