/**
 * Payloads that are text, such as JSON: what stays the same from message to message is kept once, with a mark in place of
 * each number, and the numbers are columns of differences. Exact: every text comes back byte by byte.
 */
import { isUtf8 } from 'node:buffer';
import { blockDamaged, type NumberReader, type NumberWriter } from './numbers.ts';

/** In the place of a number; texts that hold it are not taken apart. */
const MARK = '\u0001';
const NUMBER = /\d+(?:\.\d+)?/g;
/** More digits than a double holds exactly, zeros behind the point that others of the column have included. */
const DIGITS_MAX = 15;
/** A skeleton that fewer messages share is not worth its place. */
const SHARED_LEAST = 4;

/** A decimal as it was written: `digits` without the point, of which `fraction` behind it, `zeros` needless ones in front. */
interface Decimal {
  readonly digits: number;
  readonly fraction: number;
  readonly zeros: number;
}

export interface TakenApart {
  readonly skeleton: string;
  readonly numbers: readonly Decimal[];
}

/** A text without its numbers; null when the payload is no text, or one that can't be put together again. */
export function takeApart(payload: Uint8Array): TakenApart | null {
  if (payload.length === 0 || !isUtf8(payload)) return null;
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8');
  if (text.includes(MARK)) return null;
  const numbers: Decimal[] = [];
  const skeleton = text.replaceAll(NUMBER, (number) => {
    if (number.length > DIGITS_MAX) return number;
    const [whole = '', fraction = ''] = number.split('.');
    const zeros = whole.length - String(Number(whole)).length;
    numbers.push({ digits: Number(whole + fraction), fraction: fraction.length, zeros });
    return MARK;
  });
  return { skeleton, numbers };
}

function written({ digits, fraction, zeros }: Decimal): string {
  const text = String(digits).padStart(fraction + 1, '0');
  const whole = text.slice(0, text.length - fraction);
  const front = '0'.repeat(zeros) + whole;
  return fraction === 0 ? front : `${front}.${text.slice(text.length - fraction)}`;
}

function putTogether(skeleton: string, numbers: readonly Decimal[]): Buffer {
  const parts = skeleton.split(MARK);
  let text = parts[0] ?? '';
  for (let i = 1; i < parts.length; i++) {
    const number = numbers[i - 1];
    if (number === undefined) throw blockDamaged();
    text += written(number) + (parts[i] ?? '');
  }
  return Buffer.from(text);
}

/** Skeletons that enough of these texts share. */
export function sharedSkeletons(texts: readonly (TakenApart | null)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    if (text !== null) counts.set(text.skeleton, (counts.get(text.skeleton) ?? 0) + 1);
  const shared = [...counts].filter(([, count]) => count >= SHARED_LEAST);
  return new Map(shared.map(([skeleton], n) => [skeleton, n]));
}

/** The numbers of texts that share a skeleton, one column after the other. */
export function putNumbers(texts: readonly TakenApart[], out: NumberWriter): void {
  const columns = texts[0]?.numbers.length ?? 0;
  for (let column = 0; column < columns; column++) {
    const decimals = texts.map(({ numbers }) => numbers[column]!);
    const most = Math.max(...decimals.map(({ fraction }) => fraction));
    // 7.1 between 7.08 and 7.12 is 7.10: the differences stay small. Never beyond what is exact.
    const fits = decimals.every(
      ({ digits, fraction }) => digits * 10 ** (most - fraction) <= Number.MAX_SAFE_INTEGER / 4,
    );
    out.put(fits ? most : -1);
    let before = 0;
    for (const { digits, fraction } of decimals) {
      const value = fits ? digits * 10 ** (most - fraction) : digits;
      out.put(value - before);
      before = value;
    }
    for (const { fraction } of decimals) out.put(fits ? most - fraction : fraction);
    for (const { zeros } of decimals) out.put(zeros);
  }
}

/** Of the texts that `putNumbers` wrote those that are wanted, by their place. @throws frames-damaged */
export function textsOf(
  skeleton: string,
  count: number,
  from: NumberReader,
  wanted: (i: number) => boolean,
): (Buffer | null)[] {
  const columns = skeleton.split(MARK).length - 1;
  const numbers = Array.from({ length: count }, (_, i): Decimal[] | null =>
    wanted(i) ? [] : null,
  );
  const values = new Float64Array(count);
  const fractions = new Float64Array(count);
  for (let column = 0; column < columns; column++) {
    const most = from.next();
    let before = 0;
    for (let i = 0; i < count; i++) {
      before += from.next();
      values[i] = before;
    }
    for (let i = 0; i < count; i++) fractions[i] = from.next();
    for (let i = 0; i < count; i++) {
      const fraction = most < 0 ? fractions[i]! : most - fractions[i]!;
      const zeros = from.next();
      if (!(fraction >= 0 && fraction <= DIGITS_MAX && zeros >= 0 && zeros <= DIGITS_MAX))
        throw blockDamaged();
      const digits = most < 0 ? values[i]! : values[i]! / 10 ** (most - fraction);
      numbers[i]?.push({ digits, fraction, zeros });
    }
  }
  return numbers.map((own) => (own === null ? null : putTogether(skeleton, own)));
}
