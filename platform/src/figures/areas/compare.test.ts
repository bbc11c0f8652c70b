/** What a comparison tells of areas is what their figures are under each, whoever stood where; and what it may not read is counted. */
import { DAY, HOUR, seededRandom } from '@village/core';
import { registryStore } from '@village/registry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CorrectedQueries } from '../../corrections/queries.ts';
import { StatementBook } from '../../corrections/statement.ts';
import { dayOf } from '../days.ts';
import { type AreaFigure, defineFigure } from '../figure.ts';
import { Sources, statementsOf } from '../sources.ts';
import { DAYS, Places, Rig, readings, START, STATEMENTS } from '../stored/testing.ts';
import {
  above,
  areaAbove,
  COUNTY,
  device,
  EAST,
  EAST_VILLAGE,
  moving,
  profiles,
  WEST,
} from '../testing.ts';
import { AreaComparison, type AreaDifference, type CompareOptions } from './compare.ts';

const title = { zh: '试', en: 'Test' };
const hourly = defineFigure({
  ...{ of: 'area', id: 'area-hourly', version: 1, title, span: 'hour', keep: 'computed', unit: '' },
  inputs: [{ name: 'moving', figure: moving }],
  compute: ({ stations }) =>
    stations('moving')
      .flatMap((one) => one.values)
      .reduce((sum, { value }) => sum * 1.0001 + (value ?? 0), 0),
});
const FIGURES: readonly AreaFigure[] = [areaAbove, hourly];
const AREAS = [COUNTY, EAST, WEST, EAST_VILLAGE];
const ALL = { from: START, to: START + DAYS * DAY };

const places = new Places();
const rigs: Rig[] = [];
beforeAll(() => places.open(), 90_000);
afterAll(() => places.close(), 60_000);
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

const sourcesOf = ({ store, relational }: Rig, book: StatementBook): Sources => {
  const nowhere = { locations: () => undefined, profile: () => undefined, count: () => 0 };
  const rows = new CorrectedQueries(store, () => book, nowhere);
  return new Sources({ rows, statements: statementsOf(() => book), relational, profiles });
};

describe('a comparison of figures of areas', () => {
  const start = async (): Promise<Rig> => {
    const figures = [above, moving, ...FIGURES];
    const rig = await new Rig(places.of('embedded', 'SQLite'), { figures }).start();
    rigs.push(rig);
    await rig.machine.put(readings(seededRandom('compare')));
    for (const [id, area, hour] of [
      ['a', EAST_VILLAGE, 5],
      ['b', WEST, 30],
    ] as const)
      await registryStore(rig.relational).importDevices({
        devices: [device(id, area)],
        ...{ at: START + hour * HOUR, by: 'test', gateways: [], credentials: [] },
      });
    return rig;
  };
  const compare = (
    rig: Rig,
    books: readonly [StatementBook, StatementBook],
    more: Partial<CompareOptions> = {},
  ) => {
    const days = Array.from({ length: DAYS + 1 }, (_, n) => dayOf(START) + n);
    return new AreaComparison({
      figures: FIGURES,
      areas: rig.machine.areaSources,
      sources: [sourcesOf(rig, books[0]), sourcesOf(rig, books[1])],
      days: new Map([
        ['a', days],
        ['b', days],
      ]),
      sees: () => true,
      clock: rig.timer.now,
      elapsed: () => 0,
      ...more,
    }).run();
  };
  const told = (one: AreaDifference): string => `${one.figure} ${one.area} ${one.at}`;
  const figuresOf = async (rig: Rig): Promise<Map<string, readonly [number | null, number]>> => {
    const found = new Map<string, readonly [number | null, number]>();
    for (const figure of FIGURES)
      for (const area of AREAS)
        for (const one of await rig.machine.areas.values(figure, area, ALL))
          found.set(`${figure.id} ${area} ${one.at}`, [one.value, one.completeness]);
    return found;
  };

  it('tells each that differs and what it is, statement by statement', {
    timeout: 60_000,
  }, async () => {
    const rig = await start();
    let before = await figuresOf(rig);
    let differing = 0;
    for (const { id } of STATEMENTS) {
      const book = rig.book;
      await rig.say(id);
      const after = await figuresOf(rig);
      const { differences, unseen } = await compare(rig, [book, rig.book]);
      expect(unseen).toBe(0);
      const changed = [...before].filter(([key, one]) => String(after.get(key)) !== String(one));
      const names = differences.map(told);
      expect(names).toEqual(expect.arrayContaining(changed.map(([key]) => key)));
      for (const one of differences.filter(({ at }) => at < ALL.to))
        expect([
          told(one),
          [one.before.value, one.before.completeness],
          [one.after.value, one.after.completeness],
        ]).toEqual([...[told(one), before.get(told(one)), after.get(told(one))]]);
      differing += changed.length;
      before = after;
    }
    expect(differing).toBeGreaterThan(20);
  });

  it('leaves out what is not to be seen, and counts what took too long', async () => {
    const rig = await start();
    const statement = { ...STATEMENTS[0]!, from: START + 40 * HOUR, to: START + 43 * HOUR };
    const books = [new StatementBook([]), new StatementBook([statement])] as const;
    const days = new Map([['a', [dayOf(statement.from)]]]);
    const whole = await compare(rig, books, { days });
    expect(new Set(whole.differences.map(({ area }) => area)).size).toBeGreaterThan(1);
    const seen = await compare(rig, books, { days, sees: (area) => area === COUNTY });
    expect(seen.differences).toEqual(whole.differences.filter(({ area }) => area === COUNTY));
    // Time is over before anybody else's readings could be read.
    let now = 0;
    const late = await compare(rig, books, { days, elapsed: () => (now += 10_000) });
    const own = late.differences.map(told);
    expect(whole.differences.map(told)).toEqual(expect.arrayContaining(own));
    expect(own.length).toBeLessThan(whole.differences.length);
    expect(late.unseen).toBeGreaterThanOrEqual(whole.differences.length - own.length);
  });
});
