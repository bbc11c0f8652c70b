/** Several sources in one device, from the wire to what is stored: facts of one second stand beside each other. */
import { formatTime, HOUR, SECOND, systemTimer, topics } from '@village/core';
import {
  builtinCatalog,
  type DeviceProfile,
  loadCatalog,
  parseProfile,
} from '@village/device-profiles';
import { afterEach, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';
import { Pipeline } from './pipeline.ts';

const CAMERA = 'onvif/camera';
const { profiles: catalog } = loadCatalog([builtinCatalog]);
const camera = { kind: 'device', id: 'cam-1' } as const;
const gateway = { kind: 'gateway', id: 'gw-1' } as const;
const AT = NOW - SECOND;

const open: Bench[] = [];
async function start(): Promise<Bench> {
  const bench = await testPipeline([
    testDevice('cam-1', CAMERA, { address: 'cam' }),
    testDevice('cam-2', CAMERA, { gateway: 'gw-1' }),
  ]);
  open.push(bench);
  return bench;
}
afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close();
});

/** The same store with another text of the camera's profile, as after a restart. */
function restarted(bench: Bench, change: (text: string) => string): Pipeline {
  const text = catalog.get(CAMERA)?.source.text ?? '';
  const changed = change(text);
  expect(changed).not.toBe(text);
  const { profile, faults } = parseProfile(changed, 'changed.yaml');
  if (profile === undefined) throw new Error(JSON.stringify(faults));
  const profiles: ReadonlyMap<string, DeviceProfile> = new Map([...catalog, [CAMERA, profile]]);
  const { store, registry } = bench;
  return new Pipeline({ store, registry, profiles, timer: { ...systemTimer, now: () => NOW } });
}

const count = (rule: string | undefined, value: number, more: object = {}) => ({
  UtcTime: formatTime(AT),
  Source: { VideoSource: '1', Rule: rule },
  Data: { Count: String(value) },
  ...more,
});
const topic = (rule: string) => `cam/onvif-ej/RuleEngine/CountAggregation/Counter/1/${rule}`;
const said = (bench: Bench, rule: string, value: number) =>
  bench.send(camera, topic(rule), count(rule, value));
const through = (pipeline: Pipeline, rule: string, value: number) =>
  new Promise<void>((resolve, reject) => {
    const payload = Buffer.from(JSON.stringify(count(rule, value)));
    pipeline.accept({ principal: camera, topic: topic(rule), payload, receivedAt: NOW }, (error) =>
      error === undefined ? resolve() : reject(error),
    );
  });

const rows = async (bench: Bench, id = 'cam-1') =>
  (await bench.store.range({ device: id, from: 0, to: NOW + HOUR, limit: 1_000 })).map(
    ({ at, values }) => ({ at, values }),
  );
const reasons = (bench: Bench) =>
  bench.store
    .deadLetters({ limit: 1_000 })
    .map(({ reason, part }) => [reason, part?.place, part?.metric]);

