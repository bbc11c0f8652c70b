import { formatTime, HOUR, MINUTE, topics } from '@village/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';
import { ENTRIES_PER_MINUTE } from './dead-letters.ts';

const STATION = 'village/air-weather';
let bench: Bench;

beforeAll(async () => {
  bench = await testPipeline([
    testDevice('air-1', STATION),
    testDevice('air-2', STATION),
    testDevice('air-3', STATION, { gateway: 'gw-1' }),
    testDevice('air-4', STATION, { gateway: 'gw-1' }),
    testDevice('bin-1', 'village/smart-bin', { address: 'HB20-000117' }),
    testDevice('odd-1', 'nobody/knows'),
  ]);
});
afterAll(() => bench.close());

const device = (id: string) => ({ kind: 'device', id }) as const;
const gateway = (id: string) => ({ kind: 'gateway', id }) as const;
const at = (ms: number): string => formatTime(ms);

async function stored(id: string, from = 0, to = NOW + HOUR) {
  return bench.store.range({ device: id, from, to, limit: 1000 });
}

/** The newest quarantine entry. */
async function newest() {
  const all = bench.store.deadLetters({ limit: 10_000 });
  return all.at(-1);
}

describe('a device that speaks for itself', () => {
  it('is stored with its values, times and quality', async () => {
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      device: 'air-1',
      at: at(NOW - 1000),
      values: { pm25: 35, temperature: 12.5 },
      quality: { pm25: 'maintenance' },
    });
    expect(await stored('air-1', NOW - 1000, NOW)).toEqual([
      {
        at: NOW - 1000,
        receivedAt: NOW,
        lane: 'live',
        clockReplaced: false,
        values: { pm25: 35, temperature: 12.5 },
        quality: { pm25: 'maintenance' },
      },
    ]);
  });

  it('has what lies outside the plausible range marked, not changed', async () => {
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      at: at(NOW - 2000),
      values: { temperature: 999 },
    });
    const [row] = await stored('air-1', NOW - 2000, NOW - 1999);
    expect(row).toMatchObject({
      values: { temperature: 999 },
      quality: { temperature: 'implausible' },
    });
  });

  it('counts as backfill when it comes a quarter of an hour late', async () => {
    await bench.send(device('air-2'), topics.deviceReadings('air-2'), {
      at: at(NOW - 16 * MINUTE),
      values: { pm10: 1 },
    });
    await bench.send(device('air-2'), topics.deviceReadings('air-2'), {
      at: at(NOW - 14 * MINUTE),
      values: { pm10: 2 },
    });
    expect((await stored('air-2')).map((row) => [row.values['pm10'], row.lane])).toEqual([
      [1, 'backfill'],
      [2, 'live'],
    ]);
  });

  it.each([
    ['1970', 0],
    ['a day ahead', NOW + 24 * HOUR],
  ])('has an absurd clock (%s) replaced, once for a frame sent twice', async (_name, when) => {
    const before = await stored('air-2', NOW, NOW + 1000);
    const receivedAt = NOW + (when === 0 ? 100 : 200);
    const payload = { at: at(when), values: { so2: 7 } };
    await bench.send(device('air-2'), topics.deviceReadings('air-2'), payload, receivedAt);
    await bench.send(device('air-2'), topics.deviceReadings('air-2'), payload, receivedAt + 50);
    const after = await stored('air-2', NOW, NOW + 1000);
    expect(after.length - before.length).toBe(1);
    expect(after.find((row) => row.at === receivedAt)).toMatchObject({
      clockReplaced: true,
      values: { so2: 7 },
    });
  });
});

