/** The gateway's configuration: read from YAML, checked whole, without touching the network. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DAY, ID_PATTERN, parseDuration } from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** One fault of a configuration and where it is, for example `devices[3].connection.unit`. */
export interface ConfigFault {
  readonly path: string;
  readonly message: string;
}

/** How a Modbus TCP device is reached. Devices of one host and port share one connection and one queue. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly unit: number;
  /** Longest wait for one answer, ms. */
  readonly timeout: number;
  /** Silence kept on the connection between an answer and the next request, ms. */
  readonly pause: number;
  /** Requests under way on the connection at once; the smallest wish of its devices counts. */
  readonly inFlight: number;
}

export interface DeviceConfig {
  readonly id: string;
  readonly profile: string;
  /** Name on its own wire; the id when not given. */
  readonly address?: string | undefined;
  /** Modbus devices only. */
  readonly connection?: Connection | undefined;
  /** Modbus devices only: poll interval in ms instead of the profile's. */
  readonly every?: number | undefined;
  /** MQTT devices only. */
  readonly secret?: string | undefined;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface GatewayConfig {
  readonly gateway: string;
  readonly uplink: { readonly url: string; readonly secret: string };
  /** Folder of the outbox. */
  readonly data: string;
  /** Folders of device profiles beside the built-in ones. */
  readonly catalogs: readonly string[];
  readonly outbox: { readonly megabytes: number; readonly backfillRowsPerSecond: number };
  /** Listener for local devices; absent when there are none. */
  readonly mqtt?: { readonly port: number; readonly host: string } | undefined;
  readonly devices: readonly DeviceConfig[];
}

/** A device with its profile, ready to run. */
export interface BoundDevice {
  readonly id: string;
  readonly address: string;
  readonly profile: DeviceProfile;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly connection: Connection | undefined;
  readonly everyMs: number;
  readonly secret: string | undefined;
}

const DEVICES_MAX = 5_000;

const id = z.string().regex(ID_PATTERN, 'must be 1 to 64 letters, digits, - or _');
const duration = (low: number, high: number) =>
  z
    .string()
    .transform(parseDuration)
    .refine(
      (ms) => ms >= low && ms <= high,
      `must be a duration such as 500ms, 10s or 5m, from ${low} ms to ${high} ms`,
    );
const port = z.int().min(0).max(65_535);

const connection = z.strictObject({
  host: z.string().min(1).max(255),
  port: port.min(1).default(502),
  unit: z.int().min(0).max(255).default(1),
  timeout: duration(10, 60_000).default(1_000),
  pause: duration(0, 60_000).default(0),
  inFlight: z.int().min(1).max(8).default(1),
});

const device = z.strictObject({
  id,
  profile: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'must be vendor/model'),
  address: z.string().min(1).max(128).optional(),
  connection: connection.optional(),
  every: duration(100, DAY).optional(),
  secret: z.string().min(1).max(256).optional(),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});

/** Without user and password: those have their own fields, and the address is logged. */
const UPLINK_URL = /^mqtts?:\/\/[^/\s@]+$/;
const UPLINK_URL_FAULT = 'must be mqtt://host:port or mqtts://host:port';

const schema = z.strictObject({
  gateway: id,
  uplink: z.strictObject({
    url: z.string().regex(UPLINK_URL, UPLINK_URL_FAULT),
    secret: z.string().min(1).max(256).optional(),
    secretFile: z.string().min(1).optional(),
  }),
  data: z.string().min(1).default('./gateway-data'),
  catalogs: z.array(z.string().min(1)).max(32).default([]),
  outbox: z
    .strictObject({
      megabytes: z.int().min(1).max(1_048_576).default(512),
      backfillRowsPerSecond: z.int().min(1).max(1_000_000).default(5_000),
    })
    .prefault({}),
  mqtt: z
    .strictObject({ port: port.default(1884), host: z.string().default('0.0.0.0') })
    .optional(),
  devices: z.array(device).max(DEVICES_MAX),
});

/** `['devices', 3, 'id']` as `devices[3].id`. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) =>
      typeof part === 'number' ? `[${part}]` : at === 0 ? String(part) : `.${String(part)}`,
    )
    .join('');
}

/** The uplink's secret by order of precedence: environment, file, configuration. */
function readSecret(
  uplink: z.infer<typeof schema>['uplink'],
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  faults: ConfigFault[],
): string {
  const fromEnv = env['VILLAGE_GATEWAY_SECRET'];
  if (fromEnv !== undefined && fromEnv !== '') return fromEnv;
  if (uplink.secretFile !== undefined) {
    try {
      const text = readFileSync(resolve(folder, uplink.secretFile), 'utf8').trim();
      if (text !== '') return text;
      faults.push({ path: 'uplink.secretFile', message: 'the file is empty' });
    } catch (error) {
      faults.push({
        path: 'uplink.secretFile',
        message: `can't be read: ${(error as Error).message}`,
      });
    }
    return '';
  }
  if (uplink.secret !== undefined) return uplink.secret;
  faults.push({
    path: 'uplink.secret',
    message: 'give secret, secretFile or VILLAGE_GATEWAY_SECRET',
  });
  return '';
}

