/**
 * JSON as devices write it. Firmware prints numbers without asking what they are (`nan`, `inf`, `+5`), leaves the zero at
 * the end of its buffer, or puts a text of another encoding beside its values. Such a part costs itself: what can't be
 * a value becomes a text, so that whoever wants a number there refuses that text and takes the rest.
 */
import { isUtf8 } from 'node:buffer';

/** In a larger message no values are mended: that costs more than reading. */
const MENDED_BYTES = 16 * 1024;
/** Bad values in one message; one that has more is no message with a bad part. */
const MENDED_MAX = 64;

/** The value of a payload. @throws SyntaxError for what is no JSON, whatever its values */
export function parseDeviceJson(payload: Uint8Array): unknown {
  const bytes = withoutFrame(
    Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
  );
  const text = textOf(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    // Only messages are mended, and names in them: a bare word is neither.
    if (bytes.length > MENDED_BYTES || !/^\s*[{"]/.test(text)) throw error;
    return firstOf([() => mend(text), () => untilZero(text)], error);
  }
}

/** The first of the texts that is JSON; else throws what was wrong with the message as it is. */
function firstOf(texts: readonly (() => string)[], error: unknown): unknown {
  for (const text of texts) {
    try {
      return JSON.parse(text());
    } catch {
      // The next one, then.
    }
  }
  throw error;
}

/** Where a text in C ends; behind it stands what was in the buffer before. */
const untilZero = (text: string): string => text.slice(0, Math.max(0, text.indexOf('\0')));

/** Without a byte order mark before it, and without the zeros that end a text in C. */
function withoutFrame(bytes: Buffer): Buffer {
  const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let to = bytes.length;
  while (to > from && bytes[to - 1] === 0) to--;
  return from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
}

/** Bytes that are no UTF-8 as `\xbd`: which other encoding it is, nobody said, and two words must not become one. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('\ufffd') || isUtf8(bytes)) return text;
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = characterAt(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    if (at > from) parts.push(bytes.toString('utf8', from, at));
    parts.push(ESCAPED[bytes[at] as number] as string);
    at++;
    from = at;
  }
  return parts.join('') + bytes.toString('utf8', from);
}

/** A byte as it is written in a text of JSON. */
const ESCAPED = Array.from(
  { length: 256 },
  (_, byte) => `\\\\x${byte.toString(16).padStart(2, '0')}`,
);

/** Lowest and highest second byte after a first one of UTF-8 that is particular about it (RFC 3629). */
const SECOND: Readonly<Record<number, readonly [low: number, high: number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
};

/** How many bytes the character of UTF-8 takes that begins there; 0 when none does. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const [low, high] = SECOND[first] ?? [0x80, 0xbf];
  for (let n = 1; n < size; n++) {
    const byte = bytes[at + n] ?? 0;
    if (byte < (n === 1 ? low : 0x80) || byte > (n === 1 ? high : 0xbf)) return 0;
  }
  return size;
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** Whether a text is a number as JSON writes it. */
export const isJsonNumber = (text: string): boolean => NUMBER.test(text);
const LITERALS = new Set(['true', 'false', 'null']);
/** What JSON does not allow in a text as it is. */
const CONTROL = /[^ -\uffff]/g;
const SPACE = /[ \t\r\n]+/y;
const TEXT = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
/** Up to what can only come behind a value. */
const BARE = /[^,\]}"]+/y;

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The text with all that stands for a value and is none made a text, an absent value included, and without commas behind the last. */
function mend(text: string): string {
  const out: string[] = [];
  let mended = 0;
  const note = (value: string): string => {
    if (++mended > MENDED_MAX) throw new SyntaxError(`more than ${MENDED_MAX} bad values`);
    return JSON.stringify(value);
  };
  /** The last token that is no space: one of `{[:,`, or `v` for a value or the end of one. */
  let last = '';
  for (let at = 0; at < text.length; ) {
    const space = take(SPACE, text, at);
    if (space !== '') {
      at += space.length;
      continue;
    }
    const first = text[at] as string;
    if (first === '"') {
      const whole = take(TEXT, text, at);
      if (whole === '') break;
      at += whole.length;
      out.push(whole.replace(CONTROL, escaped));
      last = 'v';
    } else if ('{[:,]}'.includes(first)) {
      at++;
      const ends = first === ',' || first === ']' || first === '}';
      if (ends && last === ':') out.push(note(''));
      if ((first === ']' || first === '}') && last === ',') out.pop();
      out.push(first);
      last = first === ']' || first === '}' ? 'v' : first;
    } else {
      const token = take(BARE, text, at);
      at += token.length;
      const value = token.trimEnd();
      out.push(isJsonNumber(value) || LITERALS.has(value) ? value : note(value));
      last = 'v';
    }
  }
  return out.join('');
}

function take(what: RegExp, text: string, at: number): string {
  what.lastIndex = at;
  return what.exec(text)?.[0] ?? '';
}
