/** Values that a county answers for: what they change, how they are marked, and what is refused at which line and column. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isKnown } from '../limit-for.ts';
import { builtinStandards } from '../standards.ts';
import { loadStandards } from './load.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-standards-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const write = (text: string | Uint8Array): string => {
  const path = join(folder, `own-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
};
const HEAD = 'by: 张三\non: 2026-11-05\n';
const at = Date.parse('2026-06-01T12:00:00+08:00');

/** What files say, which have no fault. */
const load = (...texts: string[]) => {
  const { standards, faults } = loadStandards(texts.map((text) => write(HEAD + text)));
  expect(faults).toEqual([]);
  return standards;
};
/** Faults of a file as `path: message`, and where the first one is: told by line and column of what `¦` marks in the text. */
function faultsOf(marked: string): { readonly faults: string[]; readonly isAtMark: boolean } {
  const text = HEAD + marked.replace('¦', '');
  const before = (HEAD + marked).split('¦')[0]?.split('\n') ?? [];
  const { faults } = loadStandards([write(text)]);
  return {
    faults: faults.map(({ path, message }) => `${path}: ${message}`),
    isAtMark:
      faults[0]?.line === before.length && faults[0]?.column === (before.at(-1)?.length ?? 0) + 1,
  };
}

const NITROGEN = (more: string): string =>
  `  - { version: DB33/973-2021, quantity: water.ammonia-nitrogen, class: 1, unit: mg/L, source: 原文表 1, ${more} }\n`;

describe('a limit of a county', () => {
  it('takes the place of what ships, and says whose it is and since when', () => {
    const file = write(
      `${HEAD}limits:\n  - version: DB33/973-2021\n    quantity: water.total-phosphorus\n    class: '1'\n    atMost: 1\n    unit: mg/L\n    source: 原文第 4 页表 1\n    verified: true\n    by: 李四\n    on: 2026-11-06\n`,
    );
    const { standards, faults } = loadStandards([file]);
    expect(faults).toEqual([]);
    const phosphorus = (key: string) =>
      standards.limitFor('DB33/973', 'water.total-phosphorus', { at, class: key });
    expect(phosphorus('1')).toMatchObject({
      ...{ sense: 'at-most', value: 1, period: 'any', verified: true, version: 'DB33/973-2021' },
      county: {
        ...{ by: '李四', on: '2026-11-06', source: '原文第 4 页表 1', verified: true },
        place: `${file}:4`,
      },
    });
    // What it says nothing of is as it ships, and so is what ships.
    expect(phosphorus('2')).toMatchObject({ value: 3, verified: false, county: null });
    expect(
      builtinStandards.limitFor('DB33/973', 'water.total-phosphorus', { at, class: '1' }),
    ).toMatchObject({ value: 2, county: null });
  });

  it('is marked in the list of standards and in the name of the version that figures cite', () => {
    const standards = load(`limits:\n${NITROGEN('atMost: 8')}`);
    const entry = standards.list().find(({ id }) => id === 'DB33/973');
    expect(entry?.versions.map(({ version, county }) => [version, county.length])).toEqual([
      ['DB33/973-2015', 0],
      ['DB33/973-2021 (county 2026-11-05)', 1],
    ]);
    const untouched = (id: string) => standards.find(id) === builtinStandards.find(id);
    expect(['DB33/973', 'GB 3838', 'CMA 16'].map(untouched)).toEqual([false, true, true]);
  });

  it('replaces all that the table has of the quantity, class and period', () => {
    const nitrogen = (text: string, waterTemperature?: number) => {
      const answer = load(`limits:\n${text}`).limitFor('DB33/973', 'water.ammonia-nitrogen', {
        ...{ at, class: '1', waterTemperature },
      });
      return isKnown(answer) && answer.sense !== 'between' ? answer.value : answer;
    };
    // One value for all temperatures, where two shipped.
    expect(nitrogen(NITROGEN('atMost: 10'))).toBe(10);
    const both = NITROGEN('cold: false, atMost: 8') + NITROGEN('cold: true, atMost: 12');
    expect([nitrogen(both, 20), nitrogen(both, 12)]).toEqual([8, 12]);
    expect(nitrogen(both)).toMatchObject({
      missing: 'water-temperature',
      candidates: [{ value: 8 }, { value: 12 }],
    });
  });

  it('adds what the table does not have', () => {
    const standards = load(
      'limits:\n  - { version: DB33/973-2015, quantity: water.cod, class: 1, atMost: 60, unit: mg/L, source: 原文 }\n',
    );
    const before = Date.parse('2020-01-01T00:00:00+08:00');
    const cod = (key: string) =>
      standards.limitFor('DB33/973', 'water.cod', { at: before, class: key });
    expect(cod('1')).toMatchObject({ value: 60, verified: false });
    expect(cod('2')).toMatchObject({ missing: 'quantity' });
  });

  it('is converted from the unit in which it is written', () => {
    const standards = load(
      'limits:\n  - { version: GB 3838-2002, quantity: water.cod, class: III, atMost: 18000, unit: ug/L, source: 原文 }\n',
    );
    const cod = standards.limitFor('GB 3838', 'water.cod', { at, class: 'III' });
    expect(isKnown(cod) && cod.sense !== 'between' ? cod.value : cod).toBeCloseTo(18, 9);
    expect(cod).toMatchObject({ unit: 'mg/L' });
  });

  it('of dissolved oxygen in class I keeps the other way to keep it, and pH needs neither class nor unit', () => {
    const standards = load(
      'limits:\n  - { version: GB 3838-2002, quantity: water.dissolved-oxygen, class: I, atLeast: 7.6, unit: mg/L, source: 原文 }\n' +
        '  - { version: GB 3838-2002, quantity: water.ph, between: [6.5, 8.5], source: 原文 }\n',
    );
    expect(
      standards.limitFor('GB 3838', 'water.dissolved-oxygen', { at, class: 'I' }),
    ).toMatchObject({ value: 7.6, notes: [{ zh: '或饱和率不低于 90 %' }] });
    expect(standards.limitFor('GB 3838', 'water.ph', { at })).toMatchObject({
      ...{ low: 6.5, high: 8.5, county: { by: '张三' } },
    });
  });

  it('may be spread over files', () => {
    const standards = load(
      `limits:\n${NITROGEN('cold: true, atMost: 12')}`,
      `limits:\n${NITROGEN('cold: false, atMost: 9')}`,
    );
    expect(
      standards.limitFor('DB33/973', 'water.ammonia-nitrogen', {
        ...{ at, class: '1', waterTemperature: 13 },
      }),
    ).toMatchObject({ value: 9 });
  });
});