function duplicates(devices: readonly DeviceConfig[], faults: ConfigFault[]): void {
  const seen = new Map<string, number>();
  devices.forEach((one, at) => {
    const first = seen.get(one.id);
    if (first === undefined) seen.set(one.id, at);
    else
      faults.push({ path: `devices[${at}].id`, message: `${one.id} is already devices[${first}]` });
  });
}

/**
 * Reads a configuration text. Relative folders are taken from `folder`. All faults are collected; `config` is null
 * when there is any.
 */
export function readConfig(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): { config: GatewayConfig | null; faults: ConfigFault[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => {
      const place = lines.linePos(error.pos[0]);
      return { path: `line ${place.line}, column ${place.col}`, message: error.message };
    });
    return { config: null, faults };
  }
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => ({
      path: pathText(issue.path),
      message: issue.message,
    }));
    return { config: null, faults };
  }
  const faults: ConfigFault[] = [];
  const { uplink, ...rest } = parsed.data;
  const secret = readSecret(uplink, env, folder, faults);
  const url = env['VILLAGE_UPLINK_URL'] || uplink.url;
  if (!UPLINK_URL.test(url)) faults.push({ path: 'VILLAGE_UPLINK_URL', message: UPLINK_URL_FAULT });
  duplicates(rest.devices, faults);
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(folder, path));
  const config: GatewayConfig = {
    ...rest,
    uplink: { url, secret },
    data: absolute(rest.data),
    catalogs: rest.catalogs.map(absolute),
  };
  return { config: faults.length === 0 ? config : null, faults };
}

function checkProtocol(
  one: DeviceConfig,
  profile: DeviceProfile,
  hasListener: boolean,
  path: string,
  faults: ConfigFault[],
): void {
  if (profile.protocol === 'modbus') {
    if (one.connection === undefined)
      faults.push({ path: `${path}.connection`, message: 'a Modbus device needs a connection' });
    if (one.secret !== undefined)
      faults.push({ path: `${path}.secret`, message: 'a Modbus device has no secret' });
    return;
  }
  if (one.secret === undefined)
    faults.push({ path: `${path}.secret`, message: 'an MQTT device needs a secret' });
  if (one.connection !== undefined)
    faults.push({ path: `${path}.connection`, message: 'an MQTT device connects by itself' });
  if (one.every !== undefined)
    faults.push({ path: `${path}.every`, message: 'an MQTT device is not polled' });
  if (!hasListener) faults.push({ path: 'mqtt', message: `needed by the MQTT device ${one.id}` });
}

/** Joins devices with their profiles and collects what does not fit together. */
export function bindDevices(
  config: GatewayConfig,
  profiles: ReadonlyMap<string, DeviceProfile>,
): { devices: BoundDevice[]; faults: ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const devices: BoundDevice[] = [];
  /** By id and by address, either of which an MQTT device signs in with. */
  const names = new Map<string, number>();
  config.devices.forEach((one, at) => {
    const path = `devices[${at}]`;
    const profile = profiles.get(one.profile);
    if (profile === undefined) {
      faults.push({ path: `${path}.profile`, message: `no profile ${one.profile}` });
      return;
    }
    checkProtocol(one, profile, config.mqtt !== undefined, path, faults);
    for (const message of optionFaults(profile, one.options))
      faults.push({ path: `${path}.options`, message });
    const address = one.address ?? one.id;
    if (profile.protocol === 'mqtt')
      for (const name of new Set([address, one.id])) {
        const first = names.get(name);
        if (first === undefined) names.set(name, at);
        else
          faults.push({ path: `${path}.address`, message: `${name} is already devices[${first}]` });
      }
    devices.push({
      id: one.id,
      address,
      profile,
      options: one.options,
      connection: one.connection,
      everyMs: one.every ?? profile.everyMs,
      secret: one.secret,
    });
  });
  return { devices, faults };
}

/** Faults as lines for people. */
export function faultText(faults: readonly ConfigFault[]): string {
  return faults.map((fault) => `${fault.path}: ${fault.message}`).join('\n');
}
