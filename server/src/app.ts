/** The composition root: opens the stores, wires pipeline, broker, modules and HTTP, and stops in order. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Broker, type BrokerHooks, createBroker } from '@village/broker';
import { OwnClock, SECOND, type Timer } from '@village/core';
import { consoleDirectory } from '@village/dashboards';
import type { DeviceProfile } from '@village/device-profiles';
import { mqttHooks, Pipeline } from '@village/ingest';
import {
  Ages,
  CorrectedQueries,
  Corrections,
  correctedLatest,
  type DeviceFacts,
  FairQueries,
  figuresBy,
  Jobs,
  type MetricGroup,
  type Module,
  type ModuleParts,
  metricGroup,
  RightsTable,
  receivedQueries,
  runReaders,
} from '@village/platform';
import {
  assertImported,
  type Counts,
  type DeviceEntry,
  Directory,
  Geometries,
  openRegistration,
  type Principal,
  spellAddresses,
} from '@village/registry';
import {
  AlertFeed,
  builtinRules,
  loadRules,
  RuleBook,
  type RuleSet,
  ruleFilesIn,
} from '@village/rules';
import { openRelational, type Relational } from '@village/store/relational';
import type { LatestValue, TimeSeriesStore } from '@village/store/time-series';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { Config } from './config/config.ts';
import { checkDatabase, prepareData, roomToStart } from './config/faults-at-start.ts';
import { openReadings } from './config/readings-store.ts';
import { loadTypes } from './device-types.ts';
import { Failures } from './failures.ts';
import { type FoundAdmin, foundAdmin, foundCounty } from './founding.ts';
import { byCause } from './http/metrics.ts';
import { createHttp } from './http/server.ts';
import { Sending } from './http/streamed.ts';
import { listenHttp, listenMqtt, type MqttPorts } from './listening.ts';
import { Backups } from './modules/backup/backups.ts';
import { checkRestored } from './modules/backup/restore.ts';
import { ListenerCertificates } from './modules/certificates/listeners.ts';
import { openClientIds } from './modules/client-ids/open.ts';
import { modules as coreModules } from './modules/index.ts';
import type { Needs, Tools } from './modules/needs.ts';
import { LockOut, Passwords } from './modules/session/passwords.ts';
import { relationalModules } from './relational-modules.ts';
import { standardsOf } from './standards.ts';

const BROKER_DRAIN_MS = 10 * SECOND;
const HTTP_DRAIN_MS = 10 * SECOND;

export interface ServerOptions {
  readonly timer: Timer;
  readonly log: FastifyBaseLogger;
  /** Folder of the built console, when it is not the usual one. */
  readonly console?: string;
  /** All modules; the server's own list when absent. */
  readonly modules?: readonly Module<Needs, Tools>[];
  /** What alerts are raised by; the rules that come with the product when absent. */
  readonly rules?: RuleSet;
  /** Gives up a start that waits for room on a full disk. */
  readonly signal?: AbortSignal;
}

/** A running server. */
export interface Server extends FoundAdmin, MqttPorts {
  readonly httpPort: number;
  /** Reads the listeners' certificates now; false when there are none. */
  reloadCertificates(): boolean;
  /** The HTTP server, for tests that ask without a socket. */
  readonly http: FastifyInstance;
  readonly store: TimeSeriesStore;
  readonly relational: Relational;
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
    const tell = (message: string): void => options.log.error(message);
    await roomToStart(config.data, { timer: options.timer, tell, signal: options.signal });
    prepareData(config.data);
    checkRestored(config.data);
    const ownClock = new OwnClock(options.timer.elapsed, config.clock.trust);
    // First the store that lets in one process only: it guards the whole folder.
    const store = opened(
      await openReadings(config, options.timer, {
        log: (level, message, detail) => options.log[level](detail ?? {}, message),
        mayStamp: (now, stamped) => ownClock.fault(now, stamped) === null,
      }),
      (part) => part.close(),
    );
    // A restore that began meanwhile either is found here or finds what was just made.
    checkRestored(config.data);
    if (config.relational === undefined)
      checkDatabase(join(config.data, 'relational.sqlite'), store.head);
    const relational = opened(await openStore(config, options), (part) => part.close());
    await foundCounty(config, relational);
    const failures = new Failures(options.log, options.timer.elapsed);
    const needs = await wire(config, options, { relational, store, ownClock }, failures);
    const password = await foundAdmin(needs);
    if (config.areas !== undefined)
      assertImported(
        config.areas,
        await needs.imports.areas({ content: await readFile(config.areas) }, config.county.code),
      );
    const broker = opened(needs.broker, (part) => part.close(BROKER_DRAIN_MS));
    const { mqttPort, mqttPorts } = await listenMqtt(broker, needs);
    const parts = await startModules(needs, options);
    for (const part of parts) if (part.close !== undefined) opened(part, () => part.close!());
    const http = opened(
      await createHttp({
        config,
        access: { relational, rights: needs.rights, isTop: (area) => needs.directory.isTop(area) },
        parts: [...parts, { metrics: [failureMetrics(failures.counts)] }],
        log: options.log,
        certificates: needs.certificates.http,
        console: options.console ?? consoleDirectory,
      }),
      (part) => part.close(),
    );
    const httpPort = await listenHttp(http, config);
    const stopJobs = runJobs(needs, parts);
    return running(needs, parts, { http, httpPort, mqttPort, mqttPorts, ...password }, stopJobs);
  } catch (error) {
    for (const close of cleanup) await close();
    throw error;
  }
}

