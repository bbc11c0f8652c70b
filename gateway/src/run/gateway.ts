/** Puts a gateway together and runs it: devices → intake → outbox → uplink. */
import { OperationalError, type Random, type Timer } from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import manifest from '../../package.json' with { type: 'json' };
import {
  type BoundDevice,
  bindDevices,
  type Connection,
  type GatewayConfig,
} from '../config/config.ts';
import { Line, type LineCounters } from '../drivers/modbus/connection.ts';
import { type PollCounters, Poller } from '../drivers/modbus/poller.ts';
import { createListener, listen } from '../drivers/mqtt/listener.ts';
import { clockIsSet, Intake, type IntakeCounters } from '../intake/intake.ts';
import { Outbox, type OutboxCounters, type OutboxOptions } from '../outbox/outbox.ts';
import { Uplink, type UplinkCounters } from '../uplink/uplink.ts';
import { type Log, limitedLog } from './log.ts';
import { watch } from './watch.ts';

export interface GatewayDeps {
  readonly timer: Timer;
  readonly random: Random;
  readonly log: Log;
  /** Profiles by id; the built-in catalogue and the configuration's own folders when absent. */
  readonly catalog?: ReadonlyMap<string, DeviceProfile>;
  readonly outbox?: Partial<OutboxOptions>;
}

export interface GatewayCounters {
  readonly polls: PollCounters;
  /** Times that the clock of the box was set while it ran. */
  readonly clockSteps: number;
  /** Polled devices whose last poll failed, with the code. */
  readonly failing: Readonly<Record<string, string>>;
  readonly lines: Readonly<Record<string, LineCounters>>;
  readonly intake: IntakeCounters;
  readonly outbox: OutboxCounters;
  readonly uplink: UplinkCounters;
}

export interface Gateway {
  /** Port of the listener for local devices; null when there is none. */
  readonly mqttPort: number | null;
  counters(): GatewayCounters;
  /** Stops taking in, commits, says goodbye; what was not sent stays in the outbox. */
  stop(): Promise<void>;
}

const LOG_LINES_PER_MINUTE = 120;
const LISTENER_CLOSE_MS = 2_000;
const MEGABYTE = 1024 * 1024;
const RESEND_AFTER_MS = 90_000;

/** Everything that has to be right before anything runs. Faults of profiles and of devices, as text lines. */
export function prepare(
  config: GatewayConfig,
  catalog?: ReadonlyMap<string, DeviceProfile>,
): { devices: BoundDevice[]; faults: string[] } {
  const faults: string[] = [];
  let profiles = catalog;
  if (profiles === undefined) {
    const loaded = loadCatalog([builtinCatalog, ...config.catalogs]);
    profiles = loaded.profiles;
    for (const { file, line, path, message } of loaded.faults)
      faults.push(`${file}${line === undefined ? '' : `:${line}`} ${path}: ${message}`);
  }
  const bound = bindDevices(config, profiles);
  for (const fault of bound.faults) faults.push(`${fault.path}: ${fault.message}`);
  return { devices: bound.devices, faults };
}

interface Polled {
  readonly device: BoundDevice;
  readonly connection: Connection;
}

/** One line for each host and port, as careful as the most careful of its devices. */
function makeLines(polled: readonly Polled[], deps: GatewayDeps): Map<string, Line> {
  const lines = new Map<string, Line>();
  const byEndpoint = Map.groupBy(
    polled,
    ({ connection }) => `${connection.host}:${connection.port}`,
  );
  for (const [name, members] of byEndpoint) {
    const [first] = members;
    if (first === undefined) continue;
    const { host, port } = first.connection;
    const inFlight = Math.min(...members.map(({ connection }) => connection.inFlight));
    const pauseMs = Math.max(...members.map(({ connection }) => connection.pause));
    const shared = new Set(members.map(({ connection }) => connection.unit)).size > 1;
    lines.set(name, new Line({ host, port, inFlight, pauseMs, shared }, deps));
  }
  return lines;
}

function sumPolls(pollers: readonly Poller[]): PollCounters {
  const sum: PollCounters = { ok: 0, skipped: 0, failed: {} };
  for (const { counters } of pollers) {
    sum.ok += counters.ok;
    sum.skipped += counters.skipped;
    for (const [code, count] of Object.entries(counters.failed))
      sum.failed[code] = (sum.failed[code] ?? 0) + count;
  }
  return sum;
}

/**
 * Starts a gateway in this process. Nothing on the network has to be there: it connects, and connects again.
 * @throws config-invalid, outbox-refuses, listen-failed
 */
