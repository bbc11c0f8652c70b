/** Days of many devices cut into questions: nothing is lost or asked twice, and each question is bounded. */
import type { DeviceProfile } from '@village/device-profiles';
import { describe, expect, it } from 'vitest';
import { Circumstances } from './circumstances.ts';
import { portions, type Wanted } from './portions.ts';
import { above, PROFILE, profiles } from './testing.ts';

const SECOND = 1_000;
const plain = profiles.get(PROFILE) as DeviceProfile;

/** A device that reports so often. */
function held(device: string, reportEveryMs = plain.reportEveryMs): Circumstances {
  const own = new Map([[PROFILE, { ...plain, reportEveryMs }]]);
  return new Circumstances(device, own, [{ profile: PROFILE, since: 0 }], []);
}

const daysOf = ({ runs }: Wanted): number[] =>
  runs.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, n) => first + n));

/** Days of a device, in the order in which they are asked for. */
function asked(parts: readonly Wanted[][], device: string): number[] {
  return parts.flat().flatMap((one) => (one.held.device === device ? daysOf(one) : []));
}

describe('portions', () => {
  it('ask for years of some and a day of many, each day once and in order', () => {
    const years = { held: held('years'), runs: [{ first: 0, end: 400 }] };
    const apart = {
      held: held('apart'),
      runs: Array.from({ length: 40 }, (_, n) => ({ first: n * 10, end: n * 10 + 1 + (n % 3) })),
    };
    const day = [{ first: 7, end: 8 }];
    const many = Array.from({ length: 500 }, (_, n) => ({ held: held(`d${n}`), runs: day }));
    const all = [years, ...many, apart];
    const parts = [...portions([above], all)];
    for (const one of all) expect(asked(parts, one.held.device)).toEqual(daysOf(one));
    for (const part of parts) {
      const devices = part.map((one) => one.held.device);
      expect(new Set(devices).size).toBe(devices.length);
      for (const one of part) expect(daysOf(one).length).toBeLessThanOrEqual(31);
    }
  });

  it('hold fewer days of a device the more often it reports', () => {
    const runs = [{ first: 0, end: 10 }];
    const dense = [...portions([above], [{ held: held('dense', SECOND), runs }])];
    expect(dense).toHaveLength(10);
    expect(asked(dense, 'dense')).toEqual(daysOf({ held: held('dense'), runs }));
    const thin = [...portions([above], [{ held: held('thin', 60 * SECOND), runs }])];
    expect(thin).toHaveLength(1);
  });

  it('are bounded in rows over all devices', () => {
    const runs = [{ first: 0, end: 1 }];
    const all = Array.from({ length: 100 }, (_, n) => ({ held: held(`d${n}`, 2 * SECOND), runs }));
    const parts = [...portions([above], all)];
    // 43,200 rows of each.
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(12);
    expect(parts.flat()).toHaveLength(100);
  });

  it('are none where nothing is wanted', () => {
    expect([...portions([above], [])]).toEqual([]);
  });
});
