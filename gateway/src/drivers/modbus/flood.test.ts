/** A slave that sends without end what nobody asked for costs the gateway little, and is left. */
import { getEventListeners } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom, systemTimer } from '@village/core';
import { tcpFrame } from '@village/device-profiles/modbus';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../../index.ts';
import {
  answerOf,
  behave,
  FakeSlave,
  openConnection,
  registers,
  type SlaveRequest,
  until,
} from '../../testing.ts';
import type { Asked, Findings } from './answers.ts';
import { ModbusConnection } from './connection.ts';
import { TcpReader } from './tcp-answers.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const MEGABYTE = 1024 * 1024;
const repeated = (bytes: Buffer): Buffer => Buffer.alloc(MEGABYTE, bytes);
const FLOODS: [string, (request: SlaveRequest) => Buffer, string][] = [
  [
    'refusals under another number',
    ({ id }) => repeated(tcpFrame(id + 1, 1, Buffer.of(0x83, 2))),
    'transaction-wrong',
  ],
  ['zeros', () => Buffer.alloc(MEGABYTE), 'answer-malformed'],
];

/** Requests by transaction that count how often one is looked up. */
class CountedMap extends Map<number, Asked> {
  looked = 0;
  override get(transaction: number): Asked | undefined {
    this.looked++;
    return super.get(transaction);
  }
}

it('each place is looked at for a header once, however many frames of nobody come before it', () => {
  const asked: Asked = { transaction: 4_096, unit: 1, read: registers(1), accept: new Set() };
  const pending = new CountedMap([[4_096, asked]]);
  const got: number[] = [];
  const findings: Findings<Asked> = {
    values: (_one, values) => void got.push(Number(values[0])),
    exception: () => expect.unreachable(),
    fault: () => expect.unreachable(),
    hint: () => undefined,
    accepted: () => undefined,
    stray: () => undefined,
  };
  const reader = new TcpReader({ pending, past: () => 'never' }, findings);
  const stranger = tcpFrame(9, 1, Buffer.of(0x83, 2));
  const bytes = Buffer.alloc(64 * 1024 - (65_536 % stranger.length), stranger);
  reader.take(bytes);
  expect(pending.looked).toBeLessThan(3 * bytes.length);
  reader.take(tcpFrame(4_096, 1, Buffer.of(3, 2, 0, 77)));
  expect(got).toEqual([77]);
});

it.each(FLOODS)('a flood of %s ends the connection, with its cause', async (_name, flood, code) => {
  const { connection, slave, stop } = await openConnection((request, socket) => {
    socket.write(flood(request));
  });
  cleanups.push(stop);
  await expect(connection.read(1, registers(1), 10_000)).rejects.toMatchObject({ code });
  expect(connection.counters().strayBytes).toBeLessThan(MEGABYTE / 2);
  slave.behaviour = behave;
  await until('another connection', () => connection.counters().connects > 1 && connection.open);
  expect(await connection.read(1, registers(5), 1_000)).toEqual(Uint16Array.of(5));
});

it('what one sends while nothing is asked ends the connection too, and its answers do not', async () => {
  const sockets: Socket[] = [];
  const { connection, slave, stop } = await openConnection((request, socket) => {
    sockets.push(socket);
    socket.write(Buffer.concat([answerOf(request), Buffer.alloc(1_000)]));
  });
  cleanups.push(stop);
  for (let n = 0; n < 200; n++)
    expect(await connection.read(1, registers(n), 1_000)).toEqual(Uint16Array.of(n));
  expect(slave.connections).toBe(1);
  sockets[0]?.write(Buffer.alloc(MEGABYTE));
  await until('another connection', () => slave.connections > 1);
});

it('a slave that ends the connection after each answer leaves nothing behind', async () => {
  const slave = await FakeSlave.start((request, socket) => void socket.end(answerOf(request)));
  cleanups.push(() => slave.stop());
  const over = new AbortController();
  const connection = new ModbusConnection(
    {
      host: '127.0.0.1',
      port: slave.port,
      framing: 'tcp',
      inFlight: 1,
      pauseMs: 0,
      shared: false,
    },
    { timer: systemTimer, random: seededRandom(1), log: silentLog },
  );
  const running = connection.run(over.signal);
  cleanups.push(async () => {
    over.abort();
    await running;
  });
  await until('a connection', () => connection.open);
  for (let n = 0; n < 100; n++) {
    expect(await connection.read(1, registers(n), 1_000)).toEqual(Uint16Array.of(n));
    // So that the next request finds it waiting for one.
    await delay(3);
  }
  expect(getEventListeners(over.signal, 'abort').length).toBeLessThan(5);
});
