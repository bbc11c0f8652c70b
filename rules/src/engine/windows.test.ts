/** Series functions against their definitions, computed anew of all readings each time. */
import { MINUTE, type Random, SECOND, seededRandom } from '@village/core';
import { describe, expect, it } from 'vitest';
import type { Facts, WindowCall, WindowFunction } from '../language/expression.ts';
import { Inputs, type InputsState } from './inputs.ts';
import { device, rule, threshold } from './testing.ts';
import { SAMPLES_MAX } from './windows.ts';

type Reading = readonly [at: number, value: number];

const ofWindow = (readings: readonly Reading[], at: number, ms: number): number[] =>
  readings.filter((one) => one[0] > at - ms && one[0] <= at).map(([, value]) => value);

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** What a function gives after the last of the readings, which are in order of time. */
function defined(
  { function: name, ms }: WindowCall,
  readings: readonly Reading[],
  intervalMs: number,
): number {
  const [at, last] = readings.at(-1) as Reading;
  const before = readings.at(-2);
  if (name === 'changed') return before === undefined ? Number.NaN : Number(before[1] !== last);
  if (name === 'rate') {
    if (before === undefined || at - before[0] > 3 * intervalMs) return Number.NaN;
    return (last - before[1]) / ((at - before[0]) / 1000);
  }
  if (name === 'ewma') {
    let mean = readings[0]?.[1] as number;
    readings.forEach(([now, value], n) => {
      const gap = now - (readings[n - 1]?.[0] ?? now);
      mean += (1 - Math.exp(-gap / ms)) * (value - mean);
    });
    return mean;
  }
  if ((readings[0]?.[0] as number) > at - ms + intervalMs) return Number.NaN;
  const values = ofWindow(readings, at, ms);
  const mean = sum(values) / values.length;
  switch (name) {
    case 'avg':
      return mean;
    case 'sum':
      return sum(values);
    case 'count':
      return values.length;
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'first':
      return values[0] as number;
    case 'last':
      return last;
    case 'delta':
      return last - (values[0] as number);
    case 'stddev':
      return values.length < 2
        ? Number.NaN
        : Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / (values.length - 1));
  }
}

const NAMES: readonly WindowFunction[] = [
  ...(['avg', 'min', 'max', 'sum', 'count', 'stddev'] as const),
  ...(['delta', 'first', 'last', 'ewma', 'rate', 'changed'] as const),
];

function calls(random: Random): WindowCall[] {
  return NAMES.map((name) => ({
    function: name,
    input: 0,
    ms: name === 'rate' || name === 'changed' ? 0 : (1 + Math.floor(random() * 12)) * MINUTE,
  }));
}

/** The functions of one input of one device, as a rule knows them. */
class OneSeries {
  readonly #inputs: Inputs;
  readonly #facts: Facts;

