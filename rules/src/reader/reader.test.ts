/** The reader of rules over real stores: each transition is put down once, whatever is stopped, cut short, lost or brought back between. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, MINUTE, type Random, SECOND, seededRandom } from '@village/core';
import { onBothEngines, type Target } from '@village/store/relational/testing';
import type { SystemEvent } from '@village/store/time-series';
import { afterEach, describe, expect, it } from 'vitest';
import { alertTables } from '../alerts/tables.ts';
import { alerts } from '../alerts/testing.ts';
import { endLate, lateMarks } from './late.ts';
import {
  devices,
  groupsOf,
  inOneGo,
  Rig,
  type RigOptions,
  RULES_TEXT,
  rulesOf,
  START,
  type TestReading,
} from './testing.ts';

const folders: string[] = [];
const rigs: Rig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop({ orderly: false });
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function rigIn(target: Target, options?: RigOptions): Rig {
  const folder = mkdtempSync(join(tmpdir(), 'village-rules-'));
  folders.push(folder);
  const rig = new Rig(folder, target, options);
  rigs.push(rig);
  return rig;
}

const gateway = (online: boolean, at: number): SystemEvent => ({
  ...{ type: 'gateway-status', at, subject: 'gw', detail: { online } },
});

const at = (minute: number): number => START + minute * MINUTE;

const readings = (...ph: number[]): TestReading[] =>
  ph.map((value, n) => ({ device: `p${n}`, ph: value }));

/** A group after the other in which values go to and fro, devices fall silent and their gateway goes and comes. */
function* story(random: Random, groups: number) {
  let now = START;
  const values = [4, 7, 8.9, 9.5, 11.5];
  const held = Array.from({ length: 4 }, () => 7);
  for (let n = 0; n < groups; n++) {
    now += Math.ceil(random() * 50) * SECOND;
    const some: TestReading[] = [];
    for (let d = 0; d < 4; d++) {
      if (random() < 0.3) held[d] = values[Math.floor(random() * values.length)] as number;
      const late = random() < 0.05 ? 10 * MINUTE : Math.floor(random() * 30) * SECOND;
      if (random() < 0.6) some.push({ device: `p${d}`, ph: held[d] as number, at: now - late });
    }
    const system = random() < 0.03 ? [gateway(random() < 0.5, now)] : [];
    // Now and then nothing comes for long.
    if (random() < 0.02) now += 20 * MINUTE;
    yield { now, some, system };
  }
}

onBothEngines((target) => {
  it('puts down what the engine tells in one go, whatever ends and begins again between', async () => {
    const random = seededRandom('story');
    const rig = await rigIn(await target()).start();
    let restarts = 0;
    for (const { now, some, system } of story(random, 250)) {
      await rig.put(now, some, system);
      if (random() < 0.85) continue;
      if (random() < 0.8) await rig.caughtUp();
      restarts++;
      await rig.restart({ orderly: random() < 0.5 });
    }
    await rig.caughtUp();
    const whole = await inOneGo(groupsOf(rig.store), rig.directory, rig.relational);
    expect([...whole.values()].flat().length).toBeGreaterThan(100);
    expect(await rig.putDown()).toEqual(whole);
    expect(restarts).toBeGreaterThan(20);
    expect(rig.failures).toEqual([]);
    expect(rig.reader.counters).toMatchObject({ begun: 0, adopted: 0, mended: 0, missed: 0 });
  }, 120_000);

  it('follows tables that are brought back by less than its snapshots reach, running or not, exactly', async () => {
    const random = seededRandom('brought back');
    const rig = await rigIn(await target()).start();
    const all = [...story(random, 160)];
    let bring: (() => Promise<void>) | null = null;
    for (const [n, { now, some, system }] of all.entries()) {
      await rig.put(now, some, system);
      if (n % 40 === 37) {
        await rig.caughtUp();
        bring = await rig.keepTables();
      }
      if (n % 40 !== 39) continue;
      await rig.caughtUp();
      if (n % 80 === 39) await bring?.();
      else {
        await rig.stop({ orderly: false });
        await bring?.();
        await rig.start();
      }
    }
    const whole = await inOneGo(groupsOf(rig.store), rig.directory, rig.relational);
    await settled(rig, whole);
    expect([...whole.keys()].some((key) => key.startsWith('silent'))).toBe(true);
    expect(rig.reader.counters).toMatchObject({ begun: 0, missed: 0 });
  }, 120_000);

  it('begins where tables are that were brought back by more, with the alerts that are open there', async () => {
    const rig = await rigIn(await target()).start();
    await rig.put(at(0), readings(12, 7));
    await rig.caughtUp();
    const bring = await rig.keepTables();
    for (let n = 1; n < 8; n++) {
      await rig.put(at(n), readings(7, 12));
      await rig.caughtUp();
    }
    expect((await rig.putDown()).get('high p0')).toHaveLength(2);
    await bring();
    const again = new Map([
      ['high p0', ['opened 0 critical', 'ended 150 critical']],
      ['high p1', ['opened 60 critical']],
    ]);
    await settled(rig, again);
    expect(rig.reader.counters).toMatchObject({ adopted: 1, missed: 0 });
    expect(rig.failures).toEqual(['reader-rules: brought-back']);
  }, 120_000);
});

