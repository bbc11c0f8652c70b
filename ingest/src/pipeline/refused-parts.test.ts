/** One bad part of a frame or row costs only itself: it is kept aside with reason and place, counted, and run again once. */
import {
  formatTime,
  HOUR,
  MINUTE,
  REFUSED_PER_HOUR,
  SECOND,
  systemTimer,
  type Timer,
  topics,
} from '@village/core';
import {
  builtinCatalog,
  type DeviceProfile,
  loadCatalog,
  parseProfile,
} from '@village/device-profiles';
import { afterEach, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';
import { Pipeline } from './pipeline.ts';

const STATION = 'village/air-weather';
const BIN = 'milesight/em400-udl';
const UPLINK = 'application/1/device/24e124713b490001/event/up';
const device = (id: string) => ({ kind: 'device', id }) as const;
const lora = { kind: 'gateway', id: 'lora-1' } as const;

const open: Bench[] = [];
async function start(profiles?: ReadonlyMap<string, DeviceProfile>, timer?: Timer): Promise<Bench> {
  const bench = await testPipeline(
    [
      testDevice('air-1', STATION),
      testDevice('air-2', STATION, { gateway: 'gw-1' }),
      testDevice('bin-1', BIN, { address: '24e124713b490001', gateway: 'lora-1' }),
      testDevice('lid-1', 'village/smart-bin', { address: 'HB20-000117' }),
    ],
    { ...(profiles === undefined ? {} : { profiles }), ...(timer === undefined ? {} : { timer }) },
  );
  open.push(bench);
  return bench;
}
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
});

const rows = async (bench: Bench, id: string) =>
  (await bench.store.range({ device: id, from: 0, to: NOW + HOUR, limit: 1_000 })).map(
    ({ at, values }) => ({ at, values }),
  );
const letters = (bench: Bench) => bench.store.deadLetters({ limit: 10_000 });
const uplink = (hex: string, at = NOW) => ({
  time: formatTime(at),
  data: Buffer.from(hex, 'hex').toString('base64'),
});

