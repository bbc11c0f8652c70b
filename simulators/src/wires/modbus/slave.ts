/**
 * Modbus TCP servers as serial-device servers are: one port, many unit ids behind it. Answers are made at each
 * read, and a unit that is silent costs only those who ask for it. Functions 1 to 4; a slave here can't be written to.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Device, OperationalError } from '@village/core';
import { type DeviceProfile, encode } from '@village/device-profiles';
import {
  answerPdu,
  EXCEPTION,
  exceptionPdu,
  HEADER_BYTES,
  isModbusFrame,
  LENGTH_MAX,
  type ModbusTable,
  planReads,
  REFUSES,
  readOf,
  tcpFrame,
} from '@village/device-profiles/modbus';

/** One unit id. */
export interface SlaveUnit {
  readonly unit: number;
  readonly profile: DeviceProfile;
  readonly options?: Device['options'];
  /** The values by metric at this moment, or null while the unit does not answer. */
  values(): Readonly<Record<string, number>> | null;
}

/** One TCP port. */
export interface SlavePort {
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly units: readonly SlaveUnit[];
}

export interface SlaveCounters {
  connections: number;
  requests: number;
  answers: number;
  /** Requests that no unit answered: an unknown unit id, or a silent one. */
  unanswered: number;
  /** Answers that say no: a function or an address that the unit lacks. */
  exceptions: number;
  /** Connections closed because of nonsense on them. */
  malformed: number;
  socketErrors: number;
}

/** Running slaves. */
export interface Slaves {
  /** The ports, in the order asked for. */
  readonly ports: readonly number[];
  readonly counters: Readonly<SlaveCounters>;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const IDLE_MS = 10 * 60_000;
/** An answer that nobody takes off the socket is at most this far behind. */
const UNSENT_BYTES_MAX = 256 * 1024;

/** Where the blocks of a profile lie in one table. */
interface Span {
  readonly block: string;
  readonly offset: number;
  readonly address: number;
  readonly count: number;
}

interface Unit extends SlaveUnit {
  readonly spans: Readonly<Record<ModbusTable, readonly Span[]>>;
}

function compile(unit: SlaveUnit): Unit {
  if (!(Number.isInteger(unit.unit) && unit.unit >= 0 && unit.unit <= 255))
    throw new OperationalError('bad-unit', `A unit id is 0 to 255, not ${unit.unit}`);
  const spans: Record<ModbusTable, Span[]> = { coil: [], discrete: [], holding: [], input: [] };
  for (const read of planReads(unit.profile, unit.options))
    for (const { block, offset, count, at } of read.parts)
      spans[read.table].push({ block, offset, address: read.address + at, count });
  return { ...unit, spans };
}

/**
 * Numbers of `count` places from `address`; null when a device has nothing there at either end. A gap inside
 * reads 0, as instruments do, so that merged reads work.
 */
function fetch(
  unit: Unit,
  table: ModbusTable,
  address: number,
  count: number,
  values: Readonly<Record<string, number>>,
): number[] | null {
  const known = unit.spans[table];
  const held = (place: number): boolean =>
    known.some((span) => place >= span.address && place < span.address + span.count);
  if (!held(address) || !held(address + count - 1)) return null;
  const frame = encode(unit.profile, values, {
    at: 0,
    address: '',
    ...(unit.options === undefined ? {} : { options: unit.options }),
  });
  if (!isModbusFrame(frame)) throw new Error(`BUG: ${unit.profile.id} is no Modbus profile`);
  const out = new Array<number>(count).fill(0);
  for (const span of known) {
    const from = Math.max(span.address, address);
    const to = Math.min(span.address + span.count, address + count);
    const block = frame.blocks[span.block];
    for (let place = from; place < to; place++)
      out[place - address] = Number(block?.[span.offset + place - span.address] ?? 0);
  }
  return out;
}

/** The answer's PDU, or null for silence. */
function answer(unit: Unit | undefined, pdu: Buffer): Buffer | null {
  const values = unit?.values() ?? null;
  if (unit === undefined || values === null) return null;
  const code = pdu[0] ?? 0;
  const read = readOf(pdu);
  if (typeof read === 'number') return exceptionPdu(code, read);
  const found = fetch(unit, read.table, read.address, read.count, values);
  return found === null ? exceptionPdu(code, EXCEPTION.illegalAddress) : answerPdu(read, found);
}

class Port {
  readonly #units = new Map<number, Unit>();
  readonly #sockets = new Set<Socket>();
  readonly #counters: SlaveCounters;
  readonly #server: Server;

  constructor(units: readonly Unit[], counters: SlaveCounters) {
    for (const unit of units) this.#units.set(unit.unit, unit);
    if (this.#units.size < units.length)
      throw new OperationalError('unit-taken', 'Two units of one port have the same id');
    this.#counters = counters;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  async listen(port: number, host: string): Promise<number> {
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      throw new OperationalError(
        'port-taken',
        `Another program has ${host}:${port}, on which Modbus devices were to be played`,
        { cause },
      );
    }
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(socket: Socket): void {
    this.#counters.connections++;
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => {
      this.#counters.socketErrors++;
    });
    socket.on('close', () => this.#sockets.delete(socket));
    let held: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      held = this.#consume(socket, held.length === 0 ? chunk : Buffer.concat([held, chunk]));
    });
  }

  /** Answers all whole requests and returns what is left, at most one request's bytes. */
  #consume(socket: Socket, data: Buffer): Buffer {
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const length = data.readUInt16BE(at + 4);
      if (data.readUInt16BE(at + 2) !== 0 || length < 2 || length > LENGTH_MAX) {
        this.#counters.malformed++;
        socket.destroy();
        return Buffer.alloc(0);
      }
      const end = at + HEADER_BYTES + length;
      if (data.length < end) break;
      this.#respond(socket, data.subarray(at, end));
      at = end;
    }
    return Buffer.from(data.subarray(at));
  }

  #respond(socket: Socket, request: Buffer): void {
    this.#counters.requests++;
    const unit = request[HEADER_BYTES] ?? 0;
    const pdu = answer(this.#units.get(unit), request.subarray(HEADER_BYTES + 1));
    if (pdu === null) {
      this.#counters.unanswered++;
      return;
    }
    if (((pdu[0] ?? 0) & REFUSES) !== 0) this.#counters.exceptions++;
    else this.#counters.answers++;
    socket.write(tcpFrame(request.readUInt16BE(0), unit, pdu));
    if (socket.writableLength > UNSENT_BYTES_MAX) {
      this.#counters.malformed++;
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/**
 * Starts all ports, or none.
 * @throws bad-unit, unit-taken, port-taken, and the system's other listen errors
 */
export async function serveSlaves(ports: readonly SlavePort[]): Promise<Slaves> {
  const counters: SlaveCounters = {
    connections: 0,
    requests: 0,
    answers: 0,
    unanswered: 0,
    exceptions: 0,
    malformed: 0,
    socketErrors: 0,
  };
  const open: Port[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((port) => port.close()));
  };
  const numbers: number[] = [];
  try {
    for (const { host = '127.0.0.1', port, units } of ports) {
      const server = new Port(units.map(compile), counters);
      open.push(server);
      numbers.push(await server.listen(port, host));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { ports: numbers, counters, close };
}
