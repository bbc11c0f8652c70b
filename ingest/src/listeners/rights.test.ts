/** Who may say what, tried out: every device at every other's topics, filters made up at random, clocks that are off by years. */
import type { Session } from '@village/broker';
import { DEVICE_CLOCK_AHEAD_MAX_MS, HOUR, MINUTE, seededRandom, topics } from '@village/core';
import type { Principal } from '@village/registry';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';
import { mqttHooks } from './embedded-broker.ts';

const DEVICES = 50;
const names = Array.from({ length: DEVICES }, (_, n) => `bin-${n}`);
const address = (id: string): string => `HB20-${id}`;

let bench: Bench;
let hooks: ReturnType<typeof mqttHooks>;
beforeAll(async () => {
  bench = await testPipeline([
    ...names.map((id) => testDevice(id, 'village/smart-bin', { address: address(id) })),
    // Behind gateways of the same names as nobody.
    ...names.map((id) => testDevice(`ph-${id}`, 'boqu/phg-2091', { gateway: `gw-${id}` })),
  ]);
  hooks = mqttHooks(bench.pipeline, () => NOW);
});
afterAll(() => bench.close());

const session = (who: Principal): Session<Principal> => ({
  clientId: who.id,
  address: '127.0.0.1',
  who,
});

/** Topics of one device and its gateway, each with who may publish to it and who may hear it. */
const topicsOf = (id: string): [topic: string, publisher: string, subscriber: string][] => [
  [topics.deviceReadings(id), id, ''],
  [`bin/${address(id)}/up`, id, ''],
  [topics.gatewayReadings(`gw-${id}`), `gw-${id}`, ''],
  [topics.gatewayStatus(`gw-${id}`), `gw-${id}`, ''],
  [topics.gatewayResults(`gw-${id}`), `gw-${id}`, ''],
  [topics.gatewayCommands(`gw-${id}`), '', `gw-${id}`],
];

describe('rights', () => {
  it('50 devices and 50 gateways at 300 topics each: only their own are open', () => {
    let tried = 0;
    const open: string[] = [];
    const expected: string[] = [];
    for (const id of names)
      for (const who of [
        { kind: 'device', id },
        { kind: 'gateway', id: `gw-${id}` },
      ] as const)
        for (const [topic, publisher, subscriber] of names.flatMap(topicsOf)) {
          tried += 2;
          // A will is published with the same right.
          if (hooks.mayPublish(session(who), topic)) open.push(`${who.id} > ${topic}`);
          if (hooks.maySubscribe(session(who), topic)) open.push(`${who.id} < ${topic}`);
          // A network server may bring frames of devices it does not hold; they become dead letters (frames.test.ts).
          const bridged = who.kind === 'gateway' && topic.startsWith('bin/');
          if (publisher === who.id || bridged) expected.push(`${who.id} > ${topic}`);
          if (subscriber === who.id) expected.push(`${who.id} < ${topic}`);
        }
    expect(tried).toBe(60_000);
    expect(open).toEqual(expected);
  });

  it('a username and a secret belong together, whatever a client calls itself', () => {
    for (const id of names.slice(0, 10))
      for (const other of names.slice(0, 10))
        for (const clientId of [id, other, '', 'mqttjs_1']) {
          const password = `secret of ${other}`;
          const asked = { username: id, clientId, password, address: '', certificate: null };
          const who = hooks.authenticate(asked);
          expect(who?.id).toBe(id === other ? id : undefined);
        }
  });

  it('100,000 filters made up at random let nobody hear what is not theirs', () => {
    const random = seededRandom('filters');
    const words = [
      'village',
      'v1',
      'gateways',
      'devices',
      'gw-bin-0',
      'gw-bin-1',
      'bin-0',
      'commands',
    ];
    words.push(
      'readings',
      'status',
      '+',
      '#',
      '$SYS',
      '$share',
      'g',
      '',
      'commands ',
      '\0',
      '\uFFFD',
    );
    const pick = (): string => words[Math.floor(random() * words.length)] ?? '';
    const all = names.flatMap((id) => topicsOf(id).map(([topic]) => topic));
    const own = topics.gatewayCommands('gw-bin-0');
    const who = session({ kind: 'gateway', id: 'gw-bin-0' });
    const granted: string[] = [];
    for (let n = 0; n < 100_000; n++) {
      // Every fifth is nearly the right one.
      const levels = n % 5 === 0 ? own.split('/') : Array.from({ length: 1 + (n % 7) }, pick);
      if (n % 5 === 0) levels[n % levels.length] = pick();
      const filter = levels.join('/');
      if (!hooks.maySubscribe(who, filter)) continue;
      granted.push(filter);
      expect(all.filter((topic) => matches(filter, topic) && topic !== own)).toEqual([]);
    }
    expect(new Set(granted)).toEqual(new Set([own]));
  });
});