  constructor(windows: readonly WindowCall[], counter = false) {
    const own = rule([{ severity: 'minor', when: threshold('>', 0) }], {
      slots: {
        ...{ inputs: ['value'], windows: [...windows], attributes: [], hasLimit: false },
        counters: [],
      },
    });
    const { subject } = own;
    this.#inputs = new Inputs(own, subject.kind === 'readings' ? subject.inputs : []);
    this.#inputs.resize(1);
    const metrics = [
      { key: 'x', quantity: counter ? 'water.volume-total' : 'water.level' } as never,
    ];
    const { profile, ...more } = device('d');
    this.#inputs.add(0, { ...more, profile: { ...profile, metrics } });
    this.#facts = {
      ...{ values: new Float64Array(1), ages: new Float64Array(1), qualities: new Int8Array(1) },
      ...{ windows: new Float64Array(windows.length), attributes: new Float64Array(0) },
      ...{ limit: Number.NaN, at: 0 },
    };
  }

  take(at: number, value: number, results: Float64Array): void {
    this.#inputs.learn(0, at, 0, [{ values: Float64Array.of(value), codes: null }]);
    this.#inputs.fill(0, this.#facts, at);
    results.set(this.#facts.windows);
  }

  takeLate(at: number, value: number): void {
    this.#inputs.learnLate(0, at, 0, [{ values: Float64Array.of(value), codes: null }]);
  }

  get dropped(): number {
    return this.#inputs.dropped;
  }

  state(): InputsState {
    return structuredClone(this.#inputs.state(0, 1));
  }

  restore(state: InputsState): void {
    this.#inputs.restore(state, 0, 0);
  }
}

const series = (own: readonly WindowCall[], counter = false): OneSeries =>
  new OneSeries(own, counter);

function expectClose(given: number | undefined, wanted: number, call: WindowCall): void {
  const which = `${call.function} of ${call.ms} ms`;
  if (Number.isNaN(wanted)) expect(given, which).toBeNaN();
  else expect(given, which).toBeCloseTo(wanted, 9);
}

describe('series functions', () => {
  it('give what their definitions give, after each reading, gaps and late readings included', () => {
    const random = seededRandom('windows');
    for (let n = 0; n < 300; n++) {
      const own = calls(random);
      const state = series(own);
      const results = new Float64Array(own.length).fill(Number.NaN);
      const readings: Reading[] = [];
      let at = 0;
      for (let m = 0; m < 60; m++) {
        at += random() < 0.9 ? MINUTE : Math.ceil(random() * 20) * MINUTE;
        // Quarters, so that sums are exact in any order.
        const value = Math.floor(random() * 80) / 4;
        readings.push([at, value]);
        state.take(at, value, results);
        own.forEach((call, slot) => {
          const wanted = defined(call, readings, MINUTE);
          expectClose(results[slot], wanted, call);
        });
      }
    }
  });

  it('take up readings that come late, each once', () => {
    const random = seededRandom('late');
    const whole = NAMES.filter((name) => !['ewma', 'rate', 'changed'].includes(name));
    for (let n = 0; n < 300; n++) {
      const own = calls(random).filter((call) => whole.includes(call.function));
      const state = series(own);
      const results = new Float64Array(own.length).fill(Number.NaN);
      const all = Array.from(
        { length: 40 },
        (_, m): Reading => [m * MINUTE, Math.floor(random() * 9)],
      );
      const late = all.filter((_, m) => m > 0 && m < 39 && random() < 0.3);
      for (const [at, value] of all.filter((one) => !late.includes(one) && one !== all[39]))
        state.take(at, value, results);
      for (const [at, value] of [...late, ...late].sort(() => random() - 0.5))
        state.takeLate(at, value);
      state.take(39 * MINUTE, all[39]?.[1] as number, results);
      own.forEach((call, slot) => {
        expectClose(results[slot], defined(call, all, MINUTE), call);
      });
    }
  });

  it('know no rate of a counter that was reset, and none over a gap', () => {
    const own: WindowCall[] = [{ function: 'rate', input: 0, ms: 0 }];
    const results = new Float64Array(1);
    const state = series(own, true);
    const rates = [
      [0, 10],
      [MINUTE, 70],
      [2 * MINUTE, 5],
      [3 * MINUTE, 11],
      [7 * MINUTE, 60],
    ].map(([at, value]) => {
      state.take(at as number, value as number, results);
      return results[0];
    });
    expect(rates).toEqual([Number.NaN, 1, Number.NaN, 0.1, Number.NaN]);
  });

  it('hold no more readings than they may, count what they let go, and know nothing of a window that is cut', () => {
    const own: WindowCall[] = [{ function: 'count', input: 0, ms: 24 * 60 * MINUTE }];
    const results = new Float64Array(1);
    const state = series(own);
    const seconds = 24 * 60 * 60;
    for (let n = 0; n < seconds + 100; n++) state.take(n * SECOND, 1, results);
    expect(results[0]).toBeNaN();
    expect(state.dropped).toBe(seconds + 100 - SAMPLES_MAX);
  });

  it('do not drift over a million readings', () => {
    const own: WindowCall[] = [
      { function: 'avg', input: 0, ms: 10 * MINUTE },
      { function: 'stddev', input: 0, ms: 10 * MINUTE },
    ];
    const results = new Float64Array(2);
    const state = series(own);
    const random = seededRandom('drift');
    const last: Reading[] = [];
    for (let n = 0; n < 1_000_000; n++) {
      // Large ones that leave again take the small ones' last digits with them.
      const value = n % 1000 === 0 ? 1e12 * random() : random();
      state.take(n * MINUTE, value, results);
      last.push([n * MINUTE, value]);
      if (last.length > 20) last.shift();
    }
    expect(results[0]).toBeCloseTo(defined(own[0] as WindowCall, last, MINUTE), 6);
    expect(results[1]).toBeCloseTo(defined(own[1] as WindowCall, last, MINUTE), 6);
  });

  it('go on after a restart as if there had been none', () => {
    const random = seededRandom('restart');
    const own = calls(random);
    const one = series(own);
    let other = series(own);
    const results = [0, 1].map(() => new Float64Array(own.length).fill(Number.NaN));
    for (let n = 0; n < 200; n++) {
      const value = random();
      one.take(n * MINUTE, value, results[0] as Float64Array);
      other.take(n * MINUTE, value, results[1] as Float64Array);
      expect(results[1]).toEqual(results[0]);
      if (n % 7 !== 0) continue;
      const again = series(own);
      again.restore(other.state());
      other = again;
    }
  });
});
