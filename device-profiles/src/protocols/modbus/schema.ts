/** What a Modbus profile file says beyond what every profile does: its section, and where a metric stands in registers. */
import { z } from 'zod';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import { duration, kebab, optionRef } from '../../schema/parts.ts';
import { MODBUS_TABLES } from './frame.ts';

/** Order of the bytes of a value of two or more registers; A is the most significant byte. */
export const WORD_ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type WordOrder = (typeof WORD_ORDERS)[number];

export const REGISTER_TYPES = [
  'bit',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'uint64',
  'int64',
  'float32',
  'float64',
] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];

const word = z.int().min(0).max(65_535);

const block = z.strictObject({
  table: z.enum(MODBUS_TABLES),
  address: word
    .optional()
    .describe(
      '0-based address on the wire, not 1-based and not 4xxxx; of a channel, from where it begins.',
    ),
  channel: kebab.optional().describe('Kind of channel of which each has this block.'),
  count: z.int().min(1).max(2_000),
});

export const modbusSection = z.strictObject({
  every: duration.describe('How often a gateway polls.'),
  reportEvery: duration.optional().describe('Heartbeat; 10m, or `every` if longer.'),
  silentAfter: duration.optional().describe('Offline after this; three heartbeats when absent.'),
  wordOrder: z.union([z.enum(WORD_ORDERS), optionRef]).default('ABCD'),
  maxGap: z
    .int()
    .min(0)
    .max(124)
    .default(8)
    .describe('Unused registers that may be read along so that two blocks are one request.'),
  oneRequestPerBlock: z.boolean().default(false),
  blocks: z.record(kebab, block).refine((all) => Object.keys(all).length > 0, 'needs a block'),
});

export const register = z.strictObject({
  block: z.string(),
  at: z.union([word, optionRef]).describe('Offset in the block.'),
  type: z.enum(REGISTER_TYPES),
  bit: z.int().min(0).max(15).optional().describe('Which bit of a register; 0 is the lowest.'),
  wordOrder: z.union([z.enum(WORD_ORDERS), optionRef]).optional(),
});
export const registerSum = z.strictObject({ sum: z.array(register).length(2) });

export type ModbusFile = z.infer<typeof modbusSection>;
export type BlockFile = z.infer<typeof block>;
export type RegisterFile = z.infer<typeof register>;

/** The Modbus section of a file. */
export function modbusOf(file: ProfileFile): ModbusFile | undefined {
  return file['modbus'] as ModbusFile | undefined;
}

/** The registers that a metric is read from: one, or the two whose sum it is. */
export function registersOf(metric: MetricFile): readonly RegisterFile[] {
  const from = metric.from as z.infer<typeof register> | z.infer<typeof registerSum> | undefined;
  if (from === undefined || Array.isArray(from)) return [];
  if ('block' in from) return [from];
  return 'sum' in from ? from.sum : [];
}
