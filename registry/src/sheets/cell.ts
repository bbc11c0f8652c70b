/** What people and spreadsheets do to the text of a cell, undone where it is sure what was meant. */
import type { Label } from '@village/core';

/** How the text of a column is taken: as it is, as an identifier, or as a day. */
export type CellKind = 'text' | 'code' | 'day';

/** Tabs and line ends that stand in quotes are somebody's will. */
const INVISIBLE =
  /^[ \u00a0\u2000-\u200f\u202a-\u202e\u2060\u2066-\u2069\u3000\ufeff]+|[ \u00a0\u2000-\u200f\u202a-\u202e\u2060\u2066-\u2069\u3000\ufeff]+$/g;
/** Within an identifier, from wherever it was copied: no width, soft hyphens, directions of writing. */
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const DAY = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]0{1,2}:00(?::00)?)?$/;
/** How people keep a spreadsheet from reading a text as a number or a formula: `="007"`, and a quote before it. */
const AS_TEXT = /^="((?:[^"]|"")*)"$/;
const QUOTED_FORMULA = /^'(?=[=+\-@＝＋＠－])/;
const QUOTED = /^['\u2018\u2019`]/;
/** An identifier that a program took for a number with decimals, as pandas does where a cell of its column is empty. */
const WITH_DECIMALS = /^(\d{5,})\.0+$/;
const SHORTENED = /^\d(?:[.,]\d+)?E\+?\d{1,3}$/i;

/** The text without what can't be seen at its ends and what made it a text; identifiers and days also in plain width. */
export function cellText(given: string, kind: CellKind): string {
  const bare = given.replace(INVISIBLE, '');
  const text = (AS_TEXT.exec(bare)?.[1]?.replaceAll('""', '"') ?? bare).replace(QUOTED_FORMULA, '');
  if (kind === 'text') return text;
  const plain = text.replaceAll(UNSEEN, '').replace(QUOTED, '').normalize('NFKC');
  if (kind === 'code') return plain.replace(WITH_DECIMALS, '$1');
  const [, year = '', month = '', day = ''] = DAY.exec(plain) ?? [];
  return year === '' ? plain : `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
}

/** What nobody sees within a name, and blanks that are no common ones. */
const HIDDEN = /[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const BLANKS = /[\u00a0\u2000-\u200a\u202f\u3000]/g;

/** A name without what made it look like another one: marks of no width go, no-break and wide blanks are common ones. */
export const visibleName = (text: string): string =>
  text.replaceAll(HIDDEN, '').replaceAll(BLANKS, ' ');

/** What a spreadsheet did to an identifier that can't be undone. */
export function cellFault(text: string, kind: CellKind): Label | undefined {
  if (kind !== 'code' || !SHORTENED.test(text)) return undefined;
  return {
    zh: `${text} 是被表格软件缩写的长编号，原来的数字已经丢失：请把这一列设为“文本”格式后重新填写`,
    en: `${text} is a long number that the spreadsheet has shortened, its digits are lost: format the column as text and enter it again`,
  };
}

/** Characters of the words that headings are made of, each simplified one before its traditional one. */
const TRADITIONAL = [
  '设設备備编編号號称稱类類区區网網关關经經纬緯选選项項钥鑰参參数數时時钟鐘处處级級层層别別',
  '码碼划劃统統计計属屬历歷启啟终終装裝县縣乡鄉镇鎮间間点點标標讯訊闸閘',
].join('');
const SIMPLE: ReadonlyMap<string, string> = new Map(
  (TRADITIONAL.match(/../gu) ?? []).map((pair) => [pair[1]!, pair[0]!]),
);
const ANY_TRADITIONAL = new RegExp(`[${[...SIMPLE.keys()].join('')}]`, 'g');

/** A word of headings and levels in simplified characters; it is no converter of names. */
export const simplified = (word: string): string =>
  word.replaceAll(ANY_TRADITIONAL, (letter) => SIMPLE.get(letter) ?? letter);

/** A heading as it is compared: capitals, spaces, width, traditional characters and what stands in brackets make no difference. */
export const headingKey = (text: string): string =>
  simplified(text.normalize('NFKC'))
    .toLowerCase()
    .replaceAll(/\(.*?\)|\[.*?\]|[\s_\-*:.\u200b-\u200d\u2060\ufeff]/g, '');
