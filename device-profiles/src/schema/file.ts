/**
 * The shape of a profile file, defined once: the parser, the types and the editor's JSON Schema all come from here.
 * What a shape can't say (units, addresses, uniqueness, examples) is in checks.ts.
 */
import { QUALITIES, QUANTITIES, type QuantityId } from '@village/core';
import { z } from 'zod';
import { KINDS, MODBUS_TABLES } from '../types.ts';

/** Order of the bytes of a value of two or more registers; A is the most significant byte. */
export const WORD_ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type WordOrder = (typeof WORD_ORDERS)[number];

export const REGISTER_TYPES = [
  'bit',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'float64',
] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];

export const BYTE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
] as const;
export type ByteType = (typeof BYTE_TYPES)[number];

export const TIME_FORMATS = ['unix-s', 'unix-ms', 'rfc3339', 'local'] as const;

const quantities = Object.keys(QUANTITIES) as [QuantityId, ...QuantityId[]];
const kebab = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens');
const label = z.strictObject({ zh: z.string().min(1).max(80), en: z.string().min(1).max(80) });
const duration = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/, 'must be a duration such as 30s, 5m, 26h or 7d');
const pointer = z
  .string()
  .max(200)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON pointer such as /bat/mv')
  .refine((text) => !/\/(__proto__|constructor|prototype)(\/|$)/.test(text), 'is not a field');
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const scalars = z.union([scalar, z.array(scalar).min(1)]);
const optionRef = z.strictObject({ option: z.string() });
const word = z.int().min(0).max(65_535);

const option = z.strictObject({
  name: label,
  default: scalar,
  values: z.array(scalar).min(1).max(50).describe('Every value that a device may set.'),
});

const block = z.strictObject({
  table: z.enum(MODBUS_TABLES),
  address: word.describe('0-based address on the wire, not 1-based and not 4xxxx.'),
  count: z.int().min(1).max(2_000),
});

