/** Puts a gateway together and runs it: devices → intake → outbox → uplink. */
import { clockIsSet, OperationalError, type Random, type Timer } from '@village/core';
import { type DeviceProfile, loadWithOwn } from '@village/device-profiles';
import manifest from '../../package.json' with { type: 'json' };
import { bindDevices } from '../config/bind.ts';
import type { BoundDevice, GatewayConfig } from '../config/types.ts';
import type { Driver, RunningDriver } from '../drivers/driver.ts';
import { builtinDrivers } from '../drivers/index.ts';
import { Intake, type IntakeCounters } from '../intake/intake.ts';
import { lockFolder } from '../outbox/lock.ts';
import type { OutboxCounters, OutboxOptions } from '../outbox/options.ts';
import { Outbox } from '../outbox/outbox.ts';
import { Uplink, type UplinkCounters } from '../uplink/uplink.ts';
import { ClockWatch } from './clock-watch.ts';
import { type Log, limitedLog } from './log.ts';
import { watch } from './watch.ts';

export interface GatewayDeps {
  readonly timer: Timer;
  readonly random: Random;
  readonly log: Log;
  /** Profiles by id; the built-in catalogue and the configuration's own folders when absent. */
  readonly catalog?: ReadonlyMap<string, DeviceProfile>;
  readonly outbox?: Partial<OutboxOptions>;
  /** The built-in drivers when absent. */
  readonly drivers?: readonly Driver[];
}

export interface GatewayCounters {
  /** By protocol. */
  readonly drivers: Readonly<Record<string, object>>;
  /** Times that the clock of the box was set while it ran. */
  readonly clockSteps: number;
  /** Devices that can't be read now, with the code of the fault. */
  readonly failing: Readonly<Record<string, string>>;
  readonly intake: IntakeCounters;
  readonly outbox: OutboxCounters;
  readonly uplink: UplinkCounters;
}

export interface Gateway {
  /** Where the drivers listen, by protocol. */
  readonly ports: Readonly<Record<string, number>>;
  counters(): GatewayCounters;
  /** Reads certificates of listeners anew; the uplink's are read at each connection. False when there are none. */
  reload(): boolean;
  /** Stops taking in, commits, says goodbye; what was not sent stays in the outbox. */
  stop(): Promise<void>;
}

const LOG_LINES_PER_MINUTE = { each: 6, own: 120 };
const MEGABYTE = 1024 * 1024;
const RESEND_AFTER_MS = 90_000;

/** Everything that has to be right before anything runs. Faults of profiles and of devices, as text lines. */
export function prepare(
  config: GatewayConfig,
  catalog?: ReadonlyMap<string, DeviceProfile>,
  drivers: readonly Driver[] = builtinDrivers,
): { devices: BoundDevice[]; faults: string[] } {
  const faults: string[] = [];
  let profiles = catalog;
  if (profiles === undefined) {
    const loaded = loadWithOwn(config.catalogs);
    profiles = loaded.profiles;
    for (const { file, line, path, message } of loaded.faults)
      faults.push(`${file}${line === undefined ? '' : `:${line}`} ${path}: ${message}`);
  }
  const bound = bindDevices(config, profiles, drivers);
  for (const fault of bound.faults) faults.push(`${fault.path}: ${fault.message}`);
  return { devices: bound.devices, faults };
}

/**
 * Starts a gateway in this process. Nothing on the network has to be there: it connects, and connects again.
 * @throws config-invalid, outbox-in-use, outbox-refuses, listen-failed
 */
export async function startGateway(config: GatewayConfig, given: GatewayDeps): Promise<Gateway> {
  const deps = { ...given, log: limitedLog(given.log, given.timer.elapsed, LOG_LINES_PER_MINUTE) };
  const { drivers = builtinDrivers } = given;
  const { devices, faults } = prepare(config, given.catalog, drivers);
  if (faults.length > 0) throw new OperationalError('config-invalid', faults.join('\n'));
  const unlock = lockFolder(config.data);
  try {
    return await startOn(openOutbox(config, deps), { config, devices, drivers, unlock }, deps);
  } catch (error) {
    unlock();
    throw error;
  }
}

function openOutbox({ data, outbox: { megabytes } }: GatewayConfig, deps: GatewayDeps): Outbox {
  return new Outbox(
    data,
    { now: deps.timer.now, log: deps.log },
    {
      bytesMax: megabytes * MEGABYTE,
      fileBytesMax: (megabytes * 2 + 64) * MEGABYTE,
      ...deps.outbox,
    },
  );
}

