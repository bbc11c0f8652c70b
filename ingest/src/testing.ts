/** A pipeline over a real embedded store in a temporary folder, with a few registered devices, for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, systemTimer, type Timer } from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import type { Principal, Registry } from '@village/registry';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { Pipeline } from './pipeline/pipeline.ts';

export const NOW = Date.UTC(2026, 10, 24, 4);

/** A device with every option defaulted. */
export function testDevice(id: string, profile: string, more: Partial<Device> = {}): Device {
  return {
    id,
    name: id,
    profile,
    area: '330522200001',
    gateway: null,
    address: id,
    options: {},
    longitude: null,
    latitude: null,
    clock: 'keep',
    ...more,
  };
}

/** A registry over a plain list that tests may change. */
export class TestRegistry implements Registry {
  readonly devices: Device[];

  constructor(devices: Device[]) {
    this.devices = devices;
  }

  device(id: string): Device | undefined {
    return this.devices.find((device) => device.id === id);
  }

  byAddress(profile: string, address: string): Device | undefined {
    return this.devices.find((device) => device.profile === profile && device.address === address);
  }

  verifyKey(): Principal | undefined {
    return undefined;
  }

  verify(username: string, secret: string): Principal | undefined {
    if (secret !== `secret of ${username}`) return undefined;
    if (this.device(username) !== undefined) return { kind: 'device', id: username };
    return this.devices.some((device) => device.gateway === username)
      ? { kind: 'gateway', id: username }
      : undefined;
  }
}

export interface Bench {
  readonly pipeline: Pipeline;
  readonly store: TimeSeriesStore;
  readonly registry: TestRegistry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  /** Sends one payload (text, or an object as JSON) and waits until it is durable. */
  send(
    principal: Principal,
    topic: string,
    payload: unknown,
    receivedAt?: number,
    dup?: boolean,
  ): Promise<void>;
  close(): Promise<void>;
  /** Closes it and leaves the folder for another. */
  closeKeeping(): Promise<string>;
}

/** Profiles of the built-in catalogue, and those given; `timer` is what the pipeline holds senders back by. */
export async function testPipeline(
  devices: Device[],
  {
    profiles,
    timer = systemTimer,
    folder = mkdtempSync(join(tmpdir(), 'village-ingest-')),
  }: {
    readonly profiles?: ReadonlyMap<string, DeviceProfile>;
    readonly timer?: Timer;
    readonly folder?: string;
  } = {},
): Promise<Bench> {
  const store = await openTimeSeries({ folder, timer: systemTimer });
  const registry = new TestRegistry(devices);
  const loaded = profiles ?? loadCatalog([builtinCatalog]).profiles;
  const pipeline = new Pipeline({
    store,
    registry,
    profiles: loaded,
    timer: { ...timer, now: () => NOW },
  });
  return {
    pipeline,
    store,
    registry,
    profiles: loaded,
    send: (principal, topic, payload, receivedAt = NOW, dup = false) =>
      new Promise((resolve) => {
        const bytes = Buffer.isBuffer(payload)
          ? payload
          : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
        pipeline.accept({ principal, topic, payload: bytes, receivedAt, dup }, () => resolve());
      }),
    closeKeeping: async () => {
      await store.close();
      return folder;
    },
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