/** Waits until what is put down is that, as it must be once the reader has seen what was done to its tables. */
async function settled(rig: Rig, whole: Map<string, string[]>): Promise<void> {
  for (let n = 0; n < 200; n++) {
    await rig.caughtUp();
    const now = await rig.putDown();
    if (JSON.stringify([...now].sort()) === JSON.stringify([...whole].sort())) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  expect(await rig.putDown()).toEqual(whole);
}

/** On SQLite alone: what follows is no matter of the engine. */
const here = (options?: RigOptions): Rig => {
  const folder = mkdtempSync(join(tmpdir(), 'village-rules-tables-'));
  folders.push(folder);
  return rigIn({ file: join(folder, 'r.sqlite') }, options);
};

describe('the place', () => {
  it('is put down now and then where nothing is told, so that a start is short', async () => {
    const rig = await here().start();
    const place = async (): Promise<number | null | undefined> =>
      (await alertTables(rig.relational).selectFrom('rules_place').selectAll().executeTakeFirst())
        ?.place;
    await rig.put(at(0), readings(7, 7));
    await rig.caughtUp();
    expect(await place()).toBe(1);
    for (let n = 1; n <= 4; n++) await rig.put(at(0) + n * SECOND, readings(7, 7));
    await rig.caughtUp();
    expect(await place()).toBe(1);
    await rig.put(at(0) + 5 * SECOND, readings(7));
    await rig.caughtUp();
    expect(await place()).toBe(6);
    // What is told takes the place along.
    await rig.put(at(0) + 6 * SECOND, readings(12));
    await rig.caughtUp();
    expect(await place()).toBe(7);
  });

  it('of a first start is the present: what came before was before there were rules', async () => {
    const rig = await here().open();
    for (let n = 0; n < 3; n++) await rig.put(at(n), readings(12));
    await rig.stop({ orderly: false }).catch(() => undefined);
    await rig.start();
    await rig.put(at(10), readings(7, 12));
    await rig.caughtUp();
    expect([...(await rig.putDown())]).toEqual([['high p1', ['opened 600 critical']]]);
    expect(rig.failures).toEqual([]);
  });
});

describe('a snapshot', () => {
  const files = (rig: Rig): string[] => readdirSync(rig.snapshots).sort();

  it('is made each minute, and two are kept, for which the journal keeps what follows', async () => {
    const rig = await here().start();
    for (let n = 0; n < 10; n++) {
      await rig.put(at(0) + n * 20 * SECOND, readings(7));
      await rig.caughtUp();
    }
    expect(files(rig)).toEqual(['10.snapshot', '7.snapshot']);
    expect(rig.reader.kept()).toBe(7);
    await rig.stop();
    expect(files(rig)).toEqual(['10.snapshot', '7.snapshot']);
    await rig.start();
    await rig.put(at(9), readings(7));
    await rig.caughtUp();
    expect(rig.reader.counters).toMatchObject({ replayed: 0, begun: 0 });
  });

  it.each([
    ['changed', (bytes: Buffer) => bytes.fill(1, 40, 60)],
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['emptied', () => Buffer.alloc(0)],
    ['another file', () => Buffer.from('x'.repeat(100))],
  ])(
    'that is %s is replaced by the one before, and all is as if it were whole',
    async (_how, harm) => {
      const rig = await here().start();
      const all = [...story(seededRandom('damaged'), 120)];
      for (const [n, { now, some, system }] of all.entries()) {
        await rig.put(now, some, system);
        await rig.caughtUp();
        if (n % 40 !== 39) continue;
        await rig.stop({ orderly: false });
        const [newest] = files(rig).toSorted(
          (a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10),
        );
        const path = join(rig.snapshots, newest as string);
        writeFileSync(path, harm(readFileSync(path)));
        await rig.start();
        await rig.caughtUp();
        expect(rig.failures.splice(0)).toEqual(['snapshot: snapshot-damaged']);
      }
      await rig.caughtUp();
      const whole = await inOneGo(groupsOf(rig.store), rig.directory, rig.relational);
      expect(await rig.putDown()).toEqual(whole);
      expect(rig.reader.counters).toMatchObject({ begun: 0, mended: 0 });
    },
    60_000,
  );

  it('that is missing costs what only memory knew: open alerts go on, and end by the next reading', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(12, 12, 4, 4), [gateway(true, at(0))]);
    await rig.put(at(1), readings(12, 12, 4, 4));
    await rig.caughtUp();
    await rig.stop();
    rmSync(rig.snapshots, { recursive: true });
    await rig.start();
    await rig.put(at(2), readings(7, 12, 7, 4));
    await rig.put(at(4), readings(7, 12, 7, 4));
    await rig.caughtUp();
    expect(rig.reader.counters).toMatchObject({ begun: 1, adopted: 4, mended: 0 });
    expect(await rig.putDown()).toEqual(
      new Map([
        ['high p0', ['opened 0 critical', 'ended 210 critical']],
        ['high p1', ['opened 0 critical']],
        ['low p2', ['opened 0 minor', 'ended 120 minor']],
        ['low p3', ['opened 0 minor']],
      ]),
    );
  });

  it('that can not be written stops nothing', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(7));
    await rig.caughtUp();
    rmSync(rig.snapshots, { recursive: true });
    writeFileSync(rig.snapshots, 'a file where the folder was');
    await rig.put(at(2), readings(12));
    await rig.caughtUp();
    expect((await rig.putDown()).get('high p0')).toEqual(['opened 120 critical']);
    expect(rig.failures).toEqual([expect.stringMatching(/^rules-snapshot: E(EXIST|NOTDIR)$/)]);
    rmSync(rig.snapshots);
  });
});

