/** What village.yaml and the environment may say, and the defaults. What each key means is in descriptions.ts. */
import {
  brokerLimits,
  DEFAULT_LIMITS,
  mqttTlsShape,
  proxiesShape,
  tlsShape,
  websocketShape,
} from '@village/broker/config';
import { DAY, HOUR, isAreaCode, MINUTE, parseDuration, SECOND } from '@village/core';
import { AUDIT_KEPT_MS } from '@village/store/relational';
import { EMBEDDED_DEFAULTS, JOURNAL_DEFAULTS } from '@village/store/time-series';
import { z } from 'zod';

const MEGABYTE = 1024 * 1024;

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

export const fileSchema = z.strictObject({
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
      sealEvery: duration(100, DAY).default(EMBEDDED_DEFAULTS.flushEveryMs),
      /** Readings older than this are deleted; absent keeps everything. */
      retention: duration(DAY, 36_500 * DAY).optional(),
      /** Frames received longer ago are deleted, but for those that something quotes. */
      framesRetention: duration(DAY, 36_500 * DAY).default(90 * DAY),
      /** What is kept of one device in a day; beyond it frames are counted and told, and readings go on. */
      framesPerDeviceMegabytes: count(1_000_000).default(
        JOURNAL_DEFAULTS.frameBytesPerDay / MEGABYTE,
      ),
      /** Free disk below which nothing is acknowledged any more. */
      diskReserveMegabytes: z
        .number()
        .int()
        .min(0)
        .max(1_000_000_000)
        .default(JOURNAL_DEFAULTS.diskReserveBytes / MEGABYTE),
      memoryMegabytes: count(1_000_000).min(128).default(1024),
      /** Bytes of the log that may wait for the archive; beyond it nothing is acknowledged until it catches up. */
      journalMegabytes: count(1_000_000)
        .min(64)
        .default(JOURNAL_DEFAULTS.journalBytesMax / MEGABYTE),
      /** Disk that queries may take for what does not fit their memory. */
      spillMegabytes: count(1_000_000).default(EMBEDDED_DEFAULTS.spillLimitMb),
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
  /** Files of values of standards that the county answers for, relative to this file. */
  standards: z.array(z.string().min(1)).default([]),
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

export const envSchema = z.object({
  VILLAGE_DATA: z.string().min(1).default('./data'),
  VILLAGE_CONFIG: z.string().min(1).optional(),
  VILLAGE_HTTP_PORT: port.optional(),
  VILLAGE_HTTP_HOST: z.string().min(1).optional(),
  VILLAGE_MQTT_PORT: port.optional(),
  VILLAGE_ADMIN_PASSWORD: z.string().min(1).max(128).optional(),
  VILLAGE_INFLUXDB_PASSWORD: z.string().optional(),
  VILLAGE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).optional(),
});

export type File = z.infer<typeof fileSchema>;
export type Environment = z.infer<typeof envSchema>;
