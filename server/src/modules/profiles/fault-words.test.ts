/** What the checker says of broken files is said in Chinese too: files of the catalogue, broken line by line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtinCatalog, parseProfile } from '@village/device-profiles';
import { expect, it } from 'vitest';
import { inChinese } from './fault-words.ts';

const HAN = /[\u4e00-\u9fff]/;

/** Each line left out, its values made something else, and its keys other ones. */
function* broken(text: string): Generator<string> {
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    const all = (other: string): string => lines.with(at, other).join('\n');
    yield lines.toSpliced(at, 1).join('\n');
    for (const value of ['x', '-1', '[1]', '{}'])
      yield all(line.replace(/: [^,{}[\]]+/, `: ${value}`));
    yield all(line.replace(/(\w+):/, 'other-$1:'));
  }
}

it.each(['boqu/phg-2091', 'village/air-weather'])('of %s, at least 95 in 100', (id) => {
  const text = readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
  const messages = [...broken(text)].flatMap((one) =>
    parseProfile(one, '').faults.map(({ message }) => message),
  );
  expect(messages.length).toBeGreaterThan(100);
  const untold = messages.filter((message) => inChinese(message) === null);
  expect([untold.length * 20 <= messages.length, [...new Set(untold)]]).toEqual([
    true,
    expect.anything(),
  ]);
  for (const message of messages) expect(inChinese(message) ?? '有').toMatch(HAN);
});

it('puts the particulars in their places', () => {
  expect(inChinese('expected string, received number')).toBe('类型不对：应为文本，实际是数字');
  expect(inChinese('no full example shows pm25')).toBe('没有一个完整的样例给出 pm25');
  expect(inChinese('something that nobody has said before')).toBeNull();
});
