import { HOUR, MINUTE } from '@village/core';
import { describe, expect, it } from 'vitest';
import { loadScenario, MILD_SCENARIO, parseScenario, Script, type Selectable } from './scenario.ts';

const devices: Selectable[] = Array.from({ length: 1_000 }, (_, i) => ({
  id: `d-${i}`,
  profile: i % 2 === 0 ? 'a/bin' : 'a/ph',
  kind: i % 2 === 0 ? 'smart-bin' : 'water-quality',
  area: i % 4 === 0 ? '330522200001' : '330522111002',
}));

function silent(script: Script, at: number): string[] {
  return devices.filter((device) => script.effects(device, at).dropout).map(({ id }) => id);
}

describe('a scenario', () => {
  const text = `
steps:
  - { at: 10m, for: 5m, every: 1h, what: dropout, devices: { share: 0.1 } }
  - { at: 1h, for: 2h, what: drift, by: 0.5, devices: { kind: water-quality } }
  - { at: 1h, for: 1h, what: clock-ahead, by: 3h, devices: { area: '330522200000' } }
  - { at: 1h, for: 1h, what: clock-1970, devices: { id: d-1 } }
  - { at: 2h, for: 1h, what: gateway-cut }
`;
  const started = Date.UTC(2026, 0, 1);
  const script = new Script(7, parseScenario(text), started);

  it('bears on its share of the devices inside its window only, on others in each round', () => {
    expect(silent(script, started + 10 * MINUTE - 1)).toEqual([]);
    const first = silent(script, started + 10 * MINUTE);
    expect(first.length).toBeGreaterThan(60);
    expect(first.length).toBeLessThan(140);
    expect(silent(script, started + 15 * MINUTE - 1)).toEqual(first);
    expect(silent(script, started + 15 * MINUTE)).toEqual([]);
    const second = silent(script, started + 70 * MINUTE);
    expect(second.length).toBeGreaterThan(60);
    expect(second).not.toEqual(first);
  });

  it('is the same run for the same seed and another for another', () => {
    const at = 10 * MINUTE;
    const again = new Script(7, parseScenario(text), 0);
    const other = new Script(8, parseScenario(text), 0);
    expect(silent(again, at)).toEqual(silent(script, started + at));
    expect(silent(other, at)).not.toEqual(silent(again, at));
  });

  it('selects by kind, area and id', () => {
    const at = started + 2 * HOUR - 1;
    for (const device of devices) {
      const { drift, clockErrorMs } = script.effects(device, at);
      expect(drift > 0).toBe(device.kind === 'water-quality');
      if (device.id === 'd-1') expect(at + clockErrorMs).toBe(2 * HOUR - 1);
      else expect(clockErrorMs).toBe(device.area.startsWith('330522200') ? 3 * HOUR : 0);
    }
    expect(script.effects(devices[1] as Selectable, started + 2 * HOUR).drift).toBeCloseTo(0.25);
  });

  it('cuts the gateway off', () => {
    expect(script.gatewayCut(started + 2 * HOUR - 1)).toBe(false);
    expect(script.gatewayCut(started + 2 * HOUR)).toBe(true);
    expect(script.gatewayCut(started + 3 * HOUR)).toBe(false);
  });

  it('rains when it says', () => {
    const rain = new Script(
      1,
      parseScenario('steps: [{ at: 1m, for: 1h, what: rain, by: 4 }]'),
      500,
    );
    expect(rain.rain()).toEqual([{ from: 60_500, to: 3_660_500, rate: 4 }]);
  });

  it('comes with a mild one that is sound', () => {
    expect(loadScenario(MILD_SCENARIO).length).toBeGreaterThan(5);
  });

  it.each([
    ['steps: [{ at: soon, for: 1h, what: dropout }]', 'steps.0.at'],
    ['steps: [{ at: 1m, for: 1h, what: explode }]', 'steps.0.what'],
    ['steps: [{ at: 1m, for: 1h, what: rain, every: 2h }]', 'every'],
    ['steps: [{ at: 1m, for: 1h, what: dropout, devices: { share: 2 } }]', 'steps.0.devices.share'],
    ['steps: [{ at: 1m, what: dropout, for: 1h, devices: { colour: red } }]', 'colour'],
  ])('is refused with the place of its fault: %s', (bad, place) => {
    expect(() => parseScenario(bad)).toThrow(place);
  });
});