const modbus = z.strictObject({
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

const time = z.strictObject({
  path: pointer,
  format: z.enum(TIME_FORMATS),
  zone: z
    .string()
    .regex(/^[+-]([01]\d|2[0-3]):[0-5]\d$/, 'must be an offset such as "+08:00"')
    .optional()
    .describe('Offset from UTC of `local` times.'),
});

const mqtt = z.strictObject({
  topic: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'With {device} (one level) or {device+} (one or more), other {names}, + and a last #.',
    ),
  sharedTopic: z.boolean().default(false).describe('Other types publish to the same topic.'),
  payload: z.enum(['json', 'tlv', 'native']),
  payloadMax: z.int().min(16).max(262_144).default(65_536).describe('Bytes.'),
  time: time.optional(),
  bytes: z
    .strictObject({ path: pointer, encoding: z.enum(['base64', 'hex']) })
    .optional()
    .describe('Where the binary payload stands in the JSON of the network server.'),
  decoded: pointer.optional().describe('Where the server puts the fields when it decodes itself.'),
  constants: z
    .record(pointer, scalar)
    .default({})
    .describe('What a simulated device sends besides; {device} is replaced.'),
  every: duration.describe('How often a healthy device sends.'),
  reportEvery: duration.optional().describe('At least one message in each; `every` when absent.'),
  silentAfter: duration.optional().describe('Offline after this; three times when absent.'),
});

const tlvField = z.strictObject({
  field: z.string().regex(/^[a-z][A-Za-z0-9_]{0,39}$/, 'must be a name'),
  type: z.enum(BYTE_TYPES),
  scale: z.number().optional(),
});

const tlvRecord = z.strictObject({
  id: z.string().regex(/^([0-9A-Fa-f]{2} ?){1,4}$/, 'must be hex bytes such as "01 75"'),
  fields: z.array(tlvField).min(1).max(32),
});

const tlv = z.strictObject({
  endian: z.enum(['little', 'big']).default('little'),
  records: z.array(tlvRecord).min(1).max(200),
});

const register = z.strictObject({
  block: z.string(),
  at: z.union([word, optionRef]).describe('Offset in the block.'),
  type: z.enum(REGISTER_TYPES),
  bit: z.int().min(0).max(15).optional().describe('Which bit of a register; 0 is the lowest.'),
  wordOrder: z.union([z.enum(WORD_ORDERS), optionRef]).optional(),
});
const sum = z.strictObject({ sum: z.array(register).length(2) });
const field = z.strictObject({ field: z.string() });
const path = z.strictObject({
  path: pointer,
  topic: z.string().min(1).max(200).optional().describe('Only in topics whose # part matches.'),
  text: z.boolean().optional().describe('The number is sent as text.'),
});

const metric = z.strictObject({
  key: kebab,
  quantity: z.enum(quantities),
  name: label.optional().describe('The name of the quantity when absent.'),
  from: z
    .union([register, sum, path, field, z.array(path).min(1).max(8)])
    .optional()
    .describe('Where it stands in the frame; absent in native payloads.'),
  scale: z.union([z.number(), optionRef]).optional(),
  offset: z.union([z.number(), optionRef]).optional().describe('Added after scaling.'),
  unit: z
    .union([z.string(), optionRef])
    .optional()
    .describe('Unit of the scaled value; canonical when absent.'),
  range: z
    .array(z.number())
    .length(2)
    .optional()
    .describe('Plausible [low, high] in the canonical unit; needed unless it is a state.'),
  states: z
    .record(kebab, z.int())
    .refine((all) => Object.keys(all).length > 0, 'needs a state')
    .optional(),
  stateNames: z
    .record(kebab, label)
    .optional()
    .describe('What people read for a state; needed where the pages do not know its word.'),
  deadband: z.number().min(0).default(0).describe('In the canonical unit.'),
  optional: z.boolean().default(false).describe('May be absent from a frame.'),
  absent: z
    .array(z.union([z.number(), z.literal('nan')]))
    .min(1)
    .optional()
    .describe('Raw values that mean "no value".'),
});

const qualityRule = z.strictObject({
  when: z.record(z.string(), scalars).describe('Metric: state, number or a list; all must hold.'),
  mark: z.enum(QUALITIES),
  metrics: z.array(z.string()).min(1),
});

const event = z.strictObject({
  type: kebab,
  name: label,
  topic: z.string().min(1).max(200).optional(),
  when: z.record(pointer, scalars).default({}).describe('All must hold.'),
  unless: z.record(pointer, scalars).default({}).describe('None may hold.'),
  detail: z.record(z.string(), pointer).default({}),
});

const expected = z.union([
  z.number(),
  z.strictObject({ value: z.number(), quality: z.enum(QUALITIES) }),
]);

const example = z.strictObject({
  name: z.string().min(1),
  frame: z.record(z.string(), z.string()),
  options: z.record(z.string(), scalar).optional(),
  device: z.string().optional().describe('Address that the topic must yield.'),
  at: z.string().optional(),
  readings: z.record(z.string(), expected).optional(),
  events: z
    .array(z.strictObject({ type: z.string(), detail: z.record(z.string(), z.json()) }))
    .optional(),
  partial: z.boolean().default(false).describe('Only the listed readings are compared.'),
  error: z.string().optional().describe('Code of the error that this frame must cause.'),
});

/** A profile file. */
export const profileSchema = z.strictObject({
  profile: z
    .string()
    .max(80)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)*$/, 'must be vendor/model'),
  revision: z.int().min(1).describe('Bump it when the meaning of a metric changes.'),
  name: label,
  kind: z.enum(KINDS),
  protocol: z.enum(['modbus', 'mqtt']),
  options: z.record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/), option).default({}),
  modbus: modbus.optional(),
  mqtt: mqtt.optional(),
  tlv: tlv.optional(),
  metrics: z.array(metric).min(1).max(200),
  quality: z.array(qualityRule).default([]),
  events: z.array(event).default([]),
  examples: z.array(example).default([]),
});

export type ProfileFile = z.infer<typeof profileSchema>;
export type MetricFile = z.infer<typeof metric>;
export type RegisterFile = z.infer<typeof register>;
export type PathFile = z.infer<typeof path>;
export type EventFile = z.infer<typeof event>;
export type ExampleFile = z.infer<typeof example>;
export type TlvFile = z.infer<typeof tlv>;
export type MqttFile = z.infer<typeof mqtt>;
export type QualityRuleFile = z.infer<typeof qualityRule>;
export type Scalar = string | number | boolean;

/** The JSON Schema that editors complete and check profile files with. */
export function profileJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(profileSchema, { io: 'input' }) as Record<string, unknown>;
}
