/** The tables against the numbers of the standards as they are written there, typed again and by rows; and their validity. */
import { ATTRIBUTES, DAY, QUANTITIES, type QuantityId } from '@village/core';
import { describe, expect, it } from 'vitest';
import { isKnown, type KnownLimit, type LimitQuestion } from './limit-for.ts';
import { COLOURS, ELEMENTS } from './signals.ts';
import { PERIODS } from './standard.ts';
import { builtinStandards } from './standards.ts';
import { cma16 } from './tables/cma-16.ts';
import { gbt28591 } from './tables/gb-t-28591.ts';
import { gbt28592 } from './tables/gb-t-28592.ts';
import { TABLES } from './tables/index.ts';

/** Noon of a day in Beijing. */
const noon = (day: string): number => Date.parse(`${day}T12:00:00+08:00`);

/** A text of rows, each a quantity and its columns. */
const rowsOf = (text: string): [QuantityId, ...string[]][] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()) as [QuantityId, ...string[]]);

function limit(standard: string, quantity: QuantityId, question: LimitQuestion): KnownLimit {
  const found = builtinStandards.limitFor(standard, quantity, question);
  if (!isKnown(found)) throw new Error(`${quantity}: ${found.unknown.en}`);
  return found;
}

/** A bound as the tables write it: `6-9`, `>=7.5`, `15`. */
function written(found: KnownLimit): string {
  if (found.sense === 'between') return `${found.low}-${found.high}`;
  return found.sense === 'at-least' ? `>=${found.value}` : String(found.value);
}

/** What a table has of a class, or a dash. */
function cell(standard: string, quantity: QuantityId, question: LimitQuestion): string {
  const found = builtinStandards.limitFor(standard, quantity, question);
  return isKnown(found) ? written(found) : '-';
}

const rowCount = (version: string): number =>
  TABLES.flatMap((one) =>
    one.kind === 'limits' ? one.versions.filter((each) => each.version === version) : [],
  ).flatMap(({ data }) => data.rows).length;

describe('GB 3095', () => {
  // year | day | hour | highest 8 hours, class 1 / class 2.
  const TRANSITION = `
    air.so2  | 20/60  | 50/150  | 150/500 | -
    air.no2  | 40/40  | 80/80   | 200/200 | -
    air.co   | -      | 4/4     | 10/10   | -
    air.o3   | -      | -       | 160/200 | 100/160
    air.pm10 | 40/60  | 50/120  | -       | -
    air.pm25 | 15/30  | 35/60   | -       | -
    air.tsp  | 80/200 | 120/300 | -       | -
    air.nox  | 50/50  | 100/100 | 250/250 | -`;
  const FINAL = `
    air.so2  | 20/20  | 50/50   | 150/150 | -
    air.no2  | 30/30  | 50/50   | 200/200 | -
    air.co   | -      | 4/4     | 10/10   | -
    air.o3   | -      | -       | 160/200 | 100/160
    air.pm10 | 20/50  | 50/100  | -       | -
    air.pm25 | 10/25  | 25/50   | -       | -
    air.tsp  | 80/200 | 120/300 | -       | -
    air.nox  | 40/40  | 70/70   | 250/250 | -`;
  const BEFORE = TRANSITION.replace('40/60  | 50/120', '40/70  | 50/150').replace(
    '15/30  | 35/60',
    '15/35  | 35/75',
  );

  it.each([
    ['GB 3095-2012', '2020-06-01', BEFORE, false],
    ['GB 3095-2026 (2026–2030)', '2026-06-01', TRANSITION, true],
    ['GB 3095-2026', '2031-06-01', FINAL, true],
  ])('%s', (version, day, text, verified) => {
    const at = noon(day);
    const rows = rowsOf(text);
    const found = rows.map(([quantity]) => {
      const both = (['year', 'day', 'hour', 'mda8'] as const).map((period) => {
        const [first, second] = ['1', '2'].map((one) =>
          cell('GB 3095', quantity, { at, class: one, period }),
        );
        return first === '-' && second === '-' ? '-' : `${first}/${second}`;
      });
      return [quantity, ...both];
    });
    expect(found).toEqual(rows);
    const numbers = rows.flatMap(([, ...cells]) => cells.filter((one) => one !== '-'));
    expect(rowCount(version)).toBe(numbers.length * 2);
    expect(limit('GB 3095', 'air.so2', { at, class: '2', period: 'day' })).toMatchObject({
      ...{ version, verified },
    });
  });
});