describe('what is lost', () => {
  it('with the journal is on record, and open alerts go on with the next', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(12, 12));
    await rig.caughtUp();
    await rig.stop();
    rmSync(rig.series, { recursive: true });
    await rig.start();
    await rig.put(at(5), readings(7, 12));
    await rig.put(at(7), readings(7, 12));
    await rig.caughtUp();
    expect(rig.failures).toEqual(['reader-rules: journal-changed']);
    expect(await rig.putDown()).toEqual(
      new Map([
        ['high p0', ['opened 0 critical', 'ended 390 critical']],
        ['high p1', ['opened 0 critical']],
      ]),
    );
    const missed = await alertTables(rig.relational)
      .selectFrom('rules_missed')
      .selectAll()
      .execute();
    expect(missed).toHaveLength(1);
    expect(rig.reader.counters).toMatchObject({ begun: 1, adopted: 2, missed: 1 });
  });

  it('since it was too far behind is on record, once, and it goes on', async () => {
    const rig = await here().start({ lagMax: 200_000 });
    await rig.put(at(0), readings(12));
    await rig.caughtUp();
    await rig.cut();
    const many = Array.from(
      { length: 5_000 },
      (_, n): TestReading => ({
        ...{ device: 'p1', ph: 7, at: at(0) + n },
      }),
    );
    for (let n = 1; n < 25; n++)
      await rig.put(
        at(n),
        many.map((one) => ({ ...one, at: (one.at ?? 0) + n * 2_000 })),
      );
    rig.run();
    await rig.caughtUp();
    await rig.put(at(30), readings(7));
    await rig.put(at(32), readings(7));
    await rig.caughtUp();
    expect(rig.failures).toEqual(['reader-rules: reader-cut-off']);
    const missed = await alertTables(rig.relational)
      .selectFrom('rules_missed')
      .selectAll()
      .execute();
    expect(missed.map(({ from_at, to_at }) => [from_at <= at(1), to_at >= at(4)])).toEqual([
      [true, true],
    ]);
    expect((await rig.putDown()).get('high p0')).toEqual([
      'opened 0 critical',
      'ended 1890 critical',
    ]);
  });

  it('with a damaged group is on record', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(7));
    await rig.caughtUp();
    await rig.cut();
    await rig.reader.place();
    rig.reader.begins();
    await rig.reader.take({
      ...{ id: 5, committedAt: at(3), rowCount: 0, rows: [], events: [], system: [], frames: [] },
      damaged: true,
    });
    await rig.reader.putWhenDue();
    await rig.reader.stop();
    const missed = await alertTables(rig.relational)
      .selectFrom('rules_missed')
      .selectAll()
      .execute();
    expect(missed).toMatchObject([{ to_at: at(3) }]);
  });
});