function openStore(config: Config, options: ServerOptions): Promise<Relational> {
  const { timer, log, modules = coreModules } = options;
  return openRelational({
    clock: timer.now,
    modules: relationalModules(modules),
    log: (_level, message, detail) => log.warn(detail, message),
    ...(config.relational === undefined
      ? { file: join(config.data, 'relational.sqlite') }
      : { url: config.relational.url }),
  });
}

async function wire(
  config: Config,
  options: ServerOptions,
  {
    relational,
    store,
    ownClock,
  }: {
    relational: Relational;
    store: TimeSeriesStore;
    ownClock: OwnClock;
  },
  { failed }: Failures,
): Promise<Needs> {
  const { timer, log } = options;
  const clock = timer.now;
  const types = await loadTypes(config, relational, { clock, log });
  const { profiles } = types;
  const directory = new Directory({
    relational,
    store,
    profiles,
    log: (message, detail) => log.error(detail, message),
  });
  await spell(relational, profiles, log);
  await directory.load(clock());
  const pipeline = new Pipeline({ store, registry: directory, profiles, timer, ownClock });
  const clientIds = await openClientIds(config, { relational, directory, clock, failed });
  const broker = openBroker(config, mqttHooks(pipeline, clock, clientIds), { timer, log });
  directory.onRevoked(({ kind, id }) => {
    broker.disconnect(id, 'credential-revoked');
    if (kind === 'gateway') pipeline.gatewayGone(id, clock());
  });
  const corrections = new Corrections({
    relational,
    store,
    clock,
    failed,
    reportedAfterMs: config.corrections.secondPersonAfterMs,
    facts: (id) => factsOf(directory.known(id), store.latest(id)),
  });
  await corrections.load();
  const fair = new FairQueries(store, timer);
  const devices = {
    locations: (id: string) => directory.locations(id),
    profile: (id: string) => directory.known(id)?.profile.id,
    count: () => directory.count(),
  };
  return {
    config,
    clock,
    timer,
    log,
    failed,
    rights: new RightsTable(),
    ...judging(config, options, profiles),
    relational,
    store,
    corrections,
    fair,
    readings: {
      received: receivedQueries(fair),
      corrected: new CorrectedQueries(fair, () => corrections.book, devices),
    },
    sending: new Sending(),
    latest: {
      latest: (entry) => {
        directory.catchUp(entry, clock());
        return correctedLatest(corrections.book, store.latest, entry.device.id);
      },
    },
    ...types,
    ages: agesOf(timer, { directory, store, pipeline }),
    directory,
    alertFeed: new AlertFeed(),
    pipeline,
    broker,
    clientIds,
    certificates: new ListenerCertificates(config, log, clock),
    ...openRegistration({ relational, directory, profiles, clock }),
    geometries: new Geometries({ relational, directory, clock }),
    backups: new Backups({
      folder: config.backup.folder,
      data: config.data,
      keep: config.backup.keep,
      clock,
      relational,
      store,
    }),
    passwords: new Passwords(),
    lockOut: new LockOut(timer, config.limits),
  };
}

/** The standards as the county has them, and the figures of all modules and the rules judged by these. */
function judging(
  config: Config,
  { modules = coreModules, rules, log }: ServerOptions,
  profiles: ReadonlyMap<string, DeviceProfile>,
): Pick<Needs, 'standards' | 'figures' | 'rules'> {
  const standards = standardsOf(config);
  const all = modules.flatMap(({ figures = [] }) => figures);
  const known = { profiles: [...profiles.values()], standards };
  const builtin = (): RuleSet =>
    loadRules(ruleFilesIn(builtinRules), known, (fault) =>
      log.error({ fault }, 'a file of alert rules is left out: it does not fit this server'),
    );
  return { standards, figures: figuresBy(all, standards), rules: new RuleBook(rules ?? builtin()) };
}

/** How old what is kept is; nothing has an age while the clock is wrong. */
const agesOf = (
  timer: Timer,
  { directory, store, pipeline }: Pick<Needs, 'directory' | 'store' | 'pipeline'>,
): Ages =>
  new Ages({
    timer,
    devices: () => directory.ids(),
    latest: store.latest,
    clockIsWrong: () => pipeline.clockFault !== null,
  });