describe('a gateway', () => {
  const batch = (seq: number, readings: unknown[], more: object = {}) => ({
    epoch: 'e1',
    seq,
    lane: 'live',
    readings,
    ...more,
  });

  it('speaks for its own devices; a bad row is rejected alone and the rest is stored', async () => {
    const when = NOW - 5000;
    await bench.send(
      gateway('gw-1'),
      topics.gatewayReadings('gw-1'),
      batch(1, [
        { device: 'air-3', at: at(when), values: { pm25: 1 } },
        { device: 'air-1', at: at(when), values: { pm25: 2 } },
        { device: 'ghost', at: at(when), values: { pm25: 3 } },
        { device: 'air-3', at: at(when + 1), values: { pm25: 'high' } },
        { device: 'air-4', at: at(when), values: { pm25: 4 } },
      ]),
    );
    expect((await stored('air-3', when, when + 10)).map((row) => row.values)).toEqual([
      { pm25: 1 },
    ]);
    expect((await stored('air-4', when, when + 10)).map((row) => row.values)).toEqual([
      { pm25: 4 },
    ]);
    expect(await stored('air-1', when, when + 10)).toEqual([]);
    const kept = bench.store.deadLetters({ limit: 1000 }).slice(-3);
    expect(kept.map((entry) => [entry.reason, entry.device, entry.message.split(':')[0]])).toEqual([
      ['not-your-device', 'air-1', 'readings[1].device'],
      ['unknown-device', 'ghost', 'readings[2].device'],
      ['value-not-a-number', 'air-3', 'readings[3].values.pm25'],
    ]);
    expect(JSON.parse(Buffer.from(kept[1]?.payload ?? []).toString())).toMatchObject({
      device: 'ghost',
    });
  });

  it('shows gaps in its sequence, unless it says that it gave them up', async () => {
    await bench.send(gateway('gw-1'), topics.gatewayReadings('gw-1'), batch(7, []));
    expect(bench.store.sequences('gw-1')).toEqual([{ epoch: 'e1', highest: 7, gaps: [[2, 6]] }]);
    await bench.send(gateway('gw-1'), topics.gatewayStatus('gw-1'), {
      online: true,
      epoch: 'e1',
      droppedSeq: [[3, 4]],
      waiting: { live: 0, backfill: 9 },
    });
    expect(bench.store.sequences('gw-1')).toEqual([
      {
        epoch: 'e1',
        highest: 7,
        gaps: [
          [2, 2],
          [5, 6],
        ],
      },
    ]);
    expect(bench.pipeline.gateways().get('gw-1')).toMatchObject({
      online: true,
      waiting: { backfill: 9 },
    });
    await bench.send(gateway('gw-1'), topics.gatewayStatus('gw-1'), { online: false });
    expect(bench.pipeline.gateways().get('gw-1')).toMatchObject({
      online: false,
      waiting: { backfill: 9 },
    });
  });

  it('is offline when its last session ends, though it left no will and what it sent comes later', async () => {
    const online = () => bench.pipeline.gateways().get('gw-1')?.online;
    const session = (type: 'connect' | 'disconnect') =>
      bench.pipeline.session(type, gateway('gw-1'), NOW);
    const say = () =>
      bench.send(gateway('gw-1'), topics.gatewayStatus('gw-1'), { online: true, epoch: 'e1' });
    session('connect');
    await say();
    // The next session takes the first one over.
    session('connect');
    session('disconnect');
    expect(online()).toBe(true);
    session('disconnect');
    expect(online()).toBe(false);
    await say();
    expect(online()).toBe(false);
    session('connect');
    await say();
    expect(online()).toBe(true);
  });

  it('is heard of without a status too', async () => {
    expect(bench.pipeline.gatewayHeard('gw-mute')).toBeNull();
    await bench.send(gateway('gw-mute'), topics.gatewayReadings('gw-mute'), batch(1, []));
    expect(bench.pipeline.gatewayHeard('gw-mute')).not.toBeNull();
    expect(bench.pipeline.gateways().get('gw-mute')).toBeUndefined();
  });

  it('may carry events', async () => {
    await bench.send(
      gateway('gw-1'),
      topics.gatewayReadings('gw-1'),
      batch(8, [], {
        events: [
          { device: 'air-3', at: at(NOW - 9000), type: 'door-opened', detail: { by: 'key' } },
        ],
      }),
    );
    const events = await bench.store.events({
      device: 'air-3',
      from: NOW - HOUR,
      to: NOW,
      limit: 10,
    });
    expect(events).toEqual([
      {
        device: 'air-3',
        at: NOW - 9000,
        receivedAt: NOW,
        type: 'door-opened',
        detail: { by: 'key' },
      },
    ]);
  });
});

