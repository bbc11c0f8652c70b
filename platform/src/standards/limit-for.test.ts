/** The question for a limit: what is answered, what is unknown and why, and what a device's attributes make of it. */
import type { QuantityId } from '@village/core';
import { describe, expect, it } from 'vitest';
import { isBeyond, isKnown, type LimitAnswer } from './limit-for.ts';
import { defineLimits, limitVersion, writer } from './limits.ts';
import { beijingDay } from './standard.ts';
import { Standards, builtinStandards as standards } from './standards.ts';
import { gb3838 } from './tables/gb-3838.ts';

const at = Date.parse('2026-06-01T12:00:00+08:00');

/** What was said of a device. */
const device = (attributes: Readonly<Record<string, string | number>>) => ({
  ...{ at, attribute: (key: string) => attributes[key] },
});

/** Why it is unknown, or the number. */
const told = (answer: LimitAnswer): unknown =>
  isKnown(answer)
    ? answer.sense === 'between'
      ? [answer.low, answer.high]
      : answer.value
    : answer.missing;

describe('a limit', () => {
  it('is told with its unit, period, version, validity and how it is cited', () => {
    expect(standards.limitFor('GB 3838', 'water.cod', { at, class: 'III' })).toEqual({
      ...{ sense: 'at-most', value: 20, unit: 'mg/L', period: 'any', class: 'III', when: {} },
      ...{ standard: 'GB 3838', version: 'GB 3838-2002', verified: false },
      from: Date.parse('2002-06-01T00:00:00+08:00'),
      until: Number.POSITIVE_INFINITY,
      cite: { zh: 'GB 3838—2002 Ⅲ类', en: 'GB 3838-2002 class III' },
      notes: [],
      county: null,
    });
    expect(
      standards.limitFor('GB 3095', 'air.pm25', { at, class: '2', period: 'day' }),
    ).toMatchObject({
      ...{ value: 60, verified: true, until: Date.parse('2031-01-01T00:00:00+08:00') },
      cite: { zh: 'GB 3095—2026（过渡期）二类区' },
    });
    expect(standards.limitFor('GB 18918', 'water.cod', { at, class: '1A' })).toMatchObject({
      cite: { zh: 'GB 18918—2002（含 2025 年修改单）一级 A' },
    });
  });

  it('of dissolved oxygen is a least one, in class I with its other way to be kept', () => {
    const oxygen = (key: string) =>
      standards.limitFor('GB 3838', 'water.dissolved-oxygen', { at, class: key });
    expect(oxygen('I')).toMatchObject({
      ...{ sense: 'at-least', value: 7.5, notes: [{ zh: '或饱和率不低于 90 %' }] },
    });
    expect(oxygen('III')).toMatchObject({ sense: 'at-least', value: 5, notes: [] });
  });

  it('of pH is between two, whatever the class', () => {
    expect(standards.limitFor('GB 3838', 'water.ph', { at })).toMatchObject({
      ...{ sense: 'between', low: 6, high: 9, class: null },
      cite: { zh: 'GB 3838—2002' },
    });
  });

  it('is kept by the bound itself, and by nothing where there is no number', () => {
    const most = { sense: 'at-most', value: 20 } as const;
    expect([19.9, 20, 20.000001, Number.NaN].map((value) => isBeyond(most, value))).toEqual([
      ...[false, false, true, null],
    ]);
    const least = { sense: 'at-least', value: 5 } as const;
    expect([4.999, 5, 5.1].map((value) => isBeyond(least, value))).toEqual([true, false, false]);
    const between = { sense: 'between', low: 6, high: 9 } as const;
    expect([5.99, 6, 9, 9.01].map((value) => isBeyond(between, value))).toEqual([
      ...[true, false, false, true],
    ]);
  });

  it('is of the asked period, of the only one, and of none that there is not', () => {
    const so2 = (period?: 'hour' | 'mda8' | 'day') =>
      standards.limitFor('GB 3095', 'air.so2', { at, class: '2', period });
    expect(told(so2('hour'))).toBe(500);
    expect(told(so2('mda8'))).toBe('period');
    const open = so2();
    expect(open).toMatchObject({
      missing: 'period',
      unknown: {
        zh: 'GB 3095—2026（过渡期）二类区 按时段有不同限值：1 小时平均、日平均、年平均',
      },
      candidates: [{ value: 60 }, { value: 150 }, { value: 500 }],
    });
    // A day's mean is what GB 18918 limits: an hour is judged by nothing.
    const cod = (period?: 'hour' | 'day') =>
      standards.limitFor('GB 18918', 'water.cod', { at, class: '1A', period });
    expect([cod(), cod('day'), cod('hour')].map(told)).toEqual([50, 50, 'period']);
    // Of GB 3838 no time of averaging is said.
    expect(
      told(standards.limitFor('GB 3838', 'water.cod', { at, class: 'III', period: 'day' })),
    ).toBe(20);
  });
});

