/**
 * The publishers, in a process of their own: raw sockets that send pre-encoded packets, keep a window unacknowledged
 * or hold a rate, and count what comes back. Speaks with its parent by messages.
 */
import { connect, type Socket } from 'node:net';
import { quantiles } from '../report.ts';
import {
  connectPacket,
  deviceId,
  deviceTemplate,
  gatewayId,
  gatewayTemplate,
  type Template,
  writeMessage,
} from './packets.ts';

export interface Load {
  readonly port: number;
  readonly kind: 'device' | 'gateway';
  readonly connections: number;
  /** Most messages unacknowledged on one connection. */
  readonly window: number;
  /** Messages a second over all connections; absent: as fast as the window lets. */
  readonly rate?: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface Published {
  /** All messages and rows, warm-up and drain included. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly rowsAcknowledged: number;
  /** Within the measured time. */
  readonly rowsPerSecond: number;
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** At a given rate: the wait of every message of the measured time, from when it was due and not from when there was room for it. */
  readonly waitsMs: readonly number[];
  /** How late this process itself was with its ticks: what is above it is the server's. */
  readonly ownLateMs: { readonly p99: number; readonly max: number };
  readonly cpuSeconds: number;
  readonly measuredSeconds: number;
}

interface Connection {
  readonly socket: Socket;
  readonly template: Template;
  connected: boolean;
  sent: number;
  acknowledged: number;
  /** Bytes of an answer cut in two. */
  rest: Buffer | null;
  /** The message whose latency is being sampled, and when it was sent: as fast as the window lets. */
  sampled: number;
  sampledAt: number;
  /** At a given rate: when each message that is not acknowledged was due, oldest first; NaN outside the measured time. */
  readonly dueAt: number[];
}

const start = Math.floor(Date.now() / 1000) * 1000 - 60_000;
let measuring = false;
let sending = true;
let acknowledgedMeasured = 0;
const latencies: number[] = [];
const late: number[] = [];
const TICK_MS = 5;

function send(one: Connection, count: number): void {
  const size = one.template.packet.length;
  const chunk = Buffer.allocUnsafe(size * count);
  for (let k = 0; k < count; k++) writeMessage(chunk, k * size, one.template, one.sent + k, start);
  if (one.sampled < 0 && one.dueAt.length === 0) {
    one.sampled = one.sent + count - 1;
    one.sampledAt = performance.now();
  }
  one.sent += count;
  one.socket.write(chunk);
}

/** Counts PUBACKs; anything else than PUBACK after CONNACK is a failure of the server. */
function receive(one: Connection, chunk: Buffer, load: Load): void {
  const data = one.rest === null ? chunk : Buffer.concat([one.rest, chunk]);
  let at = 0;
  if (!one.connected) {
    if (data.length < 4) {
      one.rest = data;
      return;
    }
    if (data[0] !== 0x20 || data[3] !== 0)
      throw new Error(`CONNACK refused: ${data.subarray(0, 4).toString('hex')}`);
    one.connected = true;
    at = 4;
  }
  let acks = 0;
  for (; at + 4 <= data.length; at += 4) {
    if (data[at] !== 0x40)
      throw new Error(`not a PUBACK: ${data.subarray(at, at + 4).toString('hex')}`);
    acks++;
  }
  one.rest = at < data.length ? Buffer.from(data.subarray(at)) : null;
  one.acknowledged += acks;
  if (measuring) acknowledgedMeasured += acks;
  for (const dueAt of one.dueAt.splice(0, acks))
    if (!Number.isNaN(dueAt)) latencies.push(performance.now() - dueAt);
  if (one.sampled >= 0 && one.acknowledged > one.sampled) {
    if (measuring) latencies.push(performance.now() - one.sampledAt);
    one.sampled = -1;
  }
  if (acks > 0 && sending && load.rate === undefined)
    send(one, Math.min(acks, load.window - (one.sent - one.acknowledged)));
}

async function open(load: Load): Promise<Connection[]> {
  const all: Connection[] = [];
  for (let n = 0; n < load.connections; n += 200) {
    const some = Array.from({ length: Math.min(200, load.connections - n) }, (_, k) =>
      openOne(load, n + k),
    );
    all.push(...(await Promise.all(some)));
  }
  return all;
}

function openOne(load: Load, n: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const gateway = load.kind === 'gateway';
    const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    const one: Connection = {
      socket,
      template: gateway ? gatewayTemplate(n) : deviceTemplate(n),
      connected: false,
      sent: 0,
      acknowledged: 0,
      rest: null,
      sampled: -1,
      sampledAt: 0,
      dueAt: [],
    };
    socket.on('error', reject);
    socket.on('close', () => {
      if (sending) throw new Error(`connection ${n} was closed by the server`);
    });
    socket.on('data', (chunk) => {
      const fresh = !one.connected;
      receive(one, chunk, load);
      if (fresh && one.connected) resolve(one);
    });
    socket.write(connectPacket(gateway ? gatewayId(n) : deviceId(n)));
  });
}

/**
 * Sends what is due every 5 ms, spread over the connections. What finds every window full is sent when there is room, and waits
 * since it was due: a server that stands still would otherwise be asked less.
 */
function hold(connections: readonly Connection[], load: Load, rate: number): NodeJS.Timeout {
  const began = performance.now();
  const due: number[] = [];
  let fallenDue = 0;
  let next = 0;
  let ticked = began;
  return setInterval(() => {
    const now = performance.now();
    if (measuring) late.push(now - ticked - TICK_MS);
    ticked = now;
    for (; fallenDue < ((now - began) / 1000) * rate; fallenDue++)
      due.push(measuring ? now : Number.NaN);
    for (let tried = 0; due.length > 0 && tried < connections.length; tried++) {
      const one = connections[next++ % connections.length];
      if (one === undefined || one.sent - one.acknowledged >= load.window) continue;
      one.dueAt.push(due.shift()!);
      send(one, 1);
    }
  }, TICK_MS);
}

const seconds = (n: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, n * 1000));

async function publish(load: Load): Promise<Published> {
  const connections = await open(load);
  process.send?.({ ready: true });
  const timer = load.rate === undefined ? null : hold(connections, load, load.rate);
  if (timer === null) for (const one of connections) send(one, load.window);
  await seconds(load.warmSeconds);
  process.send?.({ measuring: true });
  const cpu = process.cpuUsage();
  const began = performance.now();
  measuring = true;
  await seconds(load.seconds);
  measuring = false;
  const measuredSeconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ measured: true });
  sending = false;
  if (timer !== null) clearInterval(timer);
  const total = (key: 'sent' | 'acknowledged'): number =>
    connections.reduce((sum, one) => sum + one[key], 0);
  const limit = performance.now() + 30_000;
  while (total('acknowledged') < total('sent') && performance.now() < limit) await seconds(0.02);
  for (const one of connections) one.socket.destroy();
  const rows = connections[0]?.template.rows ?? 1;
  return {
    sent: total('sent'),
    acknowledged: total('acknowledged'),
    rowsAcknowledged: total('acknowledged') * rows,
    rowsPerSecond: (acknowledgedMeasured * rows) / measuredSeconds,
    ackMs: quantiles(latencies),
    waitsMs: load.rate === undefined ? [] : latencies,
    ownLateMs: quantiles(late),
    cpuSeconds: (user + system) / 1e6,
    measuredSeconds,
  };
}

process.once('message', (load: Load) => {
  void publish(load).then((published) => {
    process.send?.({ published }, () => process.disconnect());
  });
});
