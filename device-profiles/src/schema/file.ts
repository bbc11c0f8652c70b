/**
 * The parts of a profile file that are the same for every protocol, and what a file is once it has its shape. What a shape
 * can't say (units, addresses, uniqueness, examples) is in ../check/.
 */
import {
  type AddressKind,
  QUALITIES,
  QUANTITIES,
  type QuantityId,
  SPANS,
  STATISTICS,
} from '@village/core';
import { z } from 'zod';
import type { ChannelKindFile, ChannelOf } from '../channels/schema.ts';
import type { KINDS } from '../types.ts';
import { kebab, label, optionRef, pointer, scalar, scalars } from './parts.ts';

const quantities = Object.keys(QUANTITIES) as [QuantityId, ...QuantityId[]];

const option = z.strictObject({
  name: label,
  default: scalar,
  values: z.array(scalar).min(1).max(50).describe('Every value that a device may set.'),
});

export const metric = z.strictObject({
  key: kebab,
  quantity: z.enum(quantities),
  name: label.optional().describe('The name of the quantity when absent.'),
  span: z
    .enum(SPANS)
    .default('instant')
    .describe('What a reading covers; a span that the device has summed up itself is no instant.'),
  statistic: z
    .enum(STATISTICS)
    .default('value')
    .describe('What a reading is of all that was measured in its span.'),
  channel: kebab.optional().describe('Kind of channel of which each has this metric.'),
  from: z.unknown(),
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

export const qualityRule = z.strictObject({
  when: z.record(z.string(), scalars).describe('Metric: state, number or a list; all must hold.'),
  mark: z.enum(QUALITIES),
  metrics: z.array(z.string()).min(1),
});

export const event = z.strictObject({
  type: kebab,
  name: label,
  channel: kebab.optional().describe('Kind of channel; which one is told in its detail.'),
  topic: z.string().min(1).max(200).optional(),
  when: z.record(pointer, scalars).default({}).describe('All must hold.'),
  unless: z.record(pointer, scalars).default({}).describe('None may hold.'),
  detail: z.record(z.string(), pointer).default({}),
});

const expected = z.union([
  z.number(),
  z.strictObject({ value: z.number(), quality: z.enum(QUALITIES) }),
]);

export const example = z.strictObject({
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
  refused: z
    .record(z.string(), z.string())
    .optional()
    .describe('Metrics (or places) of the frame that are refused while the rest is taken: code.'),
  error: z
    .string()
    .optional()
    .describe('Code of the error that this frame must cause, as a whole or in a part.'),
});

export const options = z.record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/), option).default({});

/** A metric; `of` is there once the channels are written out. */
export type MetricFile = z.infer<typeof metric> & { readonly of?: ChannelOf };
export type EventFile = z.infer<typeof event>;
export type ExampleFile = z.infer<typeof example>;
export type QualityRuleFile = z.infer<typeof qualityRule>;

/** A file of the right shape; the sections of protocols are known to the protocols alone. */
export interface ProfileFile {
  readonly profile: string;
  readonly revision: number;
  readonly name: z.infer<typeof label>;
  readonly kind: (typeof KINDS)[number];
  readonly protocol: string;
  readonly address: AddressKind;
  readonly evidence?: boolean | 'events' | undefined;
  readonly earliestYear?: number | undefined;
  readonly options: z.infer<typeof options>;
  readonly channels: Readonly<Record<string, ChannelKindFile>>;
  readonly metrics: readonly MetricFile[];
  readonly quality: readonly QualityRuleFile[];
  readonly events: readonly EventFile[];
  readonly examples: readonly ExampleFile[];
  readonly [section: string]: unknown;
}
