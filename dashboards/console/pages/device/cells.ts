/** Hours of completeness drawn together into as many cells as a strip can show. Pure. */
import { HOUR } from '@village/core/duration';
import type { Completeness } from '#kit/api/answers.ts';

export interface Cell {
  readonly from: number;
  readonly to: number;
  readonly expected: number;
  readonly received: number;
  readonly backfilled: number;
  readonly rows: number;
}

/** At most `most` cells, each of the same whole number of hours; days stay whole when a cell is a day or more. */
export function cells(hours: Completeness['hours'], most: number): Cell[] {
  const steps = [1, 2, 3, 6, 12, 24, 48, 96, 168];
  const step = steps.find((one) => hours.length / one <= most) ?? 720;
  const out: Cell[] = [];
  for (let i = 0; i < hours.length; i += step) {
    const part = hours.slice(i, i + step);
    const first = part[0];
    const last = part.at(-1);
    if (first === undefined || last === undefined) continue;
    const sum = (name: 'expected' | 'received' | 'backfilled' | 'rows'): number =>
      part.reduce((total, hour) => total + hour[name], 0);
    out.push({
      from: first.at,
      to: last.at + HOUR,
      expected: sum('expected'),
      received: sum('received'),
      backfilled: sum('backfilled'),
      rows: sum('rows'),
    });
  }
  return out;
}

/** How a cell is coloured and worded. */
export function cellKind(cell: Cell): 'full' | 'backfilled' | 'partial' | 'missing' | 'unexpected' {
  if (cell.expected === 0) return 'unexpected';
  if (cell.received === 0) return 'missing';
  if (cell.received < cell.expected) return 'partial';
  return cell.backfilled > 0 ? 'backfilled' : 'full';
}
