/** The composition root: opens the stores, wires pipeline, broker and HTTP, keeps house, and stops in order. */
import { mkdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Broker, createBroker } from '@village/broker';
import { SECOND, type Timer } from '@village/core';
import { consoleDirectory } from '@village/dashboards';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { type GatewayState, mqttHooks, Pipeline } from '@village/ingest';
import { type Counts, Directory, decodeText, Imports, registryStore } from '@village/registry';
import { newSecret, openRelational, type Relational } from '@village/store/relational';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { Backups } from './backups.ts';
import type { Config } from './config.ts';
import { listenFault, prepareData, storeFault } from './faults-at-start.ts';
import type { Context } from './http/context.ts';
import { createHttp } from './http/server.ts';
import { viewLatest } from './http/views.ts';
import { LiveHub } from './live.ts';
import { keepHouse } from './maintenance.ts';
import { LockOut, Passwords } from './passwords.ts';
import { relationalModules } from './relational-modules.ts';
import { checkRestored } from './restore.ts';
import { assertImported } from './routes/places.ts';

const BROKER_DRAIN_MS = 10 * SECOND;
const HTTP_DRAIN_MS = 10 * SECOND;

export interface ServerOptions {
  readonly timer: Timer;
  readonly log: FastifyBaseLogger;
  /** Folder of the built console, when it is not the usual one. */
  readonly console?: string;
}

