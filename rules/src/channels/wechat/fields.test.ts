import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELD_TYPES, fieldText, fieldType, isFieldText } from './fields.ts';

it('a field has the type that its name begins with', () => {
  expect(fieldType('thing1')).toBe('thing');
  expect(fieldType('character_string12')).toBe('character_string');
  expect(fieldType('phone_number3')).toBe('phone_number');
  expect(['thing', 'thing01x', 'things1', '1', 'first', ''].map(fieldType)).toEqual(
    Array.from({ length: 6 }, () => undefined),
  );
});

/** Of each type what is right and what breaks a rule, from the table of the provider. */
const cases: Readonly<Record<(typeof FIELD_TYPES)[number], readonly [string[], string[]]>> = {
  thing: [
    ['氨氮过高', 'CODmn超标 1.3倍！', '一二三四五六七八九十一二三四五六七八九十'],
    ['', ' ', '一二三四五六七八九十一二三四五六七八九十一', '两\n行'],
  ],
  keyword: [['氨氮过高'], ['']],
  number: [
    ['10', '10.4', '1'.repeat(32)],
    ['', '10.4mg', '.5', '5.', '-1', '1'.repeat(33)],
  ],
  letter: [
    ['abcXYZ', 'a'.repeat(32)],
    ['', 'a1', '汉', 'a'.repeat(33)],
  ],
  symbol: [
    ['*', '+-*/%'],
    ['', 'a', '1', '汉', '++++++', '+ +'],
  ],
  character_string: [
    ['A7K2', '10.4mg/L', 'x'.repeat(32)],
    ['', '编号A7K2', 'a b', 'x'.repeat(33), 'µg'],
  ],
  time: [
    [
      '15:01',
      '15:01:59',
      '2019年10月1日 15:01',
      '15:01~16:30',
      '2019年10月1日 15:01~2019年10月1日 15:30',
    ],
    ['', '25:01', '15点', '2019年10月1日', '15:61', '15:01~'],
  ],
  date: [
    [
      '2019年10月1日',
      '2019年10月1日 15:01',
      '2019-10-01',
      '2019/10/01',
      '2019.10.01',
      '10月1日',
      '2019年10月',
      '2019年10月1日~2019年10月5日',
    ],
    ['', '15:01', '2019-10/01', '明天'],
  ],
  amount: [
    ['100', '¥100.50', '100元', '$1234567890'],
    ['', '12345678901', '一百元', 'EUR100'],
  ],
  phone_number: [
    ['+86-0766-66888866', '13800000001'],
    ['', '电话13800000001', '+86-0766-668888666'],
  ],
  car_number: [
    ['粤A8Z888挂', '浙E12345'],
    ['', '浙', '浙E 12345', '粤A8Z8888挂港'],
  ],
  name: [
    ['张三', '一二三四五六七八九十', 'Zhang San', 'Abcdefghij Klmnopqrs'],
    ['', '张三3', '一二三四五六七八九十一', '2号站', 'Abcdefghij Klmnopqrst', '张Abcdefghij'],
  ],
  phrase: [
    ['配送中', '紧急', '无人确认吗'],
    ['', 'CODmn超标', '一二三四五六', '紧急!', '2级'],
  ],
  enum: [['PAID'], ['']],
};

describe.each(FIELD_TYPES)('%s', (type) => {
  const [right, wrong] = cases[type];
  it.each(right)('may be %j', (text) => {
    expect(isFieldText(type, text)).toBe(true);
    expect(fieldText(type, text)).toBe(text);
  });
  it.each(wrong.map((text) => [text]))('may not be %j', (text) => {
    expect(isFieldText(type, text)).toBe(false);
  });
});

describe('a text made to fit', () => {
  it('is cut where a part of it is of use', () => {
    expect(fieldText('thing', '和平镇便民桥村二号污水处理站的氨氮过高了')).toBe(
      '和平镇便民桥村二号污水处理站的氨氮过高了',
    );
    expect(fieldText('thing', '和平镇便民桥村二号污水处理站的氨氮过高了呀')).toBe(
      '和平镇便民桥村二号污水处理站的氨氮过高…',
    );
    expect(fieldText('thing', ' 两\n行 ')).toBe('两 行');
  });

  it('has other signs where it must be of letters', () => {
    expect(fieldText('character_string', '38.2 µg/m³')).toBe('38.2ug/m3');
    expect(fieldText('character_string', '36℃')).toBe('36C');
    expect(fieldText('character_string', '污水')).toBeNull();
  });

  it('is none where it would be another text', () => {
    expect(fieldText('phrase', 'CODmn超标')).toBeNull();
    expect(fieldText('phrase', '污水处理站坏了')).toBeNull();
    expect(fieldText('number', '大于10')).toBeNull();
    expect(fieldText('number', '1'.repeat(33))).toBeNull();
    expect(fieldText('thing', '\u200b\n')).toBeNull();
  });

  it('is what the field may say, whatever was given', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FIELD_TYPES),
        fc.string({ unit: 'grapheme' }),
        (type, text) => {
          const said = fieldText(type, text);
          if (said !== null) expect(isFieldText(type, said)).toBe(true);
        },
      ),
    );
  });
});