describe('a row of our own wire', () => {
  const own = { at: formatTime(NOW - SECOND), values: { pm25: 8, co: 'nan', so2: null, dust: 3 } };

  it('from a device: the good values are stored, each bad one is an entry of its own', async () => {
    const bench = await start();
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), own);
    expect(await rows(bench, 'air-1')).toEqual([{ at: NOW - SECOND, values: { pm25: 8 } }]);
    expect(
      letters(bench).map(({ reason, device: id, source, part }) => [id, source, reason, part]),
    ).toEqual([
      [
        'air-1',
        'air-1',
        'value-not-a-number',
        { at: NOW - SECOND, place: 'values.co', metric: 'co', taken: ['pm25'], framing: null },
      ],
      [
        'air-1',
        'air-1',
        'unknown-metric',
        { at: NOW - SECOND, place: 'values.dust', metric: null, taken: ['pm25'], framing: null },
      ],
    ]);
    expect(bench.pipeline.notTakenParts('air-1')).toMatchObject([
      { cause: 'unknown-metric', metric: null, place: 'values.dust', count: 1 },
      { cause: 'value-not-a-number', metric: 'co', place: 'values.co', count: 1 },
    ]);
  });

  it.each([
    ['a number that C prints', `{"at":"AT","values":{"pm25":8,"co":-nan,"so2":}}`, ['co', 'so2']],
    ['zeros and a mark around it', `\ufeff{"at":"AT","values":{"pm25":8}}\r\n\0\0`, []],
  ])('from a device, with %s', async (_name, text, refused) => {
    const bench = await start();
    const payload = text.replace('AT', formatTime(NOW - SECOND));
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), payload);
    expect(await rows(bench, 'air-1')).toEqual([{ at: NOW - SECOND, values: { pm25: 8 } }]);
    expect(letters(bench).map(({ reason, part }) => [reason, part?.metric])).toEqual(
      refused.map((metric) => ['value-not-a-number', metric]),
    );
  });

  it('in which a key stands twice: the last value counts, the first is kept aside and never takes its place', async () => {
    const bench = await start();
    const at = formatTime(NOW - SECOND);
    const text = `{"at":"${at}","values":{"pm25":8,"co":2,"pm25":9},"x":1,"x":2}`;
    const batch = `{"epoch":"e","seq":1,"lane":"live","readings":[{"device":"air-2","at":"${at}","values":{"pm25":1}},
      {"device":"air-2","at":"${formatTime(NOW)}","values":{"pm25":8},"values":{"co":3}}]}`;
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), text);
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch);
    const stored = async () => [await rows(bench, 'air-1'), await rows(bench, 'air-2')];
    const expected = [
      [{ at: NOW - SECOND, values: { pm25: 9, co: 2 } }],
      [
        { at: NOW - SECOND, values: { pm25: 1 } },
        { at: NOW, values: { co: 3 } },
      ],
    ];
    expect(await stored()).toEqual(expected);
    const kept = () => letters(bench).filter(({ state }) => state === 'open');
    expect(kept().map(({ reason, payload }) => [reason, Buffer.from(payload).toString()])).toEqual([
      ['value-repeated', `{"device":"air-1","at":"${at}","values":{"pm25":8,"pm25":9}}`],
      [
        'value-repeated',
        `{"device":"air-2","at":"${formatTime(NOW)}","values":{"pm25":8},"values":{"co":3}}`,
      ],
    ]);
    expect(kept().map(({ part }) => [part?.place, part?.metric, part?.taken])).toEqual([
      ['values.pm25', 'pm25', ['pm25', 'co']],
      ['values', null, ['co']],
    ]);
    expect(bench.pipeline.notTakenParts('air-1')).toMatchObject([
      { cause: 'value-repeated', metric: 'pm25', count: 1 },
    ]);
    const again = await bench.pipeline.rerunQuarantine();
    expect(again).toMatchObject({ accepted: 0, refused: [{}, {}] });
    expect(await stored()).toEqual(expected);
    expect(kept().length).toBe(2);
    const posted = `{"readings":[{"device":"air-1","at":"${formatTime(NOW)}","values":{"pm25":1,"pm25":2}}]}`;
    const answer = await bench.pipeline.acceptHttp(
      JSON.parse(posted),
      { name: 'officer', allows: () => true },
      { bytes: Buffer.from(posted) },
    );
    expect(answer).toMatchObject({
      accepted: 1,
      quarantined: [{ index: 0, reason: 'value-repeated' }],
    });
  });

  it('from a gateway and through HTTP: the row counts as accepted, its bad values are told with its index', async () => {
    const bench = await start();
    const row = { device: 'air-2', ...own };
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), {
      epoch: 'e',
      seq: 1,
      lane: 'live',
      readings: [row, { ...row, at: formatTime(NOW), values: { pm25: 9 } }],
      events: null,
    });
    expect(await rows(bench, 'air-2')).toEqual([
      { at: NOW - SECOND, values: { pm25: 8 } },
      { at: NOW, values: { pm25: 9 } },
    ]);
    expect(letters(bench).map(({ source, message }) => [source, message.split(':')[0]])).toEqual([
      ['gw-1', 'readings[0].values.co'],
      ['gw-1', 'readings[0].values.dust'],
    ]);
    const answer = await bench.pipeline.acceptHttp(
      {
        readings: [
          { ...row, at: formatTime(NOW + 1) },
          { ...row, values: { co: 'x' } },
        ],
        events: null,
        lane: null,
      },
      { name: 'officer', allows: () => true },
    );
    expect(answer).toMatchObject({
      accepted: 1,
      quarantined: [
        { index: 0, reason: 'value-not-a-number' },
        { index: 0, reason: 'unknown-metric' },
        { index: 1, reason: 'value-not-a-number' },
      ],
    });
  });

  it('a value of unknown quality is refused with it, a quality of nothing costs nothing', async () => {
    const bench = await start();
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      at: own.at,
      device: null,
      values: { pm25: 8, co: 1, so2: 2 },
      quality: { co: 'so-so', so2: null, no2: 'fault' },
    });
    expect(await rows(bench, 'air-1')).toMatchObject([{ values: { pm25: 8, so2: 2 } }]);
    expect(letters(bench).map(({ reason, part }) => [reason, part?.place])).toEqual([
      ['unknown-quality', 'values.co'],
      ['unknown-metric', 'quality.no2'],
    ]);
  });

  it('what it says again is the same part, not another', async () => {
    const bench = await start();
    for (let n = 0; n < 3; n++)
      await bench.send(device('air-1'), topics.deviceReadings('air-1'), own);
    expect(letters(bench)).toHaveLength(2);
    // Another value of the same time is another part.
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      ...own,
      values: { pm25: 8, co: 'NaN' },
    });
    expect(letters(bench)).toHaveLength(3);
  });
});

