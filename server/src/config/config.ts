/** The server's configuration: environment and an optional village.yaml, checked whole before anything runs. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  brokerLimits,
  DEFAULT_LIMITS,
  mqttTlsShape,
  proxiesShape,
  tlsShape,
  websocketShape,
} from '@village/broker/config';
import { type TlsFiles, tlsFaults } from '@village/broker/transport';
import {
  DAY,
  HOUR,
  isAreaCode,
  MINUTE,
  OperationalError,
  parseDuration,
  SECOND,
} from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { AUDIT_KEPT_MS } from '@village/store/relational';
import { parseDocument } from 'yaml';
import { z } from 'zod';

const duration = (least: number, most: number) =>
  z.string().transform((text, ctx) => {
    const ms = parseDuration(text);
    if (ms >= least && ms <= most) return ms;
    ctx.addIssue({
      code: 'custom',
      message: `must be a duration such as 90s, 15m, 26h or 7d, from ${least} to ${most} ms`,
    });
    return z.NEVER;
  });

const port = z.coerce.number().int().min(0).max(65_535);
const count = (most: number) => z.number().int().min(1).max(most);

const fileSchema = z.strictObject({
  http: z
    .strictObject({
      host: z.string().min(1).optional(),
      port: port.optional(),
      /** The cookie is only sent over https; switch on behind a proxy that speaks TLS. */
      secureCookies: z.boolean().default(false),
      /** How long a request may take to arrive, and an answer to be made. */
      requestTimeout: duration(100, HOUR).default(15 * SECOND),
      answerTimeout: duration(1, HOUR).default(MINUTE),
      /** How long nothing may move on a connection, unless an answer is being made. */
      idleTimeout: duration(100, HOUR).default(30 * SECOND),
      /** Addresses or networks of proxies whose X-Forwarded-For is believed. */
      trustProxy: z.array(z.string().min(1)).default([]),
      proxyProtocol: proxiesShape,
      tls: tlsShape.optional(),
    })
    .prefault({}),
  mqtt: z
    .strictObject({
      host: z.string().min(1).default('0.0.0.0'),
      port: port.optional(),
      proxyProtocol: proxiesShape,
      tls: mqttTlsShape.optional(),
      websocket: websocketShape.optional(),
      // Whether a credential is bound to the client id that it is first used with.
      clientIds: z.enum(['any', 'bound']).default('any'),
      // Batches of gateways are up to 256 KiB.
      limits: brokerLimits({}, DEFAULT_LIMITS.packetBytes).prefault({}),
    })
    .refine(({ tls, websocket }) => websocket?.tls !== true || tls !== undefined, {
      path: ['websocket', 'tls'],
      message: 'needs the certificate of mqtt.tls',
    })
    .prefault({}),
  store: z
    .strictObject({
      sealEvery: duration(100, DAY).optional(),
      /** Readings older than this are deleted; absent keeps everything. */
      retention: duration(DAY, 36_500 * DAY).optional(),
      /** Frames received longer ago are deleted, but for those that something quotes. */
      framesRetention: duration(DAY, 36_500 * DAY).default(90 * DAY),
      /** What is kept of one device in a day; beyond it frames are counted and told, and readings go on. */
      framesPerDeviceMegabytes: count(1_000_000).optional(),
      /** Free disk below which nothing is acknowledged any more. */
      diskReserveMegabytes: z.number().int().min(0).max(1_000_000_000).optional(),
      memoryMegabytes: count(1_000_000).min(128).default(1024),
      /** Bytes of the log that may wait for the archive; beyond it nothing is acknowledged until it catches up. */
      journalMegabytes: count(1_000_000).min(64).optional(),
      /** Disk that queries may take for what does not fit their memory. */
      spillMegabytes: count(1_000_000).optional(),
    })
    .prefault({}),
  exports: z
    .strictObject({
      /** Where files lie until they are fetched, relative to this file; without it, in the data folder, on the log's own disk. */
      folder: z.string().min(1).optional(),
      /** What they may take together, and one of them alone. */
      megabytes: count(1_000_000).default(4_096),
      /** How fast they are written: the log waits for the disk behind them. */
      megabytesPerSecond: count(10_000).default(16),
      /** How long one lies there for its asker. */
      keep: duration(MINUTE, 30 * DAY).default(DAY),
    })
    .prefault({}),
  audit: z
    .strictObject({
      /** Entries older than this are deleted. Not less than 180 days: logs must be kept six months (网络安全法 第二十一条). */
      retention: duration(AUDIT_KEPT_MS, 36_500 * DAY).default(1_095 * DAY),
    })
    .prefault({}),
  backup: z
    .strictObject({
      /** Each night after the archive was merged. */
      nightly: z.boolean().default(false),
      keep: count(1_000).default(7),
      /** Relative to this file; without it, `backups` in the data folder, which is the same disk. */
      folder: z.string().min(1).optional(),
    })
    .prefault({}),
  relational: z
    .strictObject({ url: z.string().regex(/^postgres(ql)?:\/\//, 'must begin postgres://') })
    .optional(),
  /** Where readings are kept for years: in the data folder, or in an InfluxDB 1.x. */
  timeSeries: z
    .discriminatedUnion('engine', [
      z.strictObject({ engine: z.literal('embedded') }),
      z.strictObject({
        engine: z.literal('influxdb'),
        url: z
          .url({ protocol: /^https?$/, error: 'must be http://host:port or https://host:port' })
          .refine((url) => !/^https?:\/\/[^/]*@/.test(url), {
            error: 'must hold no password: it goes into VILLAGE_INFLUXDB_PASSWORD',
          }),
        database: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - and _'),
        /** The password is in VILLAGE_INFLUXDB_PASSWORD. */
        username: z.string().min(1).optional(),
      }),
    ])
    .prefault({ engine: 'embedded' }),
  /** Folders of device profiles beside the built-in ones, relative to this file. */
  catalogs: z.array(z.string().min(1)).default([]),
  /** A CSV of areas to import at each start. */
  areas: z.string().min(1).optional(),
  /** The area at the top, made at the first start. */
  county: z
    .strictObject({
      code: z.string().refine(isAreaCode, 'must have 12 digits'),
      zh: z.string().min(1),
      en: z.string().min(1),
    })
    .default({ code: '330522000000', zh: '长兴县', en: 'Changxing County' }),
  clock: z
    .strictObject({
      /** The machine's clock is believed although it is years from what was stored or from what others say. */
      trust: z.boolean().default(false),
    })
    .prefault({}),
  corrections: z
    .strictObject({
      /** Evidence that is older has been reported: another person has to agree to a correction of it. */
      secondPersonAfter: duration(0, 4_000 * DAY).default(7 * DAY),
    })
    .transform(({ secondPersonAfter }) => ({ secondPersonAfterMs: secondPersonAfter }))
    .prefault({}),
  limits: z
    .strictObject({
      requestsPerMinute: count(1_000_000).default(1_200),
      signInsPerMinute: count(10_000).default(30),
      /** Wrong passwords in ten minutes before an account or an address is locked out for ten. */
      failuresPerAccount: count(100).default(5),
      failuresPerAddress: count(1_000).default(20),
      liveClients: count(10_000).default(500),
      httpConnections: count(100_000).default(4_000),
      httpConnectionsPerAddress: count(100_000).default(1_000),
    })
    .prefault({}),
});

const envSchema = z.object({
  VILLAGE_DATA: z.string().min(1).default('./data'),
  VILLAGE_CONFIG: z.string().min(1).optional(),
  VILLAGE_HTTP_PORT: port.optional(),
  VILLAGE_HTTP_HOST: z.string().min(1).optional(),
  VILLAGE_MQTT_PORT: port.optional(),
  VILLAGE_ADMIN_PASSWORD: z.string().min(1).max(128).optional(),
  VILLAGE_INFLUXDB_PASSWORD: z.string().optional(),
  VILLAGE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).optional(),
});