function startOn(
  outbox: Outbox,
  given: Pick<Parts, 'config' | 'devices' | 'drivers' | 'unlock'>,
  deps: GatewayDeps,
): Promise<Gateway> {
  const { config } = given;
  const clockWatch = new ClockWatch(deps.timer, (ms) => {
    uplink.clockSet();
    outbox.clockSet(ms);
  });
  const intake = new Intake(outbox, { now: clockWatch.now, log: deps.log });
  const { gateway, uplink: to } = config;
  const { backfillRowsPerSecond } = config.outbox;
  const uplink = new Uplink(
    { gateway, ...to, backfillRowsPerSecond, version: manifest.version },
    outbox,
    deps,
  );
  uplink.lookAtClock = () => clockWatch.look();
  uplink.refusals = () => intake.refusals.told();
  // What the county last heard may be old: everything is said once more.
  uplink.onConnected = (awayMs) => {
    if (awayMs > RESEND_AFTER_MS || awayMs < 0) intake.deadband.forgetAll();
  };
  return run({ ...given, outbox, intake, uplink }, deps);
}

/** The counters that fit a line of the log. */
function summaryOf(
  { clockSteps, failing, intake, outbox, uplink }: GatewayCounters,
  drivers: Iterable<RunningDriver>,
): object {
  const { badFrames, ...taken } = intake;
  const { epoch, droppedSeq, ...kept } = outbox;
  return {
    ...Object.assign({}, ...[...drivers].map((driver) => driver.summary())),
    clockSteps,
    failing: Object.keys(failing).length,
    intake: taken,
    outbox: kept,
    uplink,
  };
}

interface Parts {
  readonly config: GatewayConfig;
  readonly devices: readonly BoundDevice[];
  readonly drivers: readonly Driver[];
  readonly outbox: Outbox;
  readonly intake: Intake;
  readonly uplink: Uplink;
  /** Gives the folder back. */
  readonly unlock: () => void;
}

/** Starts the drivers that have something to do; when one can't, those before it are ended. */
async function startDrivers(
  { config, devices, drivers, intake }: Parts,
  deps: GatewayDeps,
  over: AbortController,
): Promise<Map<string, RunningDriver>> {
  const running = new Map<string, RunningDriver>();
  for (const driver of drivers) {
    const own = devices.filter(({ profile }) => profile.protocol === driver.protocol);
    const configured = driver.section !== undefined && config[driver.section.name] !== undefined;
    if (own.length === 0 && !configured) continue;
    try {
      const started = await driver.start(own, { config, intake }, deps, over.signal);
      running.set(driver.protocol, started);
    } catch (error) {
      over.abort();
      await Promise.all([...running.values()].map(({ ended }) => ended));
      throw error;
    }
  }
  return running;
}

async function run(parts: Parts, deps: GatewayDeps): Promise<Gateway> {
  const { devices, outbox, intake, uplink, unlock } = parts;
  const intakeOver = new AbortController();
  const uplinkOver = new AbortController();
  let drivers: Map<string, RunningDriver>;
  try {
    drivers = await startDrivers(parts, deps, intakeOver);
  } catch (error) {
    outbox.close();
    throw error;
  }
  const running = [...drivers.values()];
  const sending = uplink.run(uplinkOver.signal);
  let clockSteps = 0;
  const counters = (): GatewayCounters => ({
    drivers: Object.fromEntries([...drivers].map(([name, driver]) => [name, driver.counters()])),
    clockSteps,
    failing: Object.assign({}, ...running.map((driver) => driver.failing())),
    intake: intake.counters(),
    outbox: outbox.counters(),
    uplink: uplink.counters(),
  });
  const watching = watch(intakeOver.signal, deps, {
    clockSet() {
      clockSteps++;
      intake.clockSet();
    },
    summary: () => summaryOf(counters(), running),
  });
  if (!clockIsSet(deps.timer.now())) deps.log.warn({}, 'gateway: its clock is not set');
  const ports = Object.fromEntries(
    [...drivers].flatMap(([name, { port }]) => (port === null ? [] : [[name, port]])),
  );
  deps.log.info({ devices: devices.length, ports }, 'gateway: runs');
  return {
    ports,
    counters,
    reload() {
      const readers = running.filter(({ reload }) => reload !== undefined);
      for (const driver of readers) driver.reload?.();
      return readers.length > 0;
    },
    async stop() {
      intakeOver.abort();
      await Promise.all([...running.map(({ ended }) => ended), watching]);
      uplinkOver.abort();
      await sending;
      outbox.close();
      unlock();
      deps.log.info({}, 'gateway: stopped');
    },
  };
}
