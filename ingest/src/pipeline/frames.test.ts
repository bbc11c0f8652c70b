import { formatTime, HOUR, SECOND, systemTimer, topics } from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import { afterEach, describe, expect, it } from 'vitest';
import { type Bench, NOW, testDevice, testPipeline } from '../testing.ts';
import { Pipeline } from './pipeline.ts';

const BIN = 'village/smart-bin';
const TOPIC = 'bin/HB20-000117/up';
const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.close();
});

async function start(profiles?: ReadonlyMap<string, DeviceProfile>): Promise<Bench> {
  const bench = await testPipeline(
    [
      testDevice('bin-1', BIN, { address: 'HB20-000117' }),
      testDevice('bin-2', 'other/bin', { address: 'HB20-000200' }),
      testDevice('bin-3', BIN, { address: 'HB20-000300', gateway: 'lora-1' }),
      testDevice('cam-1', 'onvif/camera', { address: 'cam' }),
      testDevice('air-1', 'village/air-weather'),
      testDevice('ph-1', 'boqu/phg-2091', { gateway: 'gw-1' }),
    ],
    profiles === undefined ? {} : { profiles },
  );
  benches.push(bench);
  return bench;
}

const device = (id: string) => ({ kind: 'device', id }) as const;
const frame = (more: object) => ({ fill: 52, t: -37, bat: { mv: 3620 }, lid: 'closed', ...more });
const rowsOf = (bench: Bench, id: string) =>
  bench.store.range({ device: id, from: 0, to: NOW + HOUR, limit: 100 });

it("a device's own frame is decoded by its profile and stored at the device's time", async () => {
  const bench = await start();
  const ts = NOW / SECOND - 60;
  await bench.send(device('bin-1'), TOPIC, frame({ ts, fill: 137 }));
  expect(await rowsOf(bench, 'bin-1')).toEqual([
    {
      at: ts * SECOND,
      receivedAt: NOW,
      lane: 'live',
      clockReplaced: false,
      values: { fill: 137, temperature: -3.7, battery: 3.62, lid: 0 },
      quality: { fill: 'implausible' },
    },
  ]);
  expect(bench.pipeline.counters()).toMatchObject({ rows: 1, readings: 4, implausible: 1 });
});

it('a frame without a time gets the receive time, the same again only when marked as repeated', async () => {
  const bench = await start();
  const payload = Buffer.from(JSON.stringify(frame({})));
  const send = (receivedAt: number, dup: boolean): Promise<void> =>
    new Promise((resolve) =>
      bench.pipeline.accept(
        { principal: device('bin-1'), topic: TOPIC, payload, receivedAt, dup },
        () => resolve(),
      ),
    );
  await send(NOW, false);
  await send(NOW, false);
  await send(NOW + 5000, true);
  const rows = await rowsOf(bench, 'bin-1');
  expect(rows.map((row) => [row.at, row.clockReplaced])).toEqual([
    [NOW, false],
    [NOW + 1, false],
  ]);
});

it('an absurd time in a frame is replaced, once for a frame sent twice', async () => {
  const bench = await start();
  await bench.send(device('bin-1'), TOPIC, frame({ ts: 60 }), NOW);
  await bench.send(device('bin-1'), TOPIC, frame({ ts: 60 }), NOW + 900);
  await bench.send(device('bin-1'), TOPIC, frame({ ts: 60, fill: 53 }), NOW + 900);
  const rows = await rowsOf(bench, 'bin-1');
  expect(rows.map((row) => [row.at, row.values['fill'], row.clockReplaced])).toEqual([
    [NOW, 52, true],
    [NOW + 900, 53, true],
  ]);
});

it('where profiles share a topic, the registration says which it is', async () => {
  const catalog = loadCatalog([builtinCatalog]).profiles;
  const bin = catalog.get(BIN);
  if (bin === undefined) throw new Error(`no ${BIN} in the catalogue`);
  const bench = await start(new Map([...catalog, ['other/bin', { ...bin, id: 'other/bin' }]]));
  const ts = NOW / SECOND;
  await bench.send(device('bin-2'), 'bin/HB20-000200/up', frame({ ts }));
  expect(await rowsOf(bench, 'bin-2')).toMatchObject([{ at: NOW, values: { fill: 52 } }]);
  expect(bench.pipeline.mayPublish(device('bin-2'), 'bin/HB20-000200/up')).toBe(true);
  expect(bench.pipeline.mayPublish(device('bin-1'), 'bin/HB20-000200/up')).toBe(false);
});

