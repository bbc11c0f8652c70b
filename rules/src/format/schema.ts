/**
 * The shape of a file of rules, defined once: the parser, the types and the editor's JSON Schema all come from here. What a shape
 * can't say (names in expressions, units, cycles) is checked beside it.
 */
import { SEVERITIES } from '@village/core';
import { z } from 'zod';
import {
  areaCode,
  areaLevel,
  duration,
  kebab,
  label,
  lasting,
  name,
  quality,
  scalar,
  severity,
  some,
} from './shape/parts.ts';
import { testFile } from './tests/schema.ts';

export const WATCHES = [
  'device-silent',
  'device-never-seen',
  'gateway-offline',
  'clock-wrong',
] as const;

const scope = z
  .strictObject({
    profile: some(z.string().min(1).max(80)).optional().describe('Types of devices: vendor/model.'),
    kind: some(z.string().min(1).max(40)).optional().describe('Kinds of devices.'),
    areas: some(areaCode).optional().describe('Codes of areas; what lies below them is meant too.'),
    labels: z
      .record(z.string().min(1).max(60), some(z.string().max(200)))
      .optional()
      .describe('Labels with one of these values.'),
    attributes: z
      .record(z.string().min(1).max(60), some(z.union([z.string().max(200), z.number()])))
      .optional()
      .describe('Attributes with one of these values.'),
    devices: some(z.string().min(1).max(100)).optional().describe('Devices by id.'),
  })
  .describe('Which devices the rule is for; all that is said must be right of a device.');

const expression = z.string().min(1).max(2_000);
const bound = z.union([z.number(), z.string().min(1).max(60)]);

const level = z
  .strictObject({
    severity,
    when: expression.optional().describe('The condition.'),
    clear: expression.optional().describe('When it is over; as soon as `when` is false if absent.'),
    above: bound.optional().describe('Instead of `when`: a number, one with its unit, or `limit`.'),
    below: bound.optional().describe('As `above`, for what is too low.'),
    deadband: bound
      .optional()
      .describe('With above or below: by how much it must be back, in the unit or as 5%.'),
    for: duration.optional().describe('It must hold for so long first.'),
  })
  .describe('A level at which the rule alerts; the worst that holds counts.');

const event = z.strictObject({
  type: some(z.string().min(1).max(80)).describe('Types of events, as the profile names them.'),
  detail: z
    .record(z.string().min(1).max(60), some(scalar))
    .optional()
    .describe('Fields of the detail with one of these values.'),
  hold: duration.describe('It is over when no more of them came for so long.'),
});

const limit = z.strictObject({
  standard: z.string().min(1).max(60),
  quantity: z.string().min(1).max(60).optional().describe('That of the first input when absent.'),
  class: z
    .string()
    .min(1)
    .max(60)
    .optional()
    .describe('Attribute that says the class; the one that the standard names when absent.'),
  period: z
    .enum(['hour', 'mda8', 'day', 'year'])
    .optional()
    .describe('Of what time the mean is, where the standard has several.'),
  temperature: name
    .optional()
    .describe('Input that is the temperature of the water: some limits are others in cold water.'),
});

const rule = z.strictObject({
  id: kebab.describe('Stable: alerts and their history hang on it.'),
  title: label(60),
  enabled: z.boolean().optional(),
  scope: scope.optional(),
  input: z
    .record(name, z.string().min(1).max(60))
    .optional()
    .describe('What it looks at: a metric of the profile, or a quantity. The first drives it.'),
  maxAge: z.record(name, duration).optional().describe('Older values of an input are unknown.'),
  watch: z.enum(WATCHES).optional(),
  event: event.optional(),
  over: z.literal('area').optional().describe('Looks at counters of areas.'),
  level: areaLevel.optional().describe('With over: of which areas.'),
  levels: z.array(level).min(1).max(4),
  limit: limit.optional().describe('What `limit` stands for in conditions.'),
  clearFor: duration.optional().describe('It must be over for so long before it is.'),
  minActive: duration.optional().describe('Shortest life of an alert.'),
  latch: z.boolean().optional().describe('Stays until somebody acknowledges it.'),
  strictFor: z.boolean().optional().describe('Between when and clear, `for` begins anew.'),
  quality: some(quality).optional().describe('Qualities that count; values of others are unknown.'),
  noData: z
    .strictObject({
      after: lasting.optional(),
      min: duration.optional().describe('With intervals: no sooner than this.'),
      state: z.enum(['keep', 'clear', ...SEVERITIES]).optional(),
    })
    .optional(),
  late: z
    .strictObject({ live: lasting, min: duration.optional() })
    .optional()
    .describe('Readings that are older when they come page nobody.'),
  repeat: z
    .strictObject({ count: z.int().min(2).max(1_000), in: duration })
    .optional()
    .describe('So many true readings in so long a time, instead of `for`.'),
  flap: z
    .strictObject({ transitions: z.int().min(2).max(1_000), in: duration, hold: duration })
    .optional(),
  schedule: z.string().min(1).max(80).optional().describe('When it is awake: Mon-Fri 08:00-18:00.'),
  message: label(300).optional(),
  advice: z.array(label(200)).min(1).max(10).optional(),
});

const inhibition = z.strictObject({
  source: z.strictObject({ rule: kebab }),
  targets: z.enum(['behind-gateway', 'in-area', 'same-device']),
  kinds: z.array(z.enum(['silence', 'quality'])).optional(),
  rules: z.array(kebab).optional(),
});

const metadata = z.strictObject({
  name: kebab,
  owner: z.string().min(1).max(80).optional(),
  timezone: z.literal('Asia/Shanghai').optional(),
});

/** Each rule and test is read for itself, so that a fault in one hides none in another. */
export const rulesFile = z.strictObject({
  apiVersion: z.literal('rules/v1'),
  kind: z.literal('RuleSet'),
  metadata,
  rules: z.array(rule).min(1).max(500),
  inhibit: z.array(inhibition).max(200).optional(),
  tests: z.array(testFile).max(500).optional(),
});

export const ruleSchema = rule;
export const inhibitionSchema = inhibition;
export const metadataSchema = metadata;

export type LevelFile = z.infer<typeof level>;
export type ScopeFile = z.infer<typeof scope>;
export type RuleFile = z.infer<typeof rule>;
export type InhibitionFile = z.infer<typeof inhibition>;
/** A file of rules as its YAML says it, and as JSON over the interface does. */
export type RulesFile = z.infer<typeof rulesFile>;

/** The JSON Schema that editors complete and check files of rules with. */
export const rulesJsonSchema = (): Record<string, unknown> =>
  z.toJSONSchema(rulesFile, { io: 'input' }) as Record<string, unknown>;
