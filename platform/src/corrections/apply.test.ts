/** What statements do to readings: by example, and by any order of statements, undoings and readings. */
import { seededRandom } from '@village/core';
import type { RangeRow } from '@village/store/time-series';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CorrectedRow, corrected } from './apply.ts';
import {
  checkSaying,
  contradict,
  type Saying,
  type Statement,
  StatementBook,
} from './statement.ts';
import { DEVICES, METRICS, received, statementsArbitrary } from './testing.ts';

const SEED = 20_261_128;
const STEP = 60_000;
const ALL = { from: -1e9, to: 1e9 };

let next = 1;
const say = (more: Partial<Saying>): Statement => ({
  id: next++,
  kind: 'offset',
  device: 'a',
  metric: null,
  from: 0,
  to: 100,
  value: null,
  target: null,
  ...more,
});
const book = (...statements: Partial<Saying>[]): StatementBook =>
  new StatementBook(statements.map(say));
const cod = (rows: readonly CorrectedRow[]): unknown[] =>
  rows.map(({ at, values, quality }) => [at, values['cod'], quality['cod'] ?? 'good']);
const of = (given: StatementBook, device: string, rows: Record<string, RangeRow[]>): unknown[] =>
  cod(corrected(given, new Map(Object.entries(rows)), device));

describe('a reading', () => {
  const rows = { a: [received(10, { cod: 4 }, { cod: 'fault' }), received(100, { cod: 5 })] };

  it('is multiplied before it is added to, over the span alone, which its end does not belong to', () => {
    const given = book({ kind: 'offset', value: 1 }, { kind: 'factor', value: 3 });
    expect(of(given, 'a', rows)).toEqual([
      [10, 13, 'fault'],
      [100, 5, 'good'],
    ]);
  });

  it('becomes invalid, or good', () => {
    expect(of(book({ kind: 'invalid', to: 101 }), 'a', rows)).toEqual([
      [10, 4, 'invalid'],
      [100, 5, 'invalid'],
    ]);
    expect(of(book({ kind: 'accept' }), 'a', rows)).toEqual([
      [10, 4, 'good'],
      [100, 5, 'good'],
    ]);
  });

  it('keeps what was received beside it, with the statements that speak of it', () => {
    const given = book(
      { kind: 'shift-clock', value: 7 },
      { kind: 'offset', value: 1, metric: 'ph' },
    );
    const [first] = corrected(given, new Map([['a', [received(10, { cod: 4, ph: 7 })]]]), 'a');
    const [shift, offset] = given.of('a').map(({ id }) => id);
    expect(first).toMatchObject({ at: 17, values: { cod: 4, ph: 8 } });
    expect(first?.received).toEqual({
      cod: { device: 'a', at: 10, value: 4, quality: 'good', statements: [shift] },
      ph: { device: 'a', at: 10, value: 7, quality: 'good', statements: [shift, offset] },
    });
  });

  it('that moves to where one is stays away; one that makes room is not there', () => {
    const two = { a: [received(10, { cod: 1 }), received(20, { cod: 2 })] };
    expect(of(book({ kind: 'shift-clock', value: 10, to: 15 }), 'a', two)).toEqual([
      [20, 2, 'good'],
    ]);
    expect(of(book({ kind: 'shift-clock', value: 10 }), 'a', two)).toEqual([
      [20, 1, 'good'],
      [30, 2, 'good'],
    ]);
  });

  it('belongs to another device, whose own stays where both are', () => {
    const both = {
      a: [received(10, { cod: 1 }), received(20, { cod: 2 })],
      b: [received(20, { cod: 9 })],
    };
    const given = book({ kind: 'reassign', target: 'b' });
    expect(of(given, 'a', both)).toEqual([]);
    expect(of(given, 'b', both)).toEqual([
      [10, 1, 'good'],
      [20, 9, 'good'],
    ]);
  });

  it('is exchanged between two devices that stood under each other’s id', () => {
    const both = { a: [received(10, { cod: 1 })], b: [received(10, { cod: 9 })] };
    const given = book(
      { kind: 'reassign', target: 'b' },
      { kind: 'reassign', device: 'b', target: 'a' },
      // Said of what was received from b, so it follows the reading to a.
      { kind: 'offset', device: 'b', value: 0.5 },
    );
    expect(of(given, 'a', both)).toEqual([[10, 9.5, 'good']]);
    expect(of(given, 'b', both)).toEqual([[10, 1, 'good']]);
  });
});

