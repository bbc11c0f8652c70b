/** JSON as firmware prints it: a bad part of a message costs itself, and what is no message is none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDeviceJson } from './device-json.ts';

const parse = (text: string | Uint8Array): unknown =>
  parseDeviceJson(typeof text === 'string' ? Buffer.from(text) : text);

describe('values that are none become the text that stands there', () => {
  it.each([
    'NaN',
    'nan',
    '-nan',
    'Infinity',
    '-Infinity',
    'inf',
    'INF',
    '1.#QNAN',
    '-1.#IND',
    '+5',
    '.5',
    '5.',
    '007',
    '-',
    '0x12',
    '12 ug/m3',
    'None',
    'True',
    'undefined',
    'null null',
    '--',
    '1e',
    '测',
  ])('%s', (bare) => {
    const others = { a: 1, z: 'x,}"]:{', t: [true, null, -2.5e3] };
    const texts = [
      `{"a":1,"b":${bare},"z":"x,}\\"]:{","t":[true,null,-2.5e3]}`,
      `{ "a" : 1 , "b" : ${bare} , "z" : "x,}\\"]:{" ,\r\n"t":[true,null,-2.5e3] }`,
    ];
    for (const text of texts) expect(parse(text)).toEqual({ ...others, b: bare });
    expect(parse(`{"a":[${bare}],"b":{"c":${bare}}}`)).toEqual({ a: [bare], b: { c: bare } });
  });

  it.each([
    ['{"a":,"b":2}', { a: '', b: 2 }],
    ['{"a":}', { a: '' }],
    ['{"a":1,}', { a: 1 }],
    ['{"a":[1,],"b":{"c":2,},}', { a: [1], b: { c: 2 } }],
    ['{"a":"two\nlines\tand \u0001","b":2}', { a: 'two\nlines\tand \u0001', b: 2 }],
    ['{"a\n":1,"b":nan}', { 'a\n': 1, b: 'nan' }],
  ])('%j', (text, value) => {
    expect(parse(text)).toEqual(value);
  });
});

describe('what stands around a message or is of another encoding', () => {
  const bytes = (...parts: (string | number[])[]): Uint8Array =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  it.each([
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], '{"a":1}'), { a: 1 }],
    ['zeros of a buffer', bytes('{"a":1}\r\n', [0, 0, 0]), { a: 1 }],
    [
      'a zero and what was in the buffer before',
      bytes('{"a":1}', [0], '2,"b":3}', [7, 0]),
      { a: 1 },
    ],
    [
      'a text that is filled up with zeros',
      bytes('{"a":"x', [0, 0], '","b":2}'),
      { a: 'x\0\0', b: 2 },
    ],
    // 进 and 出 as GB 18030.
    ['one word of another encoding', bytes('{"a":"', [0xbd, 0xf8], '"}'), { a: '\\xbd\\xf8' }],
    ['another word', bytes('{"a":"', [0xb3, 0xf6], '","b":2}'), { a: '\\xb3\\xf6', b: 2 }],
    ['a cut character', bytes('{"a":"进', [0xe8, 0xbf], '","b":2}'), { a: '进\\xe8\\xbf', b: 2 }],
    ['a surrogate', bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'), { a: '\\xed\\xa0\\x80' }],
    [
      'an overlong form',
      bytes('{"a":"', [0xc0, 0x80, 0xe0, 0x80, 0x80], '"}'),
      { a: '\\xc0\\x80\\xe0\\x80\\x80' },
    ],
  ] as const)('%s', (_name, payload, value) => {
    expect(parse(payload)).toEqual(value);
  });
});

describe('what is no message', () => {
  it.each([
    '',
    'BOOT',
    'NaN',
    '{"a":',
    '{"a":1',
    '{"a":"x}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '[nan]',
    '{"a":1}2}',
    '<a/>',
  ])('%j is refused', (text) => {
    expect(() => parse(text)).toThrow(SyntaxError);
  });
});

describe('any message', () => {
  it('that is JSON is taken as JSON.parse takes it, with or without a mark and zeros', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat({ max: 3 }), (text, zeros) => {
        const expected: unknown = JSON.parse(text);
        expect(parse(`\ufeff${text}${'\0'.repeat(zeros)}`)).toEqual(expected);
      }),
    );
  });

  it('gives the same for all other values when one is made bad', () => {
    const record = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(record, fc.nat(), (values, n) => {
        const keys = Object.keys(values);
        const key = keys[n % keys.length] as string;
        const marked = JSON.stringify({ ...values, [key]: '@@' });
        const expected = { ...(JSON.parse(JSON.stringify(values)) as object), [key]: 'nan' };
        fc.pre(marked.split('"@@"').length === 2);
        expect(parse(marked.replace('"@@"', 'nan'))).toEqual(expected);
      }),
    );
  });

  it('of whatever bytes ends in a value or a SyntaxError, and soon', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        try {
          parse(Buffer.concat([Buffer.from('{"a":'), tail]));
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
    expect(() => parse(`{"a":"${'\\\\x'.repeat(100_000)}`)).toThrow(SyntaxError);
    expect(() => parse(Buffer.alloc(300_000, 0xff))).toThrow(SyntaxError);
    expect(() => parse(`{${'nan,'.repeat(100_000)}`)).toThrow(SyntaxError);
    const list = (n: number, bare: string) => `{"a":[${Array.from({ length: n }, () => bare)}]}`;
    expect(parse(list(64, 'nan'))).toEqual({ a: Array.from({ length: 64 }, () => 'nan') });
    expect(() => parse(list(65, 'nan'))).toThrow(SyntaxError);
    expect(() => parse(list(1, `nan,"${'x'.repeat(20_000)}"`))).toThrow(SyntaxError);
    expect(parse(list(1, `"${'x'.repeat(20_000)}"`))).toEqual({ a: ['x'.repeat(20_000)] });
  });
});
