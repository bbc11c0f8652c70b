/** Readers of the journal: what they get, what they cost, and what becomes of one that is too slow. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, seededRandom, systemTimer, type Timer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from '../time-series/contract.ts';
import { openTimeSeries } from '../time-series/open.ts';
import type { CommittedGroup, JournalPlace, ReaderCutOff } from './contract.ts';

const MEGABYTE = 1024 * 1024;
const folders: string[] = [];
const stores: TimeSeriesStore[] = [];

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-journal-'));
  folders.push(folder);
  return folder;
}

async function openIn(
  folder: string,
  more: Partial<TimeSeriesOptions> = {},
): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({
    folder,
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
    ...more,
  });
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** One group with one row; resolves when it is acknowledged. */
function commit(store: TimeSeriesStore, n: number, receivedAt = NOW + n): Promise<void> {
  putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n, values: { pm25: n }, receivedAt });
  return new Promise((resolve) => {
    store.settle(resolve);
    void store.commitNow();
  });
}

/** About 3 MB of journal. */
async function fill(store: TimeSeriesStore, receivedAt: number): Promise<void> {
  for (let group = 0; group < 3; group++) {
    for (let n = 0; n < 18_000; n++)
      putRow(store, PROFILE, METRICS, {
        device: 'b',
        at: NOW + n,
        values: { pm25: n },
        receivedAt,
      });
    await store.commitNow();
  }
}

/** The next groups, so many. */
async function take(
  groups: AsyncIterableIterator<CommittedGroup>,
  count: number,
): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) ids.push((await groups.next()).value!.id);
  return ids;
}

it('gives a group as it was put in: rows, qualities, lanes, events, system events', async () => {
  const store = await openIn(await folderOf());
  putRow(store, PROFILE, METRICS, {
    device: 'a',
    at: NOW,
    receivedAt: NOW + 7,
    flags: 3,
    values: { pm25: 1.5, temp: -2 },
    quality: { temp: 'fault' },
  });
  const event = { device: 'a', at: NOW, receivedAt: NOW, type: 'door', detail: { open: true } };
  store.event(event, 'live');
  store.note({ type: 'gateway-status', at: NOW, subject: 'gw-1', detail: { online: false } });
  await store.commitNow();
  const read = async (): Promise<unknown> => {
    const groups = store.follow('reader', null);
    const { value } = await groups.next();
    const group = value as CommittedGroup;
    const [rows] = group.rows;
    const answer = {
      rowCount: group.rowCount,
      profile: rows!.profile,
      row: [
        rows!.device(0),
        rows!.at(0),
        rows!.receivedAt(0),
        rows!.lane(0),
        rows!.clockReplaced(0),
      ],
      values: rows!.metrics.map((_, i) => rows!.value(0, i)),
      quality: rows!.quality(0, 2),
      events: group.events,
      system: group.system,
    };
    await groups.return!();
    return answer;
  };
  const expected = {
    rowCount: 1,
    profile: PROFILE,
    row: ['a', NOW, NOW + 7, 'backfill', true],
    values: [1.5, Number.NaN, -2],
    quality: 'fault',
    events: [{ event, lane: 'live' }],
    system: [{ type: 'gateway-status', at: NOW, subject: 'gw-1', detail: { online: false } }],
  };
  // From the log, since nobody followed when it was committed, and once more.
  expect(await read()).toEqual(expected);
  expect(await read()).toEqual(expected);
});

it('gives each group to each reader right after its commit, and from its place after a restart', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  const one = store.follow('one', null);
  const two = store.follow('two', null);
  for (let n = 0; n < 5; n++) await commit(store, n);
  expect(await take(one, 5)).toEqual([1, 2, 3, 4, 5]);
  const waiting = one.next();
  await commit(store, 5);
  expect((await waiting).value!.id).toBe(6);
  expect(await take(two, 2)).toEqual([1, 2]);
  store.hold('two', 2);
  await store.flush();
  await store.close();
  store = await openIn(folder);
  const again = store.follow('two', { journal: store.id, group: 2 });
  expect(await take(again, 4)).toEqual([3, 4, 5, 6]);
});

