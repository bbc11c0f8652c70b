/** The engine against a brute-force judge that walks through time second by second and holds nothing but what docs/rules.md says. */
import {
  gapAfterMs,
  MINUTE,
  type Random,
  SECOND,
  type Severity,
  seededRandom,
} from '@village/core';
import { describe, expect, it } from 'vitest';
import { History } from './history.ts';
import { device, noLimit, rule, threshold } from './testing.ts';

const CASES = Number(process.env['VILLAGE_RULE_CASES'] ?? 20_000);

interface Level {
  readonly severity: Severity;
  readonly above: number;
  readonly clearBelow: number | null;
  readonly forS: number;
}

interface Case {
  readonly levels: readonly Level[];
  readonly clearForS: number;
  readonly minActiveS: number;
  readonly strictFor: boolean;
  readonly intervalS: number;
  /** Seconds and values; NaN is a reading whose quality does not count. */
  readonly samples: readonly (readonly [at: number, value: number])[];
  readonly endS: number;
}

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T;

function makeCase(random: Random): Case {
  const severities: Severity[] = ['critical', 'major', 'minor'];
  const count = 1 + Math.floor(random() * 3);
  const levels = severities.slice(0, count).map((severity, n) => {
    const above = 6 - n + Math.floor(random() * 2);
    return {
      severity,
      above,
      clearBelow: pick(random, [null, above, above - 1, above - 2]),
      forS: pick(random, [0, 0, 5, 20, 60]),
    };
  });
  const intervalS = pick(random, [5, 10, 20]);
  const samples: (readonly [number, number])[] = [];
  let value = 4;
  let at = 1 + Math.floor(random() * 20);
  for (let n = 0; n < 30; n++) {
    value = Math.max(0, Math.min(9, value + Math.floor(random() * 5) - 2));
    samples.push([at, random() < 0.08 ? Number.NaN : value]);
    at += pick(random, [intervalS, intervalS, intervalS, intervalS * 2, intervalS * 5, 1, 3]);
  }
  return {
    levels,
    clearForS: pick(random, [0, 0, 10, 45]),
    minActiveS: pick(random, [0, 0, 30, 100]),
    strictFor: random() < 0.3,
    ...{ intervalS, samples, endS: at + pick(random, [0, 50, 200]) },
  };
}

interface Found {
  readonly severity: Severity;
  readonly from: number;
  readonly raised: number;
  readonly to: number | null;
}

/** One level, looked at each second: what the last reading said, since when, and how much of that counts. */
class Slow {
  readonly level: Level;
  readonly of: Case;
  state: 'normal' | 'pending' | 'active' | 'clearing' = 'normal';
  since = 0;
  /** Seconds for which nobody knew anything while it waited. */
  unknown = 0;
  began = 0;
  holds = false;
  last = Number.NEGATIVE_INFINITY;

  constructor(level: Level, of: Case) {
    this.level = level;
    this.of = of;
  }

  waited(now: number): boolean {
    const { forS } = this.level;
    const { clearForS, minActiveS } = this.of;
    if (this.state === 'pending') return now - this.since - this.unknown >= forS;
    const due = Math.max(this.since + clearForS, this.began + minActiveS);
    return now - this.unknown >= due;
  }

  /** Nothing new at this second, or not yet. */
  tick(now: number): void {
    const fresh = (now - this.last) * SECOND <= gapAfterMs(this.of.intervalS * SECOND);
    if (!this.holds || !fresh || !this.waited(now)) return;
    if (this.state === 'pending') this.raise(this.since);
    else if (this.state === 'clearing') this.state = 'normal';
  }

  raise(since: number): void {
    this.state = 'active';
    this.began = since;
  }

  wait(state: 'pending' | 'clearing', now: number): void {
    this.state = state;
    this.since = now;
    this.unknown = 0;
    this.holds = true;
  }

  sample(now: number, value: number): void {
    const gap = now - this.last;
    if (gap * SECOND > gapAfterMs(this.of.intervalS * SECOND)) this.unknown += gap;
    this.last = now;
    const { above, clearBelow, forS } = this.level;
    const isTrue = value > above;
    const isOver = clearBelow === null ? value <= above : value < clearBelow;
    if (this.state === 'normal') {
      if (isTrue && forS === 0) this.raise(now);
      else if (isTrue) this.wait('pending', now);
    } else if (this.state === 'pending') {
      if (isTrue && this.waited(now)) this.raise(this.since);
      else if (isTrue) this.holds = true;
      else if (isOver || this.of.strictFor) this.state = 'normal';
      else this.holds = false;
    } else if (this.state === 'active') {
      if (!isOver) return;
      this.wait('clearing', now);
      if (this.waited(now)) this.state = 'normal';
    } else if (isOver) {
      if (this.waited(now)) this.state = 'normal';
      else this.holds = true;
    } else if (Number.isNaN(value)) this.holds = false;
    else this.state = 'active';
  }
}

