/** Tests of rules as their files hold them, and that they fail when what they are about is taken away. */
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { describe, expect, it } from 'vitest';
import { readRules } from '../format/index.ts';
import { runTest } from './runner.ts';

const { profiles } = loadCatalog([builtinCatalog]);

const TEXT = `apiVersion: rules/v1
kind: RuleSet
metadata: { name: river-water }
rules:
  - id: ph-high
    title: { zh: pH 过高, en: pH high }
    scope: { profile: generic/sewage-station }
    input: { value: ph }
    levels:
      - { severity: critical, when: value > 9.0, clear: value < 8.8, for: 1m }
      - { severity: minor, when: value > 8.5, clear: value < 8.3, for: 5m }
    clearFor: 5m
    minActive: 10m
    flap: { transitions: 3, in: 2h, hold: 30m }
  - id: gateway-offline
    title: { zh: 网关离线, en: Gateway offline }
    watch: gateway-offline
    levels: [ { severity: major } ]
  - id: device-silent
    title: { zh: 设备离线, en: Device offline }
    watch: device-silent
    levels: [ { severity: minor } ]
inhibit:
  - { source: { rule: gateway-offline }, targets: behind-gateway, kinds: [silence] }
tests:
  - name: late data after an outage of the gateway pages nobody
    start: 2026-06-01T00:00:00+08:00
    devices: { d1: { profile: generic/sewage-station, area: "330522101201", parent: gw1, interval: 1m } }
    steps:
      - { at: 0m, gateway: { gw1: online } }
      - { at: 0m..10m, series: { d1.ph: "8.0x10" } }
      - { at: 11m, gateway: { gw1: offline } }
      - at: 131m
        arrive: { d1.ph: { from: 11m, values: "9.5x60 8.0x58" } }
        gateway: { gw1: online, backlogEnd: true }
      - { at: 132m..140m, series: { d1.ph: "8.0x8" } }
      - { at: 136m, restart: { downtime: 30s } }
    expect:
      - { at: 136m, alarms: [ { rule: ph-high, device: d1, state: NORMAL } ] }
      - { history: [ { rule: ph-high, device: d1, from: 11m, to: 77m, severity: critical, suppression: [backfill] } ] }
      - { history: [ { rule: device-silent, device: d1, from: 13m, to: 131m, suppression: [inhibited] } ] }
      - { transitions: [ { rule: gateway-offline, count: 2 }, { rule: ph-high, count: 0 }, { rule: device-silent, count: 0 } ] }
      - { quiet: { from: 132m, to: 140m } }
  - name: what goes to and fro between two limits is one alert
    start: 2026-06-01T00:00:00+08:00
    devices: { d1: { profile: generic/sewage-station, area: "330522101201", interval: 1m } }
    steps:
      - { at: 0m..40m, series: { d1.ph: "8.0x2 9.2x3 8.9x9 9.2x2 8.2x3 8.6x1 8.2x14" } }
    expect:
      - { at: 3m, alarms: [ { rule: ph-high, device: d1, state: PENDING } ] }
      - { at: 14m, alarms: [ { rule: ph-high, device: d1, state: ACTIVE, severity: critical } ] }
      - { history: [ { rule: ph-high, device: d1, from: 3m, to: 31m, severity: critical } ] }
      - { transitions: [ { rule: ph-high, count: 2 } ] }
  - name: what was high before the outage ended is told once, with its true beginning
    start: 2026-06-01T00:00:00+08:00
    devices: { d1: { profile: generic/sewage-station, area: "330522101201", parent: gw1, interval: 1m } }
    steps:
      - { at: 0m..10m, series: { d1.ph: "8.0x10" } }
      - { at: 60m, arrive: { d1.ph: { from: 11m, values: "8.0x19 9.5x26" } } }
      - { at: 61m..70m, series: { d1.ph: "9.5x9" } }
    expect:
      - { at: 70m, alarms: [ { rule: ph-high, device: d1, state: ACTIVE, severity: critical } ] }
      - { transitions: [ { rule: ph-high, count: 1 } ] }
      - { history: [ { rule: ph-high, device: d1, from: 31m, to: null, severity: critical } ] }
`;

/** What each test of a file finds. */
function run(text: string): Record<string, readonly string[]> {
  const { set, tests, faults } = readRules(text, { file: 'river.yaml' });
  expect(faults.filter(({ level }) => level === 'error')).toEqual([]);
  if (set === null) throw new Error('the file is not sound');
  const options = { profiles, limitOf: () => Number.NaN };
  return Object.fromEntries(
    tests.map((test) => {
      const { differences } = runTest(set, test, options);
      return [test.name.slice(0, 9), differences];
    }),
  );
}

const differing = (text: string): string[] =>
  Object.entries(run(text)).flatMap(([name, lines]) => (lines.length === 0 ? [] : [name]));

describe('tests of rules', () => {
  it('pass when all comes as they say', () => {
    expect(run(TEXT)).toEqual({ 'late data': [], 'what goes': [], 'what was ': [] });
  });

  it.each([
    ['hysteresis', ', clear: value < 8.8', '', ['what goes']],
    ['the delay of alerts', ', for: 1m }', ', for: 0m }', ['what goes', 'what was ']],
    ['the delay of their end', 'clearFor: 5m', 'clearFor: 0m', ['late data', 'what goes']],
    ['inhibition', 'targets: behind-gateway', 'targets: same-device', ['late data']],
    [
      'the order of severities',
      'severity: critical',
      'severity: major',
      ['late data', 'what goes', 'what was '],
    ],
    ['a limit', 'value > 9.0', 'value > 9.6', ['late data', 'what goes', 'what was ']],
  ])('fail when %s is taken away', (_what, before, after, names) => {
    expect(TEXT).toContain(before);
    expect(differing(TEXT.replace(before, after))).toEqual(names);
  });

  it('tell what came otherwise, as lines to be compared', () => {
    const wrong = TEXT.replace(
      '[ { rule: ph-high, count: 2 } ]',
      '[ { rule: ph-high, count: 3 } ]',
    );
    expect(run(wrong)['what goes']).toEqual([
      'expect[3] people are told of ph-high\n  - 3 times\n  + 2 times: 4m, 31m',
    ]);
  });
});