describe('grades and signals of a county', () => {
  it('begin where it says', () => {
    const standards = load(
      'grades:\n  - { version: GB/T 28592-2012, hours: 24, grade: heavy, from: 30, source: 省规定 }\n',
    );
    const grade = (value: number, hours: number) =>
      standards.gradeOf('GB/T 28592', value, { at, quantity: 'rain.amount', hours })?.grade;
    expect([29.9, 30].map((value) => grade(value, 24)?.key)).toEqual(['moderate', 'heavy']);
    expect(grade(30, 24)).toMatchObject({ county: { source: '省规定' } });
    expect(grade(15, 12)).toMatchObject({ key: 'heavy' });
    expect(grade(15, 12)).not.toHaveProperty('county');
  });

  it('have the thresholds and hours that it says', () => {
    const standards = load(
      'signals:\n  - { version: CMA 16-2007, hazard: rainstorm, colour: blue, element: rain, value: 60, hours: 6, source: 浙江省规定 }\n',
    );
    const found = standards.find('CMA 16');
    const signals = found?.kind === 'signals' ? found.versions[0].data.signals : [];
    expect(signals[0]).toMatchObject({
      ...{ hazard: 'rainstorm', colour: 'blue', hours: 6 },
      conditions: [{ element: 'rain', value: 60, county: { by: '张三' } }],
    });
    expect(signals[1]).toMatchObject({ colour: 'yellow', conditions: [{ value: 50 }] });
  });
});

