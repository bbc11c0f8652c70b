/**
 * Stores that are brought back to an earlier state, under a running server or between a stop and a start, each alone or both: answers
 * are those of the readings and statements that are there now, and nothing stored differs from computing it again.
 */
import { DAY, HOUR, systemTimer } from '@village/core';
import type { TestRow } from '@village/store/time-series/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Author, Corrections } from '../../corrections/corrections.ts';
import type { Saying } from '../../corrections/statement.ts';
import { above, alone, Machine, openBooks } from '../testing.ts';
import { figureTables } from './tables.ts';
import { type Place, Places, Rig, START } from './testing.ts';

const places = new Places();
beforeAll(() => places.open(), 90_000);
afterAll(() => places.close(), 60_000);

const author: Author = {
  by: 'li',
  audited: (action, target, detail) => ({
    ...{ actor: 'li', address: '', action, target, outcome: 'done', detail },
  }),
};

/** A rig whose statements are those of the tables. */
class County {
  readonly place: Place;
  readonly rig: Rig;
  corrections!: Corrections;

  constructor(place: Place) {
    this.place = place;
    this.rig = new Rig(place, {
      book: () => this.corrections.book,
      corrections: {
        isCurrent: (access) => this.corrections.isCurrent(access),
        follow: () => this.corrections.follow(),
      },
      said: () => this.corrections.said(),
    });
  }

  async start(): Promise<this> {
    await this.rig.start();
    const { relational, store, timer } = this.rig;
    this.corrections = await openBooks(relational, store, timer.at);
    return this;
  }

  machine(): Machine {
    const { store, relational, timer } = this.rig;
    const { corrections } = this;
    return new Machine({
      ...{ store, relational, timer, corrections, book: () => corrections.book },
      said: () => corrections.said(),
    });
  }

  stop(): Promise<void> {
    return this.rig.stop();
  }

  put(...rows: readonly (readonly [device: string, hour: number, o3: number])[]): Promise<void> {
    return this.rig.machine.put(
      rows.map(
        ([device, hour, o3]): TestRow => ({
          device,
          at: START + hour * HOUR,
          values: { o3 },
        }),
      ),
    );
  }

  async say(more: Partial<Saying>): Promise<number> {
    const said: Saying = {
      ...{ kind: 'invalid', device: 'a', metric: 'o3', value: null, target: null },
      ...{ from: START, to: START + DAY },
      ...more,
    };
    return (await this.corrections.propose(said, 'why', author)).id;
  }

  undo(id: number): Promise<unknown> {
    return this.corrections.undo(id, null, author);
  }

  /** What is repeated every two seconds while a server runs. */
  async settle(): Promise<void> {
    await this.corrections.follow();
    await this.rig.machine.workOff();
  }

  /** Hours above the limit on the first day. */
  async count(device = 'a'): Promise<number | null | undefined> {
    const span = { from: START, to: START + DAY };
    return (await this.rig.machine.figures.values(above, device, span))[0]?.value;
  }

  /** Answers now, those once all is worked off, and what a check says then. */
  async proved(): Promise<void> {
    await this.corrections.follow();
    const before = await this.rig.answers();
    // Twice: a reader that begins anew may do so while the first is under way.
    await this.settle();
    await this.settle();
    expect(await this.rig.answers()).toEqual(before);
    const { waiting, differing, differences } = await this.rig.machine.check();
    expect({ waiting, differing, differences }).toEqual({
      ...{ waiting: 0, differing: 0, differences: [] },
    });
  }
}

const counties: County[] = [];
afterEach(async () => {
  for (const county of counties.splice(0)) await county.stop();
});
const open = async (place: Place): Promise<County> => {
  const county = await new County(place).start();
  counties.push(county);
  return county;
};

