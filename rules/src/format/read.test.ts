import { DAY, HOUR, MINUTE, qualityCode } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { describe, expect, it } from 'vitest';
import { type Known, type ReadRules, readRules } from './index.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const KNOWN: Known = { profiles: [...profiles.values()], standards: builtinStandards };

const HEAD = 'apiVersion: rules/v1\nkind: RuleSet\nmetadata: { name: river }\n';

/** A set of one rule, whose test is left out. */
function read(rule: string, known: Known | null = KNOWN): ReadRules {
  const text = `${HEAD}rules:\n  - ${rule.trim().replaceAll('\n', '\n    ')}\n`;
  return readRules(text, { file: 'f.yaml', ...(known === null ? {} : { known }) });
}

const told = ({ faults }: ReadRules): string[] =>
  faults
    .filter(({ code }) => code !== 'no-test')
    .map(({ code, path }) => `${code} ${path.replace('rules[0].', '').replace('rules[0]', '')}`);

const rule = (more: string): string => `
id: ph-high
title: { zh: pH 过高, en: pH high }
scope: { kind: water-quality }
${more}`;

const PLAIN = rule(`
input: { value: ph }
levels: [ { severity: major, when: value > 9 } ]`);

describe('a rule', () => {
  it('has what holds where nothing is said', () => {
    const { set, faults } = read(PLAIN);
    expect(faults.map(({ code, level }) => `${level} ${code}`)).toEqual(['warning no-test']);
    const [found] = set?.rules ?? [];
    expect(found).toMatchObject({
      id: 'ph-high',
      subject: {
        kind: 'readings',
        inputs: [
          { name: 'value', metric: 'ph', quantity: null, maxAgeMs: Number.POSITIVE_INFINITY },
        ],
      },
      slots: { inputs: ['value'], windows: [], attributes: [], hasLimit: false, counters: [] },
      scope: {
        profiles: [],
        kinds: ['water-quality'],
        areas: [],
        labels: {},
        attributes: {},
        devices: [],
      },
      levels: [{ severity: 'major', clear: null, forMs: 0 }],
      limit: null,
      clearForMs: 0,
      minActiveMs: 0,
      latch: false,
      strictFor: false,
      noData: { after: { intervals: 3, ms: 15 * MINUTE }, state: 'keep' },
      live: { intervals: 2, ms: 2 * MINUTE },
      repeat: null,
      flap: { transitions: 6, inMs: HOUR, holdMs: 30 * MINUTE },
      schedule: null,
      message: null,
      advice: [],
      enabled: true,
    });
    expect([...(found?.qualities ?? [])]).toEqual([qualityCode('good'), qualityCode('manual')]);
    expect(found?.levels[0].when.threshold).toEqual({ input: 0, operator: '>', value: 9 });
  });

  it('has what is said', () => {
    const { set, faults } = read(`
id: nh-high
title: { zh: 氨氮超标, en: Ammonia high }
enabled: false
scope: { profile: generic/sewage-station, areas: 330522100000, labels: { body: [river, lake] }, attributes: { facility-class: small }, devices: [d1, d2] }
input: { nh: water.ammonia-nitrogen, flow: flow, temp: temperature }
maxAge: { flow: 5m }
levels:
  - { severity: minor, when: nh > limit && flow > 0, clear: nh < limit * 0.95, for: 10m }
  - { severity: critical, when: "nh > limit * 2", for: 1m }
limit: { standard: DB33/973, class: discharge-standard, temperature: temp }
clearFor: 5m
minActive: 10m
latch: true
strictFor: true
quality: [good, over-range]
noData: { after: 4 * interval, min: 1h, state: minor }
late: { live: 10m }
flap: { transitions: 10, in: 2h, hold: 1h }
schedule: 周一-周五 08:00-18:00
message: { zh: "{area}{device} 氨氮 {value} 超过 {limit}，流量 {flow}", en: "{device} {nh}" }
advice: [ { zh: 看曝气, en: Look at the aeration } ]`);
    expect(faults.map(({ code }) => code)).toEqual(['no-test']);
    expect(set?.rules[0]).toMatchObject({
      enabled: false,
      subject: {
        inputs: [
          { name: 'nh', metric: null, quantity: 'water.ammonia-nitrogen' },
          { name: 'flow', metric: 'flow', quantity: null, maxAgeMs: 5 * MINUTE },
          { name: 'temp', metric: 'temperature', quantity: null },
        ],
      },
      scope: {
        profiles: ['generic/sewage-station'],
        areas: ['330522100000'],
        labels: { body: ['river', 'lake'] },
        attributes: { 'facility-class': ['small'] },
        devices: ['d1', 'd2'],
      },
      levels: [
        { severity: 'critical', forMs: MINUTE, clear: null },
        { severity: 'minor', forMs: 10 * MINUTE, clear: { source: 'nh < limit * 0.95' } },
      ],
      limit: {
        standard: 'DB33/973',
        quantity: 'water.ammonia-nitrogen',
        attribute: 'discharge-standard',
        period: null,
        temperature: 2,
      },
      clearForMs: 5 * MINUTE,
      minActiveMs: 10 * MINUTE,
      latch: true,
      strictFor: true,
      noData: { after: { intervals: 4, ms: HOUR }, state: 'minor' },
      live: { intervals: 0, ms: 10 * MINUTE },
      flap: { transitions: 10, inMs: 2 * HOUR, holdMs: HOUR },
      schedule: { days: [1, 2, 3, 4, 5], from: 480, to: 1080 },
      advice: [{ zh: '看曝气', en: 'Look at the aeration' }],
    });
  });

  it.each([
    [
      'watch: gateway-offline\nlevels: [ { severity: major, for: 5m } ]',
      { kind: 'watch', watch: 'gateway-offline' },
    ],
    [
      'event: { type: line-crossed, detail: { rule: [a, b], id: 3 }, hold: 10m }\nlevels: [ { severity: info } ]',
      {
        kind: 'event',
        event: {
          types: ['line-crossed'],
          detail: { rule: ['a', 'b'], id: [3] },
          holdMs: 10 * MINUTE,
        },
      },
    ],
    [
      'over: area\nlevel: township\nlevels: [ { severity: major, when: "ratio(offline, total) > 0.3 && total >= 5" } ]',
      { kind: 'area', level: 'township' },
    ],
  ])('judges also %s', (more, subject) => {
    const { set, faults } = read(`id: x\ntitle: { zh: 甲, en: X }\n${more}`);
    expect(faults.map(({ code }) => code)).toEqual(['no-test']);
    expect(set?.rules[0]?.subject).toEqual(subject);
    expect(set?.rules[0]?.levels[0].when.evaluate).toBeInstanceOf(Function);
  });

  it.each([
    ['above: 9', 'value > 9', undefined],
    ['above: 9, deadband: 0.2', 'value > 9', 'value < 8.8'],
    ['above: 0.3, deadband: 0.1', 'value > 0.3', 'value < 0.2'],
    ['below: 6.5, deadband: 0.2', 'value < 6.5', 'value > 6.7'],
    ['above: 80, deadband: 5%', 'value > 80', 'value < 76'],
    ['below: -10, deadband: 5%', 'value < -10', 'value > -9.5'],
    ['above: -10, deadband: 5%', 'value > -10', 'value < -10.5'],
    ['below: "9"', 'value < 9', undefined],
    ['above: limit', 'value > limit', undefined],
    ['above: limit, deadband: 5%', 'value > limit', 'value < limit * 0.95'],
    ['below: limit, deadband: 5%', 'value < limit', 'value > limit * 1.05'],
    ['above: limit, deadband: 0.1', 'value > limit', 'value < limit - 0.1'],
  ])('of { %s } means %s', (short, when, clear) => {
    const { set, faults } = read(
      rule(`
input: { value: water.ammonia-nitrogen }
levels: [ { severity: major, ${short} } ]
limit: { standard: GB 3838 }`),
      null,
    );
    expect(faults.filter(({ level }) => level === 'error')).toEqual([]);
    expect(set?.rules[0]?.levels[0]).toMatchObject({ when: { source: when } });
    expect(set?.rules[0]?.levels[0].clear?.source).toBe(clear);
  });

  it.each([
    ['{ value: water.temperature }', "above: '50 ℃'", 'value > 50'],
    ['{ value: water.temperature }', "above: '104 ℉', deadband: 1.8 ℉", 'value > 40'],
    ['{ t: temperature }', "above: '313.15K'", 't > 40'],
    ['{ value: water.level }', "above: '1500 mm', deadband: '5 cm'", 'value > 1.5'],
    ['{ x: ph, value: water.level }', 'above: 1.5 m', 'value > 1.5'],
  ])('of input %s { %s } is %s', (input, short, when) => {
    const { set, faults } = read(
      rule(`input: ${input}\nlevels: [ { severity: major, ${short} } ]`).replace(
        'kind: water-quality',
        'profile: generic/sewage-station',
      ),
    );
    expect(faults.filter(({ level }) => level === 'error')).toEqual([]);
    expect(set?.rules[0]?.levels[0].when.source).toBe(when);
    if (short.includes('℉')) expect(set?.rules[0]?.levels[0].clear?.source).toBe('value < 39');
    if (short.includes('cm')) expect(set?.rules[0]?.levels[0].clear?.source).toBe('value < 1.45');
  });
});

