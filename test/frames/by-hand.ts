/**
 * Decodes the lit bytes of a frame by hand: from the text of the device profile and nothing else of the product. What a
 * reading is said to come from is proved when these bytes alone give its value.
 */
import { parse } from 'yaml';

interface Register {
  readonly block: string;
  readonly type: string;
  readonly bit?: number;
  readonly wordOrder?: string | { option: string };
}

interface Metric {
  readonly key: string;
  /** A kind of channel: one metric for each of its channels, `count-inbound`. */
  readonly channel?: string;
  readonly from?:
    | Register
    | { sum: Register[] }
    | { field: string }
    | { path: string; text?: boolean }
    | { path: string; text?: boolean }[];
  readonly scale?: number | { option: string };
  readonly offset?: number | { option: string };
  readonly unit?: string | { option: string };
  readonly states?: Record<string, number>;
}

interface File {
  readonly options?: Record<string, { default: unknown }>;
  readonly mqtt?: { payload: string; bytes?: { path: string; encoding: 'base64' | 'hex' } };
  readonly modbus?: { wordOrder?: string | { option: string } };
  readonly tlv?: {
    endian?: string;
    records: { id: string; fields: { field: string; type: string; scale?: number }[] }[];
  };
  readonly channels?: Record<string, { known: Record<string, unknown> }>;
  readonly metrics: Metric[];
}

/** The metric of the text that a key is of. */
function metricOf(file: File, key: string): Metric {
  const found = file.metrics.find((metric) => {
    if (metric.key === key) return true;
    const known = file.channels?.[metric.channel ?? '']?.known ?? {};
    return Object.keys(known).some((channel) => key === `${metric.key}-${channel}`);
  });
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

/** Units of the catalogue that are not canonical: how many canonical ones one of them is. */
const UNITS: Readonly<Record<string, number>> = {
  mm: 0.001,
  mV: 0.001,
  Pa: 0.01,
  W: 0.001,
  kPa: 10,
  'µg/L': 0.001,
};
const CANONICAL = ['hPa', '', undefined];

export interface Lit {
  readonly metric: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** The value that the lit bytes of one metric say. */
export function byHand(
  profileText: string,
  options: Readonly<Record<string, unknown>>,
  payload: Uint8Array,
  metric: string,
  lit: readonly Lit[],
): number {
  const file = parse(profileText) as File;
  const of = metricOf(file, metric);
  const settle = (value: unknown): unknown => {
    const name = (value as { option?: string } | undefined)?.option;
    return name === undefined ? value : (options[name] ?? file.options?.[name]?.default);
  };
  const bytes = lit.map(({ from, to }) => Buffer.from(payload.subarray(from, to)));
  const raw = rawOf(file, of, bytes, { payload, lit, settle });
  const unit = settle(of.unit) as string | undefined;
  const factor = CANONICAL.includes(unit) ? 1 : UNITS[unit ?? ''];
  if (factor === undefined) throw new Error(`${metric}: what is one ${unit}?`);
  const scale = (settle(of.scale) as number | undefined) ?? 1;
  const offset = (settle(of.offset) as number | undefined) ?? 0;
  return (raw * scale + offset) * factor;
}

interface Context {
  readonly payload: Uint8Array;
  readonly lit: readonly Lit[];
  readonly settle: (value: unknown) => unknown;
}

function rawOf(file: File, metric: Metric, bytes: readonly Buffer[], context: Context): number {
  const { from } = metric;
  if (file.modbus !== undefined) {
    const whole = Buffer.concat(bytes);
    const registers =
      'sum' in (from as object) ? (from as { sum: Register[] }).sum : [from as Register];
    let at = 0;
    return registers.reduce((sum, register) => {
      const size = { float64: 8, float32: 4, int32: 4, uint32: 4 }[register.type] ?? 2;
      const order = context.settle(register.wordOrder ?? file.modbus?.wordOrder) as string;
      const value = registerOf(register, whole.subarray(at, at + size), order ?? 'ABCD');
      at += size;
      return sum + value;
    }, 0);
  }
  if (bytes.length !== 1) throw new Error(`${metric.key}: ${bytes.length} runs of bytes`);
  const text = bytes[0]!.toString('utf8');
  if (from !== undefined && 'field' in from) {
    const field = file.tlv?.records
      .flatMap((record) => record.fields)
      .find((one) => one.field === from.field);
    // The network server has decoded it when what is lit is a JSON value and no digits within a text.
    if (context.payload[context.lit[0]!.from - 1] === 0x3a)
      return fromJson(metric, JSON.parse(text));
    return fieldOf(field!, text, file, context) * (field!.scale ?? 1);
  }
  return fromJson(metric, JSON.parse(text));
}

function fromJson({ key, states }: Metric, value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') throw new Error(`${key}: ${String(value)}`);
  return states?.[value] ?? { true: 1, false: 0 }[value] ?? Number(value);
}

/** A, B, C, D are the bytes of the number, the most significant first. */
function registerOf({ type, bit }: Register, bytes: Buffer, order: string): number {
  if (type === 'bit') return (bytes.readUInt16BE(0) >> (bit ?? 0)) & 1;
  if (type === 'uint16') return bytes.readUInt16BE(0);
  if (type === 'int16') return bytes.readInt16BE(0);
  if (order === 'CDAB' || order === 'DCBA') {
    const words = Array.from({ length: bytes.length / 2 }, (_, i) =>
      bytes.subarray(2 * i, 2 * i + 2),
    );
    bytes = Buffer.concat(words.reverse());
  }
  if (order === 'BADC' || order === 'DCBA') bytes = Buffer.from(bytes).swap16();
  if (type === 'uint32') return bytes.readUInt32BE(0);
  if (type === 'int32') return bytes.readInt32BE(0);
  return type === 'float32' ? bytes.readFloatBE(0) : bytes.readDoubleBE(0);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function fieldOf(
  { type }: { type: string },
  digits: string,
  file: File,
  { payload, lit }: Context,
): number {
  const size = { uint8: 1, int8: 1, uint16: 2, int16: 2 }[type] ?? 4;
  let bytes: Buffer;
  if (file.mqtt?.bytes?.encoding === 'hex') bytes = Buffer.from(digits, 'hex');
  else {
    // Six bits a digit; the field begins at the first whole byte of the text that the digits reach.
    const bits = [...digits]
      .map((one) => ALPHABET.indexOf(one).toString(2).padStart(6, '0'))
      .join('');
    let start = lit[0]!.from;
    while (payload[start - 1] !== 0x22) start--;
    const first = (lit[0]!.from - start) * 6;
    const skip = (8 - (first % 8)) % 8;
    bytes = Buffer.from(
      Array.from({ length: size }, (_, i) =>
        Number.parseInt(bits.slice(skip + 8 * i, skip + 8 * i + 8), 2),
      ),
    );
  }
  if (bytes.length !== size) throw new Error(`${digits} is no ${type}`);
  const little = file.tlv?.endian !== 'big';
  if (size === 1) return type === 'int8' ? bytes.readInt8(0) : bytes.readUInt8(0);
  if (little) bytes = Buffer.from([...bytes].reverse());
  if (type === 'float32') return bytes.readFloatBE(0);
  return type.startsWith('int') ? bytes.readIntBE(0, size) : bytes.readUIntBE(0, size);
}
