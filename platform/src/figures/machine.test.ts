/**
 * The machine of figures over real stores: whatever the order, repetition and delay of readings and statements, with stops in between, what is
 * stored is what computing it again gives, and the same as if everything had come in order. On both archives and both databases.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, type Random, seededRandom } from '@village/core';
import { registryStore } from '@village/registry';
import type { Relational } from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import {
  openInfluxArchive,
  openTimeSeries,
  type TimeSeriesStore,
} from '@village/store/time-series';
import { hasInfluxDB, InfluxServer } from '@village/store/time-series/influxdb-testing';
import type { TestRow } from '@village/store/time-series/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Statement, StatementBook } from '../corrections/statement.ts';
import { dayStart } from './days.ts';
import { defineFigure } from './figure.ts';
import { figureTables } from './stored/tables.ts';
import {
  above,
  DEVICES,
  FIRST_DAY,
  Machine,
  type MachineOptions,
  moving,
  openTables,
  SetTimer,
  shy,
} from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-figures-'));
let influx: InfluxServer | undefined;
let postgres: TestPostgres | undefined;
let number = 0;

beforeAll(async () => {
  if (postgresFolder() !== undefined) postgres = await startPostgres(postgresFolder() as string);
  if (!hasInfluxDB()) return;
  influx = await InfluxServer.in(join(folder, 'influx'));
  await influx.start();
}, 90_000);
afterAll(async () => {
  await influx?.stop();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const START = dayStart(FIRST_DAY);
const DAYS = 3;

/** Rows of both stations, every twenty minutes or so; a value says who measured when, so that a repeat is the same. */
function readings(random: Random): TestRow[] {
  const rows: TestRow[] = [];
  for (const device of DEVICES)
    for (let at = START; at < START + DAYS * DAY; at += 20 * MINUTE) {
      if (random() < 0.2) continue;
      const value = Math.round(seededRandom(`${device} ${at}`)() * 2_000) / 10;
      const bad = seededRandom(`${at} ${device}`)() < 0.1;
      const quality = bad ? { quality: { o3: 'calibration' as const } } : {};
      rows.push({ device, at, values: { o3: value, no2: 1 }, ...quality });
    }
  return rows;
}

/** The same rows in any order, some of them twice. */
function muddled(rows: readonly TestRow[], random: Random): TestRow[] {
  const all = rows.flatMap((row) => (random() < 0.15 ? [row, row] : [row]));
  for (let n = all.length - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1));
    [all[n], all[other]] = [all[other] as TestRow, all[n] as TestRow];
  }
  return all;
}

const said = { metric: 'o3', value: null, target: null } as const;
const between = (from: number, to: number) => ({
  from: START + from * HOUR,
  to: START + to * HOUR,
});
/** Of every kind; the last two are taken back. */
const STATEMENTS: readonly Statement[] = [
  { ...said, id: 1, kind: 'offset', device: 'a', value: 30, ...between(2, 5) },
  { ...said, id: 2, kind: 'factor', device: 'b', value: 1.1, ...between(10, 14) },
  { ...said, id: 3, kind: 'invalid', device: 'a', metric: null, ...between(26, 28) },
  // From the first hour of a day into the day before.
  {
    ...said,
    id: 4,
    kind: 'shift-clock',
    device: 'b',
    metric: null,
    value: -HOUR,
    ...between(24, 25),
  },
  { ...said, id: 5, kind: 'reassign', device: 'a', target: 'b', ...between(40, 43) },
  { ...said, id: 6, kind: 'offset', device: 'b', value: -20, ...between(50, 52) },
  { ...said, id: 7, kind: 'invalid', device: 'a', ...between(60, 61) },
];
const TAKEN_BACK = 2;