describe('what is registered', () => {
  it('ends alerts of what is gone, also where the end of the process came first', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(12, 12, 12));
    await rig.caughtUp();
    await rig.retire('p0');
    // It is read while groups go on.
    for (let n = 1; n < 20 && ((await rig.putDown()).get('high p0')?.length ?? 0) < 2; n++) {
      await rig.put(at(0) + n * SECOND, readings(0).slice(1));
      await rig.caughtUp();
    }
    expect((await rig.putDown()).get('high p0')?.[1]).toMatch(/^ended \d+ critical$/);
    await rig.retire('p1');
    await rig.restart({ orderly: false });
    await rig.put(at(2), [{ device: 'p2', ph: 12 }]);
    await rig.caughtUp();
    expect((await rig.putDown()).get('high p1')?.[1]).toMatch(/^ended \d+ critical$/);
    expect(rig.reader.counters).toMatchObject({ mended: 1 });
    expect((await rig.putDown()).get('high p2')).toEqual(['opened 0 critical']);
  });

  it('counts for a new device, and where one was moved to', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(7));
    await rig.caughtUp();
    const [one] = devices(1);
    await rig.register([{ ...one!, id: 'q', name: 'q', address: 'q', area: '330522101000' }]);
    for (let n = 1; n < 20 && !(await rig.putDown()).has('high q'); n++) {
      await rig.put(at(0) + n * SECOND, [{ device: 'q', ph: 12 }]);
      await rig.caughtUp();
    }
    const [alert] = (await alerts(rig.relational)).filter(({ subject }) => subject === 'q');
    expect(alert).toMatchObject({ rule: 'high', areas: '330522000000 330522101000' });
  });
});

describe('other rules', () => {
  it('hold from the next group on: what was open of a rule that is no more ends', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(12, 4));
    await rig.caughtUp();
    const text = RULES_TEXT.replace('clearFor: 90s', 'clearFor: 10s').replace(
      'value < 5',
      'value < 1',
    );
    const low = rulesOf(text);
    rig.reader.use({ ...low, rules: low.rules.filter(({ id }) => id !== 'low') });
    await rig.put(at(1), readings(7, 7));
    await rig.put(at(2), readings(7, 7));
    await rig.caughtUp();
    expect(await rig.putDown()).toEqual(
      new Map([
        ['high p0', ['opened 0 critical', 'ended 70 critical']],
        ['low p1', ['opened 0 minor', 'ended 0 minor']],
      ]),
    );
  });
});