describe('what is not said', () => {
  it.each([
    ['GB 3838', 'water.cod', '没有登记水质目标类别，GB 3838—2002 的限值按类别而定'],
    ['GB 3095', 'air.co', '没有登记功能区类别，GB 3095—2026（过渡期） 的限值按类别而定'],
    ['DB33/973', 'water.cod', '没有登记排放标准，DB33/973—2021 的限值按类别而定'],
  ] as const)('the class of %s is never guessed', (id, quantity, zh) => {
    const answer = standards.limitFor(id, quantity, { at, period: 'hour' });
    expect(answer).toMatchObject({ missing: 'class', unknown: { zh } });
    expect(isKnown(answer) ? [] : answer.candidates).not.toHaveLength(0);
  });

  it('the temperature of the water: it is one of two', () => {
    const nitrogen = (waterTemperature?: number) =>
      standards.limitFor('DB33/973', 'water.ammonia-nitrogen', {
        ...{ at, class: '1', waterTemperature },
      });
    for (const unsaid of [undefined, Number.NaN])
      expect(nitrogen(unsaid)).toMatchObject({
        missing: 'water-temperature',
        unknown: { zh: 'DB33/973—2021 一级 的限值按水温是否高于 12 ℃ 而定，没有水温' },
        candidates: [
          { value: 8, when: { cold: false } },
          { value: 15, when: { cold: true } },
        ],
      });
    expect([12.000001, 12, 0].map((one) => told(nitrogen(one)))).toEqual([8, 15, 15]);
    // Grade 2 has one for all temperatures.
    expect(told(standards.limitFor('DB33/973', 'water.ammonia-nitrogen', { at, class: '2' }))).toBe(
      25,
    );
  });

  it('the kind of water: phosphorus differs, all else does not', () => {
    const of = (quantity: QuantityId, water?: 'river' | 'lake') =>
      told(standards.limitFor('GB 3838', quantity, { at, class: 'III', water }));
    expect([of('water.cod'), of('water.total-phosphorus')]).toEqual([20, 'water']);
    expect([of('water.total-phosphorus', 'river'), of('water.total-phosphorus', 'lake')]).toEqual([
      0.2, 0.05,
    ]);
  });

  it('total nitrogen is of lakes alone: rivers are judged without it, and of what is neither nothing is said', () => {
    const nitrogen = (water?: 'river' | 'lake') =>
      standards.limitFor('GB 3838', 'water.total-nitrogen', { at, class: 'III', water });
    expect(told(nitrogen('lake'))).toBe(1);
    expect(nitrogen('river')).toMatchObject({
      missing: 'quantity',
      unknown: { zh: expect.stringContaining('环办〔2011〕22 号') },
      candidates: [],
    });
    expect(nitrogen()).toMatchObject({ missing: 'water', candidates: [{ value: 1 }] });
  });

  it('the year of building: phosphorus of before 2006 is another, and of grade 2 the same', () => {
    const phosphorus = (key: string, builtYear?: number) =>
      standards.limitFor('GB 18918', 'water.total-phosphorus', { at, class: key, builtYear });
    expect([2005, 2006, 2020].map((year) => told(phosphorus('1A', year)))).toEqual([1, 0.5, 0.5]);
    expect([2005, 2006].map((year) => told(phosphorus('1B', year)))).toEqual([1.5, 1]);
    expect(phosphorus('1A')).toMatchObject({ missing: 'built-year' });
    expect(phosphorus('2')).toMatchObject({ value: 3, when: {} });
  });
});