describe('a camera with several counting rules', () => {
  it('keeps Inbound 40 and Outbound 3 of one second, whichever comes first, and again', async () => {
    const bench = await start();
    for (const [rule, value] of [
      ['Inbound', 40],
      ['Outbound', 3],
      ['Inbound', 40],
    ] as const)
      await said(bench, rule, value);
    expect(await rows(bench)).toEqual([
      { at: AT, values: { 'count-inbound': 40, 'count-outbound': 3 } },
    ]);
    expect(bench.store.latest('cam-1').map(({ metric, value }) => [metric, value])).toEqual(
      expect.arrayContaining([
        ['count-inbound', 40],
        ['count-outbound', 3],
      ]),
    );
    expect(reasons(bench)).toEqual([]);
  });

  it('keeps what two lenses saw in one second, as states and as events', async () => {
    const bench = await start();
    for (const [lens, moving] of [
      ['VideoSource_1', true],
      ['VideoSource_2', false],
    ] as const)
      await bench.send(camera, `cam/onvif-ej/VideoSource/MotionAlarm/${lens}`, {
        UtcTime: formatTime(AT),
        Source: { Source: lens },
        Data: { State: moving },
      });
    for (const lens of ['1', '2'])
      await bench.send(camera, `cam/onvif-ej/RuleEngine/Recognition/LicensePlate/${lens}`, {
        UtcTime: formatTime(AT),
        Source: { VideoSource: lens },
        Data: { Plate: '浙E12345' },
      });
    expect(await rows(bench)).toEqual([{ at: AT, values: { motion: 1, 'motion-2': 0 } }]);
    const events = await bench.store.events({ device: 'cam-1', from: 0, to: NOW, limit: 10 });
    expect(events.map(({ detail }) => detail)).toEqual(
      expect.arrayContaining([
        { source: '1', plate: '浙E12345' },
        { source: '2', plate: '浙E12345' },
      ]),
    );
    expect(events).toHaveLength(2);
  });

  it('gives what an unlisted rule counts to nobody, until the profile lists it', async () => {
    const bench = await start();
    await said(bench, 'Inbound', 40);
    await said(bench, '东门', 7);
    expect(await rows(bench)).toEqual([{ at: AT, values: { 'count-inbound': 40 } }]);
    expect(reasons(bench)).toEqual([['unknown-channel', '/Data/Count', null]]);
    expect(bench.pipeline.notTakenParts('cam-1')).toMatchObject([
      { cause: 'unknown-channel', place: '/Data/Count', count: 1 },
    ]);
    const again = restarted(bench, (text) =>
      text.replace(
        '      whole:',
        '      east: { name: { zh: 东门, en: East gate }, says: [东门] }\n      whole:',
      ),
    );
    expect(await again.rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(await rows(bench)).toEqual([
      { at: AT, values: { 'count-inbound': 40, 'count-east': 7 } },
    ]);
  });
});

describe('two values of one second without a channel', () => {
  it('the later counts, and the device tells that another was replaced', async () => {
    const bench = await start();
    const counted = (value: number) => {
      const { Source, ...rest } = count(undefined, value);
      const plain = 'cam/onvif-ej/RuleEngine/CountAggregation/Counter/1';
      return bench.send(camera, plain, rest);
    };
    await counted(40);
    await counted(3);
    await counted(3);
    await said(bench, 'Inbound', 5);
    expect(await rows(bench)).toEqual([{ at: AT, values: { count: 3, 'count-inbound': 5 } }]);
    expect(bench.pipeline.notTakenParts('cam-1')).toEqual([
      {
        cause: 'value-replaced',
        metric: 'count',
        place: formatTime(AT),
        count: 1,
        firstAt: NOW,
        lastAt: NOW,
      },
    ]);
    expect(bench.pipeline.counters().replaced).toBe(1);
  });

  it('a batch of a gateway is told as well, what somebody posts anew is meant so', async () => {
    const bench = await start();
    const row = (value: number, seconds = 0) => ({
      device: 'cam-2',
      at: formatTime(AT - seconds * SECOND),
      values: { count: value },
    });
    await bench.send(gateway, topics.gatewayReadings('gw-1'), {
      epoch: 'e',
      seq: 1,
      lane: 'live',
      readings: [row(40), row(3), row(3, 1), row(9)],
      events: [],
    });
    const source = { name: 'officer', allows: () => true };
    for (const value of [1, 2])
      await bench.pipeline.acceptHttp({ readings: [row(value)], lane: 'backfill' }, source);
    expect(bench.pipeline.counters().replaced).toBe(1);
    expect(await rows(bench, 'cam-2')).toEqual([
      { at: AT - SECOND, values: { count: 3 } },
      { at: AT, values: { count: 2 } },
    ]);
  });
});

describe('a profile whose channels change', () => {
  it('takes no more from one that is taken away, and keeps what is stored', async () => {
    const bench = await start();
    await said(bench, 'Outbound', 3);
    const without = restarted(bench, (text) =>
      text
        .replace(/ {6}outbound: .*\n/, '')
        .replace(/ {2}- name: and in the same second those who leave[\s\S]*?(?=\n {2}- name)/, ''),
    );
    await through(without, 'Outbound', 4);
    await through(without, 'Inbound', 5);
    expect(await rows(bench)).toEqual([
      { at: AT, values: { 'count-outbound': 3, 'count-inbound': 5 } },
    ]);
    expect(reasons(bench)).toEqual([['unknown-channel', '/Data/Count', null]]);
  });

  it('goes on with a series whose name has changed', async () => {
    const bench = await start();
    await said(bench, 'Outbound', 3);
    const renamed = restarted(bench, (text) =>
      text.replace(
        '{ zh: 离开, en: Outbound }, says: [',
        '{ zh: 出村, en: Leaving }, says: [出村, ',
      ),
    );
    await through(renamed, '出村', 4);
    expect(await rows(bench)).toEqual([{ at: AT, values: { 'count-outbound': 4 } }]);
  });
});

describe('gateways of other versions', () => {
  const batch = (values: object, seq = 1) => ({
    epoch: 'e',
    seq,
    lane: 'live',
    readings: [{ device: 'cam-2', at: formatTime(AT), values }],
    events: [],
  });

  it('an older one sends counts of no rule, which stand beside those of rules', async () => {
    const bench = await start();
    await bench.send(gateway, topics.gatewayReadings('gw-1'), batch({ count: 40 }));
    await bench.send(gateway, topics.gatewayReadings('gw-1'), batch({ 'count-inbound': 3 }, 2));
    expect(await rows(bench, 'cam-2')).toEqual([
      { at: AT, values: { count: 40, 'count-inbound': 3 } },
    ]);
  });

  it('a newer one sends channels that are not known here: they are kept aside, and taken later', async () => {
    const bench = await start();
    const values = { 'count-inbound': 3, 'count-roof': 9 };
    await bench.send(gateway, topics.gatewayReadings('gw-1'), batch(values));
    expect(await rows(bench, 'cam-2')).toEqual([{ at: AT, values: { 'count-inbound': 3 } }]);
    expect(reasons(bench)).toEqual([['unknown-channel', 'values.count-roof', null]]);
    const again = restarted(bench, (text) =>
      text
        .replace('      whole:', '      roof: { name: { zh: 屋顶, en: Roof } }\n      whole:')
        .replaceAll('Roof"', 'Attic"')
        .replaceAll('/Roof,', '/Attic,'),
    );
    expect(await again.rerunQuarantine()).toEqual({ accepted: 1, refused: [] });
    expect(await rows(bench, 'cam-2')).toEqual([{ at: AT, values }]);
  });
});
