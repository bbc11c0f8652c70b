/** The server's configuration: environment and an optional village.yaml, checked whole before anything runs. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type TlsFiles, tlsFaults } from '@village/broker/transport';
import { MINUTE, OperationalError } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { loadStandards } from '@village/platform';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { chineseOf } from './fault-texts.ts';
import { keysOf } from './keys.ts';
import { type Environment, envSchema, type File, fileSchema } from './schema.ts';

/** Where a configuration comes from. */
export interface Origin {
  /** Of village.yaml, whether it is there or not. */
  readonly path: string;
  /** What the file says, such as `http.tls.cert`. */
  readonly keys: ReadonlySet<string>;
  /** Names of the variables that say something. */
  readonly variables: ReadonlySet<string>;
}

/** A checked configuration with absolute paths; durations in milliseconds. */
export interface Config extends Omit<File, 'http' | 'mqtt' | 'backup' | 'exports'> {
  readonly data: string;
  readonly http: File['http'] & { readonly host: string; readonly port: number };
  readonly mqtt: File['mqtt'] & { readonly port: number };
  readonly backup: File['backup'] & { readonly folder: string };
  readonly exports: File['exports'] & { readonly folder: string };
  readonly origin: Origin;
  readonly adminPassword?: string;
  readonly influxPassword?: string;
  readonly logLevel?: string;
}

/** What is wrong in the configuration, and where. */
export interface Fault {
  readonly path: string;
  readonly message: string;
  /** The same in Chinese. */
  readonly zh: string;
}

function faultsOf(error: z.ZodError, prefix: string): Fault[] {
  return error.issues.map((issue) => ({
    path: [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.'),
    message: issue.message,
    zh: chineseOf(issue),
  }));
}

/** The message alone: the lines of the file that are shown below it may hold a password. */
const withoutSource = (message: string): string => message.split(/:?\n/, 1)[0] ?? '';

/** Null where it is another encoding: of GBK, which editors of Windows write, names would come out as rubbish. */
function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

/** The file's content, or an empty object when there is no file and none was named. */
function readYaml(path: string, named: boolean, faults: Fault[]): unknown {
  if (!named && !existsSync(path)) return {};
  try {
    const text = textOf(readFileSync(path));
    if (text === null) {
      faults.push({
        path,
        message: 'is not in UTF-8: save it as UTF-8',
        zh: '不是 UTF-8 编码，请另存为 UTF-8',
      });
      return {};
    }
    const document = parseDocument(text, { prettyErrors: true });
    const { errors } = document;
    for (const { message } of errors) {
      const said = withoutSource(message);
      faults.push({ path, message: said, zh: `不是正确的 YAML：${said}` });
    }
    // What a broken file seems to say would be told as faults that it has not.
    return errors.length > 0 ? {} : (document.toJS() ?? {});
  } catch (error) {
    const { message } = error as Error;
    faults.push({ path, message: `can't be read: ${message}`, zh: `无法读取：${message}` });
    return {};
  }
}

/** Where a schema's issue lies in what it was given: one place, or one for each key that nobody knows; what lacks a key as a whole. */
function placesOf(issue: z.core.$ZodIssue, value: unknown): (readonly PropertyKey[])[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...issue.path, key]);
  let at = value;
  for (const [depth, key] of issue.path.entries()) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key))
      return [issue.path.slice(0, depth)];
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return [issue.path];
}

/** A copy of `value` without what stands at a path; undefined when nothing is left. */
function without(value: unknown, [key, ...rest]: readonly PropertyKey[]): unknown {
  if (key === undefined || typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return value.filter((_, index) => index !== key);
  const inner = without((value as Record<PropertyKey, unknown>)[key], rest);
  const others = Object.entries(value).filter(([name]) => name !== String(key));
  return Object.fromEntries(inner === undefined ? others : [...others, [String(key), inner]]);
}

/** How often what has faults is parsed again without them: then all of it is left out. */
const ROUNDS = 20;

/** What a schema makes of a value; where it has faults they are told, and what they are in is left out. */
function parsed<Out>(schema: z.ZodType<Out>, given: unknown, prefix: string, faults: Fault[]): Out {
  let value = given;
  for (let round = 0; round < ROUNDS; round++) {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    if (round === 0) faults.push(...faultsOf(result.error, prefix));
    const places = result.error.issues.flatMap((issue) => placesOf(issue, value));
    for (const path of places) value = without(value, path) ?? {};
  }
  return schema.parse({});
}

/** Empty variables count as absent, as they do in service files. */
function present(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])),
  );
}

/** With the paths of its files made absolute. */
function absolute<Tls extends TlsFiles>(
  tls: Tls | undefined,
  from: (name: string) => string,
): Tls | undefined {
  if (tls === undefined) return undefined;
  const { ca } = tls;
  const files = { cert: from(tls.cert), key: from(tls.key) };
  return { ...tls, ...files, ...(ca === undefined ? {} : { ca: from(ca) }) };
}