describe('who may publish where', () => {
  it.each([
    [device('air-1'), 'village/v1/devices/air-1/readings', true],
    [device('air-1'), 'village/v1/devices/air-2/readings', false],
    [device('air-1'), 'village/v1/gateways/air-1/readings', false],
    [device('air-1'), 'village/v1/devices/air-1/readings/x', false],
    [device('air-1'), '$SYS/x', false],
    [gateway('gw-1'), 'village/v1/gateways/gw-1/readings', true],
    [gateway('gw-1'), 'village/v1/gateways/gw-1/status', true],
    [gateway('gw-1'), 'village/v1/gateways/gw-2/status', false],
    [gateway('gw-1'), 'village/v1/devices/air-3/readings', false],
  ] as const)('%o %s: %s', (principal, topic, expected) => {
    expect(bench.pipeline.mayPublish(principal, topic)).toBe(expected);
  });
});

describe('bad input is kept with its reason and acknowledged', () => {
  const good = { at: at(NOW), values: { pm25: 1 } };
  it.each([
    ['no JSON', 'BOOT', 'payload-not-json'],
    ['an empty payload', '', 'payload-not-json'],
    ['a list', [], 'not-an-object'],
    ['null', 'null', 'not-an-object'],
    ['a time of no letters', { at: '', values: { pm25: 1 } }, 'bad-time'],
    ['a time without zone', { ...good, at: '2026-11-24T04:00:00' }, 'bad-time'],
    ['a number as time', { ...good, at: NOW }, 'bad-time'],
    ['no values', { at: good.at }, 'not-an-object'],
    ['empty values', { ...good, values: {} }, 'no-values'],
    ['values in a list', { ...good, values: [1] }, 'not-an-object'],
    ['an unknown metric', { ...good, values: { colour: 2 } }, 'unknown-metric'],
    ['a text as value', { ...good, values: { pm25: '1' } }, 'value-not-a-number'],
    ['null as the only value', { ...good, values: { pm25: null } }, 'no-values'],
    ['infinity', `{"at":"${good.at}","values":{"pm25":1e400}}`, 'value-not-a-number'],
    ['NaN', `{"at":"${good.at}","values":{"pm25":NaN}}`, 'value-not-a-number'],
    ['a cut message', `{"at":"${good.at}","values":{"pm25":1}`, 'payload-not-json'],
    ['a prototype key', `{"at":"${good.at}","values":{"__proto__":1}}`, 'unknown-metric'],
    ['a constructor key', `{"at":"${good.at}","values":{"constructor":1}}`, 'unknown-metric'],
    ['an unknown quality', { ...good, quality: { pm25: 'so-so' } }, 'unknown-quality'],
    ['another device', { ...good, device: 'air-2' }, 'not-your-device'],
  ])('%s', async (_name, payload, reason) => {
    const before = await stored('air-1');
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), payload);
    const entry = await newest();
    expect(entry).toMatchObject({
      reason,
      source: 'air-1',
      topic: topics.deviceReadings('air-1'),
      state: 'open',
    });
    expect(Buffer.from(entry?.payload ?? []).toString()).toBe(
      typeof payload === 'string' ? payload : JSON.stringify(payload),
    );
    expect(await stored('air-1')).toEqual(before);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('a device whose profile is not loaded', async () => {
    await bench.send(device('odd-1'), topics.deviceReadings('odd-1'), good);
    expect(await newest()).toMatchObject({ reason: 'unknown-profile' });
  });

  it('a frame in another shape than its profile says', async () => {
    await bench.send(device('bin-1'), 'bin/HB20-000117/up', 'BOOT');
    expect(await newest()).toMatchObject({ reason: 'payload-not-json', source: 'bin-1' });
  });

  it('no bytes whatever make it throw, and each message is settled', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
          fc.json().map((text) => Buffer.from(text)),
        ),
        fc.constantFrom(
          topics.gatewayReadings('gw-1'),
          topics.gatewayStatus('gw-1'),
          'bin/HB20-000117/up',
          'no/such/topic',
        ),
        async (payload, topic) => bench.send(gateway('gw-1'), topic, payload),
      ),
      { numRuns: 200 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('a flood from one source is counted, not kept', async () => {
    const before = bench.pipeline.counters().quarantineFlooded;
    const flood = Array.from({ length: ENTRIES_PER_MINUTE + 50 }, () =>
      bench.send(device('air-4'), topics.deviceReadings('air-4'), 'x', NOW + HOUR),
    );
    await Promise.all(flood);
    expect(bench.pipeline.counters().quarantineFlooded - before).toBe(50);
    await bench.send(device('air-4'), topics.deviceReadings('air-4'), 'x', NOW + HOUR + MINUTE);
    expect(bench.pipeline.counters().quarantineFlooded - before).toBe(50);
  });
});