export async function startGateway(config: GatewayConfig, given: GatewayDeps): Promise<Gateway> {
  const deps = { ...given, log: limitedLog(given.log, given.timer.elapsed, LOG_LINES_PER_MINUTE) };
  const { devices, faults } = prepare(config, given.catalog);
  if (faults.length > 0) throw new OperationalError('config-invalid', faults.join('\n'));
  const outbox = new Outbox(
    config.data,
    { now: deps.timer.now, log: deps.log },
    {
      bytesMax: config.outbox.megabytes * MEGABYTE,
      fileBytesMax: (config.outbox.megabytes * 2 + 64) * MEGABYTE,
      ...given.outbox,
    },
  );
  const intake = new Intake(outbox, { now: deps.timer.now, log: deps.log });
  const { gateway, uplink: to } = config;
  const { backfillRowsPerSecond } = config.outbox;
  const uplink = new Uplink(
    { gateway, ...to, backfillRowsPerSecond, version: manifest.version },
    outbox,
    deps,
  );
  // What the county last heard may be old: everything is said once more.
  uplink.onConnected = (awayMs) => {
    if (awayMs > RESEND_AFTER_MS || awayMs < 0) intake.deadband.forgetAll();
  };
  const polled = devices.flatMap((device): Polled[] =>
    device.connection === undefined ? [] : [{ device, connection: device.connection }],
  );
  const lines = makeLines(polled, deps);
  const pollers = polled.map(({ device, connection }, i) => {
    const line = lines.get(`${connection.host}:${connection.port}`);
    if (line === undefined) throw new Error(`BUG: ${device.id} has no line`);
    return new Poller(device, line, intake, i / polled.length, deps);
  });
  return run({ config, devices, outbox, intake, uplink, lines, pollers }, deps);
}

/** The counters that fit a line of the log. */
function summaryOf({
  polls,
  clockSteps,
  failing,
  intake,
  outbox,
  uplink,
}: GatewayCounters): object {
  const { badFrames, ...taken } = intake;
  const { epoch, droppedSeq, ...kept } = outbox;
  return {
    polls,
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
  readonly outbox: Outbox;
  readonly intake: Intake;
  readonly uplink: Uplink;
  readonly lines: ReadonlyMap<string, Line>;
  readonly pollers: readonly Poller[];
}

async function run(parts: Parts, deps: GatewayDeps): Promise<Gateway> {
  const { config, devices, outbox, intake, uplink, lines, pollers } = parts;
  let listener: Awaited<ReturnType<typeof createListener>> | null = null;
  let mqttPort: number | null = null;
  if (config.mqtt !== undefined) {
    listener = await createListener(devices, intake, deps.log);
    try {
      mqttPort = await listen(listener, config.mqtt);
    } catch (error) {
      outbox.close();
      throw error;
    }
  }
  const intakeOver = new AbortController();
  const uplinkOver = new AbortController();
  const taking = [
    ...[...lines.values()].map((line) => line.run(intakeOver.signal)),
    ...pollers.map((poller) => poller.run(intakeOver.signal)),
  ];
  const sending = uplink.run(uplinkOver.signal);
  let clockSteps = 0;
  const counters = (): GatewayCounters => ({
    polls: sumPolls(pollers),
    clockSteps,
    failing: Object.fromEntries(
      pollers.flatMap((poller) => (poller.failing === null ? [] : [[poller.id, poller.failing]])),
    ),
    lines: Object.fromEntries([...lines].map(([name, line]) => [name, line.counters()])),
    intake: intake.counters(),
    outbox: outbox.counters(),
    uplink: uplink.counters(),
  });
  const watching = watch(intakeOver.signal, deps, {
    clockSet() {
      clockSteps++;
      // What was sent last has another time now than what comes next: nothing is compared with it.
      intake.deadband.forgetAll();
    },
    summary: () => summaryOf(counters()),
  });
  if (!clockIsSet(deps.timer.now())) deps.log.warn({}, 'gateway: its clock is not set');
  deps.log.info({ devices: devices.length, lines: lines.size, mqttPort }, 'gateway: runs');
  return {
    mqttPort,
    counters,
    async stop() {
      intakeOver.abort();
      await Promise.all([...taking, watching, listener?.close(LISTENER_CLOSE_MS)]);
      uplinkOver.abort();
      await sending;
      outbox.close();
      deps.log.info({}, 'gateway: stopped');
    },
  };
}