/** What is said and taken back, in any order in which nothing is taken back before it was said. */
function deeds(random: Random): number[] {
  const order = STATEMENTS.map(({ id }) => id).sort(() => random() - 0.5);
  for (const { id } of STATEMENTS.slice(-TAKEN_BACK)) {
    const after = order.indexOf(id) + 1;
    order.splice(after + Math.floor(random() * (order.length - after + 1)), 0, -id);
  }
  return order;
}

interface Place {
  readonly openStore: (timer: SetTimer) => Promise<TimeSeriesStore>;
  readonly openTables: (timer: SetTimer) => Promise<Relational>;
}

function placeOf(archive: 'embedded' | 'influxdb', database: 'SQLite' | 'PostgreSQL'): Place {
  const own = join(folder, String(number++));
  mkdirSync(own);
  const hash = createHash('sha256').update(own).digest('hex').slice(0, 12);
  let made: Promise<unknown> | null = null;
  const make = async (): Promise<void> => {
    const client = new pg.Client(postgres?.url('postgres'));
    await client.connect();
    await client.query(`create database f${hash}`);
    await client.end();
  };
  return {
    openStore: (timer) =>
      openTimeSeries({
        ...{ folder: join(own, 'series'), timer, tickMs: Number.POSITIVE_INFINITY },
        diskReserveBytes: 0,
        ...(archive === 'embedded'
          ? {}
          : {
              archive: () =>
                Promise.resolve(
                  openInfluxArchive({ url: (influx as InfluxServer).url, database: `f${hash}` }),
                ),
            }),
      }),
    openTables: async (timer) => {
      if (database === 'SQLite') return openTables({ file: join(own, 'r.sqlite') }, timer.now);
      made ??= make();
      await made;
      return openTables({ url: (postgres as TestPostgres).url(`f${hash}`) }, timer.now);
    },
  };
}

/** Stores and a machine over them, which can be stopped and started again. */
class Rig {
  readonly timer = new SetTimer(START + DAYS * DAY);
  readonly #place: Place;
  readonly #more: Partial<MachineOptions>;
  book = new StatementBook([]);
  store!: TimeSeriesStore;
  relational!: Relational;
  machine!: Machine;

  constructor(place: Place, more: Partial<MachineOptions> = {}) {
    this.#place = place;
    this.#more = more;
  }

  async start(more: Partial<MachineOptions> = this.#more): Promise<this> {
    this.store = await this.#place.openStore(this.timer);
    this.relational = await this.#place.openTables(this.timer);
    const { store, relational, timer } = this;
    this.machine = new Machine({ store, relational, timer, book: () => this.book, ...more });
    return this;
  }

  /** Says one of the statements, or takes it back. */
  async say(deed: number): Promise<void> {
    const statement = STATEMENTS.find(({ id }) => id === Math.abs(deed)) as Statement;
    this.book = this.book.changed([{ number: this.book.number + 1, statement, holds: deed > 0 }]);
    await this.machine.note(statement, this.book);
  }

  async stop(): Promise<void> {
    await this.machine.stop();
    await this.store.close();
    await this.relational.close();
  }

  /** Everything stored, but for when. */
  stored(): Promise<object[]> {
    return figureTables(this.relational)
      .selectFrom('figure_day')
      .select(['figure', 'device', 'day', 'version', 'body', 'circumstances'])
      .orderBy('device')
      .orderBy('day')
      .orderBy('figure')
      .execute();
  }

  async answers(): Promise<unknown[]> {
    const all: unknown[] = [];
    for (const device of DEVICES)
      for (const figure of [above, moving, shy])
        for (const item of await this.machine.figures.values(figure, device, {
          from: START,
          to: START + DAYS * DAY,
        }))
          all.push([figure.id, device, item.at, item.value, item.completeness, item.version]);
    return all;
  }
}

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