describe('what there is not', () => {
  it.each([
    ['GB 3838', 'air.pm25', 'III', 'quantity', 'GB 3838—2002 表中没有PM2.5的限值'],
    ['GB 18918', 'water.total-nitrogen', '2', 'quantity', '对总氮没有限值'],
    ['GB 3838', 'water.cod', 'VI', 'class', '没有“VI”这一类，有：Ⅰ类、Ⅱ类、Ⅲ类、Ⅳ类、Ⅴ类'],
    ['GB 3095', 'air.co', '3', 'class', '没有“3”这一类，有：一类区、二类区'],
    ['GB 9999', 'water.cod', 'III', 'standard', '没有限值标准 GB 9999'],
    ['GB/T 28591', 'wind.speed', '8', 'standard', '没有限值标准 GB/T 28591'],
    ['__proto__', 'water.cod', 'III', 'standard', '没有限值标准 __proto__'],
  ] as const)('%s of %s, class %s', (id, quantity, key, missing, zh) => {
    expect(standards.limitFor(id, quantity, { at, class: key })).toMatchObject({
      ...{ missing, unknown: { zh: expect.stringContaining(zh) }, candidates: [] },
    });
  });

  it('before the first version: of an older one nothing is here', () => {
    const first = Date.parse('2016-01-01T00:00:00+08:00');
    const pm25 = (when: number) =>
      standards.limitFor('GB 3095', 'air.pm25', { at: when, class: '2', period: 'day' });
    expect(pm25(first - 1)).toMatchObject({
      missing: 'version',
      unknown: {
        zh: '2015-12-31 时 GB 3095—2012 尚未施行（自 2016-01-01），更早的版本未收录',
      },
    });
    expect(told(pm25(first))).toBe(75);
    // DB33/973-2015 is here with two quantities.
    const before = Date.parse('2021-12-31T23:59:59.999+08:00');
    expect(told(standards.limitFor('DB33/973', 'water.cod', { at: before, class: '1' }))).toBe(
      'quantity',
    );
  });

  it('a time that is none is a bug', () => {
    expect(() =>
      standards.limitFor('GB 3838', 'water.cod', { at: Number.NaN, class: 'III' }),
    ).toThrow('BUG');
  });
});

