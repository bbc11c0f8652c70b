/** Numbers in registers that mean "no value": what a place can hold of those that a metric lists, and which can stand nowhere. */
import type { Note, Path } from '../../check/note.ts';
import { shortestFloat32 } from '../../metric/number.ts';
import type { MetricFile } from '../../schema/file.ts';
import { isWholeType, limitsOf } from './registers.ts';
import { type RegisterFile, type RegisterType, registersOf } from './schema.ts';

type Absent = NonNullable<MetricFile['absent']>[number];

const numberOf = (value: Absent): number => (value === 'nan' ? Number.NaN : value);

/** How a place reads such a number; undefined when it can't stand there. */
function asRead(type: RegisterType, value: Absent): number | undefined {
  const raw = numberOf(value);
  if (type === 'bit') return undefined;
  if (type === 'float64') return raw;
  if (type === 'float32') {
    const near = Math.fround(raw);
    return Math.abs(near) === Number.POSITIVE_INFINITY ? undefined : shortestFloat32(near);
  }
  const [low, high] = limitsOf(type);
  return Number.isInteger(raw) && raw >= low && raw <= high ? raw : undefined;
}

/** What a place reads where there is no value; may hold NaN. Undefined when none of the numbers can stand there. */
export function absentIn(
  { absent }: MetricFile,
  { type }: RegisterFile,
): ReadonlySet<number> | undefined {
  const read = (absent ?? []).map((value) => asRead(type, value));
  const known = read.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : new Set(known);
}

function whyNot(type: RegisterType, value: Absent): string {
  if (type === 'bit') return 'a bit is always a value';
  if (value === 'nan') return `only a float can be not-a-number, and ${type} is none`;
  if (!isWholeType(type)) return `${value} is no ${type}`;
  const [low, high] = limitsOf(type);
  const holds = `${type} holds ${low} to ${high}`;
  if (!Number.isInteger(value)) return `${holds}: give what stands there before \`scale\``;
  const span = high - low + 1;
  const other = value > high ? value - span : value + span;
  return other >= low && other <= high && Number.isSafeInteger(span)
    ? `${holds}: the bits of ${value} are ${other} there`
    : holds;
}

/** Notes numbers that can't stand where a metric is read from, or that must not mean "no value". */
export function checkAbsent(metric: MetricFile, path: Path, note: Note): void {
  const refs = registersOf(metric);
  const types = refs.map(({ type }) => type);
  const seen = new Set<number>();
  metric.absent?.forEach((value, i) => {
    const at = [...path, 'absent', i];
    const raw = numberOf(value);
    if (seen.has(raw)) note(at, `${value} stands twice`);
    seen.add(raw);
    if (types.length > 1 && raw === 0)
      note(at, '0 of a sum is its whole number or its fraction, so it can mean nothing else');
    if (types.length > 0 && types.every((type) => asRead(type, value) === undefined))
      note(at, types.map((type) => whyNot(type, value)).join('; '));
  });
}
