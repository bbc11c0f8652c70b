/** Binary payloads made of records: some id bytes that say which fields follow, then the fields. */
import { OperationalError } from '@village/core';
import { wordsOf } from '../../channels/schema.ts';
import type { ByteRange } from '../../codec.ts';
import { decimalsOf, type Scaling, scaling, shortestFloat32 } from '../../metric/number.ts';
import type { ProfileFile } from '../../schema/file.ts';
import { fieldIn, placeholder } from './channels/placeholder.ts';
import type { ByteType, TlvFile } from './schema.ts';

const SIZE: Readonly<Record<ByteType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
};

interface Field {
  readonly name: string;
  readonly type: ByteType;
  readonly scaling: Scaling;
}

interface TlvRecord {
  /** Null for a byte that tells a channel which is not listed. */
  readonly id: readonly (number | null)[];
  readonly fields: readonly Field[];
  readonly size: number;
}

/** What the bytes hold, up to the first that nobody can read. */
export interface Unpacked {
  readonly fields: Readonly<Record<string, number>>;
  /** Which bytes each field came from. */
  readonly places: ReadonlyMap<string, ByteRange>;
  /** Records of channels that the profile does not list, from which byte on. */
  readonly strangers: readonly { readonly from: number; readonly word: string }[];
  /** Fields that came again further down with another value, and where they stood first; the last counts. */
  readonly repeated: readonly { readonly field: string; readonly from: number }[];
  /** The rest that can't be read, from which byte on; null when all was. */
  readonly rest: { readonly from: number; readonly fault: OperationalError } | null;
}

export interface TlvCodec {
  unpack(bytes: Uint8Array): Unpacked;
  /** Records whose fields are all given; of several that carry the same field, the first. */
  pack(fields: Readonly<Record<string, number>>): Uint8Array;
  readonly fields: ReadonlySet<string>;
}

/** The bytes of hex digits, spaces allowed; undefined when the text is none. */
export function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(digits)) return undefined;
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

function read(view: DataView, at: number, type: ByteType, little: boolean): number {
  if (type === 'uint8') return view.getUint8(at);
  if (type === 'int8') return view.getInt8(at);
  if (type === 'uint16') return view.getUint16(at, little);
  if (type === 'int16') return view.getInt16(at, little);
  if (type === 'uint32') return view.getUint32(at, little);
  if (type === 'int32') return view.getInt32(at, little);
  return shortestFloat32(view.getFloat32(at, little));
}

function write(view: DataView, at: number, type: ByteType, little: boolean, value: number): void {
  if (type === 'float32') {
    view.setFloat32(at, value, little);
    return;
  }
  const bits = SIZE[type] * 8;
  const signed = type.startsWith('int');
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const whole = Math.min(Math.max(Math.round(value), low), high);
  if (bits === 8) view.setUint8(at, whole & 0xff);
  else if (bits === 16) view.setUint16(at, whole & 0xffff, little);
  else view.setUint32(at, whole >>> 0, little);
}

type RecordFile = TlvFile['records'][number];

function compileRecord(record: RecordFile): TlvRecord {
  const fields = (record.fields ?? []).map((field) => ({
    name: field.field,
    type: field.type,
    scaling: scaling(field.scale ?? 1, 0, [1, 0]),
  }));
  return {
    id: idOf(record.id),
    fields,
    size: fields.reduce((sum, field) => sum + SIZE[field.type], record.skip ?? 0),
  };
}

/** The bytes of an id; of a channel that is in it, none is known. */
function idOf(text: string): (number | null)[] {
  return [...text.matchAll(/([0-9A-Fa-f]{2})|\{[^}]*\}/g)].map(([, byte]) =>
    byte === undefined ? null : Number.parseInt(byte, 16),
  );
}

const KIND = /\{([^}]*)\}/;

/** The records with those of a kind of channel written out for each, and behind them one for all that are not listed. */
function inChannels(records: readonly RecordFile[], channels: Channels): RecordFile[] {
  const strangers: RecordFile[] = [];
  const listed = records.flatMap((record): RecordFile[] => {
    const name = KIND.exec(record.id)?.[1];
    const kind = name === undefined ? undefined : channels[name];
    if (name === undefined || kind === undefined) return [record];
    strangers.push(record);
    return Object.keys(kind.known).flatMap((key) =>
      wordsOf(kind, key).map((word) => ({
        ...record,
        id: record.id.replace(placeholder(name), word),
        fields: record.fields?.map((one) => ({ ...one, field: fieldIn(one.field, name, key) })),
      })),
    );
  });
  return [...listed, ...strangers];
}

type Channels = ProfileFile['channels'];

/** Every field that the records may have, one for each channel. */
export function fieldNames(file: TlvFile, channels: Channels): ReadonlySet<string> {
  const records = inChannels(file.records, channels);
  return new Set(records.flatMap(({ fields = [] }) => fields.map(({ field }) => field)));
}

/**
 * Why no record can carry a value in a field: it is none that its type and scale can make. Undefined when one can, or when no
 * record has the field.
 */
export function whyNeverCarried(
  { records }: TlvFile,
  channels: Channels,
  name: string,
  value: number,
): string | undefined {
  const all = inChannels(records, channels).flatMap(({ fields = [] }) => fields);
  const faults = all
    .filter(({ field }) => field === name)
    .map(({ type, scale = 1 }) => {
      const { toRaw, toCanonical } = scaling(scale, 0, [1, 0]);
      const view = new DataView(new ArrayBuffer(4));
      write(view, 0, type, true, toRaw(value));
      const near = toCanonical(read(view, 0, type, true));
      return Object.is(near, value + 0)
        ? undefined
        : `${type} × ${scale} is never ${value}, the nearest is ${near}`;
    });
  return faults.includes(undefined) ? undefined : faults[0];
}

