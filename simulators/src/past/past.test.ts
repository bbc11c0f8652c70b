import {
  DAY,
  formatTime,
  HOUR,
  MINUTE,
  OperationalError,
  SECOND,
  systemTimer,
  type WireBatch,
} from '@village/core';
import { type DeviceProfile, decode, encode } from '@village/device-profiles';
import { MODBUS } from '@village/device-profiles/modbus';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CountyModel } from '../county/county-model.ts';
import type { CountyPlan } from '../county/county-plan.ts';
import { planCounty } from '../county/plan.ts';
import { loadScenario, MILD_SCENARIO, Script } from '../play/scenario.ts';
import { catalogProfiles, forever, TestBroker } from '../testing.ts';
import { Uplink } from '../uplink/uplink.ts';
import { mqttWire } from '../wires/mqtt/index.ts';
import { Speaker } from '../wires/mqtt/speaker.ts';
import { fillPast } from './fill.ts';
import { Batching, PolledPast } from './rows.ts';
import { cut, Slots, slotsOf } from './slots.ts';

const profiles = catalogProfiles();
const END = Date.UTC(2026, 5, 1, 4, 7);

function planned(devices: number, mqttUrl = 'mqtt://127.0.0.1:1'): CountyPlan {
  return planCounty({ seed: 7, devices, profiles, mqttUrl });
}

const profileOf = (plan: CountyPlan, id: string): DeviceProfile => {
  const device = plan.devices.find((one) => one.id === id);
  const profile = plan.profiles.get(device?.profile ?? '');
  if (profile === undefined) throw new Error(`no profile of ${id}`);
  return profile;
};

describe('slots', () => {
  const plan = planned(60);

  it('are one in each report interval of the device, wherever the span is cut', () => {
    const whole = { from: END - 3 * DAY, to: END };
    for (const [index, slots] of slotsOf(plan).entries()) {
      const { reportEveryMs } = profileOf(plan, plan.devices[index]?.id ?? '');
      const times = [...slots.in(whole)];
      const intervals = times.map((at) => Math.floor(at / reportEveryMs));
      expect(new Set(intervals).size).toBe(times.length);
      expect((intervals.at(-1) ?? 0) - (intervals[0] ?? 0)).toBe(times.length - 1);
      expect(times.length).toBe(slots.count(whole));
      expect(Math.abs(times.length - (3 * DAY) / reportEveryMs)).toBeLessThanOrEqual(1);
      const middle = END - 29 * HOUR - 17;
      const parts = [
        ...slots.in({ from: whole.from, to: middle }),
        ...slots.in({ from: middle, to: END }),
      ];
      expect(parts).toEqual(times);
    }
  });

  it('are sent the newest first, and of too many rows the oldest is left out', () => {
    const spans = [
      { from: END - 20 * DAY, to: END - 15 * DAY },
      { from: END - 2 * DAY, to: END },
    ];
    const slots = slotsOf(plan);
    const { pieces, rows } = cut(slots, spans, 1e9);
    expect(pieces[0]?.to).toBe(END);
    expect(pieces.at(-1)?.from).toBe(END - 20 * DAY);
    for (const [index, piece] of pieces.entries()) {
      const next = pieces[index + 1];
      expect(piece.to - piece.from).toBeLessThanOrEqual(DAY);
      if (next !== undefined) expect(next.to).toBeLessThanOrEqual(piece.from);
    }
    const ms = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(ms).toBe(7 * DAY);
    const of = (list: typeof pieces): number =>
      slots.reduce((sum, one) => sum + list.reduce((all, piece) => all + one.count(piece), 0), 0);
    expect(rows).toBe(of(spans));
    const half = cut(slots, spans, Math.floor(rows / 2));
    expect(half.rows).toBeLessThanOrEqual(rows / 2);
    expect(half.from).toBe(half.pieces.at(-1)?.from);
    expect(half.pieces).toEqual(pieces.slice(0, half.pieces.length));
    expect(cut(slots, spans, 0)).toEqual({ pieces: [], rows: 0, from: null });
  });
});

describe('what was measured', () => {
  const plan = planned(100);
  const past = new CountyModel(plan);
  // As it is played: with a scenario that begins where the past ends.
  const live = new CountyModel(plan, new Script(plan.seed, loadScenario(MILD_SCENARIO), END));

  it('is, of devices that are polled, what the county reads of them at that time', () => {
    const polled = plan.devices.filter(({ wire }) => wire.kind === MODBUS);
    expect(new Set(polled.map(({ profile }) => profile)).size).toBeGreaterThan(4);
    for (const device of polled)
      for (const at of [END - 29 * DAY, END - HOUR, END - 1, END]) {
        const profile = profileOf(plan, device.id);
        const { options, address } = device;
        const frame = encode(profile, live.values(device, at), { at, address, options });
        const { readings } = decode(profile, frame, { options });
        const { readings: rows } = new PolledPast(device, past).rows(at);
        expect(rows).toHaveLength(1);
        expect(rows[0]).toMatchObject({ device: device.id, at: formatTime(at) });
        expect(Object.entries(rows[0]?.values ?? {}).sort()).toEqual(
          readings.map(({ metric, value }) => [metric, value]).sort(),
        );
      }
  });

  it('is, of devices that speak themselves, the message that they would have sent', () => {
    for (const device of plan.devices.filter(({ wire }) => wire.kind !== MODBUS)) {
      const said: { topic: string; payload: Uint8Array | string }[] = [];
      const uplink = new Uplink({
        ...{ url: 'mqtt://127.0.0.1:1', id: device.id, secret: '', reconnectMs: 1e6 },
        ...{ windowMax: 1, queueMax: 1 },
      });
      uplink.offer = (topic, payload) => said.push({ topic, payload });
      const at = END - 1_234_567;
      new Speaker(device, live, uplink, false).speak(at);
      const late = mqttWire.late?.(device, profileOf(plan, device.id));
      expect(said.length).toBeGreaterThan(0);
      expect(late?.messages(past.values(device, at), at)).toMatchObject(said);
      void uplink.close();
    }
  });

  it('has no step where the past ends and the live county begins', () => {
    for (const device of plan.devices) {
      const before = past.values(device, END - 1);
      const after = live.values(device, END);
      for (const [key, value] of Object.entries(before)) {
        const profile = profileOf(plan, device.id);
        const metric = profile.metrics[profile.metricIndex.get(key) ?? -1];
        if (metric?.states !== undefined) continue;
        const [low, high] = metric?.range ?? [0, 1];
        expect(Math.abs((after[key] ?? Number.NaN) - value)).toBeLessThan(
          1e-3 * (high - low) + 0.01,
        );
      }
    }
  });
});

