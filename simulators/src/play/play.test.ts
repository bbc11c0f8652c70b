import { MINUTE, type Timer } from '@village/core';
import { type Decoded, type DeviceProfile, decode, type Frame } from '@village/device-profiles';
import { assembleFrame, planReads } from '@village/device-profiles/modbus';
import { matchTopic } from '@village/device-profiles/mqtt';
import modbus from 'modbus-serial';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spokenOf } from '../county/county-model.ts';
import {
  COUNTY,
  type CountyPlan,
  type PlannedDevice,
  type WireAddress,
} from '../county/county-plan.ts';
import { planCounty } from '../county/plan.ts';
import { catalogProfiles, forever, freePort, TestBroker, testProfiles, until } from '../testing.ts';
import { Uplink } from '../uplink/uplink.ts';
import { isModbusAddress } from '../wires/modbus/index.ts';
import { type MqttWireCounters, mqttWire } from '../wires/mqtt/index.ts';
import { type Play, playCounty } from './play.ts';
import { parseScenario } from './scenario.ts';

const { default: ModbusRTU } = modbus;
const profiles = testProfiles();
let broker: TestBroker;
let play: Play | undefined;

beforeEach(async () => {
  broker = new TestBroker();
  await broker.open();
});
afterEach(async () => {
  await play?.close();
  play = undefined;
  await broker.close();
});

/** Time that stands until it is moved; sleepers wake when their time has come. */
class HandTimer implements Timer {
  #now = Date.UTC(2026, 5, 1, 4);
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();

  readonly now = (): number => this.#now;
  readonly elapsed = (): number => this.#now;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      const abort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Moves on in steps of a second, letting what wakes run. */
  async pass(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now += 1_000;
      for (const sleeper of this.#sleepers)
        if (sleeper.at <= this.#now) {
          this.#sleepers.delete(sleeper);
          sleeper.wake();
        }
      await new Promise((done) => setImmediate(done));
    }
  }
}

function device(id: string, more: Partial<PlannedDevice> = {}): PlannedDevice {
  return {
    id,
    name: id,
    profile: 'test/box',
    area: COUNTY,
    gateway: null,
    address: id,
    options: {},
    longitude: null,
    latitude: null,
    everyMs: 10_000,
    wire: mqttWire.addresses(undefined)({ id, gateway: null }),
    ...more,
  };
}

function plan(devices: readonly PlannedDevice[], more: Partial<CountyPlan> = {}): CountyPlan {
  return {
    seed: 1,
    areas: [],
    devices,
    profiles,
    gateways: ['gw-01'],
    networkServer: 'ns-1',
    mqttUrl: broker.url,
    sites: {},
    relayPort: null,
    secrets: new Map(['ns-1', ...devices.map(({ id }) => id)].map((id) => [id, 'secret'])),
    ...more,
  };
}

async function start(
  county: CountyPlan,
  steps = 'steps: []',
): Promise<{ playing: Play; timer: HandTimer }> {
  const timer = new HandTimer();
  play = await playCounty(county, { timer, scenario: parseScenario(steps), signal: forever });
  return { playing: play, timer };
}

const mqttOf = (playing: Play): MqttWireCounters =>
  playing.counters()['mqtt'] as object as MqttWireCounters;

/** Everything that a poll of the device reads. */
async function poll(profile: DeviceProfile, wire: WireAddress): Promise<Frame> {
  if (!isModbusAddress(wire)) throw new Error('not polled');
  const client = new ModbusRTU();
  await client.connectTCP(wire.host, { port: wire.port });
  client.setTimeout(5_000);
  client.setID(wire.unit);
  const reads = planReads(profile);
  const answers: (Uint16Array | boolean[])[] = [];
  for (const { table, address, count } of reads) {
    if (table === 'holding')
      answers.push(Uint16Array.from((await client.readHoldingRegisters(address, count)).data));
    else if (table === 'input')
      answers.push(Uint16Array.from((await client.readInputRegisters(address, count)).data));
    else if (table === 'coil')
      answers.push((await client.readCoils(address, count)).data.slice(0, count));
    else answers.push((await client.readDiscreteInputs(address, count)).data.slice(0, count));
  }
  await new Promise<void>((done) => client.close(() => done()));
  return assembleFrame(reads, answers);
}

const box = profiles.get('test/box') as DeviceProfile;
const decoded = (from: string) =>
  broker.heard
    .filter(({ topic }) => topic === `village/v1/devices/${from}/readings`)
    .map(({ topic, payload }) => decode(box, { protocol: 'mqtt', topic, payload }));