/** Gives addresses their one spelling, and tells of those of which two devices have the same. */
async function spell(
  relational: Relational,
  profiles: Needs['profiles'],
  log: ServerOptions['log'],
): Promise<void> {
  const spelled = await spellAddresses(relational, profiles);
  if (spelled.changed > 0) log.info(spelled, 'addresses of devices got their one spelling');
  for (const devices of spelled.conflicts)
    log.warn(
      { devices },
      'these devices have one address in different spellings: retire all but one',
    );
}

/** What corrections must know of a device. */
function factsOf(
  entry: DeviceEntry | undefined,
  latest: readonly LatestValue[],
): DeviceFacts | undefined {
  if (entry === undefined) return undefined;
  const terms = entry.profile.metrics.map(
    ({ key, quantity, span, statistic }) => [key, `${quantity} ${span} ${statistic}`] as const,
  );
  return {
    metrics: new Map(terms),
    evidence: entry.profile.evidence === 'all',
    newestAt: latest.length === 0 ? null : Math.max(...latest.map(({ at }) => at)),
  };
}

/** Starts the modules whose tables are there. What goes wrong with an optional one is told, and the rest starts. */
async function startModules(
  needs: Needs,
  { modules = coreModules, log }: ServerOptions,
): Promise<ModuleParts[]> {
  const faults = new Map(needs.relational.faults.map((fault) => [fault.module, fault]));
  const parts: ModuleParts[] = [];
  for (const module of modules) {
    const fault = faults.get(module.name);
    if (fault !== undefined) {
      log.error(fault, 'a module was left out: its tables could not be brought up to date');
      continue;
    }
    try {
      parts.push(await module.start(needs));
      needs.rights.add(module);
    } catch (error) {
      if (module.optional !== true) throw error;
      log.error({ err: error, module: module.name }, 'a module was left out: it does not start');
    }
  }
  return parts;
}

const failureMetrics = (failures: Readonly<Record<string, number>>): MetricGroup =>
  metricGroup(
    () => failures,
    [
      {
        kind: 'counter',
        name: 'maintenance_failures_total',
        help: 'Failures of repeated work',
        labels: ['kind'],
        value: (now) => byCause(now, 'kind'),
      },
    ],
  );

/** Runs what the modules repeat and follow; the returned function ends it. */
function runJobs(needs: Needs, parts: readonly ModuleParts[]): () => Promise<void> {
  const stop = new AbortController();
  const jobs = new Jobs({
    ...needs,
    jobs: parts.flatMap((part) => part.jobs ?? []),
    ticks: parts.flatMap((part) => part.ticks ?? []),
  });
  const readers = parts.flatMap((part) => part.readers ?? []);
  const running = Promise.all([jobs.run(stop.signal), runReaders(needs, readers, stop.signal)]);
  return async () => {
    stop.abort();
    await running;
  };
}

function openBroker(
  config: Config,
  hooks: BrokerHooks<Principal>,
  { timer, log }: ServerOptions,
): Broker {
  return createBroker(hooks, {
    limits: config.mqtt.limits,
    now: timer.now,
    log: (level, message, detail) => log[level](detail, message),
  });
}

function running(
  needs: Needs,
  modules: readonly ModuleParts[],
  parts: Pick<Server, 'http' | 'httpPort' | 'mqttPort' | 'mqttPorts' | keyof FoundAdmin>,
  stopJobs: () => Promise<void>,
): Server {
  const { imports, config, directory, store, relational } = needs;
  const { code } = config.county;
  let stopped: Promise<void> | null = null;
  return {
    ...parts,
    store,
    relational,
    reloadCertificates: () => {
      needs.certificates.reload();
      return !needs.certificates.isEmpty;
    },
    importAreas: async (csv) =>
      assertImported('areas', await imports.areas({ content: csv }, code)),
    importDevices: async (csv) =>
      assertImported('devices', await imports.devices({ content: csv }, code)),
    status: () => ({
      devices: directory.counts(code) ?? { online: 0, late: 0, offline: 0, never: 0 },
      readingsPerMinute: directory.readingsPerMinute(code),
      readings: directory.received,
    }),
    stop: () => {
      stopped ??= stopAll(needs, modules, parts.http, stopJobs);
      return stopped;
    },
  };
}

/**
 * In the order in which things depend on each other: answers under way are given, what was acknowledged is durable
 * before the stores close. A store that can't write its last group says so; none of it was acknowledged.
 */
async function stopAll(
  { broker, pipeline, store, relational }: Needs,
  modules: readonly ModuleParts[],
  http: FastifyInstance,
  stopJobs: () => Promise<void>,
): Promise<void> {
  const drained = Promise.all(modules.map((module) => module.drain?.()));
  const cut = setTimeout(() => http.server.closeAllConnections(), HTTP_DRAIN_MS);
  pipeline.leave();
  await Promise.all([http.close(), broker.close(BROKER_DRAIN_MS)]);
  clearTimeout(cut);
  await stopJobs();
  await drained;
  for (const module of modules) await module.close?.();
  try {
    await store.close();
  } finally {
    await relational.close();
  }
}
