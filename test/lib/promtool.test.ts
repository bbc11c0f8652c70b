/** The oracle of rules: it finds every planted error, calls nothing right that is wrong, and takes thousands of cases at once. */
import { seededRandom } from '@village/core';
import { describe, expect, it } from 'vitest';
import { differences, type PromCase } from './promtool.ts';

const MINUTE = 60_000;

/** A case in minutes. */
const minutes = (
  id: string,
  series: readonly number[],
  [forMinutes, keepMinutes]: readonly [number, number],
  firing: readonly (readonly [number, number])[],
  condition: PromCase['condition'] = { operator: '>', value: 1 },
): PromCase => ({
  ...{ id, series, condition, forMs: forMinutes * MINUTE, keepMs: keepMinutes * MINUTE },
  firing: firing.map(([from, to]) => [from * MINUTE, to * MINUTE]),
});

describe('by hand', () => {
  const RIGHT: readonly PromCase[] = [
    minutes('never', [0, 1, 0], [0, 0], []),
    minutes('at once', [0, 2, 2, 0], [0, 0], [[1, 3]]),
    // True since 1, so that two minutes are over at 3.
    minutes('after two minutes', [0, 2, 2, 2, 2, 0], [2, 0], [[3, 5]]),
    minutes('a minute too short', [0, 2, 2, 0, 2, 2, 0], [2, 0], []),
    // False since 4: kept until a minute is over at 5.
    minutes('kept for a minute', [0, 2, 2, 2, 0, 0, 0], [2, 1], [[3, 5]]),
    minutes('kept over a gap', [2, 0, 2, 0, 0, 0], [0, 2], [[0, 5]]),
    minutes('from the first to the last', [2, 2, 2], [0, 0], [[0, 3]]),
    minutes('true at the last alone', [0, 0, 2], [0, 0], [[2, 3]]),
    minutes(
      'twice',
      [2, 0, 0, 2, 0],
      [0, 1],
      [
        [0, 2],
        [3, 5],
      ],
    ),
    // It was not firing: nothing is kept.
    minutes('pending is not kept', [2, 2, 0, 2, 0], [2, 5], []),
    minutes('the limit itself', [1, 1.0000000000000002, 1], [0, 0], [[1, 2]]),
    minutes('below', [3, 0.5, 0.5, 3], [1, 0], [[2, 3]], { operator: '<', value: 1 }),
    minutes('at least', [0.1, 0.3, 0.1], [0, 0], [[1, 2]], { operator: '>=', value: 0.3 }),
    minutes(
      'at most',
      [-5, 0, -7],
      [0, 0],
      [
        [0, 1],
        [2, 3],
      ],
      { operator: '<=', value: -5 },
    ),
    minutes('one value', [7], [0, 0], [[0, 1]]),
  ];

  it('is right where it is', async () => {
    expect(await differences(RIGHT)).toEqual([]);
  });

  it.each<[string, (firing: PromCase['firing']) => PromCase['firing']]>([
    ['a minute too early', (firing) => firing.map(([from, to]) => [from - MINUTE, to])],
    ['a minute too late', (firing) => firing.map(([from, to]) => [from + MINUTE, to])],
    ['over too early', (firing) => firing.map(([from, to]) => [from, to - MINUTE])],
    ['not at all', () => []],
    ['all the time', () => [[0, 60 * MINUTE]]],
  ])('finds what fires %s', async (_what, change) => {
    const wrong = RIGHT.map((one) => ({ ...one, firing: change(one.firing) }));
    // By hand as well: what is the same at the times of values is no error.
    const told = (one: PromCase): string =>
      one.series
        .map((_, n) => one.firing.some(([from, to]) => from <= n * MINUTE && n * MINUTE < to))
        .join();
    const expected = wrong.filter((one, n) => told(one) !== told(RIGHT[n] as PromCase));
    expect(expected.length).toBeGreaterThan(2);
    expect(await differences(wrong)).toEqual(expected.map(({ id }) => id));
  });

  it('looks at other intervals, and at series of different lengths', async () => {
    const cases = [
      { ...RIGHT[2]!, forMs: 10_000, firing: [[15_000, 25_000]] as const },
      { ...RIGHT[6]!, firing: [[0, 15_000]] as const },
    ];
    expect(await differences(cases, { intervalMs: 5_000 })).toEqual([]);
    const wrong = { ...cases[0]!, firing: [[15_000, 20_000]] as const };
    expect(await differences([cases[1]!, wrong], { intervalMs: 5_000 })).toEqual([RIGHT[2]!.id]);
  });

  it('takes thousands of one kind with one value each', async () => {
    const cases = Array.from({ length: 4_500 }, (_, n) =>
      minutes(`one ${n}`, [n % 3], [0, 0], n % 3 === 2 ? [[0, 1]] : []),
    );
    expect(await differences(cases)).toEqual([]);
    const wrong = cases.with(4_400, { ...cases[4_400]!, firing: [] });
    expect(await differences(wrong)).toEqual(['one 4400']);
  });

  it('refuses what it can not ask', async () => {
    const [one] = RIGHT as [PromCase];
    await expect(differences([one, one])).rejects.toThrow('one id');
    await expect(differences([{ ...one, series: [] }])).rejects.toThrow('no values');
    await expect(differences([{ ...one, series: [Number.NaN] }])).rejects.toThrow('no number');
    await expect(differences([{ ...one, forMs: 0.5 }])).rejects.toThrow('whole milliseconds');
    await expect(differences([one], { intervalMs: 6 * MINUTE })).rejects.toThrow('forgotten');
    await expect(differences([one], { timeoutMs: 1 })).rejects.toThrow();
    expect(await differences([])).toEqual([]);
  });
});

