/** How a Modbus TCP device is reached, as the configuration says it. */
import { isIP } from 'node:net';
import { comparableHost } from '@village/core';
import { FRAMINGS, type Framing, REGISTERS_MAX } from '@village/device-profiles/modbus';
import { z } from 'zod';
import { duration, port } from '../../config/shapes.ts';
import { LIES, type Lie } from './answers.ts';

/** Devices of one host and port share one connection and one queue. */
export interface ModbusAddress {
  readonly host: string;
  readonly port: number;
  readonly unit: number;
  /** Longest wait for one answer, ms. */
  readonly timeout: number;
  /** Silence kept on the connection between an answer and the next request, ms. */
  readonly pause: number;
  /** Requests under way on the connection at once; the smallest wish of its devices counts. */
  readonly inFlight: number;
  /** Registers of one request; for bits sixteen times as many. */
  readonly registersMax?: number | undefined;
  /** `rtu` behind a converter that passes on what the serial line says. */
  readonly framing: Framing;
  /** What may be wrong with answers. */
  readonly accept: ReadonlySet<Lie>;
}

/** Nothing that belongs to a URL or a port: such a host is looked up in vain, poll after poll. */
const HOST_NAME = /^[^\s:/\\?#@[\]]+$/;

export const modbusAddress: z.ZodType<ModbusAddress> = z.strictObject({
  // One host in two spellings is one connection.
  host: z
    .string()
    .min(1)
    .max(255)
    .transform(comparableHost)
    .refine(
      (host) => isIP(host) !== 0 || HOST_NAME.test(host),
      'must be a name or an address alone; the port has a key of its own',
    ),
  port: port.min(1).default(502),
  unit: z.int().min(0).max(255).default(1),
  timeout: duration(10, 60_000).default(1_000),
  pause: duration(0, 60_000).default(0),
  inFlight: z.int().min(1).max(8).default(1),
  registersMax: z.int().min(1).max(REGISTERS_MAX).optional(),
  framing: z.enum(FRAMINGS).default('tcp'),
  accept: z
    .array(z.enum(LIES))
    .default([])
    .transform((lies): ReadonlySet<Lie> => new Set(lies)),
});