describe('a played county', () => {
  it('publishes what decodes to its values at their times, soon after the start and then regularly', async () => {
    const { playing, timer } = await start(plan([device('b-1'), device('b-2')]));
    await until(() => mqttOf(playing).connected === 2, 'both connections');
    await timer.pass(3_000);
    await until(() => decoded('b-1').length === 1 && decoded('b-2').length === 1, 'first values');
    await timer.pass(60_000);
    await until(() => decoded('b-1').length === 7, 'six more');
    for (const { at, readings } of decoded('b-1')) {
      const told = Object.fromEntries(readings.map(({ metric, value }) => [metric, value]));
      expect(told).toEqual(playing.model.values(device('b-1'), at as number));
    }
    const ats = decoded('b-1').map(({ at }) => at as number);
    expect(new Set(ats.slice(1).map((at, i) => at - (ats[i] as number)))).toEqual(
      new Set([10_000]),
    );
    expect(playing.counters()).toMatchObject({ mqtt: { unsent: 0, dropped: 0, faults: 0 } });
  });

  it('serves Modbus slaves with the county’s values, silent in a dropout', async () => {
    const port = await freePort();
    const wire = (unit: number) => ({ kind: 'modbus', host: '127.0.0.1', port, unit }) as const;
    const polled = [1, 2].map((unit) =>
      device(`m-${unit}`, { profile: 'test/station', wire: wire(unit) }),
    );
    const { playing, timer } = await start(
      plan(polled),
      'steps: [{ at: 1m, for: 1m, what: dropout, devices: { id: m-1 } }]',
    );
    const client = new ModbusRTU();
    await client.connectTCP('127.0.0.1', { port });
    client.setTimeout(5_000);
    const ph = async (unit: number): Promise<number | undefined> => {
      client.setID(unit);
      return (await client.readHoldingRegisters(104, 1)).data[0];
    };
    const truth = (id: string) => Math.round(playing.model.value(id, 'ph', timer.now()) * 100);
    expect([await ph(1), await ph(2)]).toEqual([truth('m-1'), truth('m-2')]);
    await timer.pass(MINUTE);
    client.setTimeout(200);
    await expect(ph(1)).rejects.toThrow(/Timed out/i);
    client.setTimeout(5_000);
    expect(await ph(2)).toBe(truth('m-2'));
    await timer.pass(MINUTE);
    expect(await ph(1)).toBe(truth('m-1'));
    await new Promise<void>((done) => client.close(() => done()));
  });

  it('says over the wires of every type of the catalogue what the county is like', async () => {
    const catalog = catalogProfiles();
    const county = planCounty({
      seed: 4,
      devices: 60,
      profiles: catalog,
      mqttUrl: broker.url,
      sites: { modbus: { port: await freePort() } },
    });
    const { playing, timer } = await start(county);
    await timer.pass(3_000);
    await until(
      () => mqttOf(playing).waiting === 0 && broker.heard.length >= 20,
      'first values of the MQTT devices',
    );
    const told = new Map<string, Decoded[]>();
    for (const { topic, payload } of broker.heard)
      for (const one of county.devices) {
        const profile = playing.model.profile(one);
        if (profile.protocol !== 'mqtt' || matchTopic(profile, topic) !== one.address) continue;
        const frame = { protocol: 'mqtt', topic, payload } as const;
        told.set(one.id, [...(told.get(one.id) ?? []), decode(profile, frame)]);
      }
    for (const one of county.devices) {
      const profile = playing.model.profile(one);
      if (profile.protocol === 'modbus')
        told.set(one.id, [decode(profile, await poll(profile, one.wire))]);
    }
    for (const one of county.devices) {
      const readings = (told.get(one.id) ?? []).flatMap((frame) => frame.readings);
      const profile = playing.model.profile(one);
      expect(readings.map(({ metric }) => metric).sort()).toEqual(
        spokenOf(profile)
          .map(({ key }) => key)
          .sort(),
      );
      // Both rules of a camera, of one second.
      if (one.profile === 'onvif/camera')
        expect(readings.map(({ metric }) => metric)).toEqual(
          expect.arrayContaining(['count-inbound', 'count-outbound', 'motion', 'motion-2']),
        );
      const [first] = told.get(one.id) as [Decoded];
      for (const { metric, value, quality } of readings) {
        const truth = playing.model.value(one.id, metric, first.at ?? timer.now());
        expect(quality, `${one.profile} ${metric}`).toBe('good');
        const off = Math.abs(value - truth);
        expect(off, `${one.profile} ${metric}`).toBeLessThanOrEqual(0.01 * Math.abs(truth) + 0.6);
      }
    }
  });

  it('keeps what it measures in a dropout and sends it after, a restart loses it', async () => {
    const { playing, timer } = await start(
      plan([device('b-1'), device('b-2')]),
      `steps:
        - { at: 1m, for: 1m, what: dropout, devices: { id: b-1 } }
        - { at: 1m, for: 1m, what: restart, devices: { id: b-2 } }`,
    );
    await until(() => mqttOf(playing).connected === 2, 'both connections');
    await timer.pass(MINUTE - 1_000);
    await until(() => mqttOf(playing).waiting === 0, 'all acknowledged');
    const before = broker.heard.length;
    await timer.pass(MINUTE);
    await until(() => mqttOf(playing).connected === 0, 'both cut');
    expect(broker.heard.length).toBe(before);
    await timer.pass(MINUTE);
    await until(
      () => mqttOf(playing).connected === 2 && mqttOf(playing).waiting === 0,
      'both back',
    );
    expect(decoded('b-1').length).toBe(18);
    expect(decoded('b-2').length).toBe(12);
    expect(playing.counters()).toMatchObject({ mqtt: { unsent: 6, dropped: 0 } });
  });

  it('duplicates, reorders and lies about the time as the scenario says', async () => {
    const { playing, timer } = await start(
      plan(['twice', 'turned', 'ahead', 'old'].map((id) => device(id))),
      `steps:
        - { at: 0s, for: 1h, what: duplicate, devices: { id: twice } }
        - { at: 0s, for: 1h, what: reorder, devices: { id: turned } }
        - { at: 0s, for: 1h, what: clock-ahead, by: 2h, devices: { id: ahead } }
        - { at: 0s, for: 1h, what: clock-1970, devices: { id: old } }`,
    );
    await timer.pass(39_000);
    await until(
      () => mqttOf(playing).connected === 4 && mqttOf(playing).waiting === 0,
      'all acknowledged',
    );
    const ats = (id: string) => decoded(id).map(({ at }) => at as number);
    expect(ats('twice').length).toBe(8);
    expect(new Set(ats('twice')).size).toBe(4);
    const [a, b, c, d] = ats('turned') as [number, number, number, number];
    expect([a > b, b < c, c > d]).toEqual([true, true, true]);
    for (const at of ats('ahead')) expect(at).toBeGreaterThan(timer.now() + 70 * MINUTE);
    for (const at of ats('old')) expect(at).toBeLessThan(MINUTE);
  });

  it('lets a network server speak for its devices through one connection', async () => {
    const own = { gateway: 'ns-1', wire: { kind: 'mqtt', credential: 'ns-1' } } as const;
    const { playing, timer } = await start(
      plan([device('l-1', own), device('l-2', own)]),
      'steps: [{ at: 20s, for: 1m, what: dropout, devices: { id: l-1 } }]',
    );
    await timer.pass(90_000);
    await until(
      () => mqttOf(playing).connected === 1 && mqttOf(playing).waiting === 0,
      'all acknowledged',
    );
    expect(new Set(broker.heard.map(({ client }) => client))).toEqual(new Set(['ns-1']));
    expect(decoded('l-2').length).toBe(9);
    expect(decoded('l-1').length + mqttOf(playing).unsent).toBe(9);
    expect(mqttOf(playing).unsent).toBe(6);
  });

  it('cuts the way of the gateway and mends it', async () => {
    const relayPort = await freePort();
    const { timer } = await start(
      plan([], { relayPort }),
      'steps: [{ at: 10s, for: 10s, what: gateway-cut }]',
    );
    const gateway = new Uplink({
      url: `mqtt://127.0.0.1:${relayPort}`,
      id: 'gw-01',
      secret: 's',
      windowMax: 1,
      queueMax: 10,
      reconnectMs: 20,
    });
    await until(() => gateway.connected, 'the gateway connected');
    await timer.pass(12_000);
    await until(() => !gateway.connected, 'the gateway cut off');
    await timer.pass(10_000);
    await until(() => gateway.connected, 'the gateway back');
    await gateway.close();
  });

  it('says which connections fail, and of what', async () => {
    broker.refused.add('b-1');
    const { playing } = await start(plan([device('b-1'), device('b-2')]));
    await until(() => playing.faults().length > 0, 'a fault');
    expect(playing.faults()).toMatchObject([{ connections: 1 }]);
  });

  it('does not start without the secrets it needs', async () => {
    await expect(start(plan([device('b-1')], { secrets: new Map() }))).rejects.toMatchObject({
      code: 'no-secret',
    });
  });
});
