/** Modbus TCP: polls devices by their profiles, one connection for each host and port. */
import { MODBUS } from '@village/device-profiles/modbus';
import type { BoundDevice, GatewayConfig } from '../../config/types.ts';
import type { Driver, DriverDeps, Faults } from '../driver.ts';
import { type ModbusAddress, modbusAddress } from './address.ts';
import { ModbusConnection, type ModbusConnectionCounters } from './connection.ts';
import { type PollCounters, Poller } from './poller.ts';

export interface ModbusCounters {
  readonly polls: PollCounters;
  /** By `host:port`. */
  readonly connections: Readonly<Record<string, ModbusConnectionCounters>>;
}

interface Polled {
  readonly device: BoundDevice;
  readonly address: ModbusAddress;
}

const endpointOf = ({ address }: Polled): string => `${address.host}:${address.port}`;

/** One connection for each host and port, as careful as the most careful of its devices. */
function openConnections(
  polled: readonly Polled[],
  deps: DriverDeps,
): Map<string, ModbusConnection> {
  const connections = new Map<string, ModbusConnection>();
  for (const [name, members] of Map.groupBy(polled, endpointOf)) {
    const [first] = members;
    if (first === undefined) continue;
    const { host, port, framing } = first.address;
    // Where an answer may have a wrong number, only what is asked says whose it is.
    const inFlight = Math.min(
      ...members.map(({ address }) => (address.accept.has('transaction') ? 1 : address.inFlight)),
    );
    const pauseMs = Math.max(...members.map(({ address }) => address.pause));
    const shared = new Set(members.map(({ address }) => address.unit)).size > 1;
    connections.set(
      name,
      new ModbusConnection({ host, port, framing, inFlight, pauseMs, shared }, deps),
    );
  }
  return connections;
}

function sumPolls(pollers: readonly Poller[]): PollCounters {
  const sum: PollCounters = { ok: 0, partial: 0, skipped: 0, failed: {} };
  for (const { counters } of pollers) {
    sum.ok += counters.ok;
    sum.partial += counters.partial;
    sum.skipped += counters.skipped;
    for (const [code, count] of Object.entries(counters.failed))
      sum.failed[code] = (sum.failed[code] ?? 0) + count;
  }
  return sum;
}

export const modbusDriver: Driver = {
  protocol: MODBUS,
  connection: modbusAddress,
  check(device, config, faults) {
    if (device.connection === undefined)
      faults.device('connection', 'a Modbus device needs a connection');
    else if (!isModbusAddress(device.connection))
      faults.device('connection', 'must be { host, port, unit } as Modbus TCP has it');
    else checkFraming(device.connection, config, faults);
    if (device.secret !== undefined) faults.device('secret', 'a Modbus device has no secret');
  },
  async start(devices, { intake }, deps, signal) {
    const polled = devices.map((device) => ({
      device,
      address: device.connection as ModbusAddress,
    }));
    const connections = openConnections(polled, deps);
    const pollers = polled.map((one, i) => {
      const connection = connections.get(endpointOf(one));
      if (connection === undefined) throw new Error(`BUG: ${one.device.id} has no connection`);
      return new Poller(one.device, one.address, connection, intake, i / polled.length, deps);
    });
    const running = [...connections.values(), ...pollers].map((one) => one.run(signal));
    return {
      port: null,
      ended: Promise.all(running),
      failing: () =>
        Object.fromEntries(
          pollers.flatMap(({ id, failing }) => (failing === null ? [] : [[id, failing]])),
        ),
      counters: (): ModbusCounters => ({
        polls: sumPolls(pollers),
        connections: Object.fromEntries(
          [...connections].map(([name, connection]) => [name, connection.counters()]),
        ),
      }),
      summary: () => ({ polls: sumPolls(pollers) }),
    };
  },
};

function isModbusAddress(connection: unknown): connection is ModbusAddress {
  return typeof connection === 'object' && connection !== null && 'unit' in connection;
}

/** A converter speaks one way with all that is behind it. */
function checkFraming(
  { host, port, unit, framing }: ModbusAddress,
  { devices }: GatewayConfig,
  faults: Faults,
): void {
  if (framing === 'rtu' && unit === 0)
    faults.device('connection.unit', '0 is for all on a serial line, and nobody answers it');
  const other = devices.find(
    ({ connection: one }) =>
      isModbusAddress(one) && one.host === host && one.port === port && one.framing !== framing,
  );
  if (other !== undefined)
    faults.device('connection.framing', `${other.id} is behind the same port with another framing`);
}