describe('GB 3838-2002', () => {
  const at = noon('2026-06-01');
  const TABLE = `
    water.dissolved-oxygen   | >=7.5 | >=6  | >=5 | >=3 | >=2
    water.permanganate-index | 2     | 4    | 6   | 10  | 15
    water.cod                | 15    | 15   | 20  | 30  | 40
    water.bod5               | 3     | 3    | 4   | 6   | 10
    water.ammonia-nitrogen   | 0.15  | 0.5  | 1   | 1.5 | 2
    water.total-phosphorus   | 0.02  | 0.1  | 0.2 | 0.3 | 0.4`;
  const LAKE = `
    water.total-phosphorus   | 0.01  | 0.025 | 0.05 | 0.1 | 0.2
    water.total-nitrogen     | 0.2   | 0.5   | 1    | 1.5 | 2`;

  it.each([
    ['river', TABLE],
    ['lake', LAKE],
  ] as const)('of a %s', (water, text) => {
    const rows = rowsOf(text);
    const found = rows.map(([quantity]) => [
      quantity,
      ...['I', 'II', 'III', 'IV', 'V'].map((one) =>
        cell('GB 3838', quantity, { at, class: one, water }),
      ),
    ]);
    expect(found).toEqual(rows);
    expect(rowCount('GB 3838-2002')).toBe(8 * 5 + 1);
  });

  it('has one pH for all classes', () => {
    expect(cell('GB 3838', 'water.ph', { at })).toBe('6-9');
    expect(limit('GB 3838', 'water.ph', { at, class: 'IV' })).toMatchObject({ verified: false });
  });
});

describe('GB 18918-2002', () => {
  // 1A | 1B | 2 of plants built since 2006 in water above 12 ℃.
  const TABLE = `
    water.ph                   | 6-9  | 6-9   | 6-9
    water.cod                  | 50   | 60    | 100
    water.bod5                 | 10   | 20    | 30
    water.suspended-solids     | 10   | 20    | 30
    water.ammonia-nitrogen     | 5    | 8     | 25
    water.total-nitrogen       | 15   | 20    | -
    water.total-phosphorus     | 0.5  | 1     | 3
    water.animal-vegetable-oil | 1    | 3     | 5
    water.faecal-coliforms     | 1000 | 10000 | 10000`;
  // In brackets: at 12 ℃ and below.
  const COLD = 'water.ammonia-nitrogen | 8 | 15 | 30';

  it.each([
    ['2025-06-01', 20, TABLE],
    ['2026-06-01', 20, TABLE],
    ['2025-06-01', 12, COLD],
    ['2026-06-01', 3, COLD],
  ])('on %s at %d ℃', (day, waterTemperature, text) => {
    const at = noon(day);
    const rows = rowsOf(text);
    const found = rows.map(([quantity]) => [
      quantity,
      ...['1A', '1B', '2'].map((one) =>
        cell('GB 18918', quantity, { at, class: one, waterTemperature, builtYear: 2015 }),
      ),
    ]);
    expect(found).toEqual(rows);
    const name = day < '2026' ? 'GB 18918-2002' : 'GB 18918-2002 (2025)';
    // One pH, five of three grades, ammonia and phosphorus twice, nitrogen of two grades.
    expect(rowCount(name)).toBe(1 + 5 * 3 + 2 * 3 + 2 * 3 + 2);
    expect(limit('GB 18918', 'water.cod', { at, class: '1A' })).toMatchObject({
      ...{ period: 'day', version: name, verified: false },
    });
  });
});

