/**
 * The machine of figures over real stores: whatever the order, repetition and delay of readings and statements, with stops in between, what is
 * stored is what computing it again gives, and the same as if everything had come in order. On both archives and both databases.
 */
import { DAY, HOUR, MINUTE, seededRandom } from '@village/core';
import { registryStore } from '@village/registry';
import type { TestRow } from '@village/store/time-series/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defineFigure } from './figure.ts';
import { figureTables } from './stored/tables.ts';
import {
  DAYS,
  deeds,
  muddle,
  muddled,
  type Place,
  Places,
  Rig,
  readings,
  START,
  STATEMENTS,
  TAKEN_BACK,
} from './stored/testing.ts';
import { above, DEVICES, FIRST_DAY, Machine, type MachineOptions, moving, shy } from './testing.ts';

const places = new Places();
beforeAll(() => places.open(), 90_000);
afterAll(() => places.close(), 90_000);

const rigs: Rig[] = [];
const start = async (place: Place, more?: Partial<MachineOptions>): Promise<Rig> => {
  const rig = await new Rig(place, more).start();
  rigs.push(rig);
  return rig;
};
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

const zone = (rig: Rig, since: number): Promise<void> =>
  registryStore(rig.relational).changeProperties({ kind: 'device', id: 'a' }, [
    { kind: 'attribute', key: 'function-zone', value: '1', since, by: 'test' },
  ]);

describe.each([
  ['embedded', 'SQLite', 4],
  ['embedded', 'PostgreSQL', 2],
  ['influxdb', 'SQLite', 2],
  ['influxdb', 'PostgreSQL', 1],
] as const)('on %s and %s', (archive, database, seeds) => {
  const here = places.has(archive, database);

  it.skipIf(!here).each(Array.from({ length: seeds }, (_, n) => n + 1))(
    'any order, repetition and delay of readings and statements gives the same figures (seed %d)',
    async (seed) => {
      const random = seededRandom(`figures ${seed}`);
      const rows = readings(random);
      const plain = await start(places.of(archive, database));
      await zone(plain, START + DAY);
      await plain.machine.put(rows);
      const last = STATEMENTS.length - TAKEN_BACK;
      for (const { id } of STATEMENTS.slice(0, last)) await plain.say(id);
      const mixed = await start(places.of(archive, database));
      const half = muddled(rows, random);
      const say = deeds(random);
      const done = await muddle(mixed, half.slice(0, half.length / 2), say, random);
      await zone(mixed, START + DAY);
      done.push(...(await muddle(mixed, half.slice(half.length / 2), say, random)));
      for (const deed of say) await mixed.say(deed);
      // Before anything of it is worked off, answers are the same already.
      expect(await mixed.answers()).toEqual(await plain.answers());
      await plain.machine.workOff();
      await mixed.machine.workOff();
      const stored = await plain.stored();
      expect(stored).toHaveLength(DEVICES.length * DAYS * 3);
      expect(await mixed.stored()).toEqual(stored);
      expect(await mixed.answers()).toEqual(await plain.answers());
      const checked = await mixed.machine.check();
      expect(checked).toEqual({
        ...{ checked: stored.length, waiting: 0, differing: 0, differences: [] },
      });
      expect(mixed.machine.failures).toEqual([]);
      console.log(
        `seed ${seed}, ${archive}, ${database}: ${half.length} rows of ${rows.length}, ${STATEMENTS.length + TAKEN_BACK} statements and undoings, steps ${done.join(' ')}`,
      );
    },
    120_000,
  );

  it.skipIf(!here)(
    'an answer is never an old one, and what was before is kept with the reason',
    async () => {
      const rig = await start(places.of(archive, database));
      const row = (hour: number, o3: number): TestRow => ({
        device: 'a',
        at: START + hour * HOUR,
        values: { o3 },
      });
      const ask = async () =>
        (await rig.machine.figures.values(above, 'a', { from: START, to: START + DAY }))[0];
      await rig.machine.put([row(1, 150), row(2, 50)]);
      expect(await ask()).toMatchObject({ value: 1, version: 'T-1', previous: null });
      await rig.machine.workOff();
      expect(await ask()).toMatchObject({ value: 1, previous: null });
      rig.timer.at += HOUR;
      await rig.machine.put([row(3, 160)]);
      expect(await ask()).toMatchObject({ value: 2 });
      await rig.machine.workOff();
      const late = { value: 1, reasons: ['late-data'], replacedAt: rig.timer.at };
      expect(await ask()).toMatchObject({ value: 2, previous: late });
      rig.timer.at += HOUR;
      await zone(rig, START);
      await rig.machine.put([row(4, 70)]);
      expect(await ask()).toMatchObject({ value: 3 });
      await rig.machine.workOff();
      expect(await ask()).toMatchObject({
        ...{ value: 3, previous: { value: 2, reasons: ['late-data', 'circumstances'] } },
      });
      const { history } = await rig.machine.figures.open(above, 'a', START + HOUR);
      expect(history.map(({ value }) => value)).toEqual([2, 1]);
      // What comes once more changes nothing, and leaves no trace.
      await rig.machine.put([row(4, 70)]);
      await rig.machine.workOff();
      expect((await rig.machine.figures.open(above, 'a', START)).history).toHaveLength(2);
    },
  );
});