describe('running kept entries again', () => {
  it('stores what a registration mended, as history with its first receive time', async () => {
    const when = NOW - 7000;
    await bench.send(gateway('gw-1'), topics.gatewayReadings('gw-1'), {
      epoch: 'e1',
      seq: 9,
      lane: 'live',
      readings: [{ device: 'air-9', at: at(when), values: { pm25: 9 } }],
    });
    const entry = await newest();
    expect(entry).toMatchObject({ reason: 'unknown-device', device: 'air-9' });
    bench.registry.devices.push(testDevice('air-9', STATION, { gateway: 'gw-1' }));
    const ids = [entry?.id ?? 0];
    expect(await bench.pipeline.rerunQuarantine(ids)).toEqual({ accepted: 1, refused: [] });
    expect(await stored('air-9')).toMatchObject([
      { at: when, receivedAt: NOW, lane: 'backfill', values: { pm25: 9 } },
    ]);
    expect(await bench.pipeline.rerunQuarantine(ids)).toEqual({ accepted: 0, refused: [] });
  });

  it('says why an entry is still refused and keeps it', async () => {
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), 'still no JSON');
    const id = (await newest())?.id ?? 0;
    const { accepted, refused } = await bench.pipeline.rerunQuarantine([id]);
    expect(accepted).toBe(0);
    expect(refused).toMatchObject([{ id, reason: 'payload-not-json' }]);
    expect(
      bench.store.deadLetters({ limit: 10_000, state: 'open' }).some((entry) => entry.id === id),
    ).toBe(true);
  });
});

