/** The check of stored figures while something changes: what is to be computed again is no difference. */
import { DAY, HOUR, OperationalError } from '@village/core';
import { registryStore } from '@village/registry';
import type { TestRow } from '@village/store/time-series/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Corrections } from '../../corrections/corrections.ts';
import { StatementBook } from '../../corrections/statement.ts';
import { dayStart } from '../days.ts';
import { defineFigure } from '../figure.ts';
import {
  above,
  areaAbove,
  COUNTY,
  FIRST_DAY,
  Machine,
  type MachineOptions,
  startMachine,
} from '../testing.ts';

const START = dayStart(FIRST_DAY);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const start = (more?: Partial<MachineOptions>) => startMachine(ends, more);
type Rig = Awaited<ReturnType<typeof start>>;

const row = (device: string, hour: number, o3: number): TestRow => ({
  device,
  at: START + hour * HOUR,
  values: { o3 },
});

const zone = (rig: Rig, value: string | null): Promise<void> =>
  registryStore(rig.relational).changeProperties({ kind: 'device', id: 'a' }, [
    { kind: 'attribute', key: 'function-zone', value, since: START, by: 'test' },
  ]);

describe('a check between a change and the work that follows on it', () => {
  it('takes what was computed under what held before for waiting, of devices and areas', async () => {
    const rig = await start({ figures: [above, areaAbove] });
    await rig.machine.put([row('a', 1, 70), row('b', 1, 70)]);
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ checked: 3, differing: 0, waiting: 0 });
    await zone(rig, '1');
    // The device's and its area's.
    expect(await rig.machine.check()).toMatchObject({ checked: 3, differing: 0, waiting: 2 });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ checked: 3, differing: 0, waiting: 0 });
  });

  it('takes days of which a statement holds that the journal does not have yet for waiting', async () => {
    let book = new StatementBook([]);
    const rig = await start({ figures: [above], book: () => book });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    let takes = false;
    const corrections = new Corrections({
      ...{ relational: rig.relational, clock: rig.timer.now, failed: () => undefined },
      facts: () => ({ metrics: new Map([['o3', 'o3']]), evidence: false, newestAt: null }),
      store: {
        note: (event) => {
          if (!takes) throw new OperationalError('disk-reserve', 'not now');
          rig.store.note(event);
        },
        commitNow: () => rig.store.commitNow(),
      },
    });
    const said = { kind: 'invalid', device: 'a', metric: 'o3', value: null, target: null } as const;
    const audited = () => ({
      ...{ actor: 'test', address: '', action: 'a', target: 't', outcome: 'done' as const },
      detail: {},
    });
    const author = { by: 'test', audited };
    await corrections.propose({ ...said, from: START, to: START + DAY }, 'test', author);
    ({ book } = corrections);
    expect(await rig.machine.check()).toMatchObject({ checked: 1, differing: 0, waiting: 1 });
    takes = true;
    await corrections.noteAll();
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ checked: 1, differing: 0, waiting: 0 });
    // Of what the journal has and nobody marked, it is a difference.
    book = new StatementBook([]);
    expect(await rig.machine.check()).toMatchObject({ checked: 1, differing: 1, waiting: 0 });
  });

  it('an answer follows a statement that the journal does not have yet, also one about where readings came from', async () => {
    let book = new StatementBook([]);
    const rig = await start({ figures: [above], book: () => book });
    await rig.machine.put([row('a', 1, 200), row('a', 2, 90)]);
    const between = { from: START, to: START + DAY };
    const said = { device: 'a', metric: 'o3', ...between } as const;
    book = new StatementBook([{ ...said, id: 1, kind: 'reassign', value: null, target: 'b' }], 1);
    const [moved] = book.of('a');
    await rig.machine.note(moved!, book);
    await rig.machine.workOff();
    const ask = async () => (await rig.machine.figures.values(above, 'b', between))[0];
    expect(await ask()).toMatchObject({ value: 1, corrections: [1] });
    const factor = { ...said, id: 2, kind: 'factor', value: 2, target: null } as const;
    book = book.changed([{ number: 2, statement: factor, holds: true }]);
    expect(await ask()).toMatchObject({ value: 2, corrections: [1, 2] });
    await rig.machine.note(factor, book);
    await rig.machine.workOff();
    expect(await ask()).toMatchObject({ value: 2, corrections: [1, 2], previous: { value: 1 } });
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('an answer tells what was told until then, before the job has stored another value, of devices and areas', async () => {
    const book = { now: new StatementBook([]) };
    const rig = await start({ figures: [above, areaAbove], book: () => book.now });
    const { figures, areas } = rig.machine;
    const day = { from: START, to: START + DAY };
    const ask = async () => [
      (await figures.values(above, 'a', day))[0],
      (await areas.values(areaAbove, COUNTY, day))[0],
      (await figures.open(above, 'a', START)).item,
      (await areas.open(areaAbove, COUNTY, START)).item,
    ];
    const expectTold = async (value: number, previous: number | null): Promise<void> => {
      for (const one of await ask())
        expect([one?.value, one?.previous?.value ?? null]).toEqual([
          expect.closeTo(value, 3),
          previous === null ? null : expect.closeTo(previous, 3),
        ]);
    };
    await rig.machine.put([row('a', 1, 200)]);
    await expectTold(1, null);
    await rig.machine.workOff();
    await expectTold(1, null);
    const said = { id: 1, kind: 'invalid', device: 'a', metric: 'o3', value: null } as const;
    const statement = { ...said, target: null, ...day };
    book.now = book.now.changed([{ number: 1, statement, holds: true }]);
    await rig.machine.note(statement, book.now);
    expect(await rig.machine.marks.isUpToDate(20_000)).toBe(true);
    await rig.machine.marks.flush();
    const [device] = await ask();
    expect(device?.previous).toMatchObject({ value: 1, corrections: [], reasons: ['correction'] });
    await expectTold(0, 1);
    await rig.machine.workOff();
    // Taken back: what it was in between is told at once as well, and what it was before that stays.
    book.now = book.now.changed([{ number: 2, statement, holds: false }]);
    await rig.machine.note(statement, book.now);
    await expectTold(1, 0);
    const values = async () =>
      (await figures.open(above, 'a', START)).history.map(({ value }) => value);
    expect(await values()).toEqual([0, 1]);
    await rig.machine.workOff();
    await expectTold(1, 0);
    expect(await values()).toEqual([0, 1]);
  });

  it('takes days that were computed by another definition for waiting', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const { store, relational, timer } = rig;
    await rig.machine.stop();
    const doubled = defineFigure({
      ...{ ...above, version: 2 },
      compute: (facts) => 2 * (above.compute(facts) ?? 0),
    });
    const again = new Machine({ store, relational, timer, figures: [doubled] });
    ends.push(() => again.stop());
    expect(await again.check()).toMatchObject({ checked: 1, differing: 0, waiting: 1 });
    await again.workOff();
    expect(await again.check()).toMatchObject({ checked: 1, differing: 0, waiting: 0 });
  });
});
