import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Broker, createBroker } from '@village/broker';
import { formatTime, systemClock, systemTimer, topics } from '@village/core';
import mqtt, { type Packet } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pipeline, type PipelineStore } from '../pipeline/pipeline.ts';
import { type Bench, testDevice, testPipeline } from '../testing.ts';
import { mqttHooks } from './embedded-broker.ts';

const STATION = 'village/air-weather';
let bench: Bench;
let broker: Broker;
let pipeline: Pipeline;
let port = 0;
let fault: Error | null = null;
const sockets: Socket[] = [];

/** The store with a commit fault at will. */
function faulty(store: PipelineStore): PipelineStore {
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'commitFault') return fault;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

beforeEach(async () => {
  fault = null;
  bench = await testPipeline([
    testDevice('air-1', STATION),
    testDevice('air-3', STATION, { gateway: 'gw-1' }),
  ]);
  pipeline = new Pipeline({
    store: faulty(bench.store),
    registry: bench.registry,
    profiles: bench.profiles,
    timer: systemTimer,
  });
  broker = createBroker(mqttHooks(pipeline, systemClock));
  port = (await broker.listen(0, '127.0.0.1')).port;
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker.close(1000);
  await bench.close();
});

class Client {
  readonly socket = connect({ port, host: '127.0.0.1' });
  readonly #packets: Packet[] = [];
  readonly #parser = mqtt.parser();

  constructor(id: string, more: object = {}) {
    sockets.push(this.socket);
    this.#parser.on('packet', (packet) => {
      this.#packets.push(packet);
      this.socket.emit('packet');
    });
    this.socket.on('data', (bytes) => this.#parser.parse(bytes));
    this.socket.on('error', () => this.socket.destroy());
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: id,
      keepalive: 60,
      username: id,
      password: Buffer.from(`secret of ${id}`),
      ...more,
    });
  }

  send(packet: Packet): void {
    this.socket.write(mqtt.generate(packet));
  }

  publish(topic: string, payload: object, qos: 0 | 1 | 2 = 1): void {
    const text = JSON.stringify(payload);
    this.send({
      cmd: 'publish',
      topic,
      payload: text,
      qos,
      messageId: 7,
      dup: false,
      retain: false,
    });
  }

  async next(): Promise<Packet> {
    if (this.#packets.length === 0) await once(this.socket, 'packet');
    const packet = this.#packets.shift();
    if (packet === undefined) throw new Error('no packet');
    return packet;
  }

  get waiting(): number {
    return this.#packets.length;
  }
}

