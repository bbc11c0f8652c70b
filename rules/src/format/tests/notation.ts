/**
 * The notation of series that promtool reads in its unit tests: `1+2x3` is 1 3 5 7, `1-2x3` is 1 -1 -3 -5, `1x3` is 1 1 1 1, `_` is a
 * missing reading and `_x3` three of them. `stale` is refused: readings of devices have no such mark.
 */
import type { Label } from '@village/core';

/** Readings that one text may stand for. */
export const NOTATION_VALUES_MAX = 50_000;

export interface NotationFault {
  /** Characters of the text that are at fault: from `start`, before `end`. */
  readonly start: number;
  readonly end: number;
  readonly message: Label;
}

const NUMBER = '[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[+-]?\\d+)?';
const ITEM = new RegExp(
  `^(?:(_)|(${NUMBER})(?:([+-])(${NUMBER.slice('[+-]?'.length)}))?)(?:x(\\d{1,9}))?$`,
  'i',
);

/** Rounds away what steps in binary fractions pile up: 0.1 + 2 × 0.1 is 0.3. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** One word as values, at most `max` and one more; null is a missing reading. Undefined when it is none. */
function expand(word: string, max: number): (number | null)[] | undefined {
  const match = ITEM.exec(word);
  if (match === null) return undefined;
  const [, missing, first, sign, step, times] = match;
  if (missing !== undefined)
    return Array.from({ length: Math.min(Number(times ?? 1), max + 1) }, () => null);
  if (sign !== undefined && times === undefined) return undefined;
  const start = Number(first);
  const by = sign === undefined ? 0 : Number(`${sign}${step}`);
  const length = Math.min(Number(times ?? 0) + 1, max + 1);
  const values = Array.from({ length }, (_, i) => (by === 0 ? start : tidy(start + i * by)));
  return values.every(Number.isFinite) ? values : undefined;
}

/** The values of a text in order, at most so many; null where a reading is missing. */
export function seriesValues(
  text: string,
  max: number = NOTATION_VALUES_MAX,
): { readonly values: readonly (number | null)[] } | { readonly fault: NotationFault } {
  const values: (number | null)[] = [];
  for (const { 0: word, index: start } of text.matchAll(/\S+/g)) {
    const own = expand(word, max - values.length);
    if (own === undefined)
      return {
        fault: {
          ...{ start, end: start + word.length },
          message: {
            zh: `读不懂 ${word}：应写作 8、8x10、8+0.5x10、8-0.5x10、_ 或 _x10`,
            en: `${word} can't be read: it is written 8, 8x10, 8+0.5x10, 8-0.5x10, _ or _x10`,
          },
        },
      };
    if (values.length + own.length > max)
      return {
        fault: {
          ...{ start, end: start + word.length },
          message: {
            zh: `这里最多还能有 ${max} 个值`,
            en: `has more values than can be here: ${max}`,
          },
        },
      };
    for (const value of own) values.push(value);
  }
  return { values };
}