/** Faults of a description that would make it ambiguous: an id that begins another one, a scale of no use. */
export function tlvFaults(file: TlvFile, channels: Channels): { place: string; message: string }[] {
  const ids = file.records.map((record) => record.id.replaceAll(' ', '').toUpperCase());
  const faults: { place: string; message: string }[] = channelFaults(file, channels);
  ids.forEach((id, i) => {
    const other = ids.findIndex(
      (earlier, j) => j < i && (earlier.startsWith(id) || id.startsWith(earlier)),
    );
    if (other >= 0)
      faults.push({ place: `[${i}].id`, message: `${id} can't be told from records[${other}]` });
    file.records[i]?.fields?.forEach((field, j) => {
      if (field.scale === 0 || (field.scale !== undefined && decimalsOf(field.scale) === undefined))
        faults.push({ place: `[${i}].fields[${j}].scale`, message: 'must be a short decimal' });
    });
  });
  return faults;
}

/** Faults of records of channels: of no kind, told by no byte, or in fields of a record that is of none. */
function channelFaults(
  { records }: TlvFile,
  channels: Channels,
): { place: string; message: string }[] {
  return records.flatMap((record, i) => {
    const name = KIND.exec(record.id)?.[1];
    const kind = name === undefined ? undefined : channels[name];
    const place = `[${i}].id`;
    if (name !== undefined && kind === undefined)
      return [{ place, message: `there is no kind of channel ${name}` }];
    const words =
      kind === undefined ? [] : Object.keys(kind.known).flatMap((key) => wordsOf(kind, key));
    const other = words.find((word) => !/^[0-9A-Fa-f]{2}$/.test(word));
    if (other !== undefined)
      return [{ place, message: `the channel ${other} is no byte such as "03"` }];
    return (record.fields ?? []).flatMap(({ field }, j) =>
      KIND.exec(field)?.[1] === name
        ? []
        : [
            {
              place: `[${i}].fields[${j}].field`,
              message:
                name === undefined
                  ? 'names a kind of channel that the id does not tell'
                  : `must name the kind of channel too, such as ${field}_{${name}}`,
            },
          ],
    );
  });
}

/**
 * Reads record by record. One that nobody knows has no known length either: it and all behind it is a rest, and so is a
 * record that the bytes end in.
 */
function unpackRecords(
  records: readonly TlvRecord[],
  little: boolean,
  bytes: Uint8Array,
): Unpacked {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Record<string, number> = {};
  const places = new Map<string, ByteRange>();
  const strangers: { from: number; word: string }[] = [];
  const repeated: { field: string; from: number }[] = [];
  const until = (from: number, code: string, message: string): Unpacked => {
    const rest = { from, fault: new OperationalError(code, message) };
    return { fields, places, strangers, repeated, rest };
  };
  let at = 0;
  while (at < bytes.length) {
    const from = at;
    const record = records.find(({ id }) =>
      id.every(
        (byte, i) => from + i < bytes.length && (byte ?? bytes[from + i]) === bytes[from + i],
      ),
    );
    if (record === undefined) {
      const id = Buffer.from(bytes.subarray(from, from + 2)).toString('hex');
      return until(from, 'unknown-record', `no record begins with ${id} (byte ${from})`);
    }
    at += record.id.length;
    const end = at + record.size;
    if (end > bytes.length)
      return until(from, 'frame-too-short', `${bytes.length} bytes end inside a record`);
    const unlisted = record.id.indexOf(null);
    if (unlisted >= 0) {
      const word = Buffer.from(bytes.subarray(from + unlisted, from + unlisted + 1));
      strangers.push({ from, word: word.toString('hex') });
      at = end;
      continue;
    }
    for (const { name, type, scaling: scale } of record.fields) {
      const value = scale.toCanonical(read(view, at, type, little));
      const before = places.get(name);
      if (before !== undefined && fields[name] !== value)
        repeated.push({ field: name, from: before.from });
      fields[name] = value;
      places.set(name, { from: at, to: at + SIZE[type] });
      at += SIZE[type];
    }
    at = end;
  }
  return { fields, places, strangers, repeated, rest: null };
}

/** Compiles a description into its codec. */
export function compileTlv(file: TlvFile, channels: Channels): TlvCodec {
  const records = inChannels(file.records, channels).map(compileRecord);
  const written = records.filter(({ id }) => !id.includes(null));
  const little = file.endian === 'little';
  return {
    fields: new Set(written.flatMap((record) => record.fields.map((field) => field.name))),
    unpack: (bytes) => unpackRecords(records, little, bytes),
    pack(values) {
      const out: number[] = [];
      const done = new Set<string>();
      for (const { id, fields, size } of written) {
        if (
          fields.length === 0 ||
          !fields.every(({ name }) => values[name] !== undefined && !done.has(name))
        )
          continue;
        const body = new DataView(new ArrayBuffer(size));
        let at = 0;
        for (const field of fields) {
          done.add(field.name);
          write(body, at, field.type, little, field.scaling.toRaw(values[field.name] as number));
          at += SIZE[field.type];
        }
        out.push(...(id as number[]), ...new Uint8Array(body.buffer));
      }
      return Uint8Array.from(out);
    },
  };
}