describe.each([
  ['embedded', 'SQLite'],
  ['embedded', 'PostgreSQL'],
  ['influxdb', 'PostgreSQL'],
] as const)('on %s and %s', { timeout: 60_000 }, (archive, database) => {
  const here = places.has(archive, database);
  const on = (): Place => places.of(archive, database);

  describe.skipIf(!here)('a database that is brought back', () => {
    it('under a server to which nothing comes any more: what was worked off since is computed', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['b', 1, 200]);
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.put(['a', 2, 200]);
      await county.settle();
      await bringBack();
      expect(await county.count()).toBe(2);
      await county.proved();
      expect(await county.count()).toBe(2);
      expect(county.rig.machine.failures).toContain('reader-figures');
    });

    it('under a server that is just reading anew where its results stand', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200]);
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.put(['a', 2, 200]);
      await county.settle();
      await bringBack();
      const { marks } = county.rig.machine;
      // What the reader does after a fault: its place is that of the tables again, and what came after is not forgotten yet.
      const [place, trusted] = await Promise.all([marks.place(), marks.isUpToDate(0)]);
      expect([trusted, await marks.isUpToDate(0), await county.count()]).toEqual([false, false, 2]);
      marks.begins(place);
      expect([await marks.isUpToDate(0), await county.count()]).toEqual([false, 2]);
    });

    it('under a server to which more comes before it looks', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200]);
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.put(['a', 2, 200], ['b', 3, 200]);
      await county.settle();
      await bringBack();
      await county.put(['b', 4, 200]);
      await county.rig.machine.marks.flush().catch(() => undefined);
      await county.proved();
      expect([await county.count('a'), await county.count('b')]).toEqual([2, 2]);
    });

    it.each([true, false])('with what people said since (the server runs: %s)', async (runs) => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['b', 1, 200], ['b', 2, 200]);
      const early = await county.say({ device: 'b', to: START + 2 * HOUR });
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.say({ kind: 'reassign', target: 'b' });
      await county.undo(early);
      await county.settle();
      expect([await county.count('a'), await county.count('b')]).toEqual([0, 2]);
      if (!runs) await county.stop();
      await bringBack();
      if (!runs) await county.start();
      await county.proved();
      expect([await county.count('a'), await county.count('b')]).toEqual([1, 1]);
    });

    it('while a statement waits to be worked off, and another of its id is said then', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['a', 2, 200], ['b', 1, 200]);
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.say({ to: START + 2 * HOUR });
      await county.settle();
      expect(await county.count()).toBe(1);
      await bringBack();
      const other = await open(county.place.elsewhere());
      await other.say({ device: 'b' });
      await county.proved();
      expect([await county.count('a'), await county.count('b')]).toEqual([2, 0]);
    });

    it('to before a statement was marked that has been taken back, and whose step the journal has let go of', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['b', 1, 200]);
      const id = await county.say({ kind: 'reassign', target: 'b' });
      await county.settle();
      expect([await county.count('a'), await county.count('b')]).toEqual([0, 1]);
      await county.rig.machine.stop();
      await county.undo(id);
      const bringBack = await county.place.keepTables();
      const { rig } = county;
      rig.machine = county.machine();
      await county.settle();
      // The log is trimmed once a minute.
      const { rebuilds } = rig.machine.marks.counters;
      for (let n = 0; n < 3; n++) {
        rig.timer.at += 61_000;
        await county.put(['b', 30 + n, 1]);
        await county.settle();
        await rig.store.flush();
      }
      await bringBack();
      await county.proved();
      expect(rig.machine.marks.counters.rebuilds).toBeGreaterThan(rebuilds);
      expect([await county.count('a'), await county.count('b')]).toEqual([1, 1]);
    });

    it('twice in a row, the second time while all is marked again', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['b', 1, 200]);
      await county.settle();
      const bringBack = await county.place.keepTables();
      await county.put(['a', 2, 200], ['b', 2, 200]);
      await county.settle();
      for (let n = 0; n < 3; n++) {
        await bringBack();
        await systemTimer.sleep(30 * n);
      }
      await county.proved();
      expect([await county.count('a'), await county.count('b')]).toEqual([2, 2]);
    });

    it('forward, while what was computed without a statement is on its way to be put down', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['a', 2, 200]);
      await county.settle();
      await county.put(['a', 3, 200]);
      await county.rig.machine.marks.isUpToDate(20_000);
      await county.rig.machine.marks.flush();
      const bringBack = await county.place.keepTables();
      await county.say({ to: START + 2 * HOUR });
      await county.settle();
      expect(await county.count()).toBe(2);
      const bringForward = await county.place.keepTables();
      await bringBack();
      await county.corrections.follow();
      const { sources } = county.rig.machine;
      const computeMany = sources.computeMany.bind(sources);
      let computed = 0;
      sources.computeMany = async function* (...asked) {
        yield* computeMany(...asked);
        if (computed++ === 0) await bringForward();
      };
      await county.rig.machine.work.run(alone());
      expect(computed).toBeGreaterThan(0);
      sources.computeMany = computeMany;
      await county.proved();
      expect(await county.count()).toBe(2);
    });

    it('to a time of another definition', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200]);
      await county.settle();
      const db = figureTables(county.rig.relational);
      await db.updateTable('figure_definition').set({ version: 7 }).execute();
      await db
        .updateTable('figure_day')
        .set({ version: 7, body: '[[9,1,[[24,1,1,"x"]],["T-1"],{"function-zone":[]},null,[]]]' })
        .where('figure', '=', 'above')
        .execute();
      const bringBack = await county.place.keepTables();
      await county.rig.stop();
      await county.start();
      await county.settle();
      expect(await county.count()).toBe(1);
      await bringBack();
      await county.proved();
      expect(await county.count()).toBe(1);
    });
  });

  describe.skipIf(!here)('readings that are brought back', () => {
    it('behind what is marked, by a copy of their folder', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200], ['b', 1, 200]);
      await county.settle();
      await county.stop();
      const bringBack = county.place.keepReadings();
      await county.start();
      await county.put(['a', 2, 200]);
      await county.settle();
      await county.say({ device: 'b' });
      await county.settle();
      expect([await county.count('a'), await county.count('b')]).toEqual([2, 0]);
      await county.stop();
      bringBack();
      await county.start();
      await county.proved();
      // What is in InfluxDB is not brought back with the folder.
      expect(await county.count('a')).toBe(archive === 'embedded' ? 1 : 2);
      expect(await county.count('b')).toBe(0);
    });

    it('to nothing at all', async () => {
      const county = await open(on());
      await county.put(['a', 1, 200]);
      await county.settle();
      await county.stop();
      county.place.loseReadings();
      await county.start();
      await county.proved();
      expect(await county.count('a')).toBe(archive === 'embedded' ? 0 : 1);
    });
  });
});