describe('the machine', () => {
  const here = (): Place => places.of('embedded', 'SQLite');
  const row = (device: string, at: number, o3: number): TestRow => ({ device, at, values: { o3 } });

  it('keeps a fault of one device, goes on with the others, and tries again when inputs change', async () => {
    const rig = await start(here());
    await rig.machine.put([row('a', START, 13), row('b', START, 12)]);
    await rig.machine.workOff();
    const ask = async (device: string) =>
      (await rig.machine.figures.values(shy, device, { from: START, to: START + DAY }))[0];
    expect(await ask('a')).toMatchObject({ value: null, fault: 'thirteen' });
    expect(await ask('b')).toMatchObject({ value: 1, fault: null });
    expect(rig.machine.work.counters).toMatchObject({ faults: 1, failures: 0 });
    await rig.machine.put([row('a', START, 14)]);
    await rig.machine.workOff();
    expect(await ask('a')).toMatchObject({ value: 1, fault: null, previous: { value: null } });
  });

  it('computes again what was stored by another definition', async () => {
    const place = here();
    const rig = await start(place);
    await rig.machine.put([row('a', START, 200)]);
    await rig.machine.workOff();
    await rig.stop();
    const doubled = defineFigure({
      ...above,
      version: 2,
      compute: (facts) => 2 * (above.compute(facts) ?? 0),
    });
    await rig.start({ figures: [doubled, moving, shy] });
    const ask = async () =>
      (await rig.machine.figures.values(doubled, 'a', { from: START, to: START + DAY }))[0];
    expect(await ask()).toMatchObject({ value: 2 });
    await rig.machine.workOff();
    expect(await ask()).toMatchObject({
      ...{ value: 2, previous: { value: 1, reasons: ['definition'] } },
    });
  });

  it('says where what is stored is not what computing it gives, and mends it', async () => {
    const rig = await start(here());
    await rig.machine.put([row('a', START, 200), row('b', START, 200)]);
    await rig.machine.workOff();
    await figureTables(rig.relational)
      .updateTable('figure_day')
      .set({ body: '[[7,1,[[24,1,1,"x"]],["T-1"],{"function-zone":[]},null,[]]]' })
      .where('device', '=', 'b')
      .where('figure', '=', 'above')
      .execute();
    const found = await rig.machine.check();
    // Three figures of two devices, and the next day's of the one that looks back.
    expect(found).toMatchObject({ checked: 8, differing: 1, waiting: 0 });
    expect(found.differences).toEqual([
      { figure: 'above', device: 'b', day: FIRST_DAY, stored: [7], computed: [1] },
    ]);
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 1 });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('leaves hours that go on to the end of their day, whatever the clock does', async () => {
    const rig = await start(here());
    rig.timer.at = START + 5 * HOUR + 1;
    await rig.machine.put([row('a', START + 5 * HOUR, 200)]);
    await rig.machine.workOff();
    expect(await rig.stored()).toEqual([]);
    const ask = async () =>
      (await rig.machine.figures.values(above, 'a', { from: START, to: START + DAY }))[0];
    expect(await ask()).toMatchObject({ value: 1, closed: false });
    rig.timer.at = START + DAY + HOUR;
    await rig.machine.workOff();
    expect(await rig.stored()).toHaveLength(3);
    // Set back into the same hour: what comes then is marked again.
    rig.timer.at = START + 5 * HOUR + 2;
    await rig.machine.put([row('a', START + 5 * HOUR + 1, 200)]);
    rig.timer.at = START + DAY + HOUR;
    expect(await ask()).toMatchObject({ value: 2, closed: true });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    expect(await ask()).toMatchObject({ value: 2, previous: { value: 1 } });
  });

  it('leaves what is stored of days whose readings were deleted', async () => {
    const place = here();
    const rig = await start(place);
    await rig.machine.put([row('a', START, 200), row('a', START + 2 * DAY, 200)]);
    await rig.machine.workOff();
    await rig.stop();
    await rig.start({
      deletedBefore: () => rig.timer.at - DAY,
      figures: [defineFigure({ ...above, version: 2 })],
    });
    const stored = (await rig.stored()) as { day: number; figure: string; version: number }[];
    await rig.machine.workOff();
    const now = (await rig.stored()) as typeof stored;
    expect(now.filter(({ version }) => version === 2)).toEqual([]);
    expect(now).toEqual(stored);
    const [item] = await rig.machine.figures.values(above, 'a', { from: START, to: START + DAY });
    expect(item).toMatchObject({ value: 1 });
    await rig.stop();
    // Kept for longer, the third day is computed again.
    const longer = {
      deletedBefore: () => rig.timer.at - 3 * DAY - 2 * HOUR,
      figures: [defineFigure({ ...above, version: 2 })],
    };
    rig.timer.at += DAY;
    await rig.start(longer);
    await rig.machine.workOff();
    const again = (await rig.stored()) as typeof stored;
    expect(again.filter(({ version }) => version === 2).map(({ day }) => day - FIRST_DAY)).toEqual([
      2,
    ]);
  });

  it('marks the day into which a statement moves what comes late', async () => {
    const rig = await start(here());
    await rig.machine.put([row('b', START, 200)]);
    await rig.say(4);
    await rig.machine.workOff();
    const ask = async () =>
      (await rig.machine.figures.values(above, 'b', { from: START, to: START + DAY }))[0];
    expect(await ask()).toMatchObject({ value: 1, corrections: [4] });
    // Received at half past midnight, from a clock that was an hour ahead.
    await rig.machine.put([row('b', START + DAY + 30 * MINUTE, 200)]);
    expect(await ask()).toMatchObject({ value: 2 });
    await rig.machine.workOff();
    expect(await ask()).toMatchObject({ value: 2, previous: { reasons: ['late-data'] } });
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    await rig.say(-4);
    expect(await ask()).toMatchObject({ value: 1, corrections: [] });
    await rig.machine.workOff();
    expect(await ask()).toMatchObject({ value: 1, previous: { reasons: ['correction'] } });
  });

  it('marks what the journal knows when it was cut off, and all that is stored when that is not all', async () => {
    const rig = await start(here());
    await rig.machine.put([row('a', START, 200), row('b', START, 200)]);
    await rig.machine.workOff();
    const place = await rig.machine.marks.place();
    const resume = { journal: rig.store.id, group: rig.store.head };
    const marked = async (): Promise<string[]> => {
      const db = figureTables(rig.relational);
      const rows = await db
        .selectFrom('figure_mark')
        .selectAll()
        .orderBy('device')
        .orderBy('day')
        .execute();
      await db.deleteFrom('figure_mark').execute();
      return rows.map(({ device, day, mask }) => `${device} ${day - FIRST_DAY} ${mask}`);
    };
    await rig.machine.stop();
    const { store, relational, timer } = rig;
    const idle = new Machine({ store, relational, timer });
    await idle.stop();
    await idle.put([row('b', START + DAY + 3 * HOUR, 1)]);
    idle.marks.begins(await idle.marks.place());
    expect(place).toEqual(resume);
    await idle.marks.missed({ from: 0, to: 1 }, { ...resume, group: store.head }, false);
    expect(await marked()).toEqual(['b 1 8']);
    await figureTables(relational).updateTable('figure_reader').set({ journal: 'other' }).execute();
    idle.marks.begins(await idle.marks.place());
    await idle.marks.missed({ from: 0, to: 1 }, { ...resume, group: store.head }, true);
    const whole = 2 ** 24 - 1;
    expect(await marked()).toEqual(['a 0', 'a 1', 'b 0', 'b 1'].map((one) => `${one} ${whole}`));
    rig.machine = new Machine({ store, relational, timer });
  });
});