/** A running server. */
export interface Server {
  readonly httpPort: number;
  readonly mqttPort: number;
  /** The admin's password when it was made at this start; it is told once. */
  readonly madePassword: string | null;
  /** False when the configuration names a password for the admin and another one is stored, which holds. */
  readonly ownPassword: boolean;
  /** The HTTP server, for tests that ask without a socket. */
  readonly http: FastifyInstance;
  readonly store: TimeSeriesStore;
  importAreas(csv: string): Promise<void>;
  importDevices(csv: string): Promise<void>;
  /** Counts and rate as the county's overview tells them, and the readings that live views were told of since the start. */
  status(): { devices: Counts; readingsPerMinute: number; readings: number };
  /** Stops accepting, lets what is in flight become durable, and closes. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts everything, or closes what was opened and rejects. @throws listen-failed relational-unavailable */
export async function startServer(config: Config, options: ServerOptions): Promise<Server> {
  const cleanup: (() => Promise<unknown>)[] = [];
  const opened = <T>(part: T, close: (part: T) => Promise<unknown>): T => {
    cleanup.unshift(() => close(part));
    return part;
  };
  try {
    prepareData(config.data);
    checkRestored(config.data);
    // First the store that lets in one process only: it guards the whole folder.
    const store = opened(await openReadings(config, options), (part) => part.close());
    const relational = opened(await openStore(config, options), (part) => part.close());
    await foundCounty(config, relational);
    const context = await wire(config, options, { relational, store });
    const password = await foundAdmin(config, context);
    if (config.areas !== undefined)
      assertImported(
        config.areas,
        await context.imports.areas(decodeText(await readFile(config.areas)), config.county.code),
      );
    const broker = opened(context.broker, (part) => part.close(BROKER_DRAIN_MS));
    const mqttPort = await listenMqtt(broker, config);
    const http = opened(await openHttp(context, options), (part) => part.close());
    const httpPort = await listen(http, config);
    const house = new AbortController();
    const keeping = keepHouse(context, options.timer, options.log, house.signal);
    return running(context, { http, httpPort, mqttPort, ...password }, async () => {
      house.abort();
      await keeping;
    });
  } catch (error) {
    for (const close of cleanup) await close();
    throw error;
  }
}

function openStore(config: Config, { timer, log }: ServerOptions): Promise<Relational> {
  return openRelational({
    modules: relationalModules,
    clock: timer.now,
    log: (_level, message, detail) => log.warn(detail, message),
    ...(config.relational === undefined
      ? { file: join(config.data, 'relational.sqlite') }
      : { url: config.relational.url }),
  });
}

async function openReadings(
  config: Config,
  { timer, log }: ServerOptions,
): Promise<TimeSeriesStore> {
  const { sealEvery, memoryMegabytes, diskReserveMegabytes } = config.store;
  return openTimeSeries({
    folder: join(config.data, 'time-series'),
    timer,
    memoryLimitMb: memoryMegabytes,
    ...(sealEvery === undefined ? {} : { flushEveryMs: sealEvery }),
    ...(diskReserveMegabytes === undefined
      ? {}
      : { diskReserveBytes: diskReserveMegabytes * 1024 * 1024 }),
    log: (level, message, detail) => log[level](detail ?? {}, message),
  }).catch((error: unknown) => {
    throw storeFault(config.data, error);
  });
}

/** The area at the top must be there before anything can be imported below it. */
async function foundCounty(config: Config, relational: Relational): Promise<void> {
  const { code, zh, en } = config.county;
  if ((await registryStore(relational).areas(code)).length > 0) return;
  await registryStore(relational).importAreas([
    {
      code,
      level: 'county',
      name: { zh, en },
      parent: null,
      aliases: [],
      validFrom: null,
      validTo: null,
    },
  ]);
}

/** Makes the first admin. A password in the configuration counts then only: later ones are changed in the console. */
async function foundAdmin(
  config: Config,
  context: Context,
): Promise<Pick<Server, 'madePassword' | 'ownPassword'>> {
  const { relational, passwords } = context;
  const known = await relational.people.account('admin');
  if (known !== null) {
    const { adminPassword } = config;
    const ownPassword =
      adminPassword === undefined || (await passwords.check(known.passwordHash, adminPassword));
    return { madePassword: null, ownPassword };
  }
  const made = config.adminPassword === undefined ? newSecret().slice(0, 16) : null;
  const hash = await passwords.hash(config.adminPassword ?? (made as string));
  const area = config.county.code;
  await relational.people.saveAccount(
    { name: 'admin', displayName: '管理员', role: 'admin', area },
    hash,
  );
  return { madePassword: made, ownPassword: true };
}

async function wire(
  config: Config,
  { timer, log }: ServerOptions,
  { relational, store }: { relational: Relational; store: TimeSeriesStore },
): Promise<Context> {
  const clock = timer.now;
  const { profiles } = loadCatalog([builtinCatalog, ...config.catalogs]);
  const directory = new Directory({
    relational,
    store,
    profiles,
    log: (message, detail) => log.error(detail, message),
  });
  await directory.load(clock());
  const pipeline = new Pipeline({ store, registry: directory, profiles, clock });
  const remembered = new Map<string, GatewayState>();
  // We wrote it ourselves, from a checked status.
  for (const { gateway, body } of await registryStore(relational).gatewayStatuses())
    remembered.set(gateway, { ...(body as unknown as GatewayState), online: false });
  const failures: Record<string, number> = {};
  const live = new LiveHub({
    clientsMax: config.limits.liveClients,
    latest: (id) => {
      const entry = directory.known(id);
      return entry === undefined ? null : JSON.stringify(viewLatest(entry, store));
    },
    failed: (error) => {
      failures['live-rights'] = (failures['live-rights'] ?? 0) + 1;
      log.error({ err: error }, 'the rights of a live stream could not be looked at');
    },
  });
  const broker = openBroker(config, pipeline, { timer, log });
  directory.onRevoked(({ kind, id }) => {
    broker.disconnect(id, 'credential-revoked');
    if (kind === 'gateway') pipeline.gatewayGone(id, clock());
  });
  return {
    config,
    clock,
    timer,
    relational,
    store,
    profiles,
    directory,
    pipeline,
    broker,
    live,
    imports: new Imports({ relational, directory, profiles, clock }),
    backups: new Backups({
      folder: config.backup.folder,
      keep: config.backup.keep,
      clock,
      relational,
      store,
      failed: (error) => {
        failures['backup'] = (failures['backup'] ?? 0) + 1;
        log.error({ err: error }, 'a backup failed');
      },
    }),
    passwords: new Passwords(),
    lockOut: new LockOut(timer, {
      account: config.limits.failuresPerAccount,
      address: config.limits.failuresPerAddress,
    }),
    failures,
    answers: {},
    refusedSockets: {},
    trimmed: { audit: 0 },
    remembered,
  };
}

function openBroker(config: Config, pipeline: Pipeline, { timer, log }: ServerOptions): Broker {
  return createBroker(mqttHooks(pipeline, timer.now), {
    limits: config.mqtt.limits,
    log: (level, message, detail) => log[level](detail, message),
  });
}

function openHttp(context: Context, options: ServerOptions): Promise<FastifyInstance> {
  const temporary = join(context.config.data, 'temporary');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  return createHttp({
    context,
    timer: options.timer,
    log: options.log,
    console: options.console ?? consoleDirectory,
    temporary,
  });
}

async function listenMqtt(broker: Broker, config: Config): Promise<number> {
  try {
    return (await broker.listen(config.mqtt.port, config.mqtt.host)).port;
  } catch (error) {
    throw listenFault('MQTT', config.mqtt, (error as Error).cause ?? error);
  }
}

async function listen(http: FastifyInstance, config: Config): Promise<number> {
  const { port, host } = config.http;
  try {
    await http.listen({ port, host });
  } catch (error) {
    throw listenFault('HTTP', config.http, error);
  }
  return (http.server.address() as AddressInfo).port;
}

function running(
  context: Context,
  parts: Pick<Server, 'http' | 'httpPort' | 'mqttPort' | 'madePassword' | 'ownPassword'>,
  stopKeeping: () => Promise<void>,
): Server {
  const { imports, config, directory, store } = context;
  const { code } = config.county;
  let stopped: Promise<void> | null = null;
  return {
    ...parts,
    store,
    importAreas: async (csv) => assertImported('areas', await imports.areas(csv, code)),
    importDevices: async (csv) => assertImported('devices', await imports.devices(csv, code)),
    status: () => ({
      devices: directory.counts(code) ?? { online: 0, late: 0, offline: 0, never: 0 },
      readingsPerMinute: directory.readingsPerMinute(code),
      readings: directory.received,
    }),
    stop: () => {
      stopped ??= stopAll(context, parts.http, stopKeeping);
      return stopped;
    },
  };
}

/**
 * In the order in which things depend on each other: answers under way are given, what was acknowledged is durable
 * before the stores close. A store that can't write its last group says so; none of it was acknowledged.
 */
async function stopAll(
  context: Context,
  http: FastifyInstance,
  stopKeeping: () => Promise<void>,
): Promise<void> {
  const streamsEnded = context.live.close();
  const cut = setTimeout(() => http.server.closeAllConnections(), HTTP_DRAIN_MS);
  await Promise.all([http.close(), context.broker.close(BROKER_DRAIN_MS)]);
  clearTimeout(cut);
  await stopKeeping();
  await streamsEnded;
  await context.backups.settled();
  try {
    await context.store.close();
  } finally {
    await context.relational.close();
  }
}