describe('readings that come late', () => {
  const marks = (rig: Rig) =>
    lateMarks(rig.relational, { quietSince: at(999), waitsSince: 0, limit: 99 });

  it('page nobody, and their stretches are marked, as one where they lie close', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(7, 7));
    const late = (device: string, minute: number): TestReading => ({
      ...{ device, ph: 12, at: at(minute), backfill: true },
    });
    for (const [minute, rows] of [
      [1, [late('p0', -100), late('p1', -100), late('p0', -90)]],
      [2, [late('p0', -300), late('p0', -95), late('p0', -140)]],
    ] as const) {
      await rig.put(at(minute), rows);
      await rig.caughtUp();
    }
    expect((await rig.putDown()).size).toBe(0);
    const found = (await marks(rig)).map(({ device, from_at, to_at, since_at, last_at }) => [
      ...[device, (from_at - START) / MINUTE, (to_at - START) / MINUTE],
      ...[(since_at - START) / MINUTE, (last_at - START) / MINUTE],
    ]);
    expect(found.toSorted()).toEqual([
      ['p0', -140, -90, 1, 2],
      ['p0', -300, -300, 2, 2],
      ['p1', -100, -100, 1, 1],
    ]);
    // Worked off, unless it was marked again meanwhile.
    const [first, second] = (await marks(rig)).filter(({ device }) => device === 'p0');
    await rig.put(at(20), [late('p0', -120)]);
    await rig.caughtUp();
    await endLate(rig.relational, first!);
    await endLate(rig.relational, second!);
    expect((await marks(rig)).filter(({ device }) => device === 'p0')).toHaveLength(2);
    const [one] = await marks(rig);
    await endLate(rig.relational, one!);
    expect(await marks(rig)).toHaveLength(2);
  });

  it('are marked once, however often the process ends, and however many stretches there are', async () => {
    const rig = await here().start();
    await rig.put(at(0), readings(7));
    for (let n = 0; n < 30; n++) {
      await rig.put(at(n + 1), [{ device: 'p0', ph: 7, at: START - n * 5 * HOUR, backfill: true }]);
      if (n % 7 === 0) await rig.restart({ orderly: n % 2 === 0 });
    }
    await rig.put(at(60), readings(7));
    await rig.caughtUp();
    const all = await marks(rig);
    expect(all.length).toBeLessThanOrEqual(8);
    const covered = (time: number) =>
      all.some(({ from_at, to_at }) => from_at <= time && to_at >= time);
    expect(Array.from({ length: 30 }, (_, n) => covered(START - n * 5 * HOUR))).not.toContain(
      false,
    );
  });
});

it('gives others their turn while it judges many rows', async () => {
  const rig = await here({ devices: 2_000 }).start();
  await rig.put(at(0), [{ device: 'p0', ph: 7 }]);
  await rig.caughtUp();
  let turns = 0;
  let over = false;
  const others = (): void => {
    turns++;
    if (!over) setImmediate(others);
  };
  const many = Array.from(
    { length: 10_000 },
    (_, n): TestReading => ({
      ...{
        device: `p${n % 2_000}`,
        ph: n % 7 === 0 ? 12 : 7,
        at: at(1) + Math.floor(n / 2_000) * SECOND,
      },
    }),
  );
  await rig.put(at(2), many);
  setImmediate(others);
  const before = rig.reader.gauges.behind;
  await rig.caughtUp();
  over = true;
  expect(before).toBe(1);
  expect(turns).toBeGreaterThan(8);
  expect((await alerts(rig.relational)).length).toBeGreaterThan(1_000);
}, 60_000);