describe("a device's own frame", () => {
  it.each([
    ['after power-on', 'ff0bff01755c04824408'],
    ['with a confirmed setting first', 'ff032c0101755c04824408'],
  ])('a LoRaWAN uplink %s is stored', async (_name, hex) => {
    const bench = await start();
    await bench.send(lora, UPLINK, uplink(hex));
    expect(await rows(bench, 'bin-1')).toEqual([
      { at: NOW, values: { battery: 92, distance: 2116 } },
    ]);
    expect(letters(bench)).toEqual([]);
  });

  it('an unknown record is kept as a rest, with the whole message as its payload', async () => {
    const bench = await start();
    const message = uplink('01755cc0ffee04824408');
    await bench.send(lora, UPLINK, message);
    expect(await rows(bench, 'bin-1')).toEqual([{ at: NOW, values: { battery: 92 } }]);
    const [entry, ...more] = letters(bench);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      reason: 'unknown-record',
      source: 'lora-1',
      device: 'bin-1',
      part: { at: NOW, place: '/data byte 3', metric: null, taken: ['battery'] },
    });
    expect(JSON.parse(Buffer.from(entry?.payload ?? []).toString())).toEqual(message);
  });

  it('a part of a frame without a time is dated like the rest of it', async () => {
    const bench = await start();
    const said = { fill: 5, t: 0, bat: { mv: 3_600 }, lid: 'ajar' };
    await bench.send(device('lid-1'), 'bin/HB20-000117/up', said);
    const [row] = await rows(bench, 'lid-1');
    expect(letters(bench)).toMatchObject([
      { reason: 'unknown-state', part: { at: row?.at, metric: 'lid' } },
    ]);
  });
});

describe('a flood', () => {
  it('of one bad value is counted and sampled, and hides nothing of others', async () => {
    const bench = await start();
    const sent = REFUSED_PER_HOUR * 4;
    for (let n = 0; n < sent; n++)
      await bench.send(
        device('air-1'),
        topics.deviceReadings('air-1'),
        { at: formatTime(NOW + n), values: { pm25: n, co: 'nan' } },
        NOW + n,
      );
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      at: formatTime(NOW),
      values: { pm25: 1, so2: 'x' },
    });
    expect(await rows(bench, 'air-1')).toHaveLength(sent);
    const kept = letters(bench);
    expect(kept.filter(({ part }) => part?.metric === 'co')).toHaveLength(REFUSED_PER_HOUR);
    expect(kept.filter(({ part }) => part?.metric === 'so2')).toHaveLength(1);
    expect(bench.pipeline.counters()).toMatchObject({
      quarantineSampled: sent - REFUSED_PER_HOUR,
      quarantined: { 'value-not-a-number': sent + 1 },
    });
    expect(
      bench.pipeline.notTakenParts('air-1').map(({ metric, count }) => [metric, count]),
    ).toEqual([
      ['so2', 1],
      ['co', sent],
    ]);
    await bench.send(
      device('air-1'),
      topics.deviceReadings('air-1'),
      { at: formatTime(NOW), values: { pm25: 1, co: 'later' } },
      NOW + HOUR + MINUTE,
    );
    expect(letters(bench).filter(({ part }) => part?.metric === 'co')).toHaveLength(
      REFUSED_PER_HOUR + 1,
    );
  });
});

