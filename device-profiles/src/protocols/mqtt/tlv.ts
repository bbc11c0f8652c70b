/** Binary payloads made of records: some id bytes that say which fields follow, then the fields. */
import { OperationalError } from '@village/core';
import type { ByteRange } from '../../codec.ts';
import { decimalsOf, type Scaling, scaling, shortestFloat32 } from '../../metric/number.ts';
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
  readonly id: readonly number[];
  readonly fields: readonly Field[];
  readonly size: number;
}

export interface TlvCodec {
  /** @throws unknown-record, frame-too-short */
  unpack(bytes: Uint8Array): Record<string, number>;
  /** Which bytes each field of `unpack` came from. */
  locate(bytes: Uint8Array): Map<string, ByteRange>;
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

function compileRecord(record: TlvFile['records'][number]): TlvRecord {
  const fields = record.fields.map((field) => ({
    name: field.field,
    type: field.type,
    scaling: scaling(field.scale ?? 1, 0, [1, 0]),
  }));
  return {
    id: [...(hexBytes(record.id) ?? [])],
    fields,
    size: fields.reduce((sum, field) => sum + SIZE[field.type], 0),
  };
}

/** Faults of a description that would make it ambiguous: an id that begins another one, a scale of no use. */
export function tlvFaults(file: TlvFile): { place: string; message: string }[] {
  const ids = file.records.map((record) => record.id.replaceAll(' ', '').toUpperCase());
  const faults: { place: string; message: string }[] = [];
  ids.forEach((id, i) => {
    const other = ids.findIndex(
      (earlier, j) => j < i && (earlier.startsWith(id) || id.startsWith(earlier)),
    );
    if (other >= 0)
      faults.push({ place: `[${i}].id`, message: `${id} can't be told from records[${other}]` });
    file.records[i]?.fields.forEach((field, j) => {
      if (field.scale === 0 || (field.scale !== undefined && decimalsOf(field.scale) === undefined))
        faults.push({ place: `[${i}].fields[${j}].scale`, message: 'must be a short decimal' });
    });
  });
  return faults;
}

/** Every field of the records, in the order of the bytes. @throws unknown-record, frame-too-short */
function* fieldsIn(
  records: readonly TlvRecord[],
  bytes: Uint8Array,
): Generator<{ readonly field: Field; readonly at: number }> {
  let at = 0;
  while (at < bytes.length) {
    const record = records.find(({ id }) => id.every((byte, i) => bytes[at + i] === byte));
    if (record === undefined) {
      const id = Buffer.from(bytes.subarray(at, at + 2)).toString('hex');
      throw new OperationalError('unknown-record', `no record begins with ${id} (byte ${at})`);
    }
    at += record.id.length;
    if (at + record.size > bytes.length)
      throw new OperationalError('frame-too-short', `${bytes.length} bytes end inside a record`);
    for (const field of record.fields) {
      yield { field, at };
      at += SIZE[field.type];
    }
  }
}

function unpackRecords(
  records: readonly TlvRecord[],
  little: boolean,
  bytes: Uint8Array,
): Record<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Record<string, number> = {};
  for (const { field, at } of fieldsIn(records, bytes))
    values[field.name] = field.scaling.toCanonical(read(view, at, field.type, little));
  return values;
}

/** Compiles a description into its codec. */
export function compileTlv(file: TlvFile): TlvCodec {
  const records = file.records.map(compileRecord);
  const little = file.endian === 'little';
  return {
    fields: new Set(records.flatMap((record) => record.fields.map((field) => field.name))),
    unpack: (bytes) => unpackRecords(records, little, bytes),
    locate: (bytes) =>
      new Map(
        [...fieldsIn(records, bytes)].map(({ field, at }) => [
          field.name,
          { from: at, to: at + SIZE[field.type] },
        ]),
      ),
    pack(values) {
      const out: number[] = [];
      const done = new Set<string>();
      for (const { id, fields, size } of records) {
        if (!fields.every(({ name }) => values[name] !== undefined && !done.has(name))) continue;
        const body = new DataView(new ArrayBuffer(size));
        let at = 0;
        for (const field of fields) {
          done.add(field.name);
          write(body, at, field.type, little, field.scaling.toRaw(values[field.name] as number));
          at += SIZE[field.type];
        }
        out.push(...id, ...new Uint8Array(body.buffer));
      }
      return Uint8Array.from(out);
    },
  };
}