/** MQTT 3.1.1 §4.7, written for this test. */
function matches(filter: string, topic: string): boolean {
  const [levels, parts] = [filter.split('/'), topic.split('/')];
  for (const [n, level] of levels.entries()) {
    if (level === '#') return true;
    if (n >= parts.length || (level !== '+' && level !== parts[n])) return false;
  }
  return levels.length === parts.length;
}

describe('clocks', () => {
  /** `earliestYear` of the bin's profile. */
  const EARLIEST = Date.UTC(2018, 0);

  it('ten years off either way: stored once, never later than the present, never before the earliest year of its profile', async () => {
    let receivedAt = NOW;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -10 * 365 * 24, max: 10 * 365 * 24 }),
        fc.integer({ min: -HOUR, max: HOUR }),
        async (hours, ms) => {
          receivedAt += 2 * DEVICE_CLOCK_AHEAD_MAX_MS;
          const claimed = receivedAt + hours * HOUR + ms;
          const reading = { at: new Date(claimed).toISOString(), values: { fill: 50 } };
          const before = bench.store.counters().rows;
          const who = { kind: 'device', id: 'bin-0' } as const;
          for (let n = 0; n < 2; n++)
            await bench.send(who, topics.deviceReadings('bin-0'), reading, receivedAt);
          expect(bench.store.counters().rows - before).toBe(2);
          const believed = claimed <= receivedAt + DEVICE_CLOCK_AHEAD_MAX_MS && claimed >= EARLIEST;
          const at = believed ? claimed : receivedAt;
          const rows = await bench.store.range({ device: 'bin-0', from: at, to: at + 1, limit: 9 });
          const late = receivedAt - at > 15 * MINUTE;
          expect(rows).toMatchObject([
            { at, clockReplaced: !believed, lane: late ? 'backfill' : 'live' },
          ]);
          for (const latest of bench.store.latest('bin-0'))
            expect(latest.at).toBeLessThanOrEqual(receivedAt + DEVICE_CLOCK_AHEAD_MAX_MS);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe('an external broker, which says nothing but the topic', () => {
  const broker = { kind: 'topic', id: 'mosquitto' } as const;
  const reading = { at: new Date(NOW).toISOString(), values: { fill: 33 } };

  it('speaks for whom the topic names and for nobody else', async () => {
    const before = bench.store.counters().rows;
    await bench.send(broker, topics.deviceReadings('bin-7'), reading);
    expect(bench.store.counters().rows - before).toBe(1);
    expect(bench.store.latest('bin-7')).toMatchObject([{ value: 33, at: NOW }]);
    const batch = {
      epoch: 'e',
      seq: 1,
      lane: 'live',
      readings: [{ device: 'ph-bin-1', ...reading }],
    };
    await bench.send(broker, topics.gatewayReadings('gw-bin-2'), batch);
    expect(bench.store.counters().rows - before).toBe(1);
    const [refused] = bench.store.deadLetters({ limit: 1 });
    expect(refused).toMatchObject({ source: 'gw-bin-2', reason: 'not-your-device' });
  });

  it('a frame of a device that is not registered yet can be run again when it is', async () => {
    const payload = '{"ts":1767225600,"fill":41,"t":20,"bat":{"mv":3620},"lid":"closed"}';
    await bench.send(broker, 'bin/HB20-late/up', payload);
    expect(bench.store.deadLetters({ limit: 10 }).at(-1)).toMatchObject({
      source: 'topic:mosquitto',
      reason: 'unknown-device',
    });
    bench.registry.devices.push(
      testDevice('late', 'village/smart-bin', { address: 'HB20-late' }),
      testDevice('later', 'village/smart-bin', { address: 'HB20-later' }),
    );
    const { accepted, refused } = await bench.pipeline.rerunQuarantine();
    expect(refused.map(({ reason }) => reason)).toEqual(['not-your-device']);
    expect(accepted).toBe(1);
    expect(bench.store.latest('late').length).toBeGreaterThan(0);
    expect(bench.store.latest('later')).toEqual([]);
  });

  it('is subscribed to the topics of all dialects', () => {
    const filters = bench.pipeline.filters();
    for (const [topic, publisher] of names.flatMap(topicsOf)) {
      const covering = filters.filter((filter) => matches(filter, topic));
      // A profile whose topics begin with an address of several levels leaves no other filter than #.
      if (publisher === '') expect(covering).toEqual(['#']);
      else expect(covering.length).toBeGreaterThan(1);
    }
    expect(hooks.maySubscribe(session(broker), topics.gatewayCommands('gw-bin-0'))).toBe(false);
  });
});
