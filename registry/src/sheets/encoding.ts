/** In which encoding a text was written: told by a mark, by what fits alone, or by whom we ask. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { OperationalError } from '@village/core';

/** Encodings that tables come in; those of a mark first. */
export const ENCODINGS = ['utf-8', 'gb18030', 'big5', 'euc-kr', 'utf-16le', 'utf-16be'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** How an encoding reads the lines of which there is doubt. */
export interface Reading {
  readonly encoding: Encoding;
  /** Lines of which the readings differ, or that have characters that hardly anybody writes; the first few. */
  readonly lines: { readonly line: number; readonly text: string }[];
}

/** The text, or how it reads in each of the encodings that fit. */
export type Decoded = { readonly text: string } | { readonly readings: Reading[] };

const MARKS: readonly (readonly [Encoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['gb18030', [0x84, 0x31, 0x95, 0x33]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];
/** Bytes that are looked at before others get their turn. */
const PIECE = 256 * 1024;
const LINES_MAX = 8;
const LINE_MAX = 120;

/** The encoding that a name of the internet means, where it is one of ours. */
export function encodingOf(label: string): Encoding | undefined {
  try {
    const { encoding } = new TextDecoder(label);
    const plain = encoding === 'gbk' ? 'gb18030' : encoding;
    return ENCODINGS.find((one) => one === plain);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The text, without its mark; null where the bytes are none of this encoding. */
async function decode(bytes: Uint8Array, encoding: Encoding): Promise<string | null> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const parts: string[] = [];
  try {
    for (let at = 0; at < bytes.length; at += PIECE) {
      parts.push(decoder.decode(bytes.subarray(at, at + PIECE), { stream: true }));
      await yieldToEvents();
    }
    parts.push(decoder.decode());
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
  const text = parts.join('');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

// Each looks for one character that does not belong: a pattern for the whole of a text has no room on the stack for one of megabytes.

/** What a table in Chinese has not, when it is UTF-8: all beyond ASCII but ideographs, their punctuation, full-width signs. */
const NOT_CHINESE = /[^\p{ASCII}\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/u;

/** What a text in Korean without Chinese characters has not; its Hangul. */
const NOT_KOREAN = /[^\p{ASCII}\u00b7\u3000-\u303f\u3131-\u318e\uac00-\ud7a3\uff00-\uffef]/u;
const HANGUL = /[\uac00-\ud7a3]/g;
/** So few syllables may be Chinese characters by accident: three of five have bytes that Hangul has too. */
const HANGUL_LEAST = 4;

/** Leads of the Japanese letters of GB 2312, which nobody writes in a table in Chinese. */
const HIRAGANA = 0xa4;
const KATAKANA = 0xa5;

const LF = 10;
const CR = 13;

/**
 * Lines, from 0, in which a text of GB 18030 leaves the characters of GB 2312, which all but rare names are written with; the first
 * few. Characters of four bytes are no doubt: nothing else has their bytes. Japanese letters are rare too where that is said.
 */
async function rareLines(bytes: Uint8Array, kana: 'common' | 'rare'): Promise<number[]> {
  const found: number[] = [];
  let line = 0;
  const note = (): void => {
    if (found.at(-1) !== line) found.push(line);
  };
  for (let at = 0, next = PIECE; at < bytes.length; at++) {
    if (at >= next) {
      next = at + PIECE;
      await yieldToEvents();
    }
    const lead = bytes[at] ?? 0;
    if (lead === CR || (lead === LF && bytes[at - 1] !== CR)) line++;
    if (lead < 0x80) continue;
    const trail = bytes[++at] ?? 0;
    if (trail >= 0x30 && trail <= 0x39) at += 2;
    else if (kana === 'rare' && (lead === HIRAGANA || lead === KATAKANA)) note();
    else if (lead < 0xa1 || lead > 0xf7 || (lead > 0xa9 && lead < 0xb0) || trail < 0xa1) {
      note();
    }
    if (found.length >= LINES_MAX) return found;
  }
  return found;
}

/**
 * Of two encodings that fit, the one that there is no doubt of: UTF-8 when it reads as nothing but Chinese and GB 18030 as
 * characters that are hardly ever written. The other way round nothing is sure: `D0 A1 D1 A7` is 小学 and Сѧ.
 */
async function certain(
  bytes: Uint8Array,
  fits: ReadonlyMap<Encoding, string>,
): Promise<string | undefined> {
  const utf8 = fits.get('utf-8');
  if (utf8 === undefined || !fits.has('gb18030')) return undefined;
  // Half of a character that is cut in two does not belong, and neither does the whole: both are beyond what is common.
  for (let at = 0; at < utf8.length; at += PIECE) {
    if (NOT_CHINESE.test(utf8.slice(at, at + PIECE))) return undefined;
    await yieldToEvents();
  }
  return (await rareLines(bytes, 'common')).length === 0 ? undefined : utf8;
}

/** The bytes without the NULs that some programs fill a file up with; those of UTF-16 have them everywhere, and stay. */
function withoutPadding(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  const rest = bytes.subarray(0, end);
  return rest.includes(0) ? bytes : rest;
}

/** Encodings of which the bytes may be, without a mark: what has NUL bytes is of two bytes a character. */
function candidates(bytes: Uint8Array): readonly Encoding[] {
  return bytes.includes(0) ? ['utf-16le', 'utf-16be'] : ['utf-8', 'gb18030'];
}

/** The text of the bytes, or a question. @throws unreadable-text when no encoding fits, or not the one that was said */
export async function decodeText(given: Uint8Array, said?: Encoding): Promise<Decoded> {
  const bytes = said?.startsWith('utf-16') === true ? given : withoutPadding(given);
  const marked = MARKS.find(([, mark]) => mark.every((byte, at) => bytes[at] === byte))?.[0];
  const only = said ?? marked;
  const fits = new Map<Encoding, string>();
  for (const encoding of only === undefined ? candidates(bytes) : [only]) {
    const text = await decode(bytes, encoding);
    // In the wrong order of bytes, a table has no line ends and no commas.
    if (
      text !== null &&
      (only !== undefined || !/^utf-16/.test(encoding) || /[\n\r,;\t]/.test(text))
    )
      fits.set(encoding, text);
  }
  const texts = [...new Set(fits.values())];
  if (texts.length === 1) {
    const rare = only === undefined && !fits.has('utf-8') && fits.has('gb18030');
    return (rare ? await doubt(bytes, fits) : undefined) ?? { text: texts[0] ?? '' };
  }
  if (texts.length === 0)
    throw new OperationalError(
      'unreadable-text',
      only === undefined
        ? 'the file is neither UTF-8, nor GB 18030, nor UTF-16'
        : `the file is not ${only}`,
    );
  const text = await certain(bytes, fits);
  return text === undefined ? { readings: readingsOf(fits) } : { text };
}

/**
 * A question about a text that only GB 18030 seems to fit: nearly all bytes of other encodings do, as characters that hardly
 * anybody writes. Big5 is one, pieces of UTF-8 in between another. Korean reads as common ones.
 */
async function doubt(bytes: Uint8Array, fits: Map<Encoding, string>): Promise<Decoded | undefined> {
  const korean = await decode(bytes, 'euc-kr');
  if (
    korean !== null &&
    !NOT_KOREAN.test(korean) &&
    (korean.match(HANGUL) ?? []).length >= HANGUL_LEAST
  ) {
    fits.set('euc-kr', korean);
    return { readings: readingsOf(fits) };
  }
  const rare = await rareLines(bytes, 'rare');
  if (rare.length === 0) return undefined;
  const big5 = await decode(bytes, 'big5');
  if (big5 !== null) fits.set('big5', big5);
  return { readings: readingsOf(fits, rare) };
}

/** The first lines that differ, as each encoding reads them; a line break is a byte of its own in all of them. */
function readingsOf(fits: ReadonlyMap<Encoding, string>, told?: readonly number[]): Reading[] {
  const texts = [...fits].map(([encoding, text]) => ({
    encoding,
    lines: text.split(/\r\n|\n|\r/),
  }));
  const [first, second] = texts;
  const differing: number[] = [];
  if (told === undefined)
    for (const [n, line] of first?.lines.entries() ?? []) {
      if (differing.length >= LINES_MAX) break;
      if (line !== second?.lines[n]) differing.push(n);
    }
  return texts.map(({ encoding, lines }) => ({
    encoding,
    lines: (told ?? differing).map((n) => ({
      line: n + 1,
      text: (lines[n] ?? '').slice(0, LINE_MAX),
    })),
  }));
}
