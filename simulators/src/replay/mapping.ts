/** How the columns of a CSV file become readings: the mapping file, and rows turned by it. */
import { basename } from 'node:path';
import { conversion, ID_PATTERN, OperationalError, parseTime } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Decimal, parseDecimal } from './decimal.ts';

const column = z.union([
  z.string(),
  z.strictObject({
    metric: z.string(),
    /** The column's unit where it is not the metric's, or else a factor of one's own. */
    unit: z.string().optional(),
    factor: z.number().optional(),
    offset: z.number().optional(),
  }),
  /** Words to numbers, as for the sixteen points of the wind. */
  z.strictObject({ metric: z.string(), words: z.record(z.string(), z.number()) }),
]);

const mappingSchema = z.strictObject({
  profile: z.string(),
  device: z.union([
    z.strictObject({ id: z.string().regex(ID_PATTERN) }),
    z.strictObject({
      column: z.string().optional(),
      fileName: z.literal(true).optional(),
      prefix: z.string().default(''),
      lower: z.boolean().default(false),
    }),
  ]),
  /** For the registration CSV: name with `{}` for the station's own, and the area it stands in. */
  name: z.string().default('{}'),
  area: z.string().regex(/^\d{12}$/),
  delimiter: z.string().length(1).default(','),
  zone: z.string().regex(/^(Z|[+-]\d\d:\d\d)$/),
  time: z.union([
    z.strictObject({
      year: z.string(),
      month: z.string(),
      day: z.string(),
      hour: z.string(),
    }),
    z.strictObject({ column: z.string(), format: z.string() }),
  ]),
  missing: z.array(z.string()).default(['']),
  columns: z.record(z.string(), column),
});

/** One column that carries a metric. */
export interface MappedColumn {
  readonly name: string;
  readonly metric: string;
  readonly words: ReadonlyMap<string, number> | null;
  /** stored = text × factor + offset. */
  readonly factor: Decimal;
  readonly offset: Decimal;
  /** The stored number of a text that is a decimal number. */
  readonly convert: (text: string) => number;
}

type MappingFile = z.output<typeof mappingSchema>;

/** A mapping file that was checked against its profile. */
export interface Mapping extends Omit<MappingFile, 'columns' | 'profile'> {
  readonly profile: DeviceProfile;
  readonly columns: readonly MappedColumn[];
}

function decimalOf(value: number): Decimal {
  const decimal = parseDecimal(String(value));
  if (decimal === null) throw new OperationalError('bad-mapping', `${value} is no usable number`);
  return decimal;
}

/** Shifting the decimal point rounds once; a multiplication would round twice (700 × 0.001 is not 0.7). */
function converter(factor: number, offset: number): (text: string) => number {
  const exponent = Math.round(Math.log10(factor));
  if (offset === 0 && factor === Number(`1e${exponent}`))
    return exponent === 0
      ? Number
      : (text) => (/[eE]/.test(text) ? Number(text) * factor : Number(`${text}e${exponent}`));
  return (text) => Number(text) * factor + offset;
}

function mapColumn(
  name: string,
  given: MappingFile['columns'][string],
  profile: DeviceProfile,
): MappedColumn {
  const spec = typeof given === 'string' ? { metric: given } : given;
  const metric = profile.metrics[profile.metricIndex.get(spec.metric) ?? -1];
  if (metric === undefined)
    throw new OperationalError(
      'bad-mapping',
      `columns.${name}: ${profile.id} has no ${spec.metric}`,
    );
  let factor = 1;
  let offset = 0;
  if ('unit' in spec && spec.unit !== undefined) {
    const found = conversion(metric.quantity, spec.unit);
    if (found === undefined)
      throw new OperationalError(
        'bad-mapping',
        `columns.${name}: no ${spec.unit} for ${metric.key}`,
      );
    [factor, offset] = found;
  }
  if ('factor' in spec && spec.factor !== undefined) factor = spec.factor;
  if ('offset' in spec && spec.offset !== undefined) offset = spec.offset;
  return {
    name,
    metric: metric.key,
    words: 'words' in spec ? new Map(Object.entries(spec.words)) : null,
    factor: decimalOf(factor),
    offset: decimalOf(offset),
    convert: converter(factor, offset),
  };
}

/**
 * Reads a mapping file's text and checks it against its profile.
 * @throws bad-mapping, unknown-profile
 */
export function parseMapping(text: string, profiles: ReadonlyMap<string, DeviceProfile>): Mapping {
  const result = mappingSchema.safeParse(parse(text));
  if (!result.success) throw new OperationalError('bad-mapping', z.prettifyError(result.error));
  const profile = profiles.get(result.data.profile);
  if (profile === undefined)
    throw new OperationalError('unknown-profile', `No profile ${result.data.profile}`);
  const columns = Object.entries(result.data.columns).map(([name, given]) =>
    mapColumn(name, given, profile),
  );
  return { ...result.data, profile, columns };
}

