/**
 * What WeChat lets a template's fields say, by the type that a field's name begins with: `thing1`, `time2` (参数值限制说明 of subscribe
 * messages, which holds for the template messages of service accounts, too). What breaks a rule is refused with 47003.
 */
import { cutCharacters, oneLine } from '../prose/cut.ts';

export const FIELD_TYPES = [
  'thing',
  'number',
  'letter',
  'symbol',
  'character_string',
  'time',
  'date',
  'amount',
  'phone_number',
  'car_number',
  'name',
  'phrase',
  'enum',
  /** Of templates from before the types. */
  'keyword',
] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** The type of a field; undefined when its name has none. */
export function fieldType(name: string): FieldType | undefined {
  const type = /^([a-z_]+?)\d{1,4}$/.exec(name)?.[1];
  return FIELD_TYPES.find((known) => known === type);
}

const DAY = [
  '\\d{4}年\\d{1,2}月\\d{1,2}日',
  '\\d{4}年\\d{1,2}月',
  '\\d{1,2}月\\d{1,2}日',
  '\\d{4}-\\d{1,2}-\\d{1,2}',
  '\\d{4}/\\d{1,2}/\\d{1,2}',
  '\\d{4}\\.\\d{1,2}\\.\\d{1,2}',
].join('|');
const CLOCK = '(?:[01]?\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d)?';

/** A moment, or two with ~ between them. */
const span = (moment: string): RegExp => new RegExp(`^${moment}(?:~${moment})?$`, 'u');

/** Whether the characters are right, and how many there may be, as JavaScript counts them. */
const rules: Readonly<Record<FieldType, { readonly form: RegExp; readonly most: number }>> = {
  thing: { form: /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, most: 20 },
  keyword: { form: /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, most: 20 },
  number: { form: /^\d+(?:\.\d+)?$/, most: 32 },
  letter: { form: /^[A-Za-z]+$/, most: 32 },
  symbol: { form: /^[^\p{L}\p{N}\p{C}\s]+$/u, most: 5 },
  // No Chinese; signs that every keyboard has, since which others are taken is not said.
  character_string: { form: /^[\x21-\x7e]+$/, most: 32 },
  time: { form: span(`(?:(?:${DAY}) )?${CLOCK}`), most: 80 },
  date: { form: span(`(?:${DAY})(?: ${CLOCK})?`), most: 80 },
  // A sign of a currency, at most ten digits before the point.
  amount: { form: /^[¥￥$€£]?\d{1,10}(?:\.\d{1,10})?元?$/, most: 24 },
  phone_number: { form: /^[\d+\-() ]+$/, most: 17 },
  car_number: {
    form: /^[\p{Script=Han}A-Za-z0-9][A-Za-z0-9]+[\p{Script=Han}A-Za-z0-9]$/u,
    most: 8,
  },
  // Ten characters once one of them is Chinese, twenty of letters and signs.
  name: {
    form: /^(?=.*\p{Script=Han})[^\p{N}\p{C}]{1,10}$|^[^\p{N}\p{C}\p{Script=Han}]{1,20}$/u,
    most: 20,
  },
  phrase: { form: /^\p{Script=Han}{1,5}$/u, most: 5 },
  enum: { form: /^[^\p{Cc}]+$/u, most: 64 },
};

/** Whether a field of the type may say that. */
export function isFieldText(type: FieldType, text: string): boolean {
  const { form, most } = rules[type];
  return text.length <= most && form.test(text) && text.trim() !== '';
}

/** Signs that a character string may not have, written with those that it may. */
const asciiOf = (text: string): string =>
  text
    .replaceAll(/[µμ]/g, 'u')
    .normalize('NFKC')
    .replaceAll(/[^\x21-\x7e]/g, '');

/**
 * The text as a field of the type may say it: cut where half of it is of use, with other signs where there are any. Null where that
 * would be another text: a phrase with letters (CODmn超标), a number that is too long.
 */
export function fieldText(type: FieldType, text: string): string | null {
  let said = oneLine(text);
  if (type === 'thing' || type === 'keyword') said = cutCharacters(said, rules[type].most);
  if (type === 'character_string') said = asciiOf(said);
  return isFieldText(type, said) ? said : null;
}