describe('DB33/973', () => {
  it('of 2021', () => {
    const at = noon('2026-06-01');
    const TABLE = `
      water.ph                   | 6-9   | 6-9
      water.cod                  | 60    | 100
      water.suspended-solids     | 20    | 30
      water.ammonia-nitrogen     | 8     | 25
      water.total-nitrogen       | 20    | -
      water.total-phosphorus     | 2     | 3
      water.animal-vegetable-oil | 3     | 5
      water.faecal-coliforms     | 10000 | 10000`;
    const cells = (waterTemperature: number) =>
      rowsOf(TABLE).map(([quantity]) => [
        quantity,
        ...['1', '2'].map((one) =>
          cell('DB33/973', quantity, { at, class: one, waterTemperature }),
        ),
      ]);
    expect(cells(12.1)).toEqual(rowsOf(TABLE));
    const cold = rowsOf(TABLE.replace('| 8     | 25', '| 15    | 25'));
    expect(cells(12)).toEqual(cold);
    // One pH, 15 numbers of grades and the one in brackets, less the total nitrogen that grade 2 has not.
    expect(rowCount('DB33/973-2021')).toBe(1 + 2 * 7 - 1 + 1);
  });

  it('of 2015 has two numbers a grade, and none of cold water', () => {
    const at = noon('2021-06-01');
    expect(
      ['1', '2'].flatMap((one) => [
        cell('DB33/973', 'water.ammonia-nitrogen', { at, class: one, waterTemperature: 3 }),
        cell('DB33/973', 'water.total-phosphorus', { at, class: one }),
      ]),
    ).toEqual(['15', '2', '25', '3']);
    expect(rowCount('DB33/973-2015')).toBe(4);
  });
});

describe('GB/T 28591', () => {
  // Ranges of forces 0 to 17, m/s.
  const RANGES =
    '0-0.2 0.3-1.5 1.6-3.3 3.4-5.4 5.5-7.9 8.0-10.7 10.8-13.8 13.9-17.1 17.2-20.7 20.8-24.4 24.5-28.4 28.5-32.6 ' +
    '32.7-36.9 37.0-41.4 41.5-46.1 46.2-50.9 51.0-56.0 56.1-61.2';
  const force = (speed: number): string | undefined =>
    builtinStandards.gradeOf(gbt28591.id, speed, {
      at: noon('2026-06-01'),
      quantity: 'wind.speed',
    })?.grade.key;

  it('has each force from the first to the last tenth of its range', () => {
    RANGES.split(' ').forEach((range, n) => {
      const [first = '', last = ''] = range.split('-');
      for (let tenths = Number(first) * 10; tenths <= Number(last) * 10 + 1e-6; tenths++)
        expect(force(Math.round(tenths) / 10), `${tenths / 10} m/s`).toBe(String(n));
    });
    expect(force(61.3)).toBe('>17');
  });

  it('rounds what lies between two tenths, half to even, and has no force of what is no speed', () => {
    expect([0.24, 0.25, 0.26, 1.55, 3.35].map(force)).toEqual(['0', '0', '1', '2', '3']);
    expect([-0.1, Number.NaN].map(force)).toEqual([undefined, undefined]);
  });
});

describe('GB/T 28592', () => {
  const grade = (hours: number, sum: number): string | undefined =>
    builtinStandards.gradeOf(gbt28592.id, sum, {
      at: noon('2026-06-01'),
      ...{ quantity: 'rain.amount', hours },
    })?.grade.name.zh;

  it.each([
    [24, [9.9, 10, 24.9, 25, 49.9, 50, 99.9, 100, 249.9, 250]],
    [12, [4.9, 5, 14.9, 15, 29.9, 30, 69.9, 70, 139.9, 140]],
  ])('of %d hours', (hours, sums) => {
    expect(sums.map((sum) => grade(hours, sum))).toEqual([
      ...['小雨', '中雨', '中雨', '大雨', '大雨', '暴雨', '暴雨', '大暴雨', '大暴雨', '特大暴雨'],
    ]);
    expect([0, 0.1].map((sum) => grade(hours, sum))).toEqual(['微量降雨', '小雨']);
  });

  it('has none of other sums', () => {
    expect(grade(6, 50)).toBeUndefined();
  });
});