type File = z.infer<typeof fileSchema>;

/** A checked configuration with absolute paths; durations in milliseconds. */
export interface Config extends Omit<File, 'http' | 'mqtt' | 'backup' | 'exports'> {
  readonly data: string;
  readonly http: File['http'] & { readonly host: string; readonly port: number };
  readonly mqtt: File['mqtt'] & { readonly port: number };
  readonly backup: File['backup'] & { readonly folder: string };
  readonly exports: File['exports'] & { readonly folder: string };
  readonly adminPassword?: string;
  readonly influxPassword?: string;
  readonly logLevel?: string;
}

interface Fault {
  readonly path: string;
  readonly message: string;
}

function faultsOf(error: z.ZodError, prefix: string): Fault[] {
  return error.issues.map((issue) => ({
    path: [prefix, ...issue.path.map(String)].filter((part) => part !== '').join('.'),
    message: issue.message,
  }));
}

/** The file's content, or an empty object when there is no file and none was named. */
function readYaml(path: string, named: boolean, faults: Fault[]): unknown {
  if (!named && !existsSync(path)) return {};
  try {
    const document = parseDocument(readFileSync(path, 'utf8'), { prettyErrors: true });
    for (const error of document.errors) faults.push({ path, message: error.message });
    return document.toJS() ?? {};
  } catch (error) {
    faults.push({ path, message: `can't be read: ${(error as Error).message}` });
    return {};
  }
}

function refuse(faults: readonly Fault[]): never {
  const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
  throw new OperationalError('bad-config', `the configuration has faults:\n${lines.join('\n')}`);
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

/**
 * Reads environment and village.yaml, and the device profiles they name, without touching the network.
 * @throws bad-config with every fault and its path
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string): Config {
  const faults: Fault[] = [];
  const variables = envSchema.safeParse(present(env));
  if (!variables.success) refuse(faultsOf(variables.error, ''));
  const settings = variables.data;
  const path = resolve(cwd, settings.VILLAGE_CONFIG ?? 'village.yaml');
  const parsed = fileSchema.safeParse(
    readYaml(path, settings.VILLAGE_CONFIG !== undefined, faults),
  );
  if (!parsed.success) refuse([...faults, ...faultsOf(parsed.error, path)]);
  const file = parsed.data;
  const from = (name: string): string => resolve(dirname(path), name);
  const catalogs = file.catalogs.map(from);
  for (const fault of loadCatalog([builtinCatalog, ...catalogs]).faults)
    faults.push({
      path: `${fault.file}${fault.line === undefined ? '' : `:${fault.line}`} ${fault.path}`,
      message: fault.message,
    });
  if (file.areas !== undefined && !existsSync(from(file.areas)))
    faults.push({ path: `${path}.areas`, message: `there is no file ${from(file.areas)}` });
  const httpTls = absolute(file.http.tls, from);
  const mqttTls = absolute(file.mqtt.tls, from);
  for (const [name, tls] of [
    ['http', httpTls],
    ['mqtt', mqttTls],
  ] as const)
    for (const fault of tls === undefined ? [] : tlsFaults(tls))
      faults.push({ path: `${path}.${name}.tls.${fault.path}`, message: fault.message });
  if (faults.length > 0) refuse(faults);
  const data = resolve(cwd, settings.VILLAGE_DATA);
  const { folder } = file.backup;
  return {
    ...file,
    catalogs,
    ...(file.areas === undefined ? {} : { areas: from(file.areas) }),
    data,
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