const levels = (list: string): string =>
  rule(`
input: { value: ph, temp: temperature }
levels: [ ${list} ]`);
const LIMITED = '\nlimit: { standard: GB 3838, quantity: water.cod }';

describe('what is wrong with a rule', () => {
  it.each([
    // Shapes.
    [PLAIN.replace('ph-high', 'PH_High'), ['shape id']],
    [PLAIN.replace('id: ph-high', ''), ['shape id']],
    [`${PLAIN}\nclearfor: 5m`, ['unknown-key clearfor']],
    [`${PLAIN}\nclearFor: 5 minutes`, ['shape clearFor']],
    [`${PLAIN}\nclearFor: 400d`, ['shape clearFor']],
    [`${PLAIN}\nlatch: maybe`, ['shape latch']],
    [`${PLAIN}\nquality: [good, fine]`, ['shape quality[1]']],
    [`${PLAIN}\nnoData: { after: soon }`, ['shape noData.after']],
    [`${PLAIN}\nnoData: { after: 10m, min: 5m }`, ['min-of-duration noData.min']],
    [`${PLAIN}\nlate: { live: 10m, min: 5m }`, ['min-of-duration late.min']],
    [`${PLAIN}\nschedule: weekdays`, ['bad-schedule schedule']],
    [levels('{ severity: worst, when: value > 9 }'), ['shape levels[0].severity']],
    [levels(''), ['shape levels']],
    // Subjects and scopes.
    [`${PLAIN}\nwatch: device-silent`, ['one-subject ']],
    [PLAIN.replace('input: { value: ph }', ''), ['one-subject ']],
    [PLAIN.replace('{ value: ph }', '{}'), ['no-input input']],
    [PLAIN.replace('{ value: ph }', '{ value: water.pH }'), ['unknown-quantity input.value']],
    [PLAIN.replace('{ value: ph }', '{ value: p_h }'), ['unknown-metric input.value']],
    [PLAIN.replace('{ value: ph }', '{ Value: ph }'), ['shape input.Value']],
    [
      PLAIN.replace('{ value: ph }', '{ value: ph, limit: temperature }'),
      ['reserved-name input.limit', 'unused-input input.limit'],
    ],
    [PLAIN.replace('{ value: ph }', '{ value: ph, x: temperature }'), ['unused-input input.x']],
    [`${PLAIN}\nmaxAge: { temp: 5m }`, ['unknown-name maxAge.temp']],
    [`${PLAIN}\nmaxAge: { value: 5m }`, ['driving-age maxAge.value']],
    [PLAIN.replace('scope: { kind: water-quality }', ''), ['no-devices scope']],
    [PLAIN.replace('water-quality', 'water-qualty'), ['unknown-kind scope.kind']],
    [
      PLAIN.replace('kind: water-quality', 'kind: water-quality, areas: [33]'),
      ['shape scope.areas[0]'],
    ],
    [
      PLAIN.replace('kind: water-quality', 'kind: water-quality, attributes: { colour: red }'),
      ['unknown-attribute scope.attributes.colour'],
    ],
    [
      PLAIN.replace('kind: water-quality', 'kind: water-quality, attributes: { water-class: VI }'),
      ['unknown-attribute scope.attributes.water-class'],
    ],
    [
      'id: x\ntitle: { zh: 甲, en: X }\nover: area\nlevels: [ { severity: major, when: offline > 1 } ]',
      ['no-level over'],
    ],
    [
      'id: x\ntitle: { zh: 甲, en: X }\nover: area\nlevel: county\nlevels: [ { severity: major, above: 1 } ]',
      ['no-bound levels[0].above'],
    ],
    [
      'id: x\ntitle: { zh: 甲, en: X }\nwatch: device-silent\nlevels: [ { severity: major, when: true } ]'.replace(
        'when: true',
        'when: "true"',
      ),
      ['no-condition levels[0].when'],
    ],
    [
      'id: x\ntitle: { zh: 甲, en: X }\nwatch: device-silent\nquality: good\nlevels: [ { severity: major } ]',
      ['key-of-others quality'],
    ],
    [
      'id: x\ntitle: { zh: 甲, en: X }\nscope: { kind: camera }\nwatch: gateway-offline\nlevels: [ { severity: major } ]',
      ['no-profile scope'],
    ],
    // Conditions.
    [levels('{ severity: major }'), ['one-condition levels[0]']],
    [levels('{ severity: major, when: value > temp, above: 9 }'), ['one-condition levels[0]']],
    [
      levels('{ severity: major, when: value > temp, deadband: 1 }'),
      ['no-deadband levels[0].deadband'],
    ],
    [
      levels('{ severity: major, above: 9, clear: value < temp }'),
      ['unused-input input.temp', 'no-clear levels[0].clear'],
    ],
    [
      levels('{ severity: major, when: value > ph, clear: temp < }'),
      ['unknown-name levels[0].when', 'syntax levels[0].clear'],
    ],
    [levels('{ severity: major, above: high }'), ['shape levels[0].above']],
    [levels('{ severity: major, above: .nan }'), ['shape levels[0].above']],
    [levels('{ severity: major, above: 9, deadband: -1 }'), ['shape levels[0].deadband']],
    [levels('{ severity: major, above: 9, deadband: 100% }'), ['shape levels[0].deadband']],
    [levels('{ severity: major, above: limit }'), ['unknown-name levels[0].above']],
    [levels("{ severity: major, above: '9 mg/L' }"), ['unit-clash levels[0].above']],
    [
      levels('{ severity: major, when: value > 9 && value < 8 && temp > 1 }'),
      ['never-true levels[0].when'],
    ],
    [
      levels('{ severity: major, when: value > 9 || value < 10 || temp > 1 }'),
      ['always-true levels[0].when'],
    ],
    [
      levels('{ severity: major, when: value > 9 && temp > 1, clear: value < 9.5 }'),
      ['clear-and-when levels[0].clear'],
    ],
    [
      levels('{ severity: major, when: value > 9 && temp > 1, clear: value < 5 && value > 6 }'),
      ['never-clear levels[0].clear'],
    ],
    [
      levels(
        '{ severity: major, when: value > 9 && temp > 1 }, { severity: major, when: value > 8 }',
      ),
      ['severity-twice levels[1].severity'],
    ],
    [
      levels(
        '{ severity: critical, when: value > 8 && temp > 1 }, { severity: major, when: value > 9 && temp > 2 }',
      ),
      ['unreachable-level levels[1]'],
    ],
    [
      levels(
        '{ severity: critical, when: value > 8 && temp > 1, for: 5m }, { severity: major, when: value > 9 && temp > 2 }',
      ),
      [],
    ],
    [
      levels('{ severity: major, when: value > temp, for: 5m }').replace(
        'levels:',
        'repeat: { count: 2, in: 1h }\nlevels:',
      ),
      ['repeat-and-for levels[0].for'],
    ],
    [PLAIN + LIMITED, ['unused-limit limit']],
    [
      PLAIN.replace('value > 9', 'value > limit') + LIMITED.replace('GB 3838', 'GB 3839'),
      ['unknown-standard limit.standard'],
    ],
    [
      PLAIN.replace('value > 9', 'value > limit') + LIMITED.replace('water.cod', 'cod'),
      ['unknown-quantity limit.quantity'],
    ],
    [
      PLAIN.replace('value > 9', 'value > limit') +
        LIMITED.replace('quantity:', 'class: population, quantity:'),
      ['unknown-attribute limit.class'],
    ],
    [
      `${PLAIN}\nmessage: { zh: "{valu}", en: "{x" }`,
      ['unknown-placeholder message.zh', 'unknown-placeholder message.en'],
    ],
    // Types of devices.
    [PLAIN.replace('{ value: ph }', '{ value: pg }'), ['unknown-metric input.value']],
    [PLAIN.replace('{ value: ph }', '{ value: air.co }'), ['unmeasured-quantity input.value']],
    [
      PLAIN.replace('kind: water-quality', 'profile: boqu/phg2091'),
      ['unknown-profile scope.profile'],
    ],
    [
      PLAIN.replace('kind: water-quality', 'kind: camera, profile: boqu/phg-2091'),
      ['no-devices scope'],
    ],
    [
      PLAIN.replace('kind: water-quality', 'kind: [power-meter]').replace(
        'ph }',
        'power.voltage }',
      ),
      ['ambiguous-metric input.value'],
    ],
    [PLAIN.replace('value > 9', 'value > 900'), ['beyond-range levels[0]']],
    [
      levels(
        '{ severity: minor, when: value > 9 && temp > 2 }, { severity: major, when: value > 900 }',
      ),
      ['beyond-range levels[1]'],
    ],
    [`${PLAIN.replace('value > 9', 'value > 900')}\nquality: [good, implausible]`, []],
    [
      PLAIN.replace('kind: water-quality', 'kind: smart-bin')
        .replace('value: ph', 'value: fire')
        .replace('value > 9', 'value == 2'),
      ['beyond-range levels[0]', 'no-state levels[0].when'],
    ],
  ])('%#: %s', (text, wanted) => {
    expect(told(read(text))).toEqual(wanted);
  });

  it('names the types of devices that are meant, and the nearest word', () => {
    const { faults } = read(PLAIN.replace('{ value: ph }', '{ value: phh }'));
    const unknown = faults.find(({ code }) => code === 'unknown-metric');
    expect(unknown?.message.en).toContain('boqu/phg-2091');
    expect(unknown?.message.en).toContain('did you mean ph');
    const first = (text: string) =>
      read(text).faults.find(({ level }) => level === 'error')?.message;
    expect(first(`${PLAIN}\nclearfor: 5m`)).toEqual({
      zh: '没有这个键，是不是想写 clearFor',
      en: 'is no key that is known; did you mean clearFor',
    });
    expect(first(`${PLAIN}\nroutes: []`)?.zh).toContain('接收人');
  });

  it('asks for the quantity of a number with a unit where nobody knows it', () => {
    const text = levels("{ severity: major, above: '9 ℃' }");
    expect(told(read(text))[0]).toBe('unit-clash levels[0].above');
    expect(told(read(text, null))[0]).toBe('unit-of-what levels[0].above');
  });
});

