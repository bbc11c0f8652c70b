/**
 * The side under test, in a process of its own: the product's broker, pipeline and embedded store, with devices
 * registered in memory. Speaks with its parent by messages.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createBroker } from '@village/broker';
import { DAY, type Device, HOUR, systemTimer } from '@village/core';
import { parseProfile } from '@village/device-profiles';
import { mqttHooks, Pipeline, type Principal, type Registry } from '@village/ingest';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { deviceId, gatewayId, METRICS, ROWS_PER_BATCH, SECRET } from './packets.ts';
import { PROFILE, profileYaml } from './profile.ts';

const COUNTY = '330522000000';
const townshipOf = (n: number): string => `330522${String(1 + (n % 15)).padStart(3, '0')}000`;

/** Every device and gateway that the load may name, all with the same secret. */
function registry(devices: number, viaGateways: boolean): Registry {
  const all = new Map<string, Device>();
  for (let n = 0; n < devices; n++) {
    const id = deviceId(n);
    const gateway = viaGateways ? gatewayId(Math.floor(n / ROWS_PER_BATCH)) : null;
    all.set(id, {
      id,
      name: id,
      profile: PROFILE,
      area: townshipOf(n),
      gateway,
      address: id,
      options: {},
      longitude: null,
      latitude: null,
      clock: 'keep',
    });
  }
  const principals = new Map<string, Principal>();
  for (const device of all.values()) {
    principals.set(device.id, { kind: 'device', id: device.id });
    if (device.gateway !== null)
      principals.set(device.gateway, { kind: 'gateway', id: device.gateway });
  }
  return {
    device: (id) => all.get(id),
    byAddress: (_profile, address) => all.get(address),
    verifyKey: () => undefined,
    verify: (username, secret) => (secret === SECRET ? principals.get(username) : undefined),
  };
}

export interface ServeOptions {
  readonly devices: number;
  readonly viaGateways: boolean;
  /** Seal and query all the time while measuring. */
  readonly busy: boolean;
}

export interface ServeReport {
  readonly cpuSeconds: number;
  readonly rssMaxMb: number;
  readonly rows: number;
  /** Rows of different (device, time), asked of the store. */
  readonly distinctRows: number;
  readonly quarantined: number;
  readonly flushes: number;
  readonly queries: number;
  /** How late the thread that acknowledges was, beyond its 5 ms of looking. */
  readonly loopDelayMs: { readonly p99: number; readonly max: number };
  readonly commitMs: { readonly p50: number; readonly p99: number };
}

/** Flushes every second or so and asks all the time, until stopped. */
async function keepBusy(
  store: TimeSeriesStore,
  devices: number,
  running: () => boolean,
): Promise<number> {
  let queries = 0;
  const flushes = (async () => {
    while (running()) {
      await store.flush();
      await systemTimer.sleep(2000);
    }
  })();
  while (running()) {
    const to = Date.now() + HOUR;
    await store.range({ device: deviceId(queries % devices), from: to - DAY, to, limit: 10_000 });
    await store.aggregate({
      columns: [{ profile: PROFILE, metric: 'pm25' }],
      area: COUNTY,
      from: to - 7 * DAY,
      to,
      everyMs: HOUR,
      offsetMs: 8 * HOUR,
      aggregates: ['avg', 'max'],
      groupBy: 'township',
    });
    queries += 2;
    await systemTimer.sleep(20);
  }
  await flushes;
  return queries;
}

async function serve(options: ServeOptions): Promise<void> {
  const { profile, faults } = parseProfile(profileYaml, 'bench/station.yaml');
  if (profile === undefined) throw new Error(JSON.stringify(faults));
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  const store = await openTimeSeries({ folder, timer: systemTimer });
  const known = registry(options.devices, options.viaGateways);
  store.locate(
    new Map(
      Array.from({ length: options.devices }, (_, n) => [
        deviceId(n),
        { county: COUNTY, township: townshipOf(n), village: null },
      ]),
    ),
  );
  const pipeline = new Pipeline({
    store,
    registry: known,
    profiles: new Map([[PROFILE, profile]]),
    timer: systemTimer,
  });
  const broker = createBroker(mqttHooks(pipeline, systemTimer.now), {
    limits: {
      connectionsMax: 10_000,
      connectionsPerAddressMax: 10_000,
      connectsPerAddressPerSecond: 100_000,
      messagesPerSecond: 1_000_000,
    },
  });
  const { port } = await broker.listen(0, '127.0.0.1');
  let busy = true;
  const work = options.busy ? keepBusy(store, options.devices, () => busy) : Promise.resolve(0);
  let before = process.cpuUsage();
  let cpuSeconds = 0;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  process.on('message', (message: 'measuring' | 'measured' | 'verify' | 'stop') => {
    if (message === 'measuring') {
      before = process.cpuUsage();
      delay.enable();
    }
    if (message === 'measured') {
      delay.disable();
      const { user, system } = process.cpuUsage(before);
      cpuSeconds = (user + system) / 1e6;
    }
    if (message === 'verify') void verify();
    if (message === 'stop') void stop();
  });
  const verify = async (): Promise<void> => {
    busy = false;
    const queries = await work;
    await store.commitNow();
    const now = Date.now();
    const counted = await store.aggregate({
      columns: [{ profile: PROFILE, metric: METRICS[0] }],
      area: COUNTY,
      from: now - 7 * DAY,
      to: now + 7 * DAY,
      everyMs: 365 * DAY,
      offsetMs: 0,
      aggregates: ['count'],
      groupBy: 'none',
    });
    const counters = store.counters();
    const report: ServeReport = {
      cpuSeconds,
      rssMaxMb: Math.round(process.resourceUsage().maxRSS / 1024),
      rows: counters.rows,
      distinctRows: counted.reduce((sum, row) => sum + (row.values.count ?? 0), 0),
      quarantined: counters.deadLetters,
      flushes: counters.flushes,
      queries,
      loopDelayMs: { p99: delay.percentile(99) / 1e6 - 5, max: delay.max / 1e6 - 5 },
      commitMs: { p50: counters.commitSeconds.p50 * 1000, p99: counters.commitSeconds.p99 * 1000 },
    };
    process.send?.({ report });
  };
  const stop = async (): Promise<void> => {
    await broker.close(2000);
    await store.close();
    rmSync(folder, { recursive: true, force: true });
    process.disconnect();
  };
  process.send?.({ port });
}

process.once('message', (options: ServeOptions) => void serve(options));
