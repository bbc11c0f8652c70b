import { QUALITIES, SEVERITIES } from '@village/core';
import { KINDS } from '@village/device-profiles';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleSet } from '../model.ts';
import { readRules, rulesFileOf, toYaml } from './index.ts';
import { WATCHES } from './schema.ts';

/** A set without its closures. */
const plain = (set: RuleSet | null): unknown =>
  JSON.parse(
    JSON.stringify(set, (key, value: unknown) => {
      if (key === 'evaluate') return undefined;
      if (value instanceof Set) return [...(value as Set<number>)].sort();
      return value === Number.POSITIVE_INFINITY ? 'Infinity' : value;
    }),
  );

const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined });
const duration = fc
  .tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom('ms', 's', 'm', 'h', 'd'), fc.boolean())
  .map(([n, unit, half]) => `${n}${half && unit !== 'ms' ? '.5' : ''}${unit}`);
const lasting = fc.oneof(
  duration,
  fc.integer({ min: 1, max: 50 }).map((n) => `${n} * interval`),
);
const text = (max: number) =>
  fc
    .string({ minLength: 1, maxLength: max, unit: 'grapheme' })
    .map((one) => one.replaceAll(/[{}]/g, '').trim())
    .filter((one) => one !== '');
const label = (max: number) => fc.record({ zh: text(max), en: text(max) });
const one = <T>(of: fc.Arbitrary<T>) => fc.oneof(of, fc.array(of, { minLength: 1, maxLength: 3 }));
const tidy = <T extends object>(of: T): T => JSON.parse(JSON.stringify(of)) as T;

const number = fc.integer({ min: -5_000, max: 5_000 }).map((n) => n / 100);
const bound = fc.oneof(
  fc.record({
    above: number,
    deadband: maybe(fc.oneof(number.map(Math.abs), fc.constantFrom('5%', '12.5 %'))),
  }),
  fc.record({ below: number, deadband: maybe(number.map(Math.abs)) }),
  fc.record({ above: fc.constant('limit'), deadband: maybe(fc.constantFrom('5%', 0.3)) }),
  number.map((n) => ({ when: `value > ${n} && flow > 0`, clear: `value < ${n - 1} || flow == 0` })),
  fc.constant({ when: "avg(value, '10m') > limit && !(age(flow) > 60)" }),
);
const subject = fc.oneof(
  fc.record({
    scope: fc.record({
      kind: one(fc.constantFrom(...KINDS)),
      profile: maybe(one(fc.constantFrom('boqu/phg-2091', 'generic/sewage-station'))),
      areas: maybe(one(fc.constantFrom('330522000000', '330522100001'))),
      labels: maybe(fc.constant({ body: ['river', 'lake'], yes: 'true' })),
      attributes: maybe(fc.constant({ 'water-class': ['III', 'IV'], population: 300 })),
      devices: maybe(one(text(20))),
    }),
    input: fc.constant({ value: 'ph', flow: 'water.flow-rate' }),
    maxAge: maybe(duration.map((flow) => ({ flow }))),
    limit: fc.constant({
      standard: 'GB 3838',
      quantity: 'water.ph',
      class: 'water-class',
      period: 'day',
      temperature: 'flow',
    }),
    levels: fc
      .tuple(fc.constantFrom(...SEVERITIES), bound, maybe(duration))
      .map(([severity, level, time]) => [{ severity, ...level, for: time }]),
    quality: maybe(one(fc.constantFrom(...QUALITIES))),
    noData: maybe(
      fc.record({ after: lasting, state: maybe(fc.constantFrom('keep', 'clear', ...SEVERITIES)) }),
    ),
    late: maybe(lasting.map((live) => ({ live }))),
    strictFor: maybe(fc.boolean()),
  }),
  fc.record({
    watch: fc.constantFrom(...WATCHES),
    levels: fc.constant([{ severity: 'major', for: '1h' }, { severity: 'info' }]),
  }),
  fc.record({
    event: fc.record({
      type: one(fc.constantFrom('line-crossed', 'plate-seen')),
      detail: maybe(fc.constant({ rule: ['a', 'b'], n: 3, yes: true })),
      hold: duration,
    }),
    levels: fc.constant([{ severity: 'minor' }]),
  }),
  fc.record({
    over: fc.constant('area'),
    level: fc.constantFrom('county', 'township', 'village'),
    levels: number.map((n) => [{ severity: 'minor', when: `ratio(offline, total) > ${n}` }]),
  }),
);
const common = fc.record({
  title: label(40),
  enabled: maybe(fc.boolean()),
  clearFor: maybe(duration),
  minActive: maybe(duration),
  latch: maybe(fc.boolean()),
  flap: maybe(
    fc.record({ transitions: fc.integer({ min: 2, max: 20 }), in: duration, hold: duration }),
  ),
  schedule: maybe(fc.constantFrom('周一-周五 08:00-18:00', 'Sat,Sun 22:00-06:00')),
  message: maybe(
    label(60).map(({ zh, en }) => ({
      zh: `${zh}{area}`,
      en: `{device} ${en}`.replace('{device} ', ''),
    })),
  ),
  advice: maybe(fc.array(label(60), { minLength: 1, maxLength: 3 })),
});
const rule = fc.tuple(common, subject).map(([all, own]) => tidy({ ...all, ...own }));
const file = fc
  .record({ rules: fc.array(rule, { minLength: 1, maxLength: 5 }), owner: maybe(text(20)) })
  .map(({ rules, owner }) =>
    tidy({
      apiVersion: 'rules/v1',
      kind: 'RuleSet',
      metadata: { name: 'any', owner },
      rules: rules.map((own, i) => ({ id: `r${i}`, ...own })),
      inhibit: [{ source: { rule: 'r0' }, targets: 'in-area', kinds: ['quality'] }],
    }),
  );

