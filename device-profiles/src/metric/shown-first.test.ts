/** The order in which people are shown metrics, of the whole catalogue. */
import { expect, it } from 'vitest';
import { builtinCatalog, loadCatalog } from '../catalog.ts';
import { shownOrder, shownRank } from './shown-first.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const orderOf = (id: string): string[] => {
  const profile = profiles.get(id)!;
  return shownOrder(profile.kind, profile.metrics).map(({ key }) => key);
};

it.each([
  ['village/smart-bin', ['fill', 'weight', 'fire']],
  ['milesight/em400-udl', ['distance', 'tilt', 'battery']],
  ['generic/sewage-station', ['flow', 'cod', 'nh3n']],
  ['renke/all-in-one-weather', ['temperature', 'wind-speed', 'rain']],
  ['village/air-weather', ['pm25', 'pm10', 'o3']],
  ['chint/dtsu666', ['power', 'import', 'voltage-a']],
  ['tuf/tuf-2000', ['flow', 'total', 'heat']],
  ['boqu/phg-2091', ['ph', 'temperature']],
])('%s begins with %s', (id, first) => {
  expect(orderOf(id).slice(0, first.length)).toEqual(first);
});

it('is the same metrics, each once, whatever the type', () => {
  for (const [id, profile] of profiles)
    expect(orderOf(id).toSorted(), id).toEqual(profile.metrics.map(({ key }) => key).toSorted());
});

it('of an area begins with what comes first at some kind of device, and ends with how devices themselves are', () => {
  expect(shownRank('bin.fill-level')).toBe(0);
  expect(shownRank('water.flow-rate')).toBe(0);
  expect(shownRank('water.ph')).toBeLessThan(shownRank('water.temperature'));
  expect(shownRank('water.temperature')).toBeLessThan(shownRank('device.battery'));
});
