/** Other sides for the gateway's tests, on real sockets: Modbus slaves that misbehave on request, and a county. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Broker, createBroker } from '@village/broker';
import {
  seededRandom,
  systemTimer,
  type WireBatch,
  type WireRefused,
  type WireStatus,
} from '@village/core';
import { type DeviceProfile, parseProfile } from '@village/device-profiles';
import type { Framing, ReadPdu } from '@village/device-profiles/modbus';
import { ModbusConnection, type ModbusConnectionOptions } from './drivers/modbus/connection.ts';
import type { ModbusCounters } from './drivers/modbus/index.ts';
import type { PollCounters } from './drivers/modbus/poller.ts';
import { type Gateway, type GatewayConfig, type GatewayDeps, silentLog } from './index.ts';

/** Two blocks that can't be read together, so that a poll takes two requests. */
const modbusYaml = `
profile: test/two-blocks
revision: 1
name: { zh: 测试仪, en: Test instrument }
kind: water-quality
protocol: modbus
modbus:
  every: 10s
  reportEvery: 60s
  blocks:
    low:  { table: holding, address: 10, count: 2 }
    high: { table: holding, address: 300, count: 1 }
metrics:
  - { key: ph,   quantity: water.ph, from: { block: low, at: 0, type: uint16 }, scale: 0.01, range: [0, 14], deadband: 0.05 }
  - { key: temp, quantity: water.temperature, from: { block: low, at: 1, type: int16 }, scale: 0.1, range: [-5, 60], deadband: 0.1 }
  - { key: total, quantity: water.volume-total, from: { block: high, at: 0, type: uint16 }, range: [0, 1.0e+6] }
examples:
  - name: register values are their addresses
    frame: { low: "000A 000B", high: "012C" }
    readings: { ph: 0.1, temp: 1.1, total: 300 }
  - name: a cut answer
    frame: { low: "000A", high: "012C" }
    error: frame-too-short
`;

const mqttYaml = `
profile: test/bin
revision: 1
name: { zh: 测试桶, en: Test bin }
kind: smart-bin
protocol: mqtt
mqtt:
  topic: bin/{device}/up
  payload: json
  time: { path: /ts, format: unix-s }
  every: 1h
  reportEvery: 1h
metrics:
  - { key: fill, quantity: bin.fill-level, from: { path: /fill }, range: [0, 100] }
examples:
  - name: half full
    frame: { topic: bin/b1/up, payload: '{"ts":1767225600,"fill":52}' }
    at: 2026-01-01T00:00:00Z
    readings: { fill: 52 }
  - name: reboot
    frame: { topic: bin/b1/up, payload: 'BOOT' }
    error: payload-not-json
`;

function mustParse(text: string, file: string): DeviceProfile {
  const { profile, faults } = parseProfile(text, file);
  if (profile === undefined || faults.length > 0) throw new Error(JSON.stringify(faults, null, 1));
  return profile;
}

/** `test/two-blocks` (Modbus) and `test/bin` (MQTT). */
export const testCatalog: ReadonlyMap<string, DeviceProfile> = new Map(
  [mustParse(modbusYaml, 'two-blocks.yaml'), mustParse(mqttYaml, 'bin.yaml')].map((one) => [
    one.id,
    one,
  ]),
);

