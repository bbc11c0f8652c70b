/** The gateway's configuration: read from YAML, checked whole, without touching the network. */
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { CLOCK_USES, DAY, ID_PATTERN } from '@village/core';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { Driver } from '../drivers/driver.ts';
import { builtinDrivers } from '../drivers/index.ts';
import { duration } from './shapes.ts';
import type { ConfigFault, DeviceConfig, GatewayConfig, UplinkTls } from './types.ts';
import { readUplinkTls } from './uplink-tls.ts';

const DEVICES_MAX = 5_000;

const id = z.string().regex(ID_PATTERN, 'must be 1 to 64 letters, digits, - or _');
/** How far a value is from a shape: a field that the shape does not have says more than one of a wrong kind. */
function distanceOf({ issues }: z.ZodError): number {
  return issues.reduce(
    (sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 2 * issue.keys.length : 1),
    0,
  );
}

/**
 * The shape of `connection`: that of one of the drivers, which tell theirs apart by the fields that they need. When it fits
 * none, the faults are those of the nearest. zod's own union would take a shape that just lacks a field of the value.
 */
function connectionShape(drivers: readonly Driver[]): z.ZodType {
  const shapes = drivers.flatMap(({ connection }) =>
    connection === undefined ? [] : [connection],
  );
  return z.unknown().transform((value, context) => {
    const errors: z.ZodError[] = [];
    for (const shape of shapes) {
      const parsed = shape.safeParse(value);
      if (parsed.success) return parsed.data;
      errors.push(parsed.error);
    }
    const [nearest] = errors.sort((a, b) => distanceOf(a) - distanceOf(b));
    for (const { path, message } of nearest?.issues ?? [])
      context.issues.push({ code: 'custom', path: [...path], message, input: value });
    return z.NEVER;
  });
}

const deviceShape = (drivers: readonly Driver[]) =>
  z.strictObject({
    id,
    profile: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'must be vendor/model'),
    address: z.string().min(1).max(128).optional(),
    connection: connectionShape(drivers).optional(),
    every: duration(100, DAY).optional(),
    clock: z.enum(CLOCK_USES).optional(),
    secret: z.string().min(1).max(256).optional(),
    options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  });

/** Without user and password: those have their own fields, and the address is logged. */
const UPLINK_URL = /^(mqtts?:\/\/[^/\s@]+|wss?:\/\/[^/\s@]+(\/[^\s@]*)?)$/;
const UPLINK_URL_FAULT = 'must be mqtt://host:port, mqtts://host:port or wss://host:port/path';

const uplinkShape = z.strictObject({
  url: z.string().regex(UPLINK_URL, UPLINK_URL_FAULT),
  secret: z.string().min(1).max(256).optional(),
  secretFile: z.string().min(1).optional(),
  tls: z
    .strictObject({
      ca: z.string().min(1).optional(),
      cert: z.string().min(1).optional(),
      key: z.string().min(1).optional(),
    })
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
      message: 'cert and key belong together',
    })
    .optional(),
});

const configShape = (drivers: readonly Driver[]) =>
  z.strictObject({
    gateway: id,
    uplink: uplinkShape,
    data: z.string().min(1).default('./gateway-data'),
    catalogs: z.array(z.string().min(1)).max(32).default([]),
    outbox: z
      .strictObject({
        megabytes: z.int().min(1).max(1_048_576).default(512),
        backfillRowsPerSecond: z.int().min(1).max(1_000_000).default(5_000),
      })
      .prefault({}),
    ...Object.fromEntries(
      drivers.flatMap(({ section }) =>
        section === undefined ? [] : [[section.name, section.shape.optional()]],
      ),
    ),
    devices: z.array(deviceShape(drivers)).max(DEVICES_MAX),
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
  uplink: z.infer<typeof uplinkShape>,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  faults: ConfigFault[],
): string | null {
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
  if (uplink.tls?.cert !== undefined) return null;
  faults.push({
    path: 'uplink.secret',
    message: 'give secret, secretFile, VILLAGE_GATEWAY_SECRET or tls.cert',
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

/** With the paths of its files made absolute. */
function placeTls(
  tls: z.infer<typeof uplinkShape>['tls'],
  absolute: (path: string) => string,
): UplinkTls | undefined {
  if (tls === undefined) return undefined;
  const named = Object.entries(tls).filter((one): one is [string, string] => one[1] !== undefined);
  return Object.fromEntries(named.map(([name, path]) => [name, absolute(path)]));
}

/** Files that can't be used; they are read anew at each connection. */
function uplinkTlsFaults(tls: UplinkTls): ConfigFault[] {
  try {
    readUplinkTls(tls);
    return [];
  } catch (error) {
    return [{ path: 'uplink.tls', message: (error as Error).message }];
  }
}

/** Sections of drivers that name files. */
function placeSections(
  sections: Readonly<Record<string, unknown>>,
  drivers: readonly Driver[],
  absolute: (path: string) => string,
  faults: ConfigFault[],
): Record<string, unknown> {
  const placed: Record<string, unknown> = {};
  for (const { section } of drivers) {
    if (section?.place === undefined || sections[section.name] === undefined) continue;
    placed[section.name] = section.place(sections[section.name], absolute, (path, message) =>
      faults.push({ path: `${section.name}.${path}`, message }),
    );
  }
  return placed;
}

/**
 * Reads a configuration text. Relative folders are taken from `folder`. All faults are collected; `config` is null
 * when there is any.
 */
export function readConfig(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  drivers: readonly Driver[] = builtinDrivers,
): { config: GatewayConfig | null; faults: ConfigFault[] } {
  const lines = new LineCounter();
  // Pretty ones show the line that is at fault, and with it secrets.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { path: `line ${line}, column ${col}`, message: error.message };
    });
    return { config: null, faults };
  }
  let data: unknown;
  try {
    data = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // An alias of nothing, or of so much that it would not end.
    return { config: null, faults: [{ path: 'aliases', message: (error as Error).message }] };
  }
  const parsed = configShape(drivers).safeParse(data ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      path: pathText(path),
      message,
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
  const tls = placeTls(uplink.tls, absolute);
  if (tls !== undefined && !/^(mqtts|wss):/.test(url))
    faults.push({ path: 'uplink.tls', message: 'needs an mqtts:// or wss:// address' });
  for (const fault of tls === undefined ? [] : uplinkTlsFaults(tls)) faults.push(fault);
  const config: GatewayConfig = {
    ...rest,
    ...placeSections(rest, drivers, absolute, faults),
    uplink: { url, secret, ...(tls === undefined ? {} : { tls }) },
    data: absolute(rest.data),
    catalogs: rest.catalogs.map(absolute),
  };
  return { config: faults.length === 0 ? config : null, faults };
}
