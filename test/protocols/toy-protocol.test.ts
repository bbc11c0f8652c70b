/**
 * A protocol is added by its folders and one line in each index: from a simulated wire over the gateway to the stored
 * reading, and from an MQTT client with a sign of its own. What is given here as a list is the list of each index.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@village/broker';
import { seededRandom, systemClock, systemTimer } from '@village/core';
import {
  builtinCatalog,
  builtinProtocols,
  type DeviceProfile,
  loadCatalog,
} from '@village/device-profiles';
import { builtinDrivers, readConfig, silentLog, startGateway } from '@village/gateway';
import { builtinDialects, mqttHooks, Pipeline } from '@village/ingest';
import { type Bench, testDevice, testPipeline } from '@village/ingest/testing';
import { builtinWires, gatewayYaml, planDevice, playCounty } from '@village/simulators';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, until } from '../lib/processes.ts';
import { toyDialect } from './toy/dialect.ts';
import { toyDriver } from './toy/driver.ts';
import { toyProtocol } from './toy/profile.ts';
import { toyWire } from './toy/wire.ts';

const yaml = `profile: acme/pond
revision: 1
name: { zh: 鱼塘, en: Pond }
kind: water-quality
protocol: toy
toy: { every: 1s }
metrics:
  - { key: oxygen, quantity: water.dissolved-oxygen, from: { word: 1 }, range: [0, 20] }
  - { key: temp, quantity: water.temperature, from: { word: 2 }, range: [0, 40] }
examples:
  - name: the beginning
    frame: { line: B 72 185 }
    readings: { oxygen: 7.2, temp: 18.5 }
  - name: a difference without a beginning
    frame: { line: D 1 1 }
    error: frame-too-short
`;

const cleanups: (() => unknown)[] = [];
let folder: string;
let profiles: ReadonlyMap<string, DeviceProfile>;
let bench: Bench;
let mqttPort: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'village-toy-'));
  mkdirSync(join(folder, 'catalog', 'acme'), { recursive: true });
  writeFileSync(join(folder, 'catalog', 'acme', 'pond.yaml'), yaml);
  const catalog = [builtinCatalog, join(folder, 'catalog')];
  const loaded = loadCatalog(catalog, [...builtinProtocols, toyProtocol]);
  expect(loaded.faults).toEqual([]);
  profiles = loaded.profiles;
  expect(loadCatalog(catalog).faults).not.toEqual([]);
  bench = await testPipeline(
    [testDevice('pond-1', 'acme/pond', { gateway: 'gw-01' }), testDevice('pond-9', 'acme/pond')],
    { profiles },
  );
  const { store, registry } = bench;
  const dialects = [...builtinDialects, toyDialect];
  const pipeline = new Pipeline({ store, registry, profiles, timer: systemTimer, dialects });
  const broker = createBroker(mqttHooks(pipeline, systemClock));
  mqttPort = (await broker.listen(0, '127.0.0.1')).port;
  cleanups.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => bench.close(),
    () => broker.close(1_000),
  );
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

it('from its simulated wire over the gateway into the store', async () => {
  const wires = [...builtinWires, toyWire];
  const wire = toyWire.addresses({ port: await freePort() })({ id: 'pond-1', gateway: 'gw-01' });
  const single = { profile: 'acme/pond', id: 'pond-1', seed: 1, wire };
  const one = planDevice(single, profiles);
  const plan = {
    ...one,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    devices: one.devices.map((device) => ({ ...device, gateway: 'gw-01' })),
    secrets: new Map([['gw-01', 'secret of gw-01']]),
  };
  const { signal } = new AbortController();
  const play = await playCounty(plan, { timer: systemTimer, signal, wires });
  cleanups.push(() => play.close());
  const drivers = [...builtinDrivers, toyDriver];
  const text = gatewayYaml(plan, 'gw-01', join(folder, 'gateway'), wires);
  const { config, faults } = readConfig(text, {}, folder, drivers);
  if (config === null) throw new Error(JSON.stringify(faults));
  const gateway = await startGateway(config, {
    timer: systemTimer,
    random: seededRandom(1),
    log: silentLog,
    catalog: profiles,
    drivers,
  });
  cleanups.push(() => gateway.stop());
  await until('readings in the store', () => bench.store.latest('pond-1').length === 2);
  // Later lines carry differences: the decoder of the session adds them up.
  const lines = (): number => (gateway.counters().drivers['toy'] as { lines: number }).lines;
  await until('differences', () => lines() > 20);
  for (const { metric, value, at } of bench.store.latest('pond-1')) {
    const truth = play.model.value('pond-1', metric, at);
    expect(Math.abs(value - truth), `${metric} ${value} ${truth}`).toBeLessThan(0.2);
  }
  expect(gateway.counters().intake).toMatchObject({ undecodable: {} });
  expect(play.counters()['toy']?.['said']).toBeGreaterThan(0);
});

it('refuses a connection that is of another driver', () => {
  const text = (connection: string): string => `
gateway: gw-01
uplink: { url: "mqtt://127.0.0.1:1", secret: s }
devices: [{ id: pond-1, profile: acme/pond, connection: ${connection} }]
`;
  const drivers = [...builtinDrivers, toyDriver];
  const faults = (connection: string) =>
    readConfig(text(connection), {}, folder, drivers).faults.map(({ path }) => path);
  expect(faults('{ host: 127.0.0.1, line: 7 }')).toEqual([]);
  expect(faults('{ host: 127.0.0.1, line: seven }')).toEqual(['devices[0].connection.line']);
});

it('from an MQTT client that signs in with a token and names no device', async () => {
  const sign = { host: '127.0.0.1', port: mqttPort, reconnectPeriod: 0, clientId: 'any' };
  const stranger = mqtt.connectAsync({ ...sign, username: 'token-of-nobody', password: 'x' });
  await expect(stranger).rejects.toThrow();
  const client = await mqtt.connectAsync({ ...sign, username: 'token-of-pond-9', password: 'x' });
  cleanups.push(() => client.endAsync(true));
  await client.publishAsync('toy/me/say', 'B 72 185', { qos: 1 });
  const values = bench.store.latest('pond-9').map(({ metric, value }) => [metric, value]);
  expect(Object.fromEntries(values)).toEqual({ oxygen: 7.2, temp: 18.5 });
});
