/** What a reading is worth: good, the flags of HJ 212-2017 table 8 as words, and what we and people find. */

/**
 * Code of a quality is its place here, and is stored: never reorder.
 * HJ 212 flags: N good, F stopped, M maintenance, S manual, D fault, C calibration, T over-range, B no-comms.
 * `implausible` is found by the platform, `invalid` stated by a person.
 */
export const QUALITIES = [
  'good',
  'stopped',
  'maintenance',
  'manual',
  'fault',
  'calibration',
  'over-range',
  'no-comms',
  'implausible',
  'invalid',
] as const;

export type Quality = (typeof QUALITIES)[number];

const codes = new Map<string, number>(QUALITIES.map((word, code) => [word, code]));

/** The stored code of a quality word, or undefined when it is no such word. */
export function qualityCode(word: string): number | undefined {
  return codes.get(word);
}

/** The word of a stored code. */
export function qualityWord(code: number): Quality {
  const word = QUALITIES[code];
  if (word === undefined) throw new Error(`BUG: no quality has code ${code}`);
  return word;
}
