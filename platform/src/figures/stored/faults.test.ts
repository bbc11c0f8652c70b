/** Figures that throw: for one device, once, or for ever. */
import { DAY, HOUR, MINUTE } from '@village/core';
import type { TestRow } from '@village/store/time-series/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { dayStart } from '../days.ts';
import { defineFigure } from '../figure.ts';
import { alone, COUNTY, defineSum, FIRST_DAY, shy, startMachine } from '../testing.ts';
import { TRIES_MAX } from './faults.ts';
import { figureTables } from './tables.ts';

const START = dayStart(FIRST_DAY);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const row = (device: string, hour: number, o3: number): TestRow => ({
  device,
  at: START + hour * HOUR,
  values: { o3 },
});

/** A figure that throws for readings of 13 while `fails` says so, and one of the area that is made of it. */
async function start(fails: () => boolean, ofArea = false) {
  let computed = 0;
  const fragile = defineFigure({
    ...{ ...shy, id: 'fragile' },
    compute: ({ readings }) => {
      const { rows } = readings('o3');
      if (!rows.some(({ value }) => value === 13)) return rows.length;
      computed++;
      if (fails()) throw new Error('thirteen');
      return rows.length;
    },
  });
  const sum = defineSum('fragile-sum', fragile);
  const rig = await startMachine(ends, { figures: [fragile, ...(ofArea ? [sum] : [])] });
  const stored = async (device: string): Promise<number | null> => {
    const { body } = await figureTables(rig.relational)
      .selectFrom('figure_day')
      .select('body')
      .where('device', '=', device)
      .where('figure', '=', device.startsWith('area:') ? sum.id : fragile.id)
      .where('day', '=', FIRST_DAY)
      .executeTakeFirstOrThrow();
    return (JSON.parse(body) as [[number | null]])[0][0];
  };
  const ask = async (device: string) =>
    (await rig.machine.figures.values(fragile, device, { from: START, to: START + DAY }))[0];
  return { ...rig, stored, ask, sum, computed: () => computed };
}

describe('a figure that throws for one device', () => {
  it('is missing of that one alone, told, and computed again of the same inputs once it does not', async () => {
    let fails = true;
    const rig = await start(() => fails, true);
    await rig.machine.put([row('a', 1, 13), row('b', 1, 12)]);
    await rig.machine.workOff();
    expect(await rig.ask('a')).toMatchObject({ value: null, fault: 'thirteen' });
    expect([await rig.stored('b'), await rig.stored(`area:${COUNTY}`)]).toEqual([1, 1]);
    expect(rig.machine.work).toMatchObject({ missing: 1, counters: { faults: 1, failures: 0 } });
    expect(rig.machine.failures).toEqual(['figure-fault']);
    fails = false;
    // Whoever asks is not told what was thrown then.
    expect(await rig.ask('a')).toMatchObject({ value: 1, fault: null });
    const span = { from: START, to: START + DAY };
    const [all] = await rig.machine.areas.values(rig.sum, COUNTY, span);
    expect(all).toMatchObject({ value: 2 });
    await rig.machine.workOff();
    expect([await rig.stored('a'), await rig.stored(`area:${COUNTY}`)]).toEqual([null, 1]);
    expect(await rig.machine.check()).toMatchObject({ differing: 0 });
    rig.timer.at += 10 * MINUTE;
    await rig.machine.workOff();
    expect([await rig.stored('a'), await rig.stored(`area:${COUNTY}`)]).toEqual([1, 2]);
    expect(await rig.ask('a')).toMatchObject({ previous: { value: null, reasons: ['retry'] } });
    expect(rig.machine.work.missing).toBe(0);
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('is tried again so many times, and then when inputs change', async () => {
    const rig = await start(() => true);
    await rig.machine.put([row('a', 1, 13)]);
    const work = async (): Promise<void> => {
      for (let hour = 0; hour < 12 * 24; hour++) {
        rig.timer.at += HOUR;
        await rig.machine.work.run(alone());
      }
    };
    await rig.machine.workOff();
    await work();
    expect(rig.computed()).toBe(TRIES_MAX);
    expect(rig.machine.work.missing).toBe(1);
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    await rig.machine.put([row('a', 2, 13)]);
    const before = rig.computed();
    await rig.machine.workOff();
    await work();
    expect(rig.computed() - before).toBe(TRIES_MAX);
  });

  it('is tried again in time, though the clock was ahead when it failed', async () => {
    const rig = await start(() => true);
    await rig.machine.put([row('a', 1, 13)]);
    rig.timer.at += 30 * DAY;
    await rig.machine.workOff();
    rig.timer.at -= 30 * DAY;
    await rig.machine.workOff();
    expect(rig.computed()).toBe(2);
  });

  it('does not stay in the list when the device no longer has it', async () => {
    const rig = await start(() => true);
    await rig.machine.put([row('a', 1, 13)]);
    await rig.machine.workOff();
    expect(rig.machine.work.missing).toBe(1);
    rig.timer.at += 10 * MINUTE;
    await rig.machine.put([{ device: 'a', at: START + HOUR, values: { o3: 14 } }]);
    await rig.machine.workOff();
    expect(rig.machine.work.missing).toBe(0);
  });
});