describe('running parts again', () => {
  const catalog = loadCatalog([builtinCatalog]).profiles;
  const mended = (id: string, change: (text: string) => string): DeviceProfile => {
    const text = catalog.get(id)?.source.text ?? '';
    const changed = change(text);
    expect(changed).not.toBe(text);
    const { profile, faults } = parseProfile(changed, 'mended.yaml');
    if (profile === undefined) throw new Error(JSON.stringify(faults));
    return profile;
  };
  /** The same store with other profiles, as after a restart. */
  const restarted = (bench: Bench, profile: DeviceProfile): Pipeline =>
    new Pipeline({
      store: bench.store,
      registry: bench.registry,
      profiles: new Map([...catalog, [profile.id, profile]]),
      timer: { ...systemTimer, now: () => NOW },
    });

  it('a record that its profile learns is stored once, beside what the frame gave then', async () => {
    const bench = await start();
    await bench.send(lora, UPLINK, uplink('01755cc0640500'));
    const { pipeline } = bench;
    expect(await pipeline.rerunQuarantine()).toMatchObject({
      accepted: 0,
      refused: [{ reason: 'unknown-record' }],
    });
    const learned = mended(BIN, (text) =>
      text.replace(
        '    - { id: "05 00"',
        '    - { id: "C0", fields: [{ field: distance, type: uint8 }] }\n    - { id: "05 00"',
      ),
    );
    const again = restarted(bench, learned);
    expect(await again.rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(await again.rerunQuarantine()).toMatchObject({
      accepted: 0,
      refused: [{ reason: 'frame-too-short' }],
    });
    expect(
      await bench.store.range({ device: 'bin-1', from: 0, to: NOW + HOUR, limit: 9 }),
    ).toMatchObject([{ at: NOW, values: { battery: 92, distance: 100 } }]);
    // Its next unknown record has become an entry.
    expect(letters(bench).map(({ state, part }) => [state, part?.place])).toEqual([
      ['rerun', '/data byte 3'],
      ['open', '/data byte 5'],
    ]);
  });

  it('a word that its profile learns is stored alone: newer values of the same time stay', async () => {
    const bench = await start();
    const said = { ts: NOW / SECOND, fill: 5, t: 0, bat: { mv: 3_600 }, lid: 'ajar' };
    await bench.send(device('lid-1'), 'bin/HB20-000117/up', said);
    await bench.send(device('lid-1'), 'bin/HB20-000117/up', { ...said, fill: 50 });
    const learned = mended('village/smart-bin', (text) =>
      text.replace(/(key: lid,.*states: \{ )/, '$1ajar: 7, ').replace(/lid":"ajar/g, 'lid":"torn'),
    );
    const again = restarted(bench, learned);
    expect(await again.rerunQuarantine()).toMatchObject({ accepted: 2 });
    expect(await rows(bench, 'lid-1')).toEqual([
      { at: NOW, values: expect.objectContaining({ fill: 50, lid: 7 }) },
    ]);
  });

  it('a metric that a row had and its profile lacked is stored alone', async () => {
    const bench = await start();
    const row = { at: formatTime(NOW), values: { pm25: 8, dust: 3 } };
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), row);
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), {
      ...row,
      values: { pm25: 9 },
    });
    const learned = mended(STATION, (text) => text.replace(/(?<!\.)\bno2\b/g, 'dust'));
    expect(await restarted(bench, learned).rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(await rows(bench, 'air-1')).toEqual([{ at: NOW, values: { pm25: 9, dust: 3 } }]);
  });
});

