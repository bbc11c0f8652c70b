/** What a device says is told on its page and shows that it is there, whatever of it can be used; a message without a time gets one. */
import { formatTime, HOUR, MINUTE, SECOND, topics } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';

const STATION = 'village/air-weather';
const BIN = 'milesight/em400-udl';
let bench: Bench;

beforeAll(async () => {
  bench = await testPipeline([
    ...['talks', 'clockless', 'silent', 'many', 'empty'].map((id) => testDevice(id, STATION)),
    testDevice('odd', 'no/such-profile'),
    testDevice('behind', STATION, { gateway: 'gw-1' }),
    testDevice('kept', STATION, { gateway: 'gw-1' }),
    testDevice('told', STATION, { gateway: 'gw-1' }),
    testDevice('lora', BIN, { address: '24e124713b490001', gateway: 'lora-1' }),
    testDevice('posted', STATION),
  ]);
});
afterAll(() => bench.close());

const device = (id: string) => ({ kind: 'device', id }) as const;
const gw = { kind: 'gateway', id: 'gw-1' } as const;
const say = (id: string, payload: unknown, receivedAt = NOW, dup = false) =>
  bench.send(device(id), topics.deviceReadings(id), payload, receivedAt, dup);
const rowsOf = async (id: string) =>
  (await bench.store.range({ device: id, from: 0, to: NOW + HOUR, limit: 100 })).map(
    ({ at, values, clockReplaced, lane }) => [at - NOW, values['pm25'], clockReplaced, lane],
  );
const told = (id: string) =>
  bench.pipeline.notTakenParts(id).map(({ cause, place, count }) => [cause, place, count]);
const newest = () => bench.store.deadLetters({ limit: 10_000 }).at(-1);

describe('a device of which nothing can be used', () => {
  it.each([
    ['no JSON', 'BOOT', 'payload-not-json'],
    ['a time that nobody can read', { at: 'noon', values: { pm25: 1 } }, 'bad-time'],
    ['no values', { at: formatTime(NOW), values: {} }, 'no-values'],
    ['bad values alone', { at: formatTime(NOW), values: { pm25: 'x' } }, 'value-not-a-number'],
  ])('is there, and its page tells why: %s', async (_name, payload, reason) => {
    const before = bench.store.lastSeen('talks') ?? NOW;
    await say('talks', payload, before + SECOND);
    expect(bench.store.lastSeen('talks')).toBe(before + SECOND);
    expect(told('talks')[0]).toEqual([reason, '', 1]);
    expect(newest()).toMatchObject({ device: 'talks', source: 'talks', reason });
  });

  it('is there too when a network server brings it, with records that nobody knows', async () => {
    const uplink = (payload: object, receivedAt: number) =>
      bench.send(
        { kind: 'gateway', id: 'lora-1' },
        'application/1/device/24e124713b490001/event/up',
        payload,
        receivedAt,
      );
    await uplink({ time: formatTime(NOW), data: 'CQk=' }, NOW);
    expect(bench.store.lastSeen('lora')).toBe(NOW);
    await uplink({ time: 'noon', data: 'CQk=' }, NOW + 1);
    expect(bench.store.lastSeen('lora')).toBe(NOW + 1);
    expect(told('lora')).toEqual([
      ['time-unreadable', '', 1],
      ['unknown-record', '/data byte 0', 1],
    ]);
  });

  it('is there too when its gateway brings a row, or a frame that it could not decode', async () => {
    const batch = (seq: number, id: string, lane: string) => ({
      ...{ epoch: 'e', seq, lane },
      readings: [{ device: id, at: formatTime(NOW), values: { dust: 1 } }],
    });
    await bench.send(gw, topics.gatewayReadings('gw-1'), batch(1, 'behind', 'live'), NOW);
    expect(bench.store.lastSeen('behind')).toBe(NOW);
    expect(told('behind')).toEqual([['unknown-metric', '', 1]]);
    await bench.send(gw, topics.gatewayReadings('gw-1'), batch(2, 'kept', 'backfill'), NOW);
    expect(bench.store.lastSeen('kept')).toBe(null);
    const refused = (at: number) => ({
      ...{ device: 'told', at: formatTime(at), taken: [], frame: '', framing: '' },
      parts: [{ reason: 'payload-not-json', message: '', place: '', metric: null }],
    });
    const topic = topics.gatewayRefused('gw-1');
    await bench.send(gw, topic, { refused: [refused(NOW - HOUR)] }, NOW);
    expect(bench.store.lastSeen('told')).toBe(null);
    await bench.send(gw, topic, { refused: [refused(NOW)] }, NOW);
    expect(bench.store.lastSeen('told')).toBe(NOW);
  });

  it('not when somebody else speaks of it, or posts for it', async () => {
    const row = { device: 'silent', at: formatTime(NOW), values: { pm25: 'x' } };
    await bench.send(gw, topics.gatewayReadings('gw-1'), {
      ...{ epoch: 'e', seq: 3, lane: 'live' },
      readings: [row],
    });
    expect(told('silent')).toEqual([]);
    const source = { name: 'wang', allows: () => true };
    await bench.pipeline.acceptHttp({ readings: [{ ...row, device: 'posted' }] }, source);
    expect([bench.store.lastSeen('silent'), bench.store.lastSeen('posted')]).toEqual([null, null]);
  });

  it('of a profile that is not loaded nothing is known', async () => {
    await say('odd', { values: { pm25: 1 } });
    expect(bench.store.lastSeen('odd')).toBe(null);
    expect(told('odd')).toEqual([['unknown-profile', '', 1]]);
  });
});