it('a network server speaks for its own devices alone, and running again gives it no more', async () => {
  const bench = await start();
  const server = { kind: 'gateway', id: 'lora-1' } as const;
  const ts = NOW / SECOND;
  await bench.send(server, 'bin/HB20-000300/up', frame({ ts }));
  await bench.send(server, TOPIC, frame({ ts }));
  expect(await rowsOf(bench, 'bin-3')).toMatchObject([{ at: NOW }]);
  expect(await bench.pipeline.rerunQuarantine()).toMatchObject({
    accepted: 0,
    refused: [{ reason: 'not-your-device' }],
  });
  expect(await rowsOf(bench, 'bin-1')).toEqual([]);
});

it('what a camera tells becomes an event', async () => {
  const bench = await start();
  await bench.send(device('cam-1'), 'cam/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/1/yard', {
    UtcTime: formatTime(NOW - 1000),
    PropertyOperation: 'Changed',
    Source: { Rule: 'yard' },
    Data: { ObjectId: '9', IsInside: 'true' },
  });
  const query = { device: 'cam-1', from: 0, to: NOW + HOUR, limit: 10 };
  expect(await bench.store.events(query)).toMatchObject([
    { at: NOW - 1000, receivedAt: NOW, type: 'field-entered' },
  ]);
});

it('what is sent again after a restart keeps the time it was given', async () => {
  const bench = await start();
  const payload = Buffer.from(JSON.stringify(frame({ fill: 61 })));
  const own = Buffer.from(`{"at":"1970-01-01T00:10:00Z","values":{"fill":62}}`);
  const who = device('bin-1');
  const send = (pipeline: Pipeline, topic: string, bytes: Buffer, after: number, dup: boolean) =>
    new Promise<void>((resolve) =>
      pipeline.accept({ principal: who, topic, payload: bytes, receivedAt: NOW + after, dup }, () =>
        resolve(),
      ),
    );
  // A pipeline that knows what the store does, as after a start.
  const restarted = (): Pipeline =>
    new Pipeline({
      store: bench.store,
      registry: bench.registry,
      profiles: bench.profiles,
      timer: { ...systemTimer, now: () => NOW },
    });
  const times = async (): Promise<number[]> =>
    (await rowsOf(bench, 'bin-1')).map((row) => row.at - NOW);
  await send(bench.pipeline, TOPIC, payload, 0, false);
  await send(restarted(), TOPIC, payload, 5_000, true);
  expect(await times()).toEqual([0]);
  await send(bench.pipeline, topics.deviceReadings('bin-1'), own, 10_000, false);
  await send(restarted(), topics.deviceReadings('bin-1'), own, 15_000, true);
  expect(await times()).toEqual([0, 10_000]);
  // The same words within ten minutes are a repeat; other content, and what comes far too late, are others.
  await send(restarted(), topics.deviceReadings('bin-1'), own, 20_000, false);
  const other = Buffer.from(own.toString().replace('62', '63'));
  await send(restarted(), topics.deviceReadings('bin-1'), other, 25_000, true);
  await send(restarted(), topics.deviceReadings('bin-1'), other, 25_000 + HOUR / 2, true);
  expect(await times()).toEqual([0, 10_000, 25_000, 25_000 + HOUR / 2]);
});