it('stamps never decrease when the clock is set back, also over a restart', async () => {
  const folder = await folderOf();
  let offset = 0;
  const timer: Timer = { ...systemTimer, now: () => systemTimer.now() + offset };
  let store = await openIn(folder, { timer });
  await commit(store, 0);
  store.follow('all', null);
  offset = -HOUR;
  await commit(store, 1);
  await store.flush();
  await store.close();
  store = await openIn(folder, { timer });
  await commit(store, 2);
  const stamps: number[] = [];
  for await (const group of store.follow('all', null)) {
    stamps.push(group.committedAt);
    if (group.id === store.head) break;
  }
  expect(stamps).toHaveLength(3);
  expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
});

it('cuts off a reader that stopped, tells it what it missed, and holds up nobody', async () => {
  const store = await openIn(await folderOf());
  const stopped = store.follow('stopped', null, { lagMax: 2 * MEGABYTE });
  await commit(store, 0, NOW - 2 * HOUR);
  expect(await take(stopped, 1)).toEqual([1]);
  store.hold('stopped', 1);
  await fill(store, NOW - HOUR);
  await fill(store, NOW);
  expect(store.counters().readersCutOff).toBe(1);
  await store.flush();
  await store.flush();
  // It is no reason to keep the log any more.
  expect(store.counters().readerLag['archive']).toBe(0);
  const fault = (await stopped.next().catch((error: unknown) => error)) as ReaderCutOff;
  expect(fault).toMatchObject({
    code: 'reader-cut-off',
    resume: { journal: store.id, group: store.head },
  });
  expect(fault.missed.from).toBeLessThanOrEqual(NOW - HOUR);
  expect(fault.missed.from).toBeGreaterThan(0);
  expect(fault.missed.to).toBeGreaterThanOrEqual(NOW);
  const resumed = store.follow('stopped', fault.resume, { lagMax: 2 * MEGABYTE });
  await commit(store, 1);
  expect(await take(resumed, 1)).toEqual([fault.resume.group + 1]);
});

it('a reader that throws or hangs costs acknowledgements and other readers nothing', async () => {
  const store = await openIn(await folderOf());
  const thrower = (async () => {
    for await (const _ of store.follow('thrower', null, { lagMax: MEGABYTE }))
      throw new Error('a reader of its own');
  })();
  const thrown = expect(thrower).rejects.toThrow('a reader of its own');
  const hanging = (async () => {
    for await (const _ of store.follow('hanging', null, { lagMax: MEGABYTE }))
      await new Promise(() => undefined);
  })();
  void hanging;
  const well = store.follow('well', null, { lagMax: 64 * MEGABYTE });
  for (let n = 0; n < 20; n++) await commit(store, n);
  await fill(store, NOW);
  await thrown;
  expect((await take(well, 23)).at(-1)).toBe(23);
  expect(store.commitFault).toBeNull();
  const rows = await store.range({ device: 'a', from: 0, to: NOW * 2, limit: 100 });
  expect(rows).toHaveLength(20);
});

it('a restored copy is another journal: no place of before is taken for one of it', async () => {
  const store = await openIn(await folderOf());
  await commit(store, 0);
  const target = await folderOf();
  await store.backup(target);
  const place: JournalPlace = { journal: store.id, group: 1 };
  const copy = await openIn(target);
  expect(copy.id).not.toBe(store.id);
  await commit(copy, 1);
  const fault = (await copy
    .follow('reader', place)
    .next()
    .catch((error: unknown) => error)) as ReaderCutOff;
  expect(fault).toMatchObject({ code: 'journal-changed', resume: { journal: copy.id } });
  expect(await copy.range({ device: 'a', from: 0, to: NOW * 2, limit: 9 })).toHaveLength(2);
  expect(copy.touched(place).complete).toBe(false);
});