function slowly(one: Case): Found[] {
  const levels = one.levels.map((level) => new Slow(level, one));
  const samples = new Map(one.samples);
  const found: Found[] = [];
  let open: Omit<Found, 'to'> | null = null;
  const look = (now: number): void => {
    const worst = levels.find(({ state }) => state === 'active' || state === 'clearing');
    if (worst === undefined) {
      if (open !== null) found.push({ ...open, to: now });
      open = null;
    } else if (open === null)
      open = { severity: worst.level.severity, from: worst.began, raised: now };
    else {
      const rank = (severity: Severity): number => ['critical', 'major', 'minor'].indexOf(severity);
      if (rank(worst.level.severity) < rank(open.severity))
        open = { ...open, severity: worst.level.severity };
    }
  };
  for (let now = 0; now < one.endS; now++) {
    const value = samples.get(now);
    for (const level of levels) {
      if (value === undefined) level.tick(now);
      else level.sample(now, value);
    }
    look(now);
  }
  if (open !== null) found.push({ ...(open as Omit<Found, 'to'>), to: null });
  return found;
}

function quickly(one: Case): Found[] {
  const own = rule(
    one.levels.map(({ severity, above, clearBelow, forS }) => ({
      severity,
      when: threshold('>', above),
      clear: clearBelow === null ? null : threshold('<', clearBelow),
      forMs: forS * SECOND,
    })),
    {
      clearForMs: one.clearForS * SECOND,
      minActiveMs: one.minActiveS * SECOND,
      strictFor: one.strictFor,
    },
  );
  const history = new History([own], device('d', one.intervalS * SECOND), noLimit);
  const known = one.samples.map(([, value]) => (Number.isNaN(value) ? 3 : value));
  history.add({
    metrics: ['x', 'y'],
    at: Float64Array.from(one.samples, ([at]) => at * SECOND),
    values: [Float64Array.from(known), new Float64Array(known.length).fill(Number.NaN)],
    // A quality that does not count.
    qualities: [Uint8Array.from(one.samples, ([, value]) => (Number.isNaN(value) ? 5 : 0)), null],
  });
  return history.end(one.endS * SECOND).map(({ severity, from, raised, to }) => ({
    severity,
    raised: raised / SECOND,
    from: from / SECOND,
    to: to === null ? null : to / SECOND,
  }));
}

const keyed = ({ severity, from, raised, to }: Found): unknown[] => [severity, from, raised, to];

describe('the past', () => {
  it(`is judged as a walk through time second by second judges it, in ${CASES} cases`, () => {
    const random = seededRandom('rules');
    let alerts = 0;
    for (let n = 0; n < CASES; n++) {
      const one = makeCase(random);
      const wanted = slowly(one);
      alerts += wanted.length;
      const found = quickly(one);
      if (JSON.stringify(found.map(keyed)) !== JSON.stringify(wanted.map(keyed)))
        expect(found, JSON.stringify(one)).toEqual(wanted);
    }
    expect(alerts).toBeGreaterThan(CASES / 2);
  }, 120_000);

  it('has one alert where one level ends at the moment at which another begins', () => {
    const levels = [
      { severity: 'critical', when: threshold('>', 7), clear: threshold('<=', 7) },
      { severity: 'major', when: threshold('>', 5), forMs: MINUTE },
    ] as const;
    const history = new History(
      [rule(levels, { clearForMs: 20 * SECOND })],
      device('d', 40 * SECOND),
      noLimit,
    );
    const at = Float64Array.of(0, 40 * SECOND, 80 * SECOND);
    history.add({ metrics: ['x'], at, values: [Float64Array.of(8, 6, 6)], qualities: [null] });
    expect(history.end(80 * SECOND)).toMatchObject([{ from: 0, to: null, severity: 'critical' }]);
  });

  it('is the same however it is cut into parts', () => {
    const own = rule([{ severity: 'major', when: threshold('>', 5), forMs: 2 * MINUTE }]);
    const at = Float64Array.from({ length: 20 }, (_, n) => n * MINUTE);
    const values = Float64Array.from(at, (_, n) => (n >= 5 && n < 12 ? 6 : 4));
    const judge = (cuts: readonly number[]) => {
      const history = new History([own], device('d'), noLimit);
      [0, ...cuts].forEach((from, n) => {
        const to = cuts[n] ?? at.length;
        history.add({
          metrics: ['x'],
          at: at.slice(from, to),
          values: [values.slice(from, to)],
          qualities: [null],
        });
      });
      return history.end(at.length * MINUTE);
    };
    expect(judge([])).toMatchObject([{ from: 5 * MINUTE, raised: 7 * MINUTE, to: 12 * MINUTE }]);
    for (let cut = 0; cut < at.length; cut++) expect(judge([cut])).toEqual(judge([]));
  });
});
