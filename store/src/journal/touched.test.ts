/** Touched hours against a plain list of all that was ever put in, in random orders, over snapshots and with too little room. */
import { HOUR, seededRandom } from '@village/core';
import { describe, expect, it } from 'vitest';
import { rowShape } from './group.ts';
import { TouchedHours } from './touched.ts';

const METRICS = 2;
const { stride } = rowShape(METRICS);

/** A group's rows: pairs of device and hour. */
function rowsOf(pairs: readonly (readonly [number, number])[]): Float64Array {
  const rows = new Float64Array(pairs.length * stride);
  for (const [n, [device, hour]] of pairs.entries()) {
    rows[n * stride] = hour * HOUR + 5_000;
    rows[n * stride + 2] = device * 4;
  }
  return rows;
}

interface Said {
  readonly device: number;
  readonly hour: number;
}
const text = ({ device, hour }: Said): string => `${device} ${hour}`;

/** Everything after the group, by calls of `limit` each. */
function all(touched: TouchedHours, group: number, limit: number): string[] {
  const found: string[] = [];
  for (let from = group; ; ) {
    const { list, upTo } = touched.since(from, limit);
    found.push(...list.map(text));
    if (upTo === null) return found;
    expect(upTo).toBeGreaterThan(from);
    from = upTo;
  }
}

describe.each([
  ['with room', 200_000],
  ['with little room', 60],
])('%s', (_, max) => {
  it.each([1, 2, 3, 4, 5, 6])(
    'tells exactly what was touched after a group, or that it may not (seed %i)',
    (seed) => {
      const random = seededRandom(`touched ${seed}`);
      let touched = new TouchedHours(max);
      const last = new Map<string, number>();
      let told = 0;
      for (let group = 1; group <= 300; group++) {
        const pairs = Array.from({ length: 1 + Math.floor(random() * 8) }, () => {
          const live = random() < 0.6;
          const hour = live ? 1_000 + Math.floor(group / 20) : 900 + Math.floor(random() * 30);
          return [Math.floor(random() * 12) + (seed % 2) * 2_000, hour] as const;
        });
        touched.apply(group, METRICS, rowsOf(pairs), pairs.length);
        for (const [device, hour] of pairs) last.set(text({ device, hour }), group);
        if (group % 50 === 0) {
          const again = new TouchedHours(max);
          again.restore(touched.save());
          touched = again;
        }
        if (group % 7 !== 0) continue;
        const since = Math.floor(random() * group);
        const expected = [...last].filter(([, at]) => at > since).map(([key]) => key);
        const found = all(touched, since, 1 + Math.floor(random() * 20));
        expect(new Set(found).size).toBe(found.length);
        if (!touched.since(since, 1).complete) {
          expect(expected).toEqual(expect.arrayContaining(found));
          continue;
        }
        told++;
        expect(found.sort()).toEqual(expected.sort());
      }
      expect(told).toBeGreaterThan(max > 60 ? 41 : 0);
    },
  );
});

it('of nothing is nothing, and complete', () => {
  expect(new TouchedHours().since(0, 10)).toEqual({ list: [], upTo: null, complete: true });
});