/** What one row says; `texts` are the cells of the mapped columns, null where nothing was measured. */
export interface MappedRow {
  readonly device: string;
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
  readonly texts: readonly (string | null)[];
  /** Cells that are neither missing nor numbers nor known words. */
  readonly faulty: number;
}

type Cells = readonly string[];

const tokens = { year: 'yyyy', month: 'MM', day: 'dd', hour: 'HH', minute: 'mm', second: 'ss' };

/** A reader of RFC 3339 fields out of one column of fixed width, such as `yyyy-MM-dd HH:mm:ss`. */
function fixedFormat(format: string): (text: string) => Record<keyof typeof tokens, string> {
  const places = Object.entries(tokens).map(
    ([field, token]) => [field, format.indexOf(token), token.length] as const,
  );
  if (
    places.some(
      ([field, at]) => at < 0 && (field === 'year' || field === 'month' || field === 'day'),
    )
  )
    throw new OperationalError('bad-mapping', `time.format needs yyyy, MM and dd: ${format}`);
  return (text) =>
    Object.fromEntries(
      places.map(([field, at, length]) => [field, at < 0 ? '00' : text.slice(at, at + length)]),
    ) as Record<keyof typeof tokens, string>;
}

/** Turns the rows of one file; made from its header. */
export class RowMapper {
  readonly #mapping: Mapping;
  readonly #places: readonly number[];
  readonly #missing: ReadonlySet<string>;
  readonly #device: (cells: Cells) => string;
  readonly #time: (cells: Cells) => number;

  /** @throws bad-mapping when the header lacks a column. */
  constructor(mapping: Mapping, file: string, header: Cells) {
    this.#mapping = mapping;
    const place = (name: string): number => {
      const found = header.indexOf(name);
      if (found < 0) throw new OperationalError('bad-mapping', `${file} has no column ${name}`);
      return found;
    };
    this.#places = mapping.columns.map(({ name }) => place(name));
    this.#missing = new Set(mapping.missing);
    this.#device = deviceReader(mapping, file, place);
    this.#time = timeReader(mapping, place);
  }

  /** The row's readings; null when its time or device can't be understood. */
  map(cells: Cells): MappedRow | null {
    const at = this.#time(cells);
    const device = this.#device(cells);
    if (Number.isNaN(at) || !ID_PATTERN.test(device)) return null;
    const values: Record<string, number> = {};
    const texts: (string | null)[] = [];
    let faulty = 0;
    this.#mapping.columns.forEach((column, i) => {
      const text = cells[this.#places[i] ?? -1] ?? '';
      if (this.#missing.has(text)) {
        texts.push(null);
        return;
      }
      const value = column.words === null ? number(column, text) : column.words.get(text);
      if (value === undefined) faulty++;
      else values[column.metric] = value;
      texts.push(value === undefined ? null : column.words === null ? text : String(value));
    });
    return { device, at, values, texts, faulty };
  }
}

function number(column: MappedColumn, text: string): number | undefined {
  return /^[+-]?\d{1,60}(?:\.\d{1,60})?(?:[eE][+-]?\d{1,2})?$/.test(text)
    ? column.convert(text)
    : undefined;
}

function deviceReader(
  mapping: Mapping,
  file: string,
  place: (name: string) => number,
): (cells: Cells) => string {
  const { device } = mapping;
  if ('id' in device) return () => device.id;
  const id = (text: string): string => device.prefix + (device.lower ? text.toLowerCase() : text);
  if (device.column === undefined) {
    const own = id(basename(file).replace(/\.csv(\.gz)?$/, ''));
    return () => own;
  }
  const at = place(device.column);
  return (cells) => id(cells[at] ?? '');
}

function timeReader(mapping: Mapping, place: (name: string) => number): (cells: Cells) => number {
  const { time, zone } = mapping;
  if ('format' in time) {
    const at = place(time.column);
    const read = fixedFormat(time.format);
    const { length } = time.format;
    return (cells) => {
      const text = cells[at] ?? '';
      if (text.length !== length) return Number.NaN;
      const { year, month, day, hour, minute, second } = read(text);
      return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
    };
  }
  const places = [time.year, time.month, time.day, time.hour].map(place);
  return (cells) => {
    const [year, month, day, hour] = places.map((at) => (cells[at] ?? '').padStart(2, '0'));
    return parseTime(`${year}-${month}-${day}T${hour}:00:00${zone}`);
  };
}