describe('statements', () => {
  it('contradict each other where one reading would be two things', () => {
    const pairs: [Partial<Saying>, Partial<Saying>, boolean][] = [
      [{ kind: 'invalid' }, { kind: 'accept' }, true],
      [{ kind: 'invalid', metric: 'cod' }, { kind: 'accept', metric: 'ph' }, false],
      [{ kind: 'invalid', metric: 'cod' }, { kind: 'accept' }, true],
      [{ kind: 'invalid', to: 50 }, { kind: 'accept', from: 50 }, false],
      [{ kind: 'invalid' }, { kind: 'accept', device: 'b' }, false],
      [
        { kind: 'shift-clock', value: 1 },
        { kind: 'shift-clock', value: 2, from: 99, to: 200 },
        true,
      ],
      [{ kind: 'reassign', target: 'b' }, { kind: 'reassign', target: 'c' }, true],
      [{ kind: 'reassign', target: 'b' }, { kind: 'reassign', target: 'b', to: 50 }, false],
      [{ kind: 'offset', value: 1 }, { kind: 'offset', value: 2 }, false],
      [{ kind: 'offset', value: 1 }, { kind: 'offset', value: 1 }, true],
      [{ kind: 'factor', value: 2 }, { kind: 'offset', value: 2 }, false],
    ];
    for (const [a, b, expected] of pairs) {
      expect([a, b, contradict(say(a), say(b))]).toEqual([a, b, expected]);
      expect(contradict(say(b), say(a))).toBe(expected);
    }
  });

  it('whose parts do not fit are refused', () => {
    const bad: Partial<Saying>[] = [
      { kind: 'offset' },
      { kind: 'offset', value: 0 },
      { kind: 'offset', value: Number.NaN },
      { kind: 'offset', value: 1, target: 'b' },
      { kind: 'factor', value: 1 },
      { kind: 'factor', value: 0 },
      { kind: 'factor', value: 1e7 },
      { kind: 'invalid', value: 1 },
      { kind: 'reassign' },
      { kind: 'reassign', target: 'a' },
      { kind: 'shift-clock', value: 0.5 },
      { kind: 'shift-clock', value: 1, metric: 'cod' },
      { kind: 'shift-clock', value: 4e10 },
      { kind: 'accept', from: 100 },
    ];
    for (const one of bad)
      expect(() => checkSaying(say(one)), JSON.stringify(one)).toThrow(
        expect.objectContaining({ code: 'bad-statement' }),
      );
  });

  it('reach the times before and after a shift, and both devices of a reassignment', () => {
    const given = book({ kind: 'shift-clock', value: 500, from: 0, to: 50 });
    expect(given.reach(say({ kind: 'reassign', target: 'b' }))).toEqual([
      { device: 'a', from: 0, to: 100 },
      { device: 'a', from: 500, to: 600 },
      { device: 'b', from: 0, to: 100 },
      { device: 'b', from: 500, to: 600 },
    ]);
  });
});

/** Three devices over forty steps; some rows carry one metric, some flags. */
const rows = new Map(
  DEVICES.map((device) => {
    const random = seededRandom(`corrections ${device}`);
    const list = Array.from({ length: 40 }, (_, n) => {
      const value = (): number => Math.round(random() * 1_000) / 10;
      const values = random() < 0.3 ? { cod: value() } : { cod: value(), ph: value() };
      return received(n * STEP, values, random() < 0.2 ? { cod: 'fault' } : {});
    });
    return [device, list.filter(() => random() < 0.9)] as const;
  }),
);
const answers = (given: StatementBook, of = rows): unknown =>
  DEVICES.map((device) => corrected(given, of, device));

const shuffled = <T>(list: readonly T[], seed: number): T[] => {
  const random = seededRandom(String(seed));
  return list
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
};

const without = (given: StatementBook, statement: Statement): StatementBook =>
  given.changed([{ number: given.number, statement, holds: false }]);