describe('order 16 of the CMA', () => {
  // blue | yellow | orange | red: hours and numbers, in the order of the elements.
  const TABLE: readonly (readonly [hazard: string, ...(string | null)[]])[] = [
    ['rainstorm', '12h 50', '6h 50', '3h 50', '3h 100'],
    ['typhoon', '24h 6 8', '24h 8 10', '12h 10 12', '6h 12 14'],
    ['gale', '24h 6 7', '12h 8 9', '6h 10 11', '6h 12 13'],
    ['cold-wave', '48h 8 4 5', '24h 10 4 6', '24h 12 0 6', '24h 16 0 6'],
    ['heat', null, '3d 35', '24h 37', '24h 40'],
    ['fog', null, '12h 500', '6h 200', '2h 50'],
    ['snowstorm', '12h 4', '12h 6', '6h 10', '6h 15'],
    ['lightning', null, '6h', '2h', '2h'],
    ['hail', null, null, '6h', '2h'],
    ['frost', '48h 0', '24h -3', '24h -5', null],
    ['icy-roads', null, '12h', '6h', '2h'],
  ];
  const [{ data, verified }] = cma16.versions;

  it('has the numbers of each signal', () => {
    const found = Object.keys(data.hazards).map((hazard) => [
      hazard,
      ...COLOURS.map((colour) => {
        const signal = data.signals.find((one) => one.hazard === hazard && one.colour === colour);
        if (signal === undefined) return null;
        const { hours, conditions } = signal;
        const when = hours === null ? `${conditions[0]?.days}d` : `${hours}h`;
        return [when, ...conditions.map(({ value }) => value)].join(' ');
      }),
    ]);
    expect(found).toEqual(TABLE);
    expect(verified).toBe(false);
  });

  it('asks for all of a cold wave, for one of wind and gust, and for less than a visibility', () => {
    const of = (hazard: string) => data.signals.filter((one) => one.hazard === hazard);
    expect(of('cold-wave').every(({ needs }) => needs === 'all')).toBe(true);
    expect([...of('typhoon'), ...of('gale')].every(({ needs }) => needs === 'any')).toBe(true);
    const senses = (hazard: string) => [
      ...new Set(of(hazard).flatMap(({ conditions }) => conditions.map(({ sense }) => sense))),
    ];
    expect(senses('fog')).toEqual(['below']);
    expect(senses('frost')).toEqual(['at-most']);
    expect(senses('rainstorm')).toEqual(['at-least']);
  });

  it('tells what devices measure in the unit of the quantity', () => {
    for (const { quantity, unit } of Object.values(ELEMENTS))
      if (quantity !== null) expect(QUANTITIES[quantity].unit).toBe(unit);
  });
});

describe('validity', () => {
  // The first day of each version in Beijing, and the version.
  const BORDERS: readonly (readonly [id: string, ...(readonly [string, string])[]])[] = [
    [
      'GB 3095',
      ['2016-01-01', 'GB 3095-2012'],
      ['2026-03-01', 'GB 3095-2026 (2026–2030)'],
      ['2031-01-01', 'GB 3095-2026'],
    ],
    ['GB 3838', ['2002-06-01', 'GB 3838-2002']],
    ['GB 18918', ['2003-07-01', 'GB 18918-2002'], ['2026-03-01', 'GB 18918-2002 (2025)']],
    ['DB33/973', ['2015-07-01', 'DB33/973-2015'], ['2022-01-01', 'DB33/973-2021']],
    ['GB/T 28591', ['2012-08-01', 'GB/T 28591-2012']],
    ['GB/T 28592', ['2012-08-01', 'GB/T 28592-2012']],
    ['CMA 16', ['2007-06-12', 'CMA 16-2007']],
  ];

  it('of every standard begins at midnight in Beijing and ends where the next begins', () => {
    const listed = builtinStandards.list();
    expect(
      listed.map(({ id, versions }) => [
        id,
        ...versions.map(({ from, version }) => [from, version]),
      ]),
    ).toEqual(
      BORDERS.map(([id, ...versions]) => [
        id,
        ...versions.map(([day, version]) => [Date.parse(`${day}T00:00:00+08:00`), version]),
      ]),
    );
    for (const { versions } of listed)
      expect(versions.map(({ until }) => until)).toEqual([
        ...versions.slice(1).map(({ from }) => from),
        Number.POSITIVE_INFINITY,
      ]);
  });

  it('is told to the millisecond by what is answered', () => {
    const at = Date.parse('2026-03-01T00:00:00+08:00');
    const pm10 = (when: number) =>
      limit('GB 3095', 'air.pm10', { at: when, class: '2', period: 'day' });
    expect(pm10(at - 1)).toMatchObject({ value: 150, version: 'GB 3095-2012', until: at });
    expect(pm10(at)).toMatchObject({ value: 120, version: 'GB 3095-2026 (2026–2030)', from: at });
    const change = Date.parse('2022-01-01T00:00:00+08:00');
    const nitrogen = (when: number) =>
      limit('DB33/973', 'water.ammonia-nitrogen', {
        ...{ at: when, class: '1', waterTemperature: 20 },
      });
    expect(nitrogen(change - 1)).toMatchObject({ value: 15, version: 'DB33/973-2015' });
    expect(nitrogen(change)).toMatchObject({ value: 8, version: 'DB33/973-2021' });
  });

  it('says what nobody has held against the text of the standard', () => {
    const verified = builtinStandards
      .list()
      .flatMap(({ versions }) => versions.filter((one) => one.verified))
      .map(({ version }) => version);
    expect(verified).toEqual(['GB 3095-2026 (2026–2030)', 'GB 3095-2026']);
  });
});