/** A folder that is gone after the test. */
export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'village-gateway-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Waits until the condition holds; fails after the time. */
export async function until(
  what: string,
  condition: () => boolean,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never came: ${what}`);
    await delay(5);
  }
}

/** A port of the loopback where nobody listens yet. */
export async function freePort(): Promise<number> {
  const slave = await FakeSlave.start();
  const { port } = slave;
  await slave.stop();
  return port;
}

/** A request as a slave sees it. */
export interface SlaveRequest {
  readonly id: number;
  readonly unit: number;
  readonly code: number;
  readonly address: number;
  readonly count: number;
  readonly at: number;
}

/** What a slave sends for a request: bytes to write, or nothing. */
export type Behaviour = (request: SlaveRequest, socket: Socket, slave: FakeSlave) => void;

/** The right answer: every register holds its own address, every bit its address's lowest bit. */
export function answerOf(request: SlaveRequest, values?: (address: number) => number): Buffer {
  const value = values ?? ((address: number) => address);
  const { code, count, address } = request;
  const bits = code === 1 || code === 2;
  const bytes = bits ? Math.ceil(count / 8) : 2 * count;
  const answer = Buffer.alloc(9 + bytes);
  answer.writeUInt16BE(request.id, 0);
  answer.writeUInt16BE(3 + bytes, 4);
  answer[6] = request.unit;
  answer[7] = code;
  answer[8] = bytes;
  for (let i = 0; i < count; i++)
    if (bits) answer[9 + (i >> 3)]! |= (value(address + i) & 1) << (i & 7);
    else answer.writeUInt16BE(value(address + i) & 0xffff, 9 + 2 * i);
  return answer;
}

/** A Modbus exception. */
export function exceptionOf(request: SlaveRequest, code: number): Buffer {
  const answer = Buffer.from([0, 0, 0, 0, 0, 3, request.unit, request.code | 0x80, code]);
  answer.writeUInt16BE(request.id, 0);
  return answer;
}

export const behave: Behaviour = (request, socket) => void socket.write(answerOf(request));

/** A Modbus TCP slave (or a serial server with several units) that does what it is told. */
export class FakeSlave {
  readonly requests: SlaveRequest[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  behaviour: Behaviour = behave;
  /** While true, connections are ended as soon as they are made. */
  away = false;
  /** Whether a connection is taken. */
  accepts: () => boolean = () => true;
  /** Called with each connection that is taken. */
  opened: (socket: Socket) => void = () => undefined;
  readonly #server: Server;
  readonly #framing: Framing;

  private constructor(server: Server, framing: Framing) {
    this.#server = server;
    this.#framing = framing;
    server.on('connection', (socket) => {
      if (this.away || !this.accepts()) socket.destroy();
      else this.#serve(socket);
    });
  }

  static async start(
    behaviour: Behaviour = behave,
    port = 0,
    framing: Framing = 'tcp',
  ): Promise<FakeSlave> {
    const server = createServer();
    const slave = new FakeSlave(server, framing);
    slave.behaviour = behaviour;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return slave;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.opened(socket);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let waiting = Buffer.alloc(0);
    socket.on('data', (data) => {
      waiting = Buffer.concat([waiting, data]);
      // As on a serial line there is no header and a checksum of two bytes.
      const size = this.#framing === 'tcp' ? 12 : 8;
      while (waiting.length >= size) {
        const tcp = this.#framing === 'tcp';
        const bytes = tcp
          ? waiting.subarray(0, size)
          : Buffer.concat([Buffer.alloc(6), waiting.subarray(0, 6)]);
        waiting = waiting.subarray(size);
        const request: SlaveRequest = {
          id: bytes.readUInt16BE(0),
          unit: bytes[6] as number,
          code: bytes[7] as number,
          address: bytes.readUInt16BE(8),
          count: bytes.readUInt16BE(10),
          at: performance.now(),
        };
        this.requests.push(request);
        this.behaviour(request, socket, this);
      }
    });
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** The county's side of the uplink: keeps every batch it acknowledged. */
export class FakeCounty {
  /** In the order of arrival, repeats included. */
  readonly batches: WireBatch[] = [];
  readonly statuses: WireStatus[] = [];
  readonly results: unknown[] = [];
  /** What the gateway could not take of frames, repeats included. */
  readonly refused: WireRefused[] = [];
  /** While false, batches are neither kept nor acknowledged. */
  acknowledges = true;
  port = 0;
  #broker: Broker;

  private constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** Accepts any gateway whose secret is `secret`. */
  static async start(port = 0): Promise<FakeCounty> {
    const county: FakeCounty = new FakeCounty(
      createBroker<string>({
        authenticate: ({ clientId, username, password }) =>
          clientId === username && password === 'secret' ? username : null,
        mayPublish: () => true,
        maySubscribe: () => true,
        publish: (message, done) => {
          const text = message.payload.toString();
          if (message.topic.endsWith('/status'))
            county.statuses.push(JSON.parse(text) as WireStatus);
          else if (message.topic.endsWith('/results')) county.results.push(JSON.parse(text));
          else if (message.topic.endsWith('/refused'))
            county.refused.push(...(JSON.parse(text) as { refused: WireRefused[] }).refused);
          else if (county.acknowledges) county.batches.push(JSON.parse(text) as WireBatch);
          else return;
          done();
        },
      }),
    );
    county.port = (await county.#broker.listen(port, '127.0.0.1')).port;
    return county;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  send(topic: string, payload: string): Promise<void> {
    return this.#broker.send(topic, payload, { qos: 1 });
  }

  stop(): Promise<void> {
    return this.#broker.close(100);
  }
}

/** A configuration with no devices that sends to the county; override what the test is about. */
export function testConfig(
  data: string,
  url: string,
  more: Partial<GatewayConfig> = {},
): GatewayConfig {
  return {
    gateway: 'gw-01',
    uplink: { url, secret: 'secret' },
    data,
    catalogs: [],
    outbox: { megabytes: 16, backfillRowsPerSecond: 5_000 },
    devices: [],
    ...more,
  };
}

export function testDeps(more: Partial<GatewayDeps> = {}): GatewayDeps {
  return {
    timer: systemTimer,
    random: seededRandom(1),
    log: silentLog,
    catalog: testCatalog,
    ...more,
  };
}

/** What the Modbus driver of a gateway has polled. */
export function pollsOf(gateway: Gateway): PollCounters {
  const counters = gateway.counters().drivers['modbus'] as ModbusCounters | undefined;
  return counters?.polls ?? { ok: 0, partial: 0, skipped: 0, failed: {} };
}

/** A slave and a connection to it that is open; `stop` ends both. */
export async function openConnection(
  behaviour: Behaviour = behave,
  options: Partial<ModbusConnectionOptions> = {},
): Promise<{
  slave: FakeSlave;
  connection: ModbusConnection;
  end: () => Promise<void>;
  stop: () => Promise<void>;
}> {
  const slave = await FakeSlave.start(behaviour, 0, options.framing);
  const connection = new ModbusConnection(
    {
      host: '127.0.0.1',
      port: slave.port,
      framing: 'tcp',
      inFlight: 1,
      pauseMs: 0,
      shared: false,
      ...options,
    },
    { timer: systemTimer, random: seededRandom(1), log: silentLog },
  );
  const over = new AbortController();
  const running = connection.run(over.signal);
  const end = async (): Promise<void> => {
    over.abort();
    await running;
  };
  await until('a connection', () => connection.open);
  return {
    slave,
    connection,
    end,
    async stop() {
      await end();
      await slave.stop();
    },
  };
}

/** A read of holding registers. */
export const registers = (address: number, count = 1): ReadPdu => ({
  table: 'holding',
  address,
  count,
});
