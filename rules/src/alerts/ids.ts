/** Names of alerts: ids that sort by time, and short codes that people answer with. */
import { bug, type Random } from '@village/core';

/** Digits of ids (Crockford's base 32), in their order. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
/** Of milliseconds since 1970: enough until the year 3084. */
const TIME_DIGITS = 9;
const COUNT_DIGITS = 4;
const COUNTS = DIGITS.length ** COUNT_DIGITS;

const spelled = (value: number, digits: number): string => {
  let text = '';
  for (let rest = value; text.length < digits; rest = Math.floor(rest / DIGITS.length))
    text = DIGITS.charAt(rest % DIGITS.length) + text;
  return text;
};

/** Ids of 13 characters: the time, and a count that begins by chance, so that those of two processes differ. */
export class AlertIds {
  readonly #random: Random;
  #at = 0;
  #count = 0;
  #left = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Each is greater than those before; of a time that lies before theirs it has the newest. */
  next(now: number): string {
    if (now > this.#at || this.#left === 0) {
      this.#at = Math.max(now, this.#at + Number(this.#left === 0 && now <= this.#at));
      // From the lower half, so that half of them or more are left.
      this.#count = Math.floor((this.#random() * COUNTS) / 2);
      this.#left = COUNTS - this.#count;
    }
    this.#left--;
    return spelled(this.#at, TIME_DIGITS) + spelled(this.#count++, COUNT_DIGITS);
  }
}

/** Without vowels, so that no code is a word, and without what looks like a digit. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXYZ23456789';
const CODE_LENGTHS = [4, 5, 6] as const;
/** Codes of a length are given while one in so many at most is taken. */
const SPARSE = 50;

/** A code that is likely to be free where so many are open. */
export function newCode(random: Random, open: number): string {
  const length = CODE_LENGTHS.find((n) => LETTERS.length ** n > open * SPARSE);
  if (length === undefined) bug(`there are no codes for ${open} open alerts`);
  let code = '';
  while (code.length < length) code += LETTERS.charAt(Math.floor(random() * LETTERS.length));
  return code;
}