/** A configuration that may have faults: it stands on the defaults wherever one is. */
export interface Inspected {
  readonly config: Config;
  readonly faults: readonly Fault[];
  /** Of village.yaml, whether it is there or not. */
  readonly path: string;
  /** What the file says, and the variables that say something, as they were written. */
  readonly file: unknown;
  /** What the file says is not known: it can't be read as YAML, or is not where it was said to be. */
  readonly unread: boolean;
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads environment and village.yaml, and the files that they name, without touching the network. */
export function inspectConfig(env: NodeJS.ProcessEnv, cwd: string): Inspected {
  const faults: Fault[] = [];
  const environment = present(env);
  const settings = parsed<Environment>(envSchema, environment, '', faults);
  const path = resolve(cwd, settings.VILLAGE_CONFIG ?? 'village.yaml');
  const before = faults.length;
  const said = readYaml(path, settings.VILLAGE_CONFIG !== undefined, faults);
  const unread = faults.length > before;
  const origin: Origin = {
    path,
    keys: new Set(keysOf(said)),
    variables: new Set(Object.keys(environment)),
  };
  const config = compose(settings, parsed<File>(fileSchema, said, path, faults), origin, cwd);
  faults.push(...faultsOfFiles(config, path), ...samePorts(config, path));
  return { config, faults, path, file: said, unread, environment };
}

/**
 * The same where nothing may be wrong.
 * @throws bad-config with every fault and its path
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  const { config, faults } = inspectConfig(env, cwd);
  if (faults.length === 0) return config;
  const lines = faults.map(({ path, message, zh }) => `  ${path}: ${zh} · ${message}`);
  throw new OperationalError(
    'bad-config',
    `配置有误 · the configuration has faults:\n${lines.join('\n')}`,
  );
}

/** What can't be used of the files that a configuration names. */
function faultsOfFiles(config: Config, path: string): Fault[] {
  const { catalogs, standards, areas, http, mqtt } = config;
  const told = (at: string, message: string, zh = message): Fault => ({ path: at, message, zh });
  const faults: Fault[] = loadCatalog([builtinCatalog, ...catalogs]).faults.map((fault) => ({
    path: `${fault.file}${fault.line === undefined ? '' : `:${fault.line}`} ${fault.path}`.trim(),
    message: fault.message,
    zh: fault.message,
  }));
  for (const fault of loadStandards(standards).faults) {
    const { file, line, column } = fault;
    const place = line === undefined ? file : `${file}:${line}:${column}`;
    faults.push(told(`${place} ${fault.path}`.trim(), fault.message, fault.zh));
  }
  if (areas !== undefined && !existsSync(areas))
    faults.push(told(`${path}.areas`, `there is no file ${areas}`, `没有这个文件：${areas}`));
  for (const [name, tls] of [
    ['http', http.tls],
    ['mqtt', mqtt.tls],
  ] as const)
    for (const fault of tls === undefined ? [] : tlsFaults(tls))
      faults.push(told(`${path}.${name}.tls.${fault.path}`, fault.message));
  return faults;
}

const ANY_HOST = new Set(['0.0.0.0', '::']);

/** Ports that two of our own listeners would take from each other. */
function samePorts({ http, mqtt }: Config, path: string): Fault[] {
  const listeners = [
    { at: 'http.port', host: http.host, port: http.port },
    { at: 'mqtt.port', host: mqtt.host, port: mqtt.port },
    { at: 'mqtt.tls.port', host: mqtt.host, port: mqtt.tls?.port ?? 0 },
    { at: 'mqtt.websocket.port', host: mqtt.host, port: mqtt.websocket?.port ?? 0 },
  ];
  return listeners.flatMap((one, index) => {
    const other = listeners
      .slice(0, index)
      .find(
        ({ host, port }) =>
          port !== 0 &&
          port === one.port &&
          (host === one.host || ANY_HOST.has(host) || ANY_HOST.has(one.host)),
      );
    if (other === undefined) return [];
    const [zh, message] = [`与 ${other.at} 相同，须各用一个`, `is the same as ${other.at}`];
    return [{ path: `${path}.${one.at}`, message: `${message}: each needs its own`, zh }];
  });
}

/** What would hold if neither the file nor the environment said anything but where the data is. */
export const unsaid = ({ data, origin }: Config): Config =>
  compose(envSchema.parse({ VILLAGE_DATA: data }), fileSchema.parse({}), origin, data);

/** The environment before the file, paths absolute: those of the file from where it lies. */
function compose(settings: Environment, file: File, origin: Origin, cwd: string): Config {
  const from = (name: string): string => resolve(dirname(origin.path), name);
  const httpTls = absolute(file.http.tls, from);
  const mqttTls = absolute(file.mqtt.tls, from);
  const data = resolve(cwd, settings.VILLAGE_DATA);
  const { folder } = file.backup;
  return {
    ...file,
    catalogs: file.catalogs.map(from),
    standards: file.standards.map(from),
    ...(file.areas === undefined ? {} : { areas: from(file.areas) }),
    data,
    origin,
    backup: {
      ...file.backup,
      folder: folder === undefined ? join(data, 'backups') : from(folder),
    },
    exports: {
      ...file.exports,
      folder:
        file.exports.folder === undefined ? join(data, 'temporary') : from(file.exports.folder),
    },
    http: {
      ...file.http,
      ...(httpTls === undefined ? {} : { tls: httpTls }),
      host: settings.VILLAGE_HTTP_HOST ?? file.http.host ?? '0.0.0.0',
      port: settings.VILLAGE_HTTP_PORT ?? file.http.port ?? 8080,
    },
    mqtt: {
      ...file.mqtt,
      ...(mqttTls === undefined ? {} : { tls: mqttTls }),
      port: settings.VILLAGE_MQTT_PORT ?? file.mqtt.port ?? 1883,
    },
    ...(settings.VILLAGE_ADMIN_PASSWORD === undefined
      ? {}
      : { adminPassword: settings.VILLAGE_ADMIN_PASSWORD }),
    ...(settings.VILLAGE_INFLUXDB_PASSWORD === undefined
      ? {}
      : { influxPassword: settings.VILLAGE_INFLUXDB_PASSWORD }),
    ...(settings.VILLAGE_LOG_LEVEL === undefined ? {} : { logLevel: settings.VILLAGE_LOG_LEVEL }),
  };
}

/** How long a failed sign-in is remembered, and a lock-out lasts. */
export const LOCK_MS = 10 * MINUTE;