it('a folder that was brought back by a copy has not the groups that a reader took since, also when others have their numbers', async () => {
  const folder = await folderOf();
  const store = await openIn(folder);
  await commit(store, 0);
  await store.close();
  const copy = await folderOf();
  await cp(folder, copy, { recursive: true });
  const lost = await openIn(folder);
  for (let n = 1; n < 4; n++) await commit(lost, n);
  const place: JournalPlace = { journal: lost.id, group: lost.head };
  const early: JournalPlace = { journal: lost.id, group: 1 };
  const back = await openIn(copy);
  expect(back.id).toBe(lost.id);
  expect(back.touched(place).complete).toBe(false);
  // As many as were lost, and more, before the reader begins.
  for (let n = 1; n < 6; n++) await commit(back, n);
  const options = { lagMax: MEGABYTE };
  const ahead = back.follow('ahead', place, options);
  await expect(ahead.next()).rejects.toMatchObject({
    code: 'journal-changed',
    resume: { journal: back.id, group: back.head },
  });
  expect(await take(back.follow('behind', early, options), 5)).toEqual([2, 3, 4, 5, 6]);
  // What it has taken itself is no such place.
  await commit(back, 7);
  const again = { journal: back.id, group: back.head - 1 };
  expect(await take(back.follow('ahead', again, options), 1)).toEqual([back.head]);
});

it('knows which hours of which devices were touched since a place, also after restarts', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  const random = seededRandom('touched');
  const expected = new Map<string, number>();
  for (let round = 0; round < 60; round++) {
    for (let n = 0; n < 5; n++) {
      const device = `d${Math.floor(random() * 4)}`;
      const hour = Math.floor(NOW / HOUR) - Math.floor(random() * 6);
      putRow(store, PROFILE, METRICS, { device, at: hour * HOUR + n, values: { pm25: n } });
      expected.set(`${device} ${hour}`, store.head + 1);
    }
    await store.commitNow();
    if (round % 20 === 19) {
      await store.flush();
      await store.close();
      store = await openIn(folder);
    }
  }
  for (const group of [0, 20, 45, store.head]) {
    const since = [...expected].filter(([, last]) => last > group).map(([key]) => key);
    const found: string[] = [];
    let cursor: JournalPlace = { journal: store.id, group };
    for (let more = true; more; ) {
      const touched = store.touched(cursor, 7);
      expect(touched.complete).toBe(true);
      found.push(...touched.hours.map(({ device, hour }) => `${device} ${hour}`));
      cursor = touched.cursor;
      more = touched.more;
    }
    expect(found.toSorted()).toEqual(since.toSorted());
    expect(cursor.group).toBe(store.head);
  }
});

it('notes start, ticks and stop of the platform among the groups', async () => {
  const folder = await folderOf();
  let store = await openIn(folder, { tickMs: 20 });
  await expect.poll(() => store.head, { timeout: 15_000 }).toBeGreaterThan(2);
  await store.close();
  store = await openIn(folder);
  const types: string[] = [];
  for await (const group of store.follow('reader', null)) {
    types.push(...group.system.map(({ type }) => type));
    if (group.id === store.head) break;
  }
  expect(types[0]).toBe('platform-start');
  expect(types.at(-1)).toBe('platform-stop');
  expect(types).toContain('platform-tick');
});

it('notes where devices moved to and which were retired, from the second time on', async () => {
  const store = await openIn(await folderOf());
  const east = { county: '330522000000', township: '330522100000', village: null };
  const west = { ...east, township: '330522101000' };
  store.locate(
    new Map([
      ['a', east],
      ['b', east],
      ['c', east],
    ]),
  );
  store.locate(
    new Map([
      ['a', east],
      ['b', west],
    ]),
  );
  await store.commitNow();
  const { value } = await store.follow('reader', null).next();
  expect((value as CommittedGroup).system.map(({ at: _, ...event }) => event)).toEqual([
    { type: 'device-moved', subject: 'b', detail: { from: east, to: west } },
    { type: 'device-retired', subject: 'c', detail: { from: east } },
  ]);
});