const reading = (id: string, ms: number) => ({
  device: id,
  at: formatTime(ms),
  values: { pm25: 17 },
});

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error('not in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('from a socket into the store', () => {
  it.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('a device: QoS %i is answered with %s when it is durable', async (qos, answer) => {
    const client = new Client('air-1');
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    const now = systemClock();
    client.publish(topics.deviceReadings('air-1'), reading('air-1', now), qos);
    expect(await client.next()).toMatchObject({ cmd: answer, messageId: 7 });
    expect(bench.store.counters()).toMatchObject({ rows: 1, rowsPending: 0 });
    const rows = await bench.store.range({ device: 'air-1', from: now, to: now + 1, limit: 10 });
    expect(rows).toMatchObject([{ values: { pm25: 17 }, lane: 'live' }]);
  });

  it('a device can neither take its place nor speak for another', async () => {
    const thief = new Client('air-1', { password: Buffer.from('guess') });
    expect(await thief.next()).toMatchObject({ cmd: 'connack', returnCode: 5 });
    // Whatever it calls itself, it is who its credential says.
    const client = new Client('air-1', { clientId: 'air-3' });
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    client.publish(topics.deviceReadings('air-3'), reading('air-3', systemClock()));
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(bench.store.counters().rows).toBe(0);
    expect(broker.counters().refused).toEqual({ 'acl-publish': 1, authentication: 1 });
    expect(pipeline.notTaken({ kind: 'device', id: 'air-1' })).toMatchObject([
      { topic: topics.deviceReadings('air-3'), cause: 'acl-publish', count: 1 },
    ]);
  });

  it('clearing what a broker keeps of a topic is acknowledged and is no message', async () => {
    const client = new Client('air-1');
    await client.next();
    for (const qos of [1, 2] as const) {
      const topic = topics.deviceReadings('air-1');
      const nothing = {
        cmd: 'publish',
        topic,
        payload: '',
        qos,
        dup: false,
        retain: true,
      } as const;
      client.send({ ...nothing, messageId: 7 });
      expect(await client.next()).toMatchObject({ cmd: qos === 1 ? 'puback' : 'pubrec' });
    }
    expect(bench.store.counters().rows).toBe(0);
    expect(bench.store.deadLetters({ limit: 10 })).toEqual([]);
    expect(pipeline.notTakenParts('air-1')).toEqual([]);
  });

  it('a gateway: its batch, its will, its commands and their results', async () => {
    const states: boolean[] = [];
    const results: unknown[] = [];
    pipeline.onGatewayStatus((state) => states.push(state.online));
    pipeline.onGatewayResult((gateway, result) => results.push([gateway, result]));
    const will = {
      topic: topics.gatewayStatus('gw-1'),
      payload: '{"online":false}',
      qos: 1,
      retain: true,
    };
    const client = new Client('gw-1', { will });
    await client.next();
    client.publish(topics.gatewayStatus('gw-1'), { online: true });
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    const readings = [reading('air-3', systemClock()), reading('air-1', systemClock())];
    client.publish(topics.gatewayReadings('gw-1'), { epoch: 'e', seq: 1, lane: 'live', readings });
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(bench.store.counters()).toMatchObject({ rows: 1, deadLetters: 1 });
    for (const topic of [topics.gatewayCommands('gw-1'), topics.gatewayCommands('gw-2'), '#']) {
      client.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic, qos: 1 }] });
      const granted = topic === topics.gatewayCommands('gw-1') ? 1 : 128;
      expect(await client.next()).toMatchObject({ cmd: 'suback', granted: [granted] });
    }
    await broker.send(topics.gatewayCommands('gw-1'), '{"id":"c1"}', { qos: 1 });
    expect(await client.next()).toMatchObject({
      cmd: 'publish',
      payload: Buffer.from('{"id":"c1"}'),
    });
    client.publish(topics.gatewayResults('gw-1'), { id: 'c1' });
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    client.socket.resetAndDestroy();
    await until(() => states.length === 2);
    expect(states).toEqual([true, false]);
    expect(results).toEqual([['gw-1', { id: 'c1' }]]);
    expect(pipeline.gateways().get('gw-1')).toMatchObject({ online: false });
    // Who reads the journal sees the same, in the order in which it happened.
    await bench.store.commitNow();
    const seen: unknown[] = [];
    for await (const group of bench.store.follow('reader', null)) {
      for (const { type, subject, detail } of group.system)
        if (subject === 'gw-1') seen.push([type, detail?.['online']]);
      if (group.id === bench.store.head) break;
    }
    expect(seen.filter((_, n) => n < 2)).toEqual([
      ['connect', undefined],
      ['gateway-status', true],
    ]);
    expect(seen.slice(2).toSorted()).toEqual([
      ['disconnect', undefined],
      ['gateway-status', false],
    ]);
  });

  it('answers nothing and reads nothing while the disk refuses, then goes on', async () => {
    const client = new Client('air-1');
    await client.next();
    fault = new Error('no space left');
    client.publish(topics.deviceReadings('air-1'), reading('air-1', systemClock()));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([client.waiting, bench.store.counters().rows]).toEqual([0, 0]);
    const source = { name: 'clerk', allows: () => true };
    await expect(pipeline.acceptHttp({}, source)).rejects.toMatchObject({
      code: 'store-busy',
      retry: true,
    });
    fault = null;
    expect(await client.next()).toMatchObject({ cmd: 'puback' });
    expect(bench.store.counters().rows).toBe(1);
  });
});