describe('HTTP', () => {
  const source = { name: 'clerk', allows: (one: { id: string }) => one.id !== 'air-2' };

  it('stores what it may, says what it may not', async () => {
    const when = NOW - 11_000;
    const body = {
      readings: [
        { device: 'air-1', at: at(when), values: { pm25: 11 } },
        { device: 'air-2', at: at(when), values: { pm25: 12 } },
      ],
    };
    const answer = await bench.pipeline.acceptHttp(body, source);
    expect(answer).toMatchObject({
      accepted: 1,
      quarantined: [{ index: 1, reason: 'not-your-device' }],
    });
    expect(await stored('air-1', when, when + 1)).toMatchObject([{ values: { pm25: 11 } }]);
  });

  it('refuses a body of another shape whole', async () => {
    const tooMany = { readings: Array.from({ length: 2001 }, () => ({})) };
    for (const [body, code] of [
      [tooMany, 'too-many-rows'],
      [[], 'not-an-object'],
      [{ readings: {} }, 'not-a-list'],
      [{ readings: [], lane: 'fast' }, 'unknown-lane'],
    ] as const)
      await expect(bench.pipeline.acceptHttp(body, source)).rejects.toMatchObject({ code });
  });

  it('counts faults of events on from the readings, and gives up when told', async () => {
    const when = at(NOW - 12_000);
    const body = {
      readings: [{ device: 'air-1', at: when, values: { pm25: 11 } }],
      events: [{ device: 'air-1', at: when }],
    };
    const answer = await bench.pipeline.acceptHttp(body, source);
    expect(answer).toMatchObject({
      accepted: 1,
      quarantined: [{ index: 1, reason: 'not-a-text', message: /^events\[0\]\.type: / }],
    });
    const reason = new Error('gone');
    await expect(
      bench.pipeline.acceptHttp({}, source, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  it('what a person had no right to is not stored by running it again', async () => {
    const when = NOW - 13_000;
    const body = { readings: [{ device: 'air-2', at: at(when), values: { pm25: 13 } }] };
    await bench.pipeline.acceptHttp(body, source);
    const id = (await newest())?.id ?? 0;
    expect(await bench.pipeline.rerunQuarantine([id])).toMatchObject({
      accepted: 0,
      refused: [{ id, reason: 'not-your-device' }],
    });
    expect(await stored('air-2', when, when + 1)).toEqual([]);
  });
});

describe('clocks that are lost', () => {
  it('gives each row of a device its own time, also when they come in one batch', async () => {
    const batch = {
      epoch: 'e2',
      seq: 1,
      lane: 'live',
      readings: Array.from({ length: 70 }, (_, n) => ({
        device: 'air-4',
        at: at(n * 1000),
        values: { pm25: n },
      })),
    };
    const receivedAt = NOW + 20_000;
    await bench.send(gateway('gw-1'), topics.gatewayReadings('gw-1'), batch, receivedAt);
    await bench.send(gateway('gw-1'), topics.gatewayReadings('gw-1'), batch, receivedAt + 9000);
    const rows = await stored('air-4', receivedAt, receivedAt + 20_000);
    expect(rows.map((row) => row.values['pm25'])).toEqual(Array.from({ length: 70 }, (_, n) => n));
    expect(rows.every((row) => row.clockReplaced)).toBe(true);
  });

  it('keeps apart what a stopped clock dates alike', async () => {
    const receivedAt = NOW + 50_000;
    for (const [n, value] of [3, 4, 3].entries())
      await bench.send(
        device('air-2'),
        topics.deviceReadings('air-2'),
        { at: at(0), values: { no2: value } },
        receivedAt + n * 6 * MINUTE,
      );
    const rows = await stored('air-2', receivedAt, receivedAt + HOUR);
    expect(rows.map((row) => row.values['no2'])).toEqual([3, 4, 3]);
  });
});

describe('bombs', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it.each([
    ['a payload', nested(100_000), 'not-an-object'],
    [
      'values',
      `{"at":"2026-11-24T04:00:00Z","values":{"pm25":${nested(50_000)}}}`,
      'value-not-a-number',
    ],
    [
      'beside an absurd time',
      `{"at":"1970-01-01T00:00:00Z","values":{"pm25":1},"x":${nested(50_000)}}`,
      'nested-too-deep',
    ],
  ])('%s nested without end is rejected', async (_name, payload, reason) => {
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), payload, NOW + 2 * HOUR);
    expect(await newest()).toMatchObject({ reason });
  });

  it('a row or an event nested without end costs only itself', async () => {
    const when = NOW - 15_000;
    const good = `{"device":"air-3","at":"${at(when)}","values":{"pm25":5}}`;
    const bad = `{"device":"air-3","at":"${at(when)}","values":{"pm25":${nested(50_000)}}}`;
    const event = `{"device":"air-3","at":"${at(when)}","type":"x","detail":{"a":${nested(50_000)}}}`;
    await bench.send(
      gateway('gw-1'),
      topics.gatewayReadings('gw-1'),
      `{"epoch":"e3","seq":1,"lane":"live","readings":[${bad},${good}],"events":[${event}]}`,
      NOW + 2 * HOUR,
    );
    expect(await stored('air-3', when, when + 1)).toMatchObject([{ values: { pm25: 5 } }]);
    const kept = bench.store.deadLetters({ limit: 10_000 }).slice(-2);
    expect(kept.map((entry) => entry.reason)).toEqual(['value-not-a-number', 'nested-too-deep']);
  });
});