/** Puts the rows in by random groups, with whatever else may happen between them. */
async function muddle(
  rig: Rig,
  rows: readonly TestRow[],
  say: number[],
  random: Random,
): Promise<string[]> {
  const done: string[] = [];
  for (let n = 0; n < rows.length; ) {
    const size = 1 + Math.floor(random() * 60);
    await rig.machine.put(rows.slice(n, n + size));
    n += size;
    const deed = random() < 0.7 ? say.shift() : undefined;
    if (deed !== undefined) {
      await rig.say(deed);
      done.push(String(deed));
    }
    const what = Math.floor(random() * 8);
    if (what === 0) await rig.machine.workOff();
    else if (what === 1)
      await rig.machine.work.run({
        signal: new AbortController().signal,
        progress: () => undefined,
      });
    else if (what === 2) await rig.store.flush();
    else if (what === 3) rig.timer.at += 11_000;
    else if (what === 4) {
      // Whatever was asked before must not show in an answer.
      const [device] = DEVICES;
      await rig.machine.figures.values(moving, device as string, { from: START, to: START + DAY });
    } else if (what === 5) {
      // The end of the process: what was gathered is in nobody's memory.
      await rig.stop();
      await rig.start();
    }
    done.push('wmft?sx.'[what] as string);
  }
  return done;
}

describe.each([
  ['embedded', 'SQLite', 4],
  ['embedded', 'PostgreSQL', 2],
  ['influxdb', 'SQLite', 2],
  ['influxdb', 'PostgreSQL', 1],
] as const)('on %s and %s', (archive, database, seeds) => {
  const here =
    (archive === 'embedded' || hasInfluxDB()) &&
    (database === 'SQLite' || postgresFolder() !== undefined);

  it.skipIf(!here).each(Array.from({ length: seeds }, (_, n) => n + 1))(
    'any order, repetition and delay of readings and statements gives the same figures (seed %d)',
    async (seed) => {
      const random = seededRandom(`figures ${seed}`);
      const rows = readings(random);
      const plain = await start(placeOf(archive, database));
      await zone(plain, START + DAY);
      await plain.machine.put(rows);
      const last = STATEMENTS.length - TAKEN_BACK;
      for (const { id } of STATEMENTS.slice(0, last)) await plain.say(id);
      const mixed = await start(placeOf(archive, database));
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
      const rig = await start(placeOf(archive, database));
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
  const here = (): Place => placeOf('embedded', 'SQLite');
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
    rig.timer.at = START + DAY;
    await rig.machine.workOff();
    expect(await rig.stored()).toHaveLength(3);
    // Set back into the same hour: what comes then is marked again.
    rig.timer.at = START + 5 * HOUR + 2;
    await rig.machine.put([row('a', START + 5 * HOUR + 1, 200)]);
    rig.timer.at = START + DAY + 1;
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
    await rig.start({ retention: DAY, figures: [defineFigure({ ...above, version: 2 })] });
    const stored = (await rig.stored()) as { day: number; figure: string; version: number }[];
    await rig.machine.workOff();
    const now = (await rig.stored()) as typeof stored;
    expect(now.filter(({ version }) => version === 2)).toEqual([]);
    expect(now).toEqual(stored);
    const [item] = await rig.machine.figures.values(above, 'a', { from: START, to: START + DAY });
    expect(item).toMatchObject({ value: 1 });
    await rig.stop();
    // Kept for longer, the third day is computed again.
    const longer = { retention: 3 * DAY + HOUR, figures: [defineFigure({ ...above, version: 2 })] };
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
    await idle.marks.place();
    expect(place).toEqual(resume);
    await idle.marks.missed({ from: 0, to: 1 }, { ...resume, group: store.head });
    expect(await marked()).toEqual(['b 1 8']);
    await figureTables(relational).updateTable('figure_place').set({ journal: 'other' }).execute();
    await idle.marks.place();
    await idle.marks.missed({ from: 0, to: 1 }, { ...resume, group: store.head });
    const whole = 2 ** 24 - 1;
    expect(await marked()).toEqual(['a 0', 'a 1', 'b 0', 'b 1'].map((one) => `${one} ${whole}`));
    rig.machine = new Machine({ store, relational, timer });
  });
});
