/** The shape of the tests in a file of rules. */
import { AREA_CODE_DIGITS } from '@village/core';
import { z } from 'zod';
import { areaCode, duration, kebab, quality, scalar, severity, some } from '../shape/parts.ts';

const id = z.string().min(1).max(100);
/** `device.metric` */
const series = z.string().min(3).max(160);
const notation = z.string().min(1).max(2_000);

const device = z.strictObject({
  profile: z.string().min(1).max(80),
  area: areaCode
    .optional()
    .describe(`${AREA_CODE_DIGITS} digits; a village of its own when absent.`),
  parent: id.optional().describe('The gateway that speaks for it.'),
  interval: duration
    .optional()
    .describe('How often it reports; what its profile says when absent.'),
  registered: duration.optional().describe('So long before the start; a year when absent.'),
  labels: z.record(z.string().min(1).max(60), z.string().max(200)).optional(),
  attributes: z
    .record(z.string().min(1).max(60), z.union([z.string().max(200), z.number()]))
    .optional(),
});

const event = z.strictObject({
  device: id,
  type: z.string().min(1).max(80),
  detail: z.record(z.string().min(1).max(60), scalar).optional(),
});

const step = z.strictObject({
  at: z.string().min(1).max(40).describe('Since the start: 10m, or 0m..10m.'),
  series: z.record(series, notation).optional().describe('Readings that come when they are made.'),
  quality: z
    .union([quality, z.record(series, quality)])
    .optional()
    .describe('Of the readings of this step; good when absent.'),
  arrive: z
    .record(series, z.strictObject({ from: duration, values: notation }))
    .optional()
    .describe('Readings that were made earlier and come now.'),
  event: some(event).optional(),
  gateway: z
    .record(id, z.union([z.enum(['online', 'offline']), z.boolean()]))
    .optional()
    .describe('How gateways stand; backlogEnd: true says that all that waited has come.'),
  clock: z
    .record(id, z.enum(['wrong', 'right']))
    .optional()
    .describe('Clocks of devices.'),
  acknowledge: some(z.strictObject({ rule: kebab, device: id }))
    .optional()
    .describe('Somebody acknowledges the alert.'),
  restart: z.strictObject({ downtime: duration }).optional().describe('Killed, and started again.'),
});

export const ALARM_STATES = ['NORMAL', 'PENDING', 'ACTIVE', 'CLEARING'] as const;
export const SUPPRESSIONS = [
  'inhibited',
  'shelved',
  'maintenance',
  'out-of-service',
  'flapping',
  'outside-schedule',
  'backfill',
] as const;

const suppression = z.array(z.enum(SUPPRESSIONS)).describe('All reasons; none when empty.');

const expectation = z.strictObject({
  at: duration.optional(),
  alarms: z
    .array(
      z.strictObject({
        rule: kebab,
        device: id.describe('Device, gateway or code of an area.'),
        state: z.enum(ALARM_STATES),
        severity: severity.optional(),
        suppression: suppression.optional(),
      }),
    )
    .min(1)
    .optional(),
  history: z
    .array(
      z.strictObject({
        rule: kebab,
        device: id,
        from: duration,
        to: duration.nullable().describe('null while it is active.'),
        severity: severity.optional(),
        suppression: suppression.optional(),
      }),
    )
    .min(1)
    .optional()
    .describe('All alerts of the rules and devices that are named, in order.'),
  transitions: z
    .array(z.strictObject({ rule: kebab, count: z.int().min(0).max(10_000) }))
    .min(1)
    .optional()
    .describe('How often people would be told of a rule.'),
  quiet: z
    .strictObject({ from: duration, to: duration })
    .optional()
    .describe('Nobody would be told of anything between.'),
});

export const testFile = z.strictObject({
  name: z.string().min(1).max(120),
  start: z.string().min(1).max(40).describe('RFC 3339.'),
  devices: z.record(id, device),
  steps: z.array(step).max(500),
  expect: z.array(expectation).min(1).max(200),
});

export type TestFile = z.infer<typeof testFile>;
export type StepFile = z.infer<typeof step>;
export type ExpectationFile = z.infer<typeof expectation>;
