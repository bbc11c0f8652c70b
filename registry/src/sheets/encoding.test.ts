import { describe, expect, it } from 'vitest';
import { decodeText, encodingOf } from './encoding.ts';

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
/** 小学, as GB 18030 and GBK write it. */
const SCHOOL = [0xd0, 0xa1, 0xd1, 0xa7];

describe('the encoding of a file', () => {
  it('is asked for where two fit, with lines as each reads them', async () => {
    expect(await decodeText(bytes('id,name\r\na,plain\r\nb,', SCHOOL, '\r\n'))).toEqual({
      readings: [
        { encoding: 'utf-8', lines: [{ line: 3, text: 'b,Сѧ' }] },
        { encoding: 'gb18030', lines: [{ line: 3, text: 'b,小学' }] },
      ],
    });
  });

  it.each([
    ['Greek or Chinese', [0xce, 0xbc], ['μ', '渭']],
    ['Latin letters or Chinese', [0xc3, 0xa9, 0xc3, 0xa8], ['éè', '茅猫']],
    ['Chinese either way', [0xe5, 0xb0, 0xb1, 0xe5, 0xb1, 0xb1], ['就山', '灏卞北']],
  ] as const)('%s', async (_, odd, texts) => {
    const answer = await decodeText(bytes([...odd], '\n'));
    const read = 'readings' in answer ? answer.readings.map(({ lines }) => lines[0]?.text) : [];
    const sure = 'text' in answer ? answer.text : '';
    // Either both are shown, or it is Chinese, and the other reading has characters that hardly anybody writes.
    if (read.length > 0) expect(read).toEqual(texts);
    else expect(sure).toBe(`${texts[0]}\n`);
  });

  it('is found in a table of twenty megabytes, which names devices of a whole county', async () => {
    const row = 'bin-1,和平镇便民桥村智能垃圾桶,village/smart-bin,330522110001\n';
    const table = row.repeat(Math.floor(20e6 / Buffer.byteLength(row)));
    expect(await decodeText(bytes(table))).toEqual({ text: table });
  }, 60_000);

  it('is asked for where only GB 18030 fits, with characters that hardly anybody writes', async () => {
    // 國小 and 中山 in Big5.
    const big5 = bytes(
      'id,name\n',
      [0xa4, 0xa4, 0xa4, 0x73],
      '\n',
      [0xb0, 0xea, 0xa4, 0x70],
      '\r\nx\r\n',
    );
    const answer = await decodeText(big5);
    expect(answer).toMatchObject({
      readings: [
        { encoding: 'gb18030', lines: [{ line: 2 }, { line: 3 }] },
        {
          encoding: 'big5',
          lines: [
            { line: 2, text: '中山' },
            { line: 3, text: '國小' },
          ],
        },
      ],
    });
    expect(await decodeText(big5, 'big5')).toEqual({ text: 'id,name\n中山\n國小\r\nx\r\n' });
    // Two files in one: a line of UTF-8 before one of GBK, which no Big5 has.
    const both = await decodeText(bytes('桶村\n', [0xb3, 0xa4, 0xd0, 0xcb]));
    expect('readings' in both ? both.readings.map(({ encoding }) => encoding) : []).toContain(
      'gb18030',
    );
    // Somebody's name (镕) is asked for, and taken when it is said to be right.
    expect(await decodeText(bytes([0xd6, 0xec, 0xe9, 0x46, 0xbb, 0xf9]))).toMatchObject({
      readings: [{ encoding: 'gb18030', lines: [{ line: 1, text: '朱镕基' }] }, {}],
    });
    expect(await decodeText(bytes([0xd6, 0xec, 0xe9, 0x46]), 'gb18030')).toEqual({
      text: '朱镕',
    });
  });

  it('is asked for where Korean or Japanese reads as common Chinese', async () => {
    // 북촌 관측소 in EUC-KR.
    const korean = [0xba, 0xcf, 0xc3, 0xcc, 0x20, 0xb0, 0xfc, 0xc3, 0xf8, 0xbc, 0xd2];
    const file = bytes('id,name\na,', korean, '\n');
    const answer = await decodeText(file);
    expect('readings' in answer ? answer.readings.map(({ encoding }) => encoding) : []).toEqual([
      'gb18030',
      'euc-kr',
    ]);
    expect(answer).toMatchObject({
      readings: [{}, { lines: [{ line: 2, text: 'a,북촌 관측소' }] }],
    });
    expect(await decodeText(file, 'euc-kr')).toEqual({ text: 'id,name\na,북촌 관측소\n' });
    // カメラ in EUC-JP, and so in GB 2312, between characters that are others there.
    const japanese = [0xcb, 0xcc, 0xc2, 0xbc, 0xa5, 0xab, 0xa5, 0xe1, 0xa5, 0xe9];
    expect(await decodeText(bytes('id,name\na,', japanese))).toMatchObject({
      readings: [{ encoding: 'gb18030', lines: [{ line: 2 }] }, { encoding: 'big5' }],
    });
    // 北村空气站, of which some bytes are no Hangul.
    const chinese = [0xb1, 0xb1, 0xb4, 0xe5, 0xbf, 0xd5, 0xc6, 0xf8, 0xd5, 0xbe];
    expect(await decodeText(bytes(chinese))).toEqual({ text: '北村空气站' });
  });

  it('is what was said, or the file is refused', async () => {
    const file = bytes('b,', SCHOOL);
    expect(await decodeText(file, 'gb18030')).toEqual({ text: 'b,小学' });
    expect(await decodeText(file, 'utf-8')).toEqual({ text: 'b,Сѧ' });
    await expect(decodeText(bytes([0xb3, 0xa4]), 'utf-8')).rejects.toMatchObject({
      code: 'unreadable-text',
    });
  });

  it('is seen where only one fits', async () => {
    expect(await decodeText(bytes('a\n', [0xb3, 0xa4, 0xd0, 0xcb]))).toEqual({ text: 'a\n长兴' });
    expect(await decodeText(bytes('a\n长兴'))).toEqual({ text: 'a\n长兴' });
    expect(await decodeText(bytes('a\n村'))).toEqual({ text: 'a\n村' });
    expect(await decodeText(bytes('plain'))).toEqual({ text: 'plain' });
    expect(await decodeText(bytes())).toEqual({ text: '' });
    // Four bytes a character, which GBK has not.
    expect(await decodeText(bytes([0xb3, 0xa4, 0x95, 0x32, 0x82, 0x36], '\n'))).toEqual({
      text: '长𠀀\n',
    });
    await expect(decodeText(bytes([0xff, 0xff, 0xff]))).rejects.toMatchObject({
      code: 'unreadable-text',
    });
  });

  it('is that of its mark', async () => {
    const text = 'id,名称\n1,小学\n';
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const file of [
      bytes([0xef, 0xbb, 0xbf], text),
      bytes([0xff, 0xfe], [...little]),
      bytes([0xfe, 0xff], [...big]),
      // Without a mark, the NUL bytes and line ends say it.
      little,
      big,
    ])
      expect(await decodeText(file)).toEqual({ text });
    expect(await decodeText(bytes([0x84, 0x31, 0x95, 0x33], SCHOOL))).toEqual({ text: '小学' });
    expect(await decodeText(bytes([0xef, 0xbb, 0xbf], SCHOOL))).toEqual({ text: 'Сѧ' });
    await expect(decodeText(bytes([0xff, 0xfe, 0x41]))).rejects.toMatchObject({
      code: 'unreadable-text',
    });
  });

  it('goes by many names', () => {
    expect(
      ['GBK', 'gb2312', 'cp936', 'UTF8', 'utf-16', 'latin1', 'nonsense', ''].map(encodingOf),
    ).toEqual([
      'gb18030',
      'gb18030',
      undefined,
      'utf-8',
      'utf-16le',
      undefined,
      undefined,
      undefined,
    ]);
  });
});