describe('all tables', () => {
  it('tell limits in the canonical unit, and where they come from in both languages', () => {
    const units = new Set<string>();
    for (const standard of TABLES)
      for (const { source, from, data } of standard.versions) {
        expect(source.zh).toMatch(/\p{Script=Han}/u);
        expect(source.en).not.toMatch(/\p{Script=Han}/u);
        expect((from + 8 * 3_600_000) % DAY).toBe(0);
        if ('rows' in data)
          for (const { quantity } of data.rows)
            units.add(`${quantity} ${QUANTITIES[quantity].unit}`);
      }
    expect([...units].map((one) => one.split(' ')[1]).filter((unit) => unit !== '')).toEqual(
      expect.arrayContaining(['µg/m³', 'mg/m³', 'mg/L', '个/L']),
    );
    // CO is in milligrams, all else of air in micrograms; coliforms are counted.
    for (const one of units) {
      const [quantity = '', unit] = one.split(' ');
      const expected =
        quantity === 'air.co'
          ? 'mg/m³'
          : quantity === 'water.ph'
            ? ''
            : quantity === 'water.faecal-coliforms'
              ? '个/L'
              : quantity.startsWith('air.')
                ? 'µg/m³'
                : 'mg/L';
      expect(unit, quantity).toBe(expected);
    }
  });

  it('go by attributes whose words a device may have', () => {
    const discharge: string[] = [];
    for (const standard of TABLES) {
      if (standard.kind !== 'limits') continue;
      const { attribute, words } = standard.classBy;
      const known = ATTRIBUTES[attribute];
      expect(known?.type).toBe('text');
      for (const one of Object.keys(words))
        expect(known?.type === 'text' ? known.words : []).toContain(one);
      if (attribute === 'discharge-standard') discharge.push(...Object.keys(words));
      expect(Object.values(words).sort()).toEqual(standard.classes.map(({ key }) => key).sort());
    }
    // And the list of words has no other.
    const own = ATTRIBUTES['discharge-standard'];
    expect(own?.type === 'text' ? own.words : []).toEqual(discharge);
  });

  it('name the limits of a quantity for who opens a figure', () => {
    const standard = TABLES.find(({ id }) => id === 'GB 18918');
    const data = standard?.kind === 'limits' ? standard.versions[0].data : undefined;
    if (standard?.kind !== 'limits' || data === undefined) throw new Error('no GB 18918');
    expect(standard.limits(data, 'water.ph').map(({ name, value }) => [name.zh, value])).toEqual([
      ['日平均 下限', 6],
      ['日平均 上限', 9],
    ]);
    expect(
      standard.limits(data, 'water.ammonia-nitrogen').map(({ name, value }) => [name.en, value])[3],
    ).toEqual(['grade 1A, day, cold water', 8]);
    expect(PERIODS.flatMap((period) => standard.limits(data, 'water.cod', period))).toHaveLength(3);
  });
});
