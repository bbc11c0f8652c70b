/** What an MQTT profile file says beyond what every profile does: its sections, and where a metric stands in a payload. */
import { z } from 'zod';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import { duration, pointer, scalar } from '../../schema/parts.ts';

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

const time = z.strictObject({
  path: pointer,
  format: z.enum(TIME_FORMATS),
  zone: z
    .string()
    .regex(/^[+-]([01]\d|2[0-3]):[0-5]\d$/, 'must be an offset such as "+08:00"')
    .optional()
    .describe('Offset from UTC of `local` times.'),
});

export const mqttSection = z.strictObject({
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
  field: z.string().regex(/^[a-z][A-Za-z0-9_]{0,39}(\{[a-z][a-z0-9-]*\})?$/, 'must be a name'),
  type: z.enum(BYTE_TYPES),
  scale: z.number().optional(),
});

const tlvRecord = z
  .strictObject({
    id: z
      .string()
      .regex(
        /^(([0-9A-Fa-f]{2}|\{[a-z][a-z0-9-]*\}) ?){1,4}$/,
        'must be hex bytes such as "01 75", or "{port} 75" for a kind of channel',
      ),
    fields: z.array(tlvField).min(1).max(32).optional(),
    skip: z
      .int()
      .min(0)
      .max(255)
      .optional()
      .describe('A record of which only its length is of interest: bytes after the id.'),
  })
  .refine(
    (record) => (record.fields === undefined) !== (record.skip === undefined),
    'needs either fields or skip',
  );

export const tlvSection = z.strictObject({
  endian: z.enum(['little', 'big']).default('little'),
  records: z.array(tlvRecord).min(1).max(200),
});

export const field = z.strictObject({ field: z.string() });
export const path = z.strictObject({
  path: pointer,
  topic: z.string().min(1).max(200).optional().describe('Only in topics whose # part matches.'),
  text: z.boolean().optional().describe('The number is sent as text.'),
});

const placeOfChannel = z.union([
  path.omit({ text: true }),
  z.strictObject({
    level: z
      .union([z.int().refine((n) => n !== 0, 'counts from 1, or from −1 backwards'), z.string()])
      .describe('Level of the topic: which of those that # stands for, or the name in braces.'),
    topic: path.shape.topic,
  }),
]);

/** Where a message says which channel it speaks of: the first place that it has counts. */
export const channelPlaces = z.union([placeOfChannel, z.array(placeOfChannel).min(1).max(8)]);
/** A list with an element for each channel; without `path` the place in the list tells which. */
export const channelList = z.strictObject({ list: pointer, path: pointer.optional() });

export type ChannelPlaceFile = z.infer<typeof placeOfChannel>;
export type ChannelFromFile = z.infer<typeof channelPlaces> | z.infer<typeof channelList>;

/** The first place that the message has counts. */
export const paths = z.array(path).min(1).max(8);

export type MqttFile = z.infer<typeof mqttSection>;
export type TlvFile = z.infer<typeof tlvSection>;
export type PathFile = z.infer<typeof path>;

/** The MQTT section of a file. */
export function mqttOf(file: ProfileFile): MqttFile | undefined {
  return file['mqtt'] as MqttFile | undefined;
}

/** The description of binary payloads in a file. */
export function tlvOf(file: ProfileFile): TlvFile | undefined {
  return file['tlv'] as TlvFile | undefined;
}

/** The JSON places that a metric names. */
export function pathsOf(metric: MetricFile): readonly PathFile[] {
  const from = metric.from as PathFile | PathFile[] | undefined;
  if (from === undefined) return [];
  if (Array.isArray(from)) return from;
  return 'path' in from ? [from] : [];
}

/** The field of the binary payload that a metric names. */
export function fieldOf(metric: MetricFile): string | undefined {
  const from = metric.from as z.infer<typeof field> | PathFile | PathFile[] | undefined;
  return from !== undefined && 'field' in from ? from.field : undefined;
}
