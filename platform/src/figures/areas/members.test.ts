/** Members of a figure of a large area: found, and what held of them looked at, while others have their turn. */
import { describe, expect, it } from 'vitest';
import { turnsOf } from '../../testing.ts';
import { Circumstances } from '../circumstances.ts';
import { defineFigure } from '../figure.ts';
import { above, profiles } from '../testing.ts';
import { Holding, membersOf } from './members.ts';
import { inputsOf } from './sources.ts';
import type { Stood } from './standing.ts';

const EVER = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const DEVICES = 5_000;
const stood: Stood[] = Array.from({ length: DEVICES }, (_, n) => ({
  ...{ device: `air-${n}`, stays: [EVER] },
  service: [{ from: n, to: Number.POSITIVE_INFINITY }],
}));
const installed = [{ profile: 'village/air-weather', since: 0 }];
const held = new Map(
  stood.map(({ device }) => [device, new Circumstances(device, profiles, installed, [])]),
);
const figure = defineFigure({
  ...{ of: 'area', id: 'many', version: 1, title: { zh: '多', en: 'Many' }, span: 'day' },
  ...{ keep: 'stored', unit: 'h', inputs: [{ name: 'above', figure: above }] },
  compute: ({ stations }) => stations('above').length,
});

describe('figures of an area of 5,000 devices', () => {
  it('finds the members, what held of them and what they gave in slices', async () => {
    const [finding, members] = await turnsOf(() => membersOf(figure, stood, held));
    expect(members).toHaveLength(DEVICES);
    expect(finding).toBeGreaterThan(DEVICES / 1_000);
    const [beginning, holding] = await turnsOf(() => Holding.over(figure, members));
    expect(beginning).toBeGreaterThan(DEVICES / 1_000);
    const [looking] = await turnsOf(() => holding.whole());
    expect(looking).toBeGreaterThan(DEVICES / 1_000);
    const given = new Map([['above', new Map(members.map(({ device }) => [device, new Map()]))]]);
    const [gathering] = await turnsOf(() =>
      inputsOf(figure, members, { from: 0, to: 86_400_000 }, given),
    );
    expect(gathering).toBeGreaterThan(DEVICES / 1_000);
  });

  it('tells the same of a device that always stood there, however it is asked', () => {
    const whole = held.get('air-0') as Circumstances;
    expect(whole.within([EVER])).toBe(whole);
    const part = whole.within([{ from: 5, to: 10 }]);
    expect(part.measured('air.o3').map(({ from, to }) => [from, to])).toEqual([[5, 10]]);
  });
});