describe('batches', () => {
  const row = (n: number) => ({
    readings: [{ device: 'd', at: new Date(n).toISOString(), values: { x: n } }],
    events: [],
  });

  it('hold no more rows and bytes than they may, and all of them', () => {
    const batching = new Batching(3, 1_000);
    const batches = [1, 2, 3, 4, 5, 6, 7].map((n) => batching.add(row(n)));
    const all = [...batches, batching.take()].filter((batch) => batch !== null);
    expect(all.map(({ rows }) => rows)).toEqual([3, 3, 1]);
    const values = all.flatMap(({ body }) =>
      (JSON.parse(`{${body}}`) as WireBatch).readings.map(({ values: { x } }) => x),
    );
    expect(values).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(batching.take()).toBeNull();
    const size = JSON.stringify(row(1).readings[0]).length;
    const narrow = new Batching(100, 2 * size + 3);
    expect([1, 2, 3].map((n) => narrow.add(row(n))?.rows ?? 0)).toEqual([0, 0, 2]);
    expect(() => new Batching(3, 10).add(row(1))).toThrow(OperationalError);
  });
});

describe('sending', () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = new TestBroker();
    await broker.open();
  });
  afterEach(() => broker.close());

  const common = { timer: systemTimer, epoch: 'past-1', signal: forever };
  const batchesOf = (gateway: string): WireBatch[] =>
    broker.heard
      .filter(({ topic }) => topic === `village/v1/gateways/${gateway}/readings`)
      .map(({ payload }) => JSON.parse(payload.toString()) as WireBatch);

  it('gives each gateway its batches without a gap in the backfill lane, and each other device its own messages', async () => {
    const plan = planned(60, broker.url);
    const { pieces, rows } = cut(slotsOf(plan), [{ from: END - 2 * DAY, to: END }], 1e9);
    const done: object[] = [];
    const sent = await fillPast(plan, { ...common, pieces, onPiece: (piece) => done.push(piece) });
    expect(sent).toBe(rows);
    expect(done).toEqual(pieces);
    const batches = batchesOf('gw-01');
    expect(batches.map(({ seq }) => seq)).toEqual(batches.map((_, index) => index + 1));
    expect(new Set(batches.map(({ lane, epoch }) => `${epoch} ${lane}`))).toEqual(
      new Set(['past-1 backfill']),
    );
    const times = new Map<string, string[]>();
    for (const { readings } of batches)
      for (const { device, at } of readings) times.set(device, [...(times.get(device) ?? []), at]);
    for (const device of plan.devices) {
      const slots = new Slots(device, profileOf(plan, device.id), plan.seed);
      const wanted = [...slots.in({ from: END - 2 * DAY, to: END })];
      if (device.wire.kind === MODBUS)
        expect((times.get(device.id) ?? []).sort()).toEqual(wanted.map((at) => formatTime(at)));
      else {
        // On a connection beside the live one, which is of the same credential.
        const client = `${device.gateway ?? device.id}-past`;
        const own = broker.heard.filter((one) => one.client === client);
        expect(
          own.filter(({ topic }) => topic.includes(device.address)).length,
        ).toBeGreaterThanOrEqual(wanted.length);
      }
    }
  }, 60_000);

  it('leaves out who is not let in, and says so', async () => {
    const plan = planned(40, broker.url);
    const bin = plan.devices.find(({ id }) => id.startsWith('bin'))?.id ?? '';
    broker.refused.add(bin);
    const left: string[] = [];
    const pieces = [{ from: END - 3 * HOUR, to: END }];
    await fillPast(plan, {
      ...{ ...common, pieces, connectWithinMs: 3 * SECOND },
      onLeftOut: (credential) => left.push(credential),
    });
    expect(left).toEqual([bin]);
    expect(batchesOf('gw-01').length).toBeGreaterThan(0);
  }, 60_000);

  it('fails when nothing is acknowledged, and stops when it is told to', async () => {
    const plan = planned(20, broker.url);
    const pieces = [{ from: END - 3 * HOUR, to: END }];
    broker.deaf = true;
    const stalled = fillPast(plan, { ...common, pieces, stallMs: 2 * SECOND });
    await expect(stalled).rejects.toMatchObject({ code: 'broker-silent' });
    const stop = new AbortController();
    const stopped = fillPast(plan, { ...common, pieces, signal: stop.signal });
    setTimeout(() => stop.abort(new Error('told to stop')), 100);
    await expect(stopped).rejects.toThrow('told to stop');
    const away = planned(20, 'mqtt://127.0.0.1:9');
    await expect(
      fillPast(away, { ...common, pieces, stallMs: MINUTE, connectWithinMs: SECOND }),
    ).rejects.toMatchObject({ code: 'not-connected' });
  }, 60_000);
});