describe('whatever the order', () => {
  it('of statements, of undoings and of readings, also of those that came twice: the same', () => {
    let runs = 0;
    let statements = 0;
    let undone = 0;
    fc.assert(
      fc.property(statementsArbitrary(0, STEP), fc.nat(), fc.nat(), (list, seed, mask) => {
        const staying = list.filter((_, n) => ((mask >> n) & 1) === 0);
        const expected = answers(new StatementBook(staying));
        let given = new StatementBook([]);
        for (const one of shuffled(list, seed)) given = given.with(one);
        for (const one of shuffled(list, seed + 1))
          if (!staying.includes(one)) given = without(given, one);
        const arrived = new Map(
          [...rows].map(([device, all]) => [device, shuffled([...all, ...all.slice(0, 9)], seed)]),
        );
        expect(answers(given, arrived)).toEqual(expected);
        runs++;
        statements += list.length;
        undone += list.length - staying.length;
      }),
      { seed: SEED, numRuns: 300 },
    );
    console.info(`seed ${SEED}: ${runs} runs, ${statements} statements, ${undone} undone`);
    expect(statements).toBeGreaterThan(500);
  });

  it('undone to the last, every reading is what was received', () => {
    fc.assert(
      fc.property(statementsArbitrary(0, STEP), (list) => {
        let given = new StatementBook(list);
        for (const one of list) given = without(given, one);
        const raw = DEVICES.map((device) =>
          rows.get(device)!.map((row) => ({ ...row, received: {} })),
        );
        expect(answers(given)).toEqual(raw);
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it('outside what the book says is touched, nothing differs', () => {
    fc.assert(
      fc.property(
        statementsArbitrary(0, STEP),
        fc.constantFrom(undefined, ...METRICS),
        (list, metric) => {
          const given = new StatementBook(list);
          const metrics = metric === undefined ? undefined : [metric];
          for (const device of DEVICES) {
            const touched = given.touched(device, metrics, ALL);
            const untouched = (all: readonly RangeRow[]): unknown[] =>
              all
                .filter(({ at }) => !touched.some(({ from, to }) => at >= from && at < to))
                .flatMap(({ at, values, quality }) =>
                  (metrics ?? METRICS).map((one) => [at, values[one], quality[one]]),
                )
                .filter(([, value]) => value !== undefined);
            expect(untouched(corrected(given, rows, device))).toEqual(untouched(rows.get(device)!));
          }
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('what a statement reaches is all that it changes', () => {
    fc.assert(
      fc.property(statementsArbitrary(0, STEP), (list) => {
        const last = list.at(-1);
        if (last === undefined) return;
        const before = new StatementBook(list.slice(0, -1));
        const after = before.with(last);
        const reach = before.reach(last);
        for (const device of DEVICES) {
          const seen = (given: StatementBook): unknown[] =>
            corrected(given, rows, device)
              .filter(
                ({ at }) =>
                  !reach.some((one) => one.device === device && at >= one.from && at < one.to),
              )
              .map(({ at, values, quality }) => [at, values, quality]);
          expect(seen(after)).toEqual(seen(before));
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

it('every statement that speaks of a reading touches the device and time where the reading is then', () => {
  let followed = 0;
  fc.assert(
    fc.property(statementsArbitrary(0, STEP, 12), (statements) => {
      const given = new StatementBook(statements);
      const times = Array.from({ length: 45 }, (_, n) => n * STEP);
      const rows = new Map(
        DEVICES.map((device) => [device, times.map((at) => received(at, { cod: 1, ph: 7 }))]),
      );
      for (const device of DEVICES)
        for (const { at, received: was } of corrected(given, rows, device)) {
          const touching = given.touching(device, { from: at, to: at + 1 });
          const spoken = Object.values(was).flatMap((one) => one.statements);
          expect(touching).toEqual(expect.arrayContaining(spoken));
          followed += Object.values(was).filter(
            (one) => one.statements.length > 1 && (one.device !== device || one.at !== at),
          ).length;
        }
    }),
    { seed: SEED, numRuns: 300 },
  );
  expect(followed).toBeGreaterThan(50);
});

it('a device whose clock and place were changed a thousand times is asked about as quickly as others', () => {
  const common = { metric: null, value: null, target: null } as const;
  const list: Statement[] = Array.from({ length: 499 }, (_, n) => [
    {
      ...common,
      ...{ id: 2 * n + 1, kind: 'shift-clock' as const, device: 'a', value: 7 },
      ...{ from: n * 100, to: n * 100 + 60 },
    },
    {
      ...common,
      ...{ id: 2 * n + 2, kind: 'reassign' as const, device: 'a', target: 'b' },
      ...{ from: n, to: 40_000 + n },
    },
  ]).flat();
  const book = new StatementBook(list);
  // Nothing of 499 clocks and moves lies there; each question looked through all of them once.
  for (let n = 0; n < 5_000; n++) {
    const span = { from: 1_000_000 + n, to: 1_000_100 + n };
    expect(book.touched('b', undefined, span)).toEqual([]);
    expect(book.touching('b', span)).toEqual([]);
  }
  expect(book.touched('b', ['cod'], { from: -5, to: 150 })).toEqual([
    { from: 7, to: 100 },
    { from: 107, to: 150 },
  ]);
  expect(book.touched('b', ['cod'], { from: 40_450, to: 60_000 })).toEqual([
    { from: 40_450, to: 40_498 },
  ]);
  expect(book.clock('a', { from: 90, to: 230 })).toEqual([
    { from: 90, to: 100, shift: 0 },
    { from: 100, to: 160, shift: 7 },
    { from: 160, to: 200, shift: 0 },
    { from: 200, to: 230, shift: 7 },
  ]);
});

describe('a book that another one becomes', () => {
  /** Everything that is asked of a book. */
  const all = (given: StatementBook): unknown => {
    const ids = (list: readonly Statement[]): number[] =>
      list.map(({ id }) => id).sort((a, b) => a - b);
    return DEVICES.map((device) => [
      ...[ids(given.of(device)), ids(given.into(device)), ids(given.inOrder(device)), given.size],
      ...[given.clock(device, ALL), given.touching(device, { from: 3 * STEP, to: 9 * STEP })],
      ...[null, ...METRICS].map((one) =>
        given.touched(device, one === null ? undefined : [one], ALL),
      ),
      ...[0, 8, 20].map((n) => given.devicesAround({ from: n * STEP, to: (n + 3) * STEP }).sort()),
    ]);
  };

  it('says what one says that was made of the same statements, whatever was asked before', () => {
    let steps = 0;
    fc.assert(
      fc.property(statementsArbitrary(0, STEP, 12), fc.nat(), (list, seed) => {
        let given = new StatementBook([]);
        const held = new Set<Statement>();
        for (const one of shuffled([...list, ...list, ...list], seed)) {
          const before = given;
          const was = all(before);
          const heldBefore = [...held];
          const holds = !held.delete(one);
          if (holds) held.add(one);
          given = given.changed([{ number: ++steps, statement: one, holds }]);
          const fresh = new StatementBook([...held]);
          expect(all(given)).toEqual(all(fresh));
          expect(all(before)).toEqual(was);
          expect(before.differing(given)).toEqual(new StatementBook(heldBefore).differing(fresh));
          expect(given.number).toBe(steps);
        }
      }),
      { seed: SEED, numRuns: 100 },
    );
    expect(steps).toBeGreaterThan(500);
  });

  it('has all in common with it that is about other devices', () => {
    const list = Array.from({ length: 400 }, (_, n) =>
      say({ device: `d${n % 100}`, value: 1 + n, from: n * 1_000, to: n * 1_000 + 100 }),
    );
    const given = new StatementBook(list);
    const span = { from: 0, to: 1e9 };
    const found = (one: StatementBook) => (_: unknown, n: number) => [
      ...[one.of(`d${n}`), one.inOrder(`d${n}`)],
    ];
    expect(given.devicesAround(span)).toHaveLength(100);
    const were = Array.from({ length: 100 }, found(given));
    const moved = say({ kind: 'reassign', device: 'd7', target: 'd9' });
    const next = given.changed([{ number: 1, statement: moved, holds: true }]);
    const same = Array.from({ length: 100 }, found(next)).filter((lists, n) =>
      lists.every((one, k) => one === were[n]![k]),
    );
    expect(same).toHaveLength(98);
    expect([...given.differing(next)].sort()).toEqual(['d7', 'd9']);
  });
});