describe('a device', () => {
  it('says its class by the attribute that the standard goes by', () => {
    const river = device({ 'water-class': 'III', 'water-kind': 'river' });
    const of = (quantity: QuantityId) => told(standards.limitForDevice('GB 3838', quantity, river));
    expect([of('water.cod'), of('water.total-phosphorus'), of('water.total-nitrogen')]).toEqual([
      ...[20, 0.2, 'quantity'],
    ]);
    expect(told(standards.limitForDevice('GB 3838', 'water.cod', device({})))).toBe('class');
    const village = device({ 'function-zone': '2' });
    expect(
      told(standards.limitForDevice('GB 3095', 'air.pm10', { ...village, period: 'day' })),
    ).toBe(120);
    // A zone of noise says nothing of the air.
    expect(
      standards.limitForDevice('GB 3095', 'air.pm10', device({ 'function-zone': '4a' })),
    ).toMatchObject({
      missing: 'class',
      unknown: { zh: '登记的功能区类别“4a”不是 GB 3095 的类别' },
    });
  });

  it('that names its standard is judged by that one', () => {
    const rural = device({ 'discharge-standard': 'DB33/973 1' });
    const cod = (one: ReturnType<typeof device>) =>
      standards.limitByAttribute('discharge-standard', 'water.cod', one);
    expect(cod(rural)).toMatchObject({ value: 60, standard: 'DB33/973', class: '1' });
    expect(cod(device({ 'discharge-standard': 'GB 18918 1A' }))).toMatchObject({ value: 50 });
    expect(cod(device({}))).toMatchObject({
      ...{ missing: 'class', unknown: { zh: '没有登记排放标准' } },
    });
    // Asked for another one, it is not guessed that both hold.
    expect(standards.limitForDevice('GB 18918', 'water.cod', rural)).toMatchObject({
      ...{ missing: 'class', unknown: { zh: '登记的排放标准“DB33/973 1”不是 GB 18918 的类别' } },
    });
    expect(() => standards.limitByAttribute('population', 'water.cod', rural)).toThrow('BUG');
  });

  it('whose discharge standard was written freely before there was a list is told so, with what was written', () => {
    for (const text of ['一级A', 'GB18918-2002一级A标准', 'constructor'])
      expect(
        standards.limitByAttribute(
          'discharge-standard',
          'water.cod',
          device({ 'discharge-standard': text }),
        ),
      ).toMatchObject({
        missing: 'class',
        unknown: { zh: `登记的排放标准“${text}”没有收录` },
      });
  });

  it('under GB 18918 is told since March 2026 that small plants of towns are under the provincial one', () => {
    const notes = (when: string, facility?: string) => {
      const said = { 'discharge-standard': 'GB 18918 1B' };
      const answer = standards.limitForDevice('GB 18918', 'water.cod', {
        at: Date.parse(when),
        attribute: device(facility === undefined ? said : { ...said, 'facility-class': facility })
          .attribute,
      });
      return isKnown(answer) ? [told(answer), answer.notes.length] : answer;
    };
    expect(notes('2026-02-28T23:59:59.999+08:00', 'small')).toEqual([60, 0]);
    expect(notes('2026-03-01T00:00:00+08:00', 'small')).toEqual([60, 1]);
    expect(notes('2026-03-01T00:00:00+08:00', 'medium')).toEqual([60, 1]);
    expect(notes('2026-03-01T00:00:00+08:00', 'large')).toEqual([60, 0]);
    expect(notes('2026-03-01T00:00:00+08:00')).toEqual([60, 1]);
  });

  it('built when it says, measures the temperature that is given', () => {
    const plant = device({ 'discharge-standard': 'GB 18918 1A', 'built-year': 2004 });
    const of = (quantity: QuantityId, waterTemperature?: number) =>
      told(
        standards.limitByAttribute('discharge-standard', quantity, { ...plant, waterTemperature }),
      );
    expect(of('water.total-phosphorus')).toBe(1);
    expect([
      of('water.ammonia-nitrogen', 12),
      of('water.ammonia-nitrogen', 13),
      of('water.ammonia-nitrogen'),
    ]).toEqual([8, 5, 'water-temperature']);
  });
});

describe('a table that can not be', () => {
  const { most } = writer(['1'], 'day');
  const define = (
    rows: ReturnType<typeof most>,
    more: { readonly words?: Record<string, string>; readonly later?: number } = {},
  ) => {
    const version = (name: string, from: number) =>
      limitVersion(
        name,
        { zh: name, en: name },
        { from, source: { zh: '测', en: 's' }, verified: true, rows },
      );
    return defineLimits({
      ...{ id: 'T', title: { zh: '试', en: 'T' } },
      classes: [{ key: '1', name: { zh: '一', en: '1' } }],
      classBy: {
        ...{ attribute: 'water-class', name: { zh: '类', en: 'class' } },
        words: more.words ?? { I: '1' },
      },
      versions: [
        version('T-1', beijingDay(2020, 1, 1)),
        version('T-2', more.later ?? beijingDay(2021, 1, 1)),
      ],
    });
  };

  it('is refused where it is defined', () => {
    expect(() => define(most('water.cod', [20]))).not.toThrow();
    expect(() => define([...most('water.cod', [20]), ...most('water.cod', [30])])).toThrow('twice');
    expect(() => define(most('water.cod', [Number.NaN]))).toThrow('no bound');
    expect(() => define(most('water.cod', [20], { cold: true }))).toThrow('what is cold');
    expect(() => define([{ ...most('water.cod', [20])[0]!, class: '9' }])).toThrow('no class 9');
    expect(() => define(most('no.such' as QuantityId, [1]))).toThrow('knows no');
    expect(() => define(most('water.cod', [20]), { words: { I: '2' } })).toThrow('no class 2');
    expect(() => define(most('water.cod', [20]), { later: 0 })).toThrow('out of order');
    expect(() => most('water.cod', [1, 2])).toThrow('one value for each class');
    expect(() => new Standards([gb3838, gb3838])).toThrow('two standards have one id');
  });
});