describe('the limit of a rule', () => {
  const limited = (input: string, when: string, limit: string): string[] =>
    told(
      read(
        rule(`
input: { value: ${input}, temp: temperature }
levels: [ { severity: major, when: "${when}" } ]
limit: { ${limit} }`).replace(
          'kind: water-quality',
          'profile: [generic/sewage-station, village/air-weather]',
        ),
      ),
    ).filter((one) => !one.startsWith('unused-input'));

  it.each([
    ['water.cod', 'value > limit', 'standard: GB 3838', []],
    ['water.cod', "avg(value, '24h') > limit", 'standard: GB 18918, period: day', []],
    ['water.cod', 'value > limit', 'standard: GB 18918', []],
    [
      'water.cod',
      'value > limit',
      'standard: GB 18918, period: hour',
      ['limit-period limit.period'],
    ],
    ['water.cod', 'value > limit', 'standard: GB 3839', ['unknown-standard limit.standard']],
    // A standard of grades, not of limits.
    ['water.cod', 'value > limit', 'standard: GB/T 28591', ['unknown-standard limit.standard']],
    ['water.cod', 'value < limit', 'standard: GB 3838', ['limit-side levels[0]']],
    ['water.cod', 'temp > 1 && limit > value', 'standard: GB 3838', ['limit-side levels[0]']],
    ['water.cod', 'limit * 0.9 < value', 'standard: GB 3838', []],
    [
      'water.cod',
      'value > limit',
      'standard: GB 3838, quantity: water.dissolved-oxygen',
      ['limit-side levels[0]'],
    ],
    ['water.cod', 'value < limit', 'standard: GB 3838, quantity: water.dissolved-oxygen', []],
    [
      'water.cod',
      'value > limit',
      'standard: GB 3838, quantity: water.orp',
      ['no-limit limit.standard'],
    ],
    ['water.ph', 'value > limit', 'standard: GB 3838', ['two-limits limit']],
    ['water.ammonia-nitrogen', 'value > limit', 'standard: DB33/973', ['limit-temperature limit']],
    ['water.ammonia-nitrogen', 'value > limit', 'standard: DB33/973, temperature: temp', []],
    [
      'water.ammonia-nitrogen',
      'value > limit',
      'standard: DB33/973, temperature: t',
      ['unknown-name limit.temperature'],
    ],
    ['air.so2', 'value > limit', 'standard: GB 3095', ['limit-period limit']],
    ['air.so2', 'value > limit', 'standard: GB 3095, period: hour', []],
  ])('of %s: %s, %s: %j', (input, when, limit, wanted) => {
    expect(limited(input, when, limit)).toEqual(wanted);
  });
});