describe('what a gateway could not take', () => {
  const gw = { kind: 'gateway', id: 'gw-1' } as const;
  const entry = {
    device: 'air-2',
    at: formatTime(NOW - SECOND),
    parts: [
      { reason: 'value-not-a-number', message: 'co: "NA"', place: '/values/co', metric: 'co' },
      { reason: 'unknown-metric', message: 'no dust', place: '/values/dust', metric: null },
    ],
    taken: ['pm25'],
    frame: Buffer.from('{"values":{"pm25":8,"co":"NA","dust":3}}').toString('base64'),
    framing: topics.deviceReadings('air-2'),
  };
  const say = (bench: Bench, refused: unknown[], who: typeof gw = gw) =>
    bench.send(who, topics.gatewayRefused(who.id), { refused });

  it('is in quarantine with reason, place, gateway and frame, once however often it is sent', async () => {
    const bench = await start();
    for (let n = 0; n < 3; n++) await say(bench, [entry]);
    expect(letters(bench)).toMatchObject(
      entry.parts.map(({ reason, place, metric }) => ({
        reason,
        source: 'gw-1',
        device: 'air-2',
        part: { at: NOW - SECOND, place, metric, taken: ['pm25'], framing: entry.framing },
        payload: new Uint8Array(Buffer.from(entry.frame, 'base64')),
      })),
    );
    expect(letters(bench)).toHaveLength(2);
    expect(await rows(bench, 'air-2')).toEqual([]);
  });

  it('a backlog of days is taken whole: the gateway has sampled it', async () => {
    const bench = await start();
    const day = Array.from({ length: 200 }, (_, n) => ({
      ...entry,
      at: formatTime(NOW - n * MINUTE),
    }));
    await say(bench, day);
    expect(letters(bench)).toHaveLength(400);
  });

  it('two metrics at one place with one reason are two entries', async () => {
    const bench = await start();
    const [part] = entry.parts;
    const parts = [part, { ...part, metric: 'so2' }];
    for (let n = 0; n < 2; n++) await say(bench, [{ ...entry, parts }]);
    expect(letters(bench).map(({ part: kept }) => kept?.metric)).toEqual(['co', 'so2']);
  });

  const minutes = (count: number, from = 0) =>
    Array.from({ length: count }, (_, n) => ({
      ...entry,
      parts: entry.parts.slice(0, 1),
      at: formatTime(NOW - (from + n) * SECOND),
    }));

  it('more than a minute holds is all kept: the acknowledgement waits, and the gateway with it', async () => {
    let elapsed = 0;
    const waits: number[] = [];
    const timer = {
      ...systemTimer,
      elapsed: () => elapsed,
      sleep: async (ms: number) => {
        waits.push(ms);
        elapsed += ms;
      },
    };
    const bench = await start(undefined, timer);
    for (let from = 0; from < 3_000; from += 50) await say(bench, minutes(50, from));
    // The rest of its devices' world goes on at once.
    const before = waits.length;
    await bench.send(gw, topics.gatewayStatus('gw-1'), { online: true });
    expect(waits).toHaveLength(before);
    expect(letters(bench)).toHaveLength(3_000);
    expect(bench.pipeline.counters()).toMatchObject({
      quarantineFlooded: 0,
      refusedHeld: waits.length,
    });
    const sum = waits.reduce((all, ms) => all + ms, 0);
    expect(sum).toBeGreaterThan(((3_000 - 650) / 600) * MINUTE);
    expect(Math.max(...waits)).toBeLessThanOrEqual(20 * SECOND);
  });

  it('who sends on without waiting is sent away, and what it is not acknowledged for is not kept', async () => {
    const asleep: (() => void)[] = [];
    const timer = {
      ...systemTimer,
      elapsed: () => 0,
      sleep: () => new Promise<void>((resolve) => asleep.push(resolve)),
    };
    const bench = await start(undefined, timer);
    const send = (from: number) =>
      new Promise<Error | undefined>((resolve) => {
        const payload = Buffer.from(JSON.stringify({ refused: minutes(50, from) }));
        const topic = topics.gatewayRefused('gw-1');
        bench.pipeline.accept({ principal: gw, topic, payload, receivedAt: NOW }, resolve);
      });
    const answers = Array.from({ length: 40 }, (_, n) => send(n * 50));
    const refused = await Promise.all(answers.slice(16));
    expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'refused-flood' })));
    await bench.store.commitNow();
    expect(letters(bench)).toHaveLength(16 * 50);
    expect(bench.pipeline.counters()).toMatchObject({ refusedHeld: 4, refusedFlooded: 24 });
    // Once it is let go on, what was refused may come again, and others were never concerned.
    for (const wake of asleep) wake();
    expect(await Promise.all(answers.slice(0, 16))).toEqual(Array(16).fill(undefined));
  });

  it('when the server stops, nobody is held back any longer', async () => {
    const bench = await start(undefined, { ...systemTimer, elapsed: () => 0 });
    for (let from = 0; from < 600; from += 50) await say(bench, minutes(50, from));
    const held = say(bench, minutes(50, 600));
    bench.pipeline.leave();
    await held;
    expect(letters(bench)).toHaveLength(650);
  });

  it('whatever reasons gateways tell, only so many are counted by name', async () => {
    const bench = await start();
    const told = Array.from({ length: 300 }, (_, n) => `told-${n}`);
    const odd = ['a b"c', '__proto__', 'X'.repeat(60), '原因', 'unknown-state'];
    await say(
      bench,
      [...told, ...odd].map((reason) => ({ ...entry, parts: [{ ...entry.parts[0], reason }] })),
    );
    const { quarantined } = bench.pipeline.counters();
    expect(Object.keys(quarantined).length).toBeLessThan(70);
    expect(quarantined['other']).toBeGreaterThan(200);
    expect(Object.values(quarantined).reduce((sum, n) => sum + n, 0)).toBe(305);
    for (const name of Object.keys(quarantined)) expect(name).toMatch(/^[a-z0-9-]{1,40}$/);
    // A reason of our own has its name, whatever was told before it.
    await say(bench, [{ ...entry, device: 'ghost' }]);
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), 'no json');
    expect(bench.pipeline.counters().quarantined['payload-not-json']).toBe(1);
    expect(letters(bench)).toHaveLength(307);
  });

  it('of a device that was registered later becomes its parts when it is run again', async () => {
    const bench = await start();
    await say(bench, [{ ...entry, device: 'air-9' }]);
    bench.registry.devices.push(testDevice('air-9', STATION, { gateway: 'gw-1' }));
    expect(await bench.pipeline.rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(letters(bench).map(({ reason, state, part }) => [reason, state, part?.place])).toEqual([
      ['unknown-device', 'rerun', undefined],
      ['value-not-a-number', 'open', '/values/co'],
      ['unknown-metric', 'open', '/values/dust'],
    ]);
  });

  it('a rerun of many lets the event loop turn in between', async () => {
    const bench = await start(undefined, { ...systemTimer, sleep: () => Promise.resolve() });
    const payload = Buffer.from(JSON.stringify({ values: { pm25: 8 } })).toString('base64');
    const part = { reason: 'payload-not-json', message: '?', place: '', metric: null };
    for (let from = 0; from < 1_200; from += 50)
      await say(
        bench,
        minutes(50, from).map((one) => ({ ...one, parts: [part], taken: [], frame: payload })),
      );
    let over = false;
    let last = bench.pipeline.counters().rows;
    let most = 0;
    const watch = (): void => {
      const { rows: now } = bench.pipeline.counters();
      most = Math.max(most, now - last);
      last = now;
      if (!over) setImmediate(watch);
    };
    setImmediate(watch);
    expect(await bench.pipeline.rerunQuarantine()).toEqual({ accepted: 1_200, refused: [] });
    over = true;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(100);
    expect(letters(bench).every(({ state }) => state === 'rerun')).toBe(true);
  });

  it('of a device of another gateway, or of nobody, is no entry of that device', async () => {
    const bench = await start();
    await say(bench, [
      { ...entry, device: 'air-1' },
      { ...entry, device: 'ghost' },
      5,
      { ...entry, at: 'soon' },
    ]);
    expect(letters(bench).map(({ reason, part }) => [reason, part])).toEqual([
      ['not-your-device', undefined],
      ['unknown-device', undefined],
      ['not-an-object', undefined],
      ['bad-time', undefined],
    ]);
    expect(bench.pipeline.notTakenParts('air-1')).toEqual([]);
    expect(bench.pipeline.mayPublish(gw, topics.gatewayRefused('gw-2'))).toBe(false);
    expect(bench.pipeline.mayPublish(device('air-1'), topics.gatewayRefused('air-1'))).toBe(false);
  });

  it('what a status says of refusals is the state of the gateway', async () => {
    const bench = await start();
    const told = {
      device: 'air-2',
      reason: 'value-not-a-number',
      metric: 'co',
      place: '/values/co',
      count: 86_400,
      firstAt: entry.at,
      lastAt: entry.at,
    };
    await bench.send(gw, topics.gatewayStatus('gw-1'), {
      online: true,
      refused: [told],
      waiting: null,
    });
    expect(bench.pipeline.gateways().get('gw-1')?.refused).toEqual([told]);
    await bench.send(gw, topics.gatewayStatus('gw-1'), { online: false });
    expect(bench.pipeline.gateways().get('gw-1')?.refused).toEqual([told]);
  });

  it('a frame that nobody understood is stored whole when it is run again', async () => {
    const bench = await start();
    const payload = Buffer.from(JSON.stringify({ values: { pm25: 8, co: 1 } }));
    const part = { reason: 'payload-not-json', message: '?', place: '', metric: null };
    await say(bench, [{ ...entry, parts: [part], taken: [], frame: payload.toString('base64') }]);
    expect(await bench.pipeline.rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(await rows(bench, 'air-2')).toEqual([{ at: NOW - SECOND, values: { pm25: 8, co: 1 } }]);
    await say(bench, [{ ...entry, parts: [part], taken: [], frame: 'QkE=', size: 90_000 }]);
    expect(await bench.pipeline.rerunQuarantine()).toMatchObject({
      accepted: 0,
      refused: [{ reason: 'frame-cut' }],
    });
  });
});
