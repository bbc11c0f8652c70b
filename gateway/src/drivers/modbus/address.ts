/** How a Modbus TCP device is reached, as the configuration says it. */
import { z } from 'zod';
import { duration, port } from '../../config/shapes.ts';

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
}

export const modbusAddress: z.ZodType<ModbusAddress> = z.strictObject({
  host: z.string().min(1).max(255),
  port: port.min(1).default(502),
  unit: z.int().min(0).max(255).default(1),
  timeout: duration(10, 60_000).default(1_000),
  pause: duration(0, 60_000).default(0),
  inFlight: z.int().min(1).max(8).default(1),
});
