/** Texts that people give to what is registered. */
import { expect, it } from 'vitest';
import { isName, isPlain } from './faults.ts';

it.each([
  'a\u0000b',
  'a\u009bb',
  'a\u2028b',
  'a\u202eb',
  'a\u2066b',
  'a\ufffab',
  'a\u{e0041}b',
  '\ud800',
])('what controls or turns stands in no text of one line: %j', (text) => {
  expect(isPlain(text)).toBe(false);
});

it.each(['', ' ', '\u3000', '\u200d', '\u2800', '\u3164', '桶'.repeat(101)])(
  'what nobody sees, or is too long, is no name: %j',
  (text) => {
    expect(isName(text)).toBe(false);
  },
);

it.each(['村口 1 号桶', 'ᠪᠠ᠎ᠠ', 'ئۇيغۇر', 'བོད', '👨‍👩‍👧', 'Ａ＃'])(
  'people write names as they do: %s',
  (text) => {
    expect(isName(text)).toBe(true);
  },
);
