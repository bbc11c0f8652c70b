/** Where areas and devices of the fixture are, and what is asked of a time. */
import type * as api from '@village/api';
import { areas, type FixtureArea, type FixtureDevice } from '../county.ts';

export const iso = (at: number): string => new Date(at).toISOString();

type Line = api.shapes.AreaRef[];

/** By code: the areas from the top down to it. Areas stand after their parents. */
const lines = new Map<string, Line>();
for (const { code, name, parent } of areas)
  lines.set(code, [...(lines.get(parent ?? '') ?? []), { code, name }]);
export const pathOf = ({ code, name, parent }: FixtureArea): Line =>
  lines.get(code) ?? [...(lines.get(parent ?? '') ?? []), { code, name }];
export const inside = (area: FixtureArea, code: string): boolean =>
  pathOf(area).some((place) => place.code === code);

/** Devices by state. */
export function tally(devices: readonly FixtureDevice[]): api.shapes.Counts {
  const counts = { online: 0, late: 0, offline: 0, never: 0 };
  for (const { state } of devices) counts[state]++;
  return counts;
}

/** From and to of a question, ms. */
export const range = (query: URLSearchParams): [number, number] => [
  Date.parse(query.get('from') ?? ''),
  Date.parse(query.get('to') ?? ''),
];