describe('a set of rules that is written', () => {
  it('is the same when it is read again, from YAML and from JSON', () => {
    let sound = 0;
    fc.assert(
      fc.property(file, (made) => {
        const { set, faults } = readRules(JSON.stringify(made), { file: 'f' });
        // A level that can never be left or reached, by the numbers that were drawn.
        if (set === null) {
          const codes = faults.filter(({ level }) => level === 'error').map(({ code }) => code);
          expect(codes.every((code) => /^(clear-and-when|never|always)/.test(code))).toBe(true);
          return;
        }
        sound++;
        const yaml = toYaml(set);
        const again = readRules(yaml, { file: 'f' });
        expect(again.faults.filter(({ level }) => level === 'error')).toEqual([]);
        expect(plain(again.set)).toEqual(plain(set));
        expect(toYaml(again.set as RuleSet)).toBe(yaml);
        const json = readRules(JSON.stringify(rulesFileOf(set)), { file: 'f' });
        expect(plain(json.set)).toEqual(plain(set));
      }),
      { numRuns: 300 },
    );
    expect(sound).toBeGreaterThan(250);
  }, 60_000);

  it('brings its tests along, and says nothing that holds by itself', () => {
    const text = `apiVersion: rules/v1
kind: RuleSet
metadata:
  name: bins
rules:
  - id: bin-full
    title:
      zh: 满溢
      en: Full
    scope:
      kind: smart-bin
    input:
      value: bin.fill-level
    levels:
      - severity: minor
        when: value > 80
tests:
  - name: fills up
    start: 2026-06-01T00:00:00+08:00
    devices:
      b1:
        profile: village/smart-bin
        interval: 1h
    steps:
      - at: 0m..2h
        series:
          b1.fill: 70+10x2
    expect:
      - at: 2h
        alarms:
          - rule: bin-full
            device: b1
            state: ACTIVE
`;
    const { set, tests } = readRules(text, { file: 'f' });
    expect(toYaml(set as RuleSet, tests)).toBe(text);
  });
});