describe('a device of our own wire without a clock', () => {
  it('tells no time and gets one: each message is a row, in the order of arrival, and a repeat is none', async () => {
    for (const pm25 of [1, 2, 3]) await say('clockless', { values: { pm25 } });
    await say('clockless', { at: null, values: { pm25: 4 } });
    await say('clockless', { values: { pm25: 2 } }, NOW, true);
    // It says the same a minute later, which is no repeat.
    await say('clockless', { values: { pm25: 2 } }, NOW + MINUTE);
    expect(await rowsOf('clockless')).toEqual([
      [0, 1, false, 'live'],
      [1, 2, false, 'live'],
      [2, 3, false, 'live'],
      [3, 4, false, 'live'],
      [MINUTE, 2, false, 'live'],
    ]);
    expect(bench.pipeline.clockOf('clockless')).toBe(null);
  });

  it('what a gateway or a person sends has a time', async () => {
    const rows = { readings: [{ device: 'empty', values: { pm25: 1 } }] };
    const { quarantined } = await bench.pipeline.acceptHttp(rows, {
      name: 'wang',
      allows: () => true,
    });
    expect(quarantined).toMatchObject([{ reason: 'bad-time' }]);
  });
});

describe('thousands of values that nobody knows', () => {
  it('are a few entries that say how many there were, and none is lost', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 3_000 }, (_, n) => [`k${n}`, n]));
    await say('many', { at: formatTime(NOW), values: { ...unknown, pm25: 5 } });
    expect(await rowsOf('many')).toEqual([[0, 5, false, 'live']]);
    const kept = bench.store
      .deadLetters({ limit: 10_000 })
      .filter((entry) => entry.device === 'many');
    expect(kept.length).toBeLessThanOrEqual(65);
    expect(new Set(kept.map(({ part }) => String(part?.taken)))).toEqual(new Set(['pm25']));
    const last = kept.at(-1);
    expect(last).toMatchObject({
      reason: 'too-many-faults',
      message: '2936 more values are refused',
    });
    const { values } = JSON.parse(Buffer.from(last?.payload ?? []).toString()) as {
      values: Record<string, number>;
    };
    expect([Object.keys(values).length, values['k64'], values['k2999']]).toEqual([
      2_936, 64, 2_999,
    ]);
  });
});