describe('a file', () => {
  const faultsOf = (text: string): string[] =>
    readRules(text, { file: 'f.yaml', known: KNOWN }).faults.map(
      ({ line, column, code, path }) => `${line}:${column} ${code} ${path}`,
    );

  it('has all of its faults told at once, in the order of their places', () => {
    const text = `apiVersion: rules/v2
kind: RuleSet
metadata: { name: river, timezone: Europe/Berlin, colour: red }
rules:
  - id: a
    title: { zh: 甲, en: A }
    scope: { kind: water-quality }
    input: { value: ph }
    levels:
      - { severity: major, when: "value > 9 &&\tturbidity > 3" }
      - severity: minor
        when: 'value > 8 && foo(value) > 3'
    clearfor: 5m
  - { id: a, title: { zh: 乙 }, watch: device-silent, levels: [ { severity: info } ] }
  - 17
inhibit:
  - { source: { rule: b }, targets: same-device, rules: [a] }
tests:
  - { name: t, start: yesterday, devices: {}, steps: [], expect: [ { quiet: { from: 0m, to: 1h } } ] }
routes: []
`;
    expect(faultsOf(text)).toEqual([
      '1:13 shape apiVersion',
      '3:36 shape metadata.timezone',
      '3:59 unknown-key metadata.colour',
      '5:5 no-test rules[0]',
      '10:48 unknown-name rules[0].levels[0].when',
      '12:29 unknown-function rules[0].levels[1].when',
      '13:15 unknown-key rules[0].clearfor',
      '14:5 no-test rules[1]',
      '14:11 rule-twice rules[1].id',
      '14:21 shape rules[1].title.en',
      '15:5 shape rules[2]',
      '17:23 unknown-rule inhibit[0].source.rule',
      '19:23 bad-time tests[0].start',
      '20:1 unknown-key routes',
    ]);
  });

  it('has every fault in both languages', () => {
    const { faults } = readRules(
      `${HEAD}rules: [ { id: 1, levels: [ { severity: x, for: 1 } ] } ]\nx: 1`,
      {
        file: 'f',
      },
    );
    expect(faults.length).toBeGreaterThan(4);
    for (const { message } of faults) {
      expect(message.zh).toMatch(/[\u4e00-\u9fff]/);
      expect(message.en).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it.each([
    '',
    '- 1',
    'rules: [',
    'a: &a [*a]',
    'x: *nowhere',
    '42',
    '__proto__: { a: 1 }',
    '"a"',
    'null',
    `x: "${'a'.repeat(600_000)}"`,
  ])('is refused without throwing: %#', (text) => {
    const { set, faults } = readRules(text, { file: 'f' });
    expect(set).toBeNull();
    expect(faults.length).toBeGreaterThan(0);
  });

  it('tells at most a hundred faults, and how many more there are', () => {
    const many = Array.from({ length: 200 }, (_, i) => `  - { id: r${i}, bad: 1 }`).join('\n');
    const { faults } = readRules(`${HEAD}rules:\n${many}`, { file: 'f' });
    expect(faults).toHaveLength(100);
    expect(faults.at(-1)).toMatchObject({ code: 'too-many-faults' });
    expect(faults.every(({ level }) => level === 'error')).toBe(true);
  });

  it('is JSON as well', () => {
    const object = {
      apiVersion: 'rules/v1',
      kind: 'RuleSet',
      metadata: { name: 'a', owner: '生态环境局' },
      rules: [
        {
          id: 'b',
          title: { zh: '乙', en: 'B' },
          watch: 'device-silent',
          levels: [{ severity: 'minor', for: '1h' }],
        },
      ],
    };
    const { set } = readRules(JSON.stringify(object), { file: 'f' });
    expect(set).toMatchObject({
      name: 'a',
      owner: '生态环境局',
      rules: [{ id: 'b' }],
      inhibit: [],
    });
  });

  it('refuses inhibitions that go in a circle, and lets chains be', () => {
    const watch = (id: string, of: string) =>
      `  - { id: ${id}, title: { zh: 甲, en: A }, watch: ${of}, levels: [ { severity: info } ] }`;
    const rules = ['a', 'b', 'c'].map((id) => watch(id, 'gateway-offline')).join('\n');
    const silent = `${watch('s', 'device-silent')}\n${watch('n', 'device-never-seen')}`;
    const codes = (inhibit: string[]) =>
      readRules(`${HEAD}rules:\n${rules}\n${silent}\ninhibit: [ ${inhibit.join(', ')} ]`, {
        file: 'f',
      })
        .faults.filter(({ level }) => level === 'error')
        .map(({ code, message }) => `${code} ${message.en}`);
    const to = (from: string, ...targets: string[]) =>
      `{ source: { rule: ${from} }, targets: in-area, rules: [${targets.join()}] }`;
    expect(codes([to('a', 'b'), to('b', 'c'), to('a', 'c')])).toEqual([]);
    expect(codes([to('a', 'b'), to('b', 'c'), to('c', 'a')])).toEqual([
      'cyclic-inhibition goes in a circle: a → b → c → a',
    ]);
    expect(codes([to('a', 'a')])).toEqual(['cyclic-inhibition goes in a circle: a → a']);
    const silence = (from: string) =>
      `{ source: { rule: ${from} }, targets: same-device, kinds: [silence] }`;
    expect(codes([silence('a'), silence('s')])).toEqual([]);
    expect(codes([silence('s'), silence('n')])).toEqual([
      'cyclic-inhibition goes in a circle: s → n → s',
    ]);
    expect(codes(['{ source: { rule: a }, targets: in-area }'])).toEqual([
      'inhibits-nothing needs kinds, rules or both',
    ]);
  });
});

describe('a file that is meant to fill memory or time', () => {
  const RULE =
    'rules: [{ id: a, title: { zh: 甲, en: A }, watch: device-silent, levels: [{ severity: info }] }]\n';
  const test = (i: number): string =>
    `  - { name: t${i}, start: 2026-06-01T00:00:00+08:00, devices: { d: { profile: a/b, interval: 1s } }, steps: [{ at: 0m, series: { d.m: 1x49999 } }], expect: [{ quiet: { from: 0m, to: 1m } }] }`;
  const tests = (count: number): ReadRules =>
    readRules(
      `${HEAD}${RULE}tests:\n${Array.from({ length: count }, (_, i) => test(i)).join('\n')}\n`,
      { file: 'f' },
    );

  it('has a million readings in its tests, and no more', () => {
    expect(tests(20).set).not.toBeNull();
    expect(tests(21).faults.map(({ code, path }) => `${code} ${path}`)).toContain(
      'bad-series tests[20].steps[0].series.d.m',
    );
    // Each of these would be fifty thousand more.
    expect(tests(500).set).toBeNull();
  });

  it.each([
    ['seqs in one another', `${HEAD}rules: ${'['.repeat(200_000)}`],
    ['closed seqs in one another', `${HEAD}rules: ${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['maps in one another', '{a: '.repeat(100_000)],
    ['rules of no shape', `${HEAD}rules: [${'{},'.repeat(100_000)}]`],
    [
      'keys that nobody knows',
      `${HEAD}rules: [{${Array.from({ length: 40_000 }, (_, i) => `k${i}: 1`).join(', ')}}]`,
    ],
    [
      'levels of no shape',
      `${HEAD}rules: [{ id: a, title: { zh: 甲, en: A }, watch: device-silent, levels: [${'{},'.repeat(100_000)}] }]`,
    ],
  ])('is refused: %s', (_name, text) => {
    const { set, faults } = readRules(text, { file: 'f' });
    expect(set).toBeNull();
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThanOrEqual(100);
  });
});

describe('tests in a file', () => {
  const WITH = `${HEAD}rules:
  - id: ph-high
    title: { zh: pH 过高, en: pH high }
    scope: { kind: water-quality }
    input: { value: ph }
    levels: [ { severity: major, when: value > 9 } ]
tests:
`;
  const TEST = `  - name: late data pages nobody
    start: 2026-06-01T00:00:00+08:00
    devices: { d1: { profile: boqu/phg-2091, area: 330522100001, parent: gw1, interval: 1m, attributes: { water-class: III } } }
    steps:
      - { at: 0m..10m, series: { d1.ph: "8x10", d1.temperature: "20+0.1x3 _x2 5" }, quality: { d1.temperature: maintenance } }
      - { at: 11m, gateway: { gw1: offline }, event: { device: d1, type: opened } }
      - { at: 131m, arrive: { d1.ph: { from: 11m, values: "9.5x60 8.0x59" } }, gateway: { gw1: online, backlogEnd: true } }
      - { at: 133m, restart: { downtime: 30s }, clock: { d1: wrong }, acknowledge: { rule: ph-high, device: d1 } }
    expect:
      - { at: 133m, alarms: [ { rule: ph-high, device: d1, state: NORMAL } ] }
      - { history: [ { rule: ph-high, device: d1, from: 11m, to: 72m, severity: major, suppression: [backfill] } ] }
      - { transitions: [ { rule: ph-high, count: 0 } ], quiet: { from: 0m, to: 133m } }
`;
  const faultsOf = (test: string): string[] =>
    readRules(`${WITH}${test}`, { file: 'f', known: KNOWN }).faults.map(
      ({ line, code, path }) => `${line} ${code} ${path.replace('tests[0].', '')}`,
    );

  it('become what a runner takes', () => {
    const { tests, faults } = readRules(`${WITH}${TEST}`, { file: 'f', known: KNOWN });
    expect(faults).toEqual([]);
    const [test] = tests;
    expect(test).toMatchObject({
      name: 'late data pages nobody',
      start: Date.UTC(2026, 4, 31, 16),
      devices: [
        {
          id: 'd1',
          profile: 'boqu/phg-2091',
          area: '330522100001',
          gateway: 'gw1',
          intervalMs: MINUTE,
          registeredMs: 365 * DAY,
          labels: {},
          attributes: { 'water-class': 'III' },
        },
      ],
    });
    const [first, second, third, fourth] = test?.steps ?? [];
    expect(first?.series[0]).toMatchObject({ device: 'd1', metric: 'ph', quality: 'good' });
    expect(first?.series[0]?.samples).toEqual(
      Array.from({ length: 11 }, (_, i) => ({ at: i * MINUTE, value: 8 })),
    );
    expect(first?.series[1]?.quality).toBe('maintenance');
    expect(first?.series[1]?.samples.map(({ at, value }) => [at / MINUTE, value])).toEqual([
      [0, 20],
      [1, 20.1],
      [2, 20.2],
      [3, 20.3],
      [6, 5],
    ]);
    expect(second).toMatchObject({
      at: 11 * MINUTE,
      gateways: [{ id: 'gw1', online: false }],
      backlogEnd: false,
      events: [{ device: 'd1', type: 'opened', detail: {} }],
    });
    expect(third?.arrive[0]?.samples).toHaveLength(121);
    expect(third?.arrive[0]?.samples[60]).toEqual({ at: 71 * MINUTE, value: 9.5 });
    expect(third?.arrive[0]?.samples[61]).toEqual({ at: 72 * MINUTE, value: 8 });
    expect(third).toMatchObject({ backlogEnd: true, gateways: [{ id: 'gw1', online: true }] });
    expect(fourth).toMatchObject({
      restartMs: 30_000,
      clocks: [{ device: 'd1', wrong: true }],
      acknowledge: [{ rule: 'ph-high', device: 'd1' }],
    });
    expect(test?.expect).toEqual([
      {
        index: 0,
        kind: 'alarms',
        at: 133 * MINUTE,
        alarms: [
          { rule: 'ph-high', device: 'd1', state: 'NORMAL', severity: null, suppression: null },
        ],
      },
      {
        index: 1,
        kind: 'history',
        history: [
          {
            rule: 'ph-high',
            device: 'd1',
            from: 11 * MINUTE,
            to: 72 * MINUTE,
            severity: 'major',
            suppression: ['backfill'],
          },
        ],
      },
      { index: 2, kind: 'transitions', transitions: [{ rule: 'ph-high', count: 0 }] },
      { index: 2, kind: 'quiet', from: 0, to: 133 * MINUTE },
    ]);
  });

  it.each([
    ['boqu/phg-2091', 'boqu/phg-2092', ['13 unknown-profile devices.d1.profile']],
    [
      'water-class: III',
      'water-class: 3',
      ['13 unknown-attribute devices.d1.attributes.water-class'],
    ],
    ['d1.ph: "8x10"', 'd2.ph: "8x10"', ['15 unknown-device steps[0].series.d2.ph']],
    ['d1.ph: "8x10"', 'd1.pH: "8x10"', ['15 unknown-metric steps[0].series.d1.pH']],
    ['d1.ph: "8x10"', 'd1.ph: "8x11"', ['15 too-long-series steps[0].series.d1.ph']],
    ['d1.ph: "8x10"', 'd1.ph: "8 stale"', ['15 bad-series steps[0].series.d1.ph']],
    ['d1.ph: "8x10"', 'd1.ph: "8x999999999"', ['15 bad-series steps[0].series.d1.ph']],
    [
      '{ d1.temperature: maintenance }',
      '{ d1.x: maintenance }',
      ['15 unknown-series steps[0].quality.d1.x'],
    ],
    ['at: 0m..10m', 'at: 10m..0m', ['15 bad-time steps[0].at']],
    ['at: 11m', 'at: 1d', ['17 out-of-order steps[2].at']],
    ['gw1: offline', 'gw2: offline', ['16 unknown-gateway steps[1].gateway.gw2']],
    ['device: d1, type', 'device: d3, type', ['16 unknown-device steps[1].event.device']],
    ['from: 11m, values', 'from: 12m, values', ['17 from-the-future steps[2].arrive.d1.ph.values']],
    [
      'acknowledge: { rule: ph-high',
      'acknowledge: { rule: ph-hig',
      ['18 unknown-rule steps[3].acknowledge.rule'],
    ],
    ['{ at: 133m, alarms', '{ alarms', ['20 no-time expect[0].alarms']],
    [
      'alarms: [ { rule: ph-high',
      'alarms: [ { rule: ph',
      ['20 unknown-rule expect[0].alarms[0].rule'],
    ],
    ['device: d1, state', 'device: d9, state', ['20 unknown-device expect[0]']],
    ['state: NORMAL', 'state: OK', ['20 shape expect[0].alarms[0].state']],
    ['history: [ {', 'historie: [ {', ['21 unknown-key expect[1].historie']],
  ])('%s as %s: %j', (from, to, wanted) => {
    expect(faultsOf(TEST.replace(from, to))).toEqual(wanted);
  });
});
