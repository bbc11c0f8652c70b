/**
 * The library's client, with what modbus-serial 8.0.25 leaves to its user: the unit is a state of the client, and what has
 * been answered is kept.
 */
import type { Socket } from 'node:net';
import { OperationalError } from '@village/core';
import modbus from 'modbus-serial';
import type { Answer, Request } from './request-queue.ts';

// The package is CommonJS with its class as `default` too, which is where its types have it.
const ModbusClient = modbus.default;
export type ModbusClient = InstanceType<typeof ModbusClient>;

/**
 * The library keeps each request and what it was answered until its number comes round, 256 requests later: 60 MB for
 * 200 devices of 60 registers. What has been settled is taken from it. A late answer to it is ignored all the same.
 */
export function forgetSettled(client: ModbusClient): void {
  (client as unknown as { _transactions: Record<number, unknown> })._transactions = {};
}

/** A client on a connected socket, which ends with whatever the client finds wrong. */
export async function openClient(socket: Socket, port: number): Promise<ModbusClient> {
  const client = new ModbusClient();
  const broken = (error: unknown): void => {
    socket.destroy(error instanceof Error ? error : new Error(String(error)));
  };
  client.on('error', broken);
  try {
    await client.linkTCP(socket, { port });
  } catch (error) {
    broken(error);
  }
  return client;
}

/** The unit goes with the request; the time-out is a state of the client that it reads when the request is made. */
export async function ask(client: ModbusClient, request: Request): Promise<Answer> {
  const { unit, timeoutMs } = request;
  const { table, address, count } = request.read;
  client.setTimeout(timeoutMs);
  const data = await new Promise<number[] | boolean[]>((resolve, reject) => {
    const next = (error: Error | null, answer: { data: number[] | boolean[] }): void => {
      if (error) reject(error);
      else resolve(answer.data);
    };
    if (table === 'coil') client.writeFC1(unit, address, count, next);
    else if (table === 'discrete') client.writeFC2(unit, address, count, next);
    else if (table === 'holding') client.writeFC3(unit, address, count, next);
    else client.writeFC4(unit, address, count, next);
  });
  return table === 'coil' || table === 'discrete'
    ? (data as boolean[]).slice(0, count)
    : Uint16Array.from(data as number[]);
}

/** Whether a request ended without any answer in its time. */
export function isTimeout(error: unknown): boolean {
  return (error as Error).name === 'TransactionTimedOutError';
}

/** What the library reports, as a fault of ours. */
export function faultOf(error: unknown, request: Request): OperationalError {
  const { unit, read } = request;
  const what = `unit ${unit}, ${read.table} ${read.address}`;
  const fault = error as { name?: string; message?: string; modbusCode?: number };
  if (isTimeout(error))
    return new OperationalError('device-silent', `${what}: no answer in ${request.timeoutMs} ms`, {
      retry: true,
    });
  if (fault.name === 'PortNotOpenError')
    return new OperationalError('connection-lost', `${what}: the connection is lost`, {
      retry: true,
    });
  if (fault.modbusCode === 10 || fault.modbusCode === 11)
    return new OperationalError('device-silent', `${what}: ${fault.message}`, {
      retry: true,
      cause: error,
    });
  if (fault.modbusCode !== undefined)
    return new OperationalError('device-refused', `${what}: ${fault.message}`, {
      retry: true,
      cause: error,
    });
  return new OperationalError('answer-malformed', `${what}: ${fault.message}`, {
    retry: true,
    cause: error,
  });
}
