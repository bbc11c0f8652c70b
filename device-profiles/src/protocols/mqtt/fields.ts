/** Fields of a binary payload inside a message: in the bytes, or as the network server has decoded them. */
import { OperationalError } from '@village/core';
import type { ByteRange } from '../../codec.ts';
import {
  addRaw,
  type MetricRule,
  noteMissing,
  type OpenReading,
  rawOfJson,
  refusePart,
  refuseRepeated,
  refuseStranger,
} from '../../metric/metric.ts';
import type { RefusedPart } from '../../types.ts';
import type { Misplacements } from './channels/placeholder.ts';
import { compilePointer, type JsonObject } from './json.ts';
import { type JsonNode, nodeOf } from './json-positions.ts';
import type { MqttFile } from './schema.ts';
import { hexBytes, type TlvCodec } from './tlv.ts';

/** Where a field of the binary payload stands in the message: its digits, or the value that the server has decoded. */
export function locateFields(
  { bytes, decoded }: MqttFile,
  tlv: TlvCodec,
  root: JsonObject,
  nodes: JsonNode,
): (field: string) => ByteRange | undefined {
  const byServer = decoded === undefined ? undefined : compilePointer(decoded)(root);
  const decodedAt = (field: string): ByteRange | undefined =>
    isFilled(byServer) && Object.hasOwn(byServer, field) && byServer[field] !== null
      ? nodeOf(nodes, decoded ?? '')?.fields?.get(field)
      : undefined;
  const text = bytes === undefined ? undefined : compilePointer(bytes.path)(root);
  const node = bytes === undefined ? undefined : nodeOf(nodes, bytes.path);
  const raw = typeof text === 'string' ? bytesOf(text, bytes?.encoding ?? 'hex') : undefined;
  if (node === undefined || raw === undefined) return decodedAt;
  const found = tlv.unpack(raw).places;
  const positions = digitPositions(text as string, bytes?.encoding ?? 'hex');
  return (field) => {
    const byDecoder = decodedAt(field);
    const range = found.get(field);
    if (byDecoder !== undefined || range === undefined) return byDecoder;
    const [first, last] = positions(range);
    // After the quote. A message with escapes in the digits is lit as a whole.
    const plain = node.to - node.from === (text as string).length + 2;
    return plain ? { from: node.from + 1 + first, to: node.from + 1 + last } : node;
  };
}

/** Which digits of a text hold some of its bytes; base64 digits hold six bits each, so that the outer ones may hold more. */
function digitPositions(
  text: string,
  encoding: 'base64' | 'hex',
): (range: ByteRange) => [from: number, to: number] {
  if (encoding === 'base64')
    return ({ from, to }) => [Math.floor((from * 8) / 6), Math.ceil((to * 8) / 6)];
  const digits = [...text.matchAll(/\S/g)].map(({ index }) => index);
  return ({ from, to }) => [digits[2 * from] ?? 0, (digits[2 * to - 1] ?? 0) + 1];
}

const isFilled = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && Object.values(value).some((one) => one !== null);

/** The fields of a binary payload, and where each stands to be told to people. */
export interface Fields {
  readonly values: JsonObject;
  place(field: string): string;
  /** Fields that came more than once with different values, and where each stood before the one that counts. */
  readonly repeated: readonly { readonly field: string; readonly place: string }[];
}

export const NO_FIELDS: Fields = { values: {}, place: () => '', repeated: [] };

/**
 * Finds the fields of a binary payload: decoded by the server, the others in the bytes it passes on. What of the bytes can't be
 * read is refused; what stands before it counts.
 */
export function compileFields(
  mqtt: MqttFile,
  tlv: TlvCodec | undefined,
  unlisted: Misplacements | undefined,
): ((root: JsonObject, refused: RefusedPart[]) => Fields) | undefined {
  if (tlv === undefined || mqtt.bytes === undefined) return undefined;
  const { path, encoding } = mqtt.bytes;
  const findBytes = compilePointer(path);
  const findDecoded = mqtt.decoded === undefined ? undefined : compilePointer(mqtt.decoded);
  const inBytes = (root: JsonObject, refused: RefusedPart[]): Fields => {
    const text = findBytes(root);
    const bytes = typeof text === 'string' ? bytesOf(text, encoding) : undefined;
    if (bytes === undefined) {
      const absent = text === undefined || text === null;
      const code = absent ? 'value-missing' : 'payload-not-bytes';
      const what = absent ? `${path} is missing` : `${path} is no ${encoding}`;
      refusePart(refused, new OperationalError(code, what), path, null);
      return NO_FIELDS;
    }
    const { fields, places, strangers, repeated, rest } = tlv.unpack(bytes);
    for (const { from, word } of strangers)
      refuseStranger(refused, 'record', 'byte', word, `${path} byte ${from}`);
    if (rest !== null) refusePart(refused, rest.fault, `${path} byte ${rest.from}`, null);
    return {
      values: fields,
      place: (field) => `${path} byte ${places.get(field)?.from}`,
      repeated: repeated.map(({ field, from }) => ({ field, place: `${path} byte ${from}` })),
    };
  };
  return (root, refused) => {
    const decoded = findDecoded?.(root);
    if (!isFilled(decoded)) return inBytes(root, refused);
    for (const { base, kind, word, pointer } of unlisted?.(decoded) ?? [])
      refuseStranger(refused, base, kind, word, `${mqtt.decoded}${pointer}`);
    const isThere = (field: string): boolean =>
      Object.hasOwn(decoded, field) && decoded[field] !== null && decoded[field] !== undefined;
    const byServer = [...tlv.fields].filter(isThere);
    if (byServer.length === tlv.fields.size)
      return { values: decoded, place: (field) => `${mqtt.decoded}/${field}`, repeated: [] };
    // A server whose decoder failed, or knows less than we do, has the bytes all the same; what it knows more is its own.
    const rest = inBytes(root, byServer.length === 0 ? refused : []);
    return {
      values: {
        ...rest.values,
        ...Object.fromEntries(byServer.map((field) => [field, decoded[field]])),
      },
      place: (field) => (isThere(field) ? `${mqtt.decoded}/${field}` : rest.place(field)),
      repeated: rest.repeated.filter(({ field }) => !isThere(field)),
    };
  };
}

function bytesOf(text: string, encoding: 'base64' | 'hex'): Uint8Array | undefined {
  if (encoding === 'hex') return hexBytes(text);
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, 'base64')
    : undefined;
}

export function addField(
  readings: OpenReading[],
  refused: RefusedPart[],
  rule: MetricRule,
  field: string,
  { values, place, repeated }: Fields,
): void {
  for (const one of repeated) if (one.field === field) refuseRepeated(refused, rule.key, one.place);
  const value = Object.hasOwn(values, field) ? values[field] : undefined;
  try {
    const raw = value === undefined ? undefined : rawOfJson(rule, value, false);
    if (raw === undefined) noteMissing(rule);
    else addRaw(readings, rule, raw);
  } catch (error) {
    refusePart(refused, error, value === undefined ? field : place(field), rule.key);
  }
}