describe('a file with faults', () => {
  const LIMIT = (text: string, more = ''): string =>
    `limits:\n  - version: DB33/973-2021\n    quantity: water.cod\n    class: 1\n${more}    source: 原文\n${text}`;
  const START = LIMIT('').replace('version', '¦version');
  const only = (standard: string, text: string): string =>
    `limits:\n  - ¦{ version: ${standard}, source: x, ${text} }\n`.replace(/¦(.*¦)/s, '$1');
  const grade = (text: string): string =>
    `grades:\n  - ¦{ version: GB/T 28592-2012, source: x, ${text} }\n`.replace(/¦(.*¦)/s, '$1');
  const signal = (text: string): string =>
    `signals:\n  - { version: CMA 16-2007, source: x, ${text} }\n`;
  const MG = '    unit: mg/L\n';

  it.each<[string, string]>([
    [LIMIT(`    atMost: ¦lots\n${MG}`), 'limits[0].atMost: must be a number'],
    [LIMIT(`    atMost: ¦-1\n${MG}`), 'limits[0].atMost: is too small or too short, at least 0'],
    [LIMIT(`    atMost: ¦.nan\n${MG}`), 'limits[0].atMost: must be a number'],
    [LIMIT(`    atMost: 60\n${MG}    colour: ¦red\n`), 'limits[0].colour: unknown key'],
    [`${START}    atMost: 60\n`, 'limits[0]: must say its unit, one of mg/L, µg/L, ug/L, g/L'],
    [
      LIMIT('    atMost: 60\n    unit: ¦mg/m³\n'),
      'limits[0].unit: must say its unit, one of mg/L, µg/L, ug/L, g/L',
    ],
    [START + MG, 'limits[0]: must have one of atMost, atLeast and between'],
    [
      `${START}    atMost: 60\n    atLeast: 5\n${MG}`,
      'limits[0]: must have one of atMost, atLeast and between',
    ],
    [`${START}    atLeast: 60\n${MG}`, 'limits[0]: must be said by atMost'],
    [
      LIMIT(`    atMost: 60\n${MG}    period: ¦hour\n`),
      'limits[0].period: must say its period, one of any',
    ],
    [
      LIMIT(`    atMost: 60\n${MG}    on: ¦2026-02-30\n`),
      'limits[0].on: must be a day such as 2026-11-05',
    ],
    [
      LIMIT(`    atMost: 60\n${MG}`).replace('class: 1', 'class: ¦3'),
      'limits[0].class: is no class of it, there are 1, 2',
    ],
    [
      `${START}    atMost: 60\n${MG}`.replace('    class: 1\n', ''),
      'limits[0]: must say its class, one of 1, 2',
    ],
    [
      `${START}    atMost: 60\n${MG}`.replace('    source: 原文\n', ''),
      'limits[0].source: is missing: a text',
    ],
    [
      LIMIT(`    atMost: 60\n${MG}`).replace('DB33/973-2021', '¦DB33/973-2020'),
      'limits[0].version: there is no "DB33/973-2020", there are GB 3095-2012, GB 3095-2026 (2026–2030), ' +
        'GB 3095-2026, GB 3838-2002, GB 18918-2002, GB 18918-2002 (2025), DB33/973-2015, DB33/973-2021',
    ],
    [
      only('¦GB 3095-2026', 'quantity: air.pm25, class: 2, period: day, atMost: 90, unit: µg/m³'),
      "limits[0].version: the values of GB 3095-2026 were held against its text and can't be changed",
    ],
    [
      only('GB 3095-2012', 'quantity: air.pm25, class: 2, atMost: 90, unit: µg/m³'),
      'limits[0].period: must say its period, one of day, year',
    ],
    [
      only('GB 3838-2002', 'quantity: water.ph, class: ¦III, between: [6, 9]'),
      'limits[0].class: is the same for every class: leave out class',
    ],
    [
      only('GB 3838-2002', 'quantity: water.ph, ¦between: [9, 6]'),
      'limits[0].between: must be [low, high], the lower one first',
    ],
    [
      only('GB 3838-2002', 'quantity: water.ph, between: ¦9'),
      'limits[0].between: must be two numbers [low, high]',
    ],
    [
      only('DB33/973-2015', 'quantity: water.cod, class: 1, cold: ¦true, atMost: 60, unit: mg/L'),
      'limits[0].cold: does not go by the temperature of the water',
    ],
    [
      only(
        'GB 3838-2002',
        'quantity: water.total-nitrogen, class: III, water: ¦river, atMost: 1, unit: mg/L',
      ),
      'limits[0].water: the limit of total nitrogen is of lakes and reservoirs; rivers are judged without it (环办[2011]22)',
    ],
    [
      only(
        'GB 3838-2002',
        'quantity: water.total-phosphorus, class: III, water: lake, atMost: 1, unit: mg/L',
      ),
      'limits[0]: must be said for water: river too',
    ],
    [
      only(
        'GB 18918-2002',
        'quantity: water.total-phosphorus, class: 1A, builtFrom: 2006, atMost: 1, unit: mg/L',
      ),
      'limits[0]: must be said for builtFrom and builtBefore of one year',
    ],
    [
      `limits:\n${NITROGEN('cold: true, atMost: 12')}`.replace('{', '¦{'),
      'limits[0]: must be said for cold: true and for cold: false',
    ],
    [
      `limits:\n${NITROGEN('cold: true, atMost: 12')}`.replace('{', '¦{') + NITROGEN('atMost: 12'),
      'limits[0]: what is of one quantity and class must go by one condition: water, cold or the year of building',
    ],
    [grade('grade: heavy, from: 30'), 'grades[0].hours: has no such hours, there are 24, 12'],
    [
      grade('hours: 24, grade: ¦wet, from: 30'),
      'grades[0].grade: is no grade of it, there are trace, light, moderate, heavy, rainstorm, heavy-rainstorm, extreme-rainstorm',
    ],
    [
      grade('hours: 24, grade: heavy, from: 50'),
      'grades[0]: grades must begin one above the other',
    ],
    [
      signal('hazard: ¦flood, colour: red, element: rain, value: 1'),
      'signals[0].hazard: there is no such signal',
    ],
    [
      signal('hazard: heat, colour: yellow, element: ¦rain, value: 1'),
      'signals[0].element: is no element of that signal',
    ],
    [
      signal('hazard: heat, colour: yellow, element: temperature-max, value: 36, hours: ¦12'),
      'signals[0].hours: goes by days',
    ],
    [
      signal('hazard: heat, colour: ¦mauve, element: temperature-max, value: 36'),
      'signals[0].colour: must be one of blue, yellow, orange, red',
    ],
    ['limit: ¦7\n', 'limit: unknown key'],
  ])('%j', (text, fault) => {
    expect(faultsOf(text)).toEqual({ faults: [fault], isAtMark: true });
  });

  it('that says nothing is told so', () => {
    expect(faultsOf('limits: []\n').faults).toEqual([
      ': has no value: limits, grades and signals are empty',
    ]);
  });

  it('tells what is said twice with both places, also in two files', () => {
    const one = write(`${HEAD}limits:\n${NITROGEN('atMost: 10')}`);
    const two = write(`${HEAD}limits:\n${NITROGEN('atMost: 11')}`);
    expect(loadStandards([one, two]).faults).toEqual([
      {
        ...{ file: two, line: 4, column: 5, path: 'limits[0]' },
        ...{ message: `is said at ${one}:4 already`, zh: `与 ${one}:4 重复` },
      },
    ]);
  });

  it('tells all faults of a file, in both languages', () => {
    const { faults } = loadStandards([
      write('limits:\n  - { version: 7, quantity: water.mud, verified: perhaps }\n'),
    ]);
    expect(faults.map(({ path }) => path)).toEqual([
      ...['by', 'on', 'limits[0].version', 'limits[0].source', 'limits[0].verified'],
      'limits[0].quantity',
    ]);
    for (const { zh, message } of faults) {
      expect(zh).toMatch(/须/);
      expect(message).not.toMatch(/\p{Script=Han}/u);
    }
  });

  it('of what is no file, no UTF-8, no YAML or far too long says so', () => {
    const only = (path: string) =>
      loadStandards([path]).faults.map(({ message, line }) => [line, message.split(',')[0]]);
    expect(only(join(folder, 'none.yaml'))).toEqual([
      [undefined, "can't be read: ENOENT: no such file or directory"],
    ]);
    mkdirSync(join(folder, 'folder.yaml'));
    expect(only(join(folder, 'folder.yaml'))).toEqual([[undefined, 'is no file']]);
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
    expect(only(join(folder, 'pipe.yaml'))).toEqual([[undefined, 'is no file']]);
    // 张 in GBK.
    expect(only(write(Uint8Array.of(0x62, 0x79, 0x3a, 0x20, 0xd5, 0xc5)))).toEqual([
      [undefined, 'is not in UTF-8: save it as UTF-8'],
    ]);
    expect(only(write('by: [a\n'))[0]?.[0]).toBe(2);
    expect(only(write(`#${'x'.repeat(262_144)}`))).toEqual([
      [undefined, 'is longer than 262144 characters'],
    ]);
    const aliases = `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}]\n`).join('')}`;
    expect(only(write(aliases))).toHaveLength(1);
    expect(only(write(''))).toHaveLength(1);
  });

  it('leaves what ships in the place of what it refuses', () => {
    const { standards, faults } = loadStandards([
      write(`${HEAD}limits:\n${NITROGEN('cold: true, atMost: 1')}`),
    ]);
    expect(faults).toHaveLength(1);
    expect(
      standards.limitFor('DB33/973', 'water.ammonia-nitrogen', {
        ...{ at, class: '1', waterTemperature: 5 },
      }),
    ).toMatchObject({ value: 15, county: null });
  });
});
