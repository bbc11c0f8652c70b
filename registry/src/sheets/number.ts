/** Numbers of an Excel file as the text that its user sees: days, leading zeros, and what was lost of long numbers. */
import type { Label } from '@village/core';

/** What a style makes of a number. */
export type NumberStyle = 'day' | { readonly zeros: number } | null;

const DAY_MS = 86_400_000;
/** Numbers of formats that Excel has built in and that tell days, those of East Asia included. */
const BUILT_IN_DAYS = new Set([
  14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58,
]);

/** What a format makes of numbers: `yyyy"年"m"月"` is a day, `000000` pads. */
export function styleOf(id: number, code: string | undefined): NumberStyle {
  if (code === undefined) return BUILT_IN_DAYS.has(id) ? 'day' : null;
  // Texts, colours and conditions say nothing of the kind.
  const plain = code.replaceAll(/"[^"]*"|\\.|\[[^\]]*\]|_./g, '').split(';')[0] ?? '';
  if (/^0+$/.test(plain)) return { zeros: plain.length };
  return /[yd]/i.test(plain) ? 'day' : null;
}

/** The day, and the time where it is not midnight, that a number means. */
function dayOf(value: number, from1904: boolean): string | undefined {
  // Excel counts a 29 February 1900 that never was, so days before it lie one later than the rest says.
  const days = !from1904 && value < 60 ? value + 1 : value;
  const epoch = from1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, 30);
  const ms = Math.round(days * 86_400) * 1_000;
  const date = new Date(epoch + ms);
  if (Number.isNaN(date.getTime())) return undefined;
  const text = date.toISOString();
  return ms % DAY_MS === 0 ? text.slice(0, 10) : text.slice(0, 19);
}

const LOST: Label = {
  zh: '超过 15 位的数字被 Excel 存成了近似值，末尾几位已经丢失：请把这一列设为“文本”格式后重新填写',
  en: 'Excel keeps no more than 15 digits of a number, the last ones are lost: format the column as text and enter it again',
};

/** The text of a number, and what is wrong with it. */
export function numberText(
  text: string,
  style: NumberStyle,
  from1904: boolean,
): { readonly text: string; readonly note?: Label } {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) return { text };
  if (style === 'day') return { text: dayOf(value, from1904) ?? text };
  if (Number.isInteger(value)) {
    const plain = BigInt(value).toString();
    if (Math.abs(value) >= 1e15) return { text: plain, note: LOST };
    return { text: style === null ? plain : plain.padStart(style.zeros, '0') };
  }
  // As many digits as Excel shows: 0.1 + 0.2 is 0.3.
  return { text: String(Number(value.toPrecision(15))) };
}
