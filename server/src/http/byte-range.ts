/** Which bytes of a file are asked for (RFC 9110, 14): one range, since nobody resumes several. */
import type { Conditions } from '@village/platform';

/** Both inclusive. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type Wanted = 'whole' | 'unchanged' | 'unsatisfiable' | ByteRange;

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/i;

function rangeOf(text: string, size: number): Wanted {
  const [, first = '', last = ''] = ONE_RANGE.exec(text.replaceAll(/\s/g, '')) ?? [];
  // What is no single range of bytes is passed over, as the standard has it.
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  if (last !== '' && Number(last) < Number(first)) return 'whole';
  if (Number(first) >= size) return 'unsatisfiable';
  return {
    first: Number(first),
    last: last === '' ? size - 1 : Math.min(Number(last), size - 1),
  };
}

const tagsOf = (text: string): string[] =>
  text.split(',').map((tag) => tag.trim().replace(/^W\//, ''));

/** What to answer for a file that never changes under its tag. */
export function wantedOf(
  { range, ifRange, ifNoneMatch }: Conditions,
  { size, tag }: { readonly size: number; readonly tag: string },
): Wanted {
  if (
    ifNoneMatch !== undefined &&
    (ifNoneMatch.trim() === '*' || tagsOf(ifNoneMatch).includes(tag))
  )
    return 'unchanged';
  // Only a strong tag says that the part belongs to the same file; a date is none of ours.
  if (range === undefined || (ifRange !== undefined && ifRange.trim() !== tag)) return 'whole';
  return rangeOf(range, size);
}
