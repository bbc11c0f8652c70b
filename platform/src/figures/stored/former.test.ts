/** What a figure is told to have been before, while others change what is stored and why. */
import { DAY, HOUR } from '@village/core';
import { registryStore } from '@village/registry';
import type { TestRow } from '@village/store/time-series/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { dayStart } from '../days.ts';
import { above, FIRST_DAY, moving, startMachine } from '../testing.ts';

const START = dayStart(FIRST_DAY);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const row = (hour: number, o3: number): TestRow => ({
  device: 'a',
  at: START + hour * HOUR,
  values: { o3 },
});

/** A machine in which something happens when an answer has read its readings, and before it is given. */
async function startWith() {
  const rig = await startMachine(ends, { figures: [above, moving] });
  const { sources } = rig.machine;
  let meanwhile = (): Promise<void> => Promise.resolve();
  const compute = sources.compute.bind(sources);
  sources.compute = async function* (...asked) {
    yield* compute(...asked);
    await meanwhile();
  };
  const { atOnce } = rig.machine.figures;
  const run = atOnce.run.bind(atOnce);
  return {
    ...rig,
    during: (happens: () => Promise<void>): void => {
      meanwhile = async () => {
        meanwhile = () => Promise.resolve();
        await happens();
      };
    },
    /** The same for one that is opened, once its turn is over: others need it. */
    duringOpen: (happens: () => Promise<void>): void => {
      atOnce.run = async <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
        atOnce.run = run;
        const opened = await run(work, signal);
        await happens();
        return opened;
      };
    },
  };
}

const SPAN = { from: START, to: START + 3 * DAY };

describe('what a figure was before it was computed for an answer', () => {
  it('is never what was stored of later readings meanwhile', async () => {
    const rig = await startWith();
    const later = async (): Promise<void> => {
      await rig.machine.put([row(3, 200)]);
      await rig.machine.workOff();
    };
    await rig.machine.put([row(1, 200)]);
    await rig.machine.workOff();
    await rig.machine.put([row(2, 200)]);
    rig.during(later);
    const [item] = await rig.machine.figures.values(above, 'a', SPAN);
    const late = { value: 1, reasons: ['late-data'] };
    expect(item).toMatchObject({ value: 2, previous: late });
    await rig.machine.put([row(4, 200)]);
    rig.duringOpen(async () => {
      await later();
      await rig.machine.put([row(5, 200)]);
      await rig.machine.workOff();
    });
    const opened = await rig.machine.figures.open(above, 'a', START);
    expect(opened).toMatchObject({ item: { value: 4 }, history: [{ value: 3 }, late] });
  });

  it('is nothing of a day that was answered as it was stored', async () => {
    const rig = await startWith();
    await rig.machine.put([row(1, 200), row(25, 200), row(49, 200)]);
    await rig.machine.workOff();
    await rig.machine.put([row(2, 200), row(50, 200)]);
    rig.during(async () => {
      await rig.machine.put([row(26, 200)]);
      await rig.machine.workOff();
    });
    const items = await rig.machine.figures.values(above, 'a', SPAN);
    const told = items.map(({ value, previous }) => [value, previous?.value ?? null]);
    expect(told).toEqual([
      [2, 1],
      [1, null],
      [2, 1],
    ]);
  });

  it('has the reasons of the days around that it was computed from', async () => {
    const { machine } = await startWith();
    await machine.put([row(23.5, 200), row(24.5, 200)]);
    await machine.workOff();
    await machine.put([row(23.6, 200)]);
    const first = { from: START + DAY, to: START + DAY + HOUR };
    const told = { previous: { reasons: ['late-data'] } };
    expect(await machine.figures.values(moving, 'a', first)).toMatchObject([told]);
    await machine.workOff();
    expect(await machine.figures.values(moving, 'a', first)).toMatchObject([told]);
  });

  it('has what held otherwise as its reason at once', async () => {
    const { machine, relational } = await startWith();
    await machine.put([row(1, 90)]);
    await machine.workOff();
    const changed = { kind: 'attribute', key: 'function-zone', since: START, by: 'test' } as const;
    await registryStore(relational).changeProperties({ kind: 'device', id: 'a' }, [
      { ...changed, value: '1' },
    ]);
    const told = { value: 1, previous: { value: 0, reasons: ['circumstances'] } };
    const ask = () => machine.figures.values(above, 'a', { from: START, to: START + DAY });
    expect(await ask()).toMatchObject([told]);
    await machine.workOff();
    expect(await ask()).toMatchObject([told]);
  });
});
