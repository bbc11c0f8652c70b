/** Texts made to fit: by bytes or by characters, never within a character, and lists by leaving out whole entries. */

const ELLIPSIS = '…';

/** UTF-16 units of the longest start of the text that is within the limit by `size` of each character. */
function startWithin(text: string, most: number, size: (character: string) => number): number {
  let used = 0;
  let at = 0;
  for (const character of text) {
    used += size(character);
    if (used > most) return at;
    at += character.length;
  }
  return at;
}

function cut(text: string, most: number, size: (character: string) => number): string {
  const whole = text.toWellFormed();
  if (startWithin(whole, most, size) === whole.length) return whole;
  const room = most - size(ELLIPSIS);
  if (room < 0) return whole.slice(0, startWithin(whole, most, size));
  return whole.slice(0, startWithin(whole, room, size)).trimEnd() + ELLIPSIS;
}

/** The text in at most so many bytes of UTF-8; one that is cut ends with an ellipsis. */
export const cutBytes = (text: string, most: number): string =>
  cut(text, most, (character) => Buffer.byteLength(character));

/** The text in at most so many characters as JavaScript counts them, which is never fewer than others do. */
export const cutCharacters = (text: string, most: number): string =>
  cut(text, most, (character) => character.length);

/** A text on one line: no control characters, no line breaks, no marks of direction. */
export const oneLine = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();

/**
 * The lines of head, list and foot that are together within the limit: entries of the list are left out from its end, and
 * `more` says how many. The head is cut where even it and the foot are too long.
 */
export function fitLines(
  parts: {
    readonly head: readonly string[];
    readonly list: readonly string[];
    readonly foot: readonly string[];
  },
  bytesMost: number,
  more: (count: number) => string,
): string {
  const { head, list, foot } = parts;
  const joined = (count: number): string =>
    [
      ...head,
      ...list.slice(0, count),
      ...(count < list.length ? [more(list.length - count)] : []),
      ...foot,
    ].join('\n');
  const fits = (text: string): boolean => Buffer.byteLength(text) <= bytesMost;
  // The most entries that fit: more of them are never shorter, but for the last, with which `more` goes.
  if (fits(joined(list.length))) return joined(list.length);
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(joined(middle))) low = middle;
    else high = middle - 1;
  }
  const text = joined(low);
  if (fits(text)) return text;
  const end = foot.length === 0 ? '' : `\n${foot.join('\n')}`;
  const room = bytesMost - Buffer.byteLength(end);
  return room > 0
    ? cutBytes([...head, ...(list.length > 0 ? [more(list.length)] : [])].join('\n'), room) + end
    : cutBytes(text, bytesMost);
}