describe('what was received is kept', () => {
  const kept = async (bench: Bench, id: string) =>
    (await bench.store.frames.find(id, 0, NOW + HOUR, 100)).frames.map(({ payload, ...one }) => ({
      ...one,
      text: Buffer.from(payload).toString(),
    }));

  it('of a camera where it tells an event, with the topic that says which', async () => {
    const bench = await start();
    const motion = 'cam/onvif-ej/VideoSource/MotionAlarm/&1';
    const field = 'cam/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/1/yard';
    const at = { UtcTime: formatTime(NOW - 1000) };
    await bench.send(device('cam-1'), motion, { ...at, Data: { State: true } });
    const told = {
      ...at,
      PropertyOperation: 'Changed',
      Source: { Rule: 'yard' },
      Data: { ObjectId: '9', IsInside: 'true' },
    };
    await bench.send(device('cam-1'), field, told);
    const frames = await kept(bench, 'cam-1');
    expect(frames).toMatchObject([
      { at: NOW - 1000, receivedAt: NOW, source: 'cam-1', way: field, text: JSON.stringify(told) },
    ]);
    expect(JSON.parse(frames[0]!.decoding)).toMatchObject({ form: 'frame', framing: field });
  });

  it('not of types that are no evidence, and not of what could not be stored', async () => {
    const bench = await start();
    await bench.send(device('bin-1'), TOPIC, frame({ ts: NOW / SECOND }));
    expect(await kept(bench, 'bin-1')).toEqual([]);
    const catalog = loadCatalog([builtinCatalog]).profiles;
    const bin: DeviceProfile = { ...catalog.get(BIN)!, evidence: 'all' };
    const evident = await start(new Map([...catalog, [BIN, bin]]));
    await evident.send(device('bin-1'), TOPIC, frame({ ts: 'soon' }));
    await evident.send(device('bin-1'), TOPIC, frame({ ts: NOW / SECOND }));
    expect(await kept(evident, 'bin-1')).toMatchObject([
      { text: JSON.stringify(frame({ ts: NOW / SECOND })) },
    ]);
    expect(await rowsOf(evident, 'bin-1')).toHaveLength(1);
  });

  it('of a quarantined message when it is run again, as it came then', async () => {
    const catalog = loadCatalog([builtinCatalog]).profiles;
    const bin: DeviceProfile = { ...catalog.get(BIN)!, evidence: 'all' };
    const bench = await start(new Map([...catalog, [BIN, bin]]));
    const late = bench.registry.devices.splice(0, 1);
    const text = `{ "ts":${NOW / SECOND},"fill":52,"t":-37,"bat":{"mv":3620},"lid":"closed" }`;
    await bench.send({ kind: 'gateway', id: 'lora-1' }, TOPIC, text);
    bench.registry.devices.push({ ...late[0]!, gateway: 'lora-1' });
    expect(await bench.pipeline.rerunQuarantine()).toMatchObject({ accepted: 1 });
    expect(await kept(bench, 'bin-1')).toMatchObject([
      { at: NOW, receivedAt: NOW, source: 'lora-1', way: TOPIC, text },
    ]);
  });

  it('of a row as it came: only gateways put beside it what another said', async () => {
    const bench = await start();
    const at = formatTime(NOW - 1_000);
    const frame = Buffer.from('{"values":{"pm25":1}}').toString('base64');
    const row = (device: string, more: object) => ({ device, at, frame, framing: 'x', ...more });
    const own = row('air-1', { values: { pm25: 500 } });
    await bench.send(device('air-1'), topics.deviceReadings('air-1'), own);
    const posted = { ...own, at: formatTime(NOW - 900) };
    const bytes = Buffer.from(JSON.stringify({ readings: [posted] }));
    const source = { name: 'officer', allows: () => true };
    await bench.pipeline.acceptHttp({ readings: [posted] }, source, { bytes });
    expect((await kept(bench, 'air-1')).map(({ text }) => text)).toEqual([
      JSON.stringify(own),
      JSON.stringify(posted),
    ]);
  });

  it('of a row of a gateway, where what it puts beside it is empty or none', async () => {
    const bench = await start();
    const rows = ['', 'AB=', 'no base64', 7, null].map((frame, n) => ({
      device: 'ph-1',
      at: formatTime(NOW - 1_000 + n),
      values: { ph: 7 },
      frame,
      framing: 'all:2',
    }));
    const batch = { epoch: 'e', seq: 1, lane: 'live', readings: rows };
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch);
    const frames = await kept(bench, 'ph-1');
    expect(frames.map(({ text }) => text)).toEqual(rows.map((row) => JSON.stringify(row)));
    expect(frames.map(({ decoding }) => JSON.parse(decoding).form)).toEqual(rows.map(() => 'row'));
  });

  it('of a row of a gateway that is run again with what was beside it, of one by HTTP as it came', async () => {
    const bench = await start();
    const frame = Buffer.from('02bc00fa', 'hex').toString('base64');
    const row = {
      device: 'ph-1',
      at: formatTime(NOW - 1_000),
      values: { ph: 7 },
      frame,
      framing: 'all:2',
    };
    const late = bench.registry.devices.splice(-2, 2);
    const batch = { epoch: 'e', seq: 1, lane: 'live', readings: [row] };
    await bench.send({ kind: 'gateway', id: 'gw-1' }, topics.gatewayReadings('gw-1'), batch);
    const posted = { ...row, device: 'air-1', values: { pm25: 500 } };
    await bench.pipeline.acceptHttp(
      { readings: [posted] },
      { name: 'officer', allows: () => true },
    );
    bench.registry.devices.push(...late);
    expect(await bench.pipeline.rerunQuarantine()).toMatchObject({ accepted: 2 });
    const form = async (id: string) =>
      (await kept(bench, id)).map(({ decoding, text }) => [JSON.parse(decoding).form, text.length]);
    expect(await form('ph-1')).toEqual([['frame', 4]]);
    expect(await form('air-1')).toEqual([['row', JSON.stringify(posted).length]]);
  });
});