describe('ten thousand cases', { timeout: 300_000 }, () => {
  const COUNT = 10_000;
  const random = seededRandom('promtool');
  const below = (most: number): number => Math.floor(random() * most);

  /** As the documentation of Prometheus has it: pending since the first true value, kept since the first false one. */
  function firingOf({ series, condition, forMs, keepMs }: Omit<PromCase, 'firing'>) {
    const firing: [number, number][] = [];
    let since: number | null = null;
    let fires = false;
    let falseSince: number | null = null;
    series.forEach((value, n) => {
      const now = n * MINUTE;
      const holds = {
        '>': value > condition.value,
        '>=': value >= condition.value,
        '<': value < condition.value,
        '<=': value <= condition.value,
      }[condition.operator];
      if (holds) {
        since ??= now;
        falseSince = null;
        fires ||= now - since >= forMs;
      } else {
        falseSince ??= now;
        // Pending ends at once.
        if (!fires || now - falseSince >= keepMs) {
          fires = false;
          since = null;
        }
      }
      if (!fires) return;
      const last = firing.at(-1);
      if (last?.[1] === now) last[1] = now + MINUTE;
      else firing.push([now, now + MINUTE]);
    });
    return firing;
  }

  const cases = Array.from({ length: COUNT }, (_, n): PromCase => {
    let value = random() * 4;
    const one = {
      id: `case ${n}`,
      series: Array.from({ length: 20 + below(41) }, () => {
        if (random() < 0.4) value = Math.round(random() * 40) / 10;
        return value;
      }),
      condition: {
        operator: (['>', '>=', '<', '<='] as const)[below(4)]!,
        value: Math.round(random() * 40) / 10,
      },
      forMs: below(6) * MINUTE,
      keepMs: below(6) * MINUTE,
    };
    return { ...one, firing: firingOf(one) };
  });

  it('are right in one run, of which most fire, some twice', async () => {
    const times = cases.map(({ firing }) => firing.length);
    expect(times.filter((n) => n > 0).length).toBeGreaterThan(COUNT / 2);
    expect(times.filter((n) => n > 1).length).toBeGreaterThan(COUNT / 10);
    const begun = performance.now();
    expect(await differences(cases)).toEqual([]);
    console.log(`promtool: ${COUNT} cases in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  });

  it('have one planted error found, the least that there is', async () => {
    const n = cases.findIndex(({ firing }) => firing.length > 1);
    const chosen = cases.findIndex(({ firing }, at) => at > n + 5_000 && firing.length > 1);
    const [[from, to], ...rest] = cases[chosen]!.firing as [[number, number]];
    const planted = cases.with(chosen, {
      ...cases[chosen]!,
      firing: [[from, to + MINUTE], ...rest],
    });
    expect(await differences(planted)).toEqual([`case ${chosen}`]);
  });

  it('have all of many planted errors found, also more than one question can tell', async () => {
    const some = cases.slice(0, 1_500);
    // The first minute turned: one difference in each of them.
    const turned = ({ firing }: PromCase): PromCase['firing'] =>
      firing[0]?.[0] === 0
        ? [[MINUTE, firing[0][1]], ...firing.slice(1)]
        : [[0, MINUTE], ...firing];
    const few = some.map((one, n) => (n % 97 === 5 ? { ...one, firing: turned(one) } : one));
    expect(await differences(few)).toEqual(some.filter((_, n) => n % 97 === 5).map(({ id }) => id));
    // All of it turned, in tens of thousands of minutes.
    const whole = some.map((one) => ({
      ...one,
      firing: one.series.flatMap((_, n): [number, number][] =>
        one.firing.some(([from, to]) => from <= n * MINUTE && n * MINUTE < to)
          ? []
          : [[n * MINUTE, (n + 1) * MINUTE]],
      ),
    }));
    expect(await differences(whole)).toEqual(some.map(({ id }) => id));
  });
});
