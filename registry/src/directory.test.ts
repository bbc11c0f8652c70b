/** What a directory takes in of what is stored: whole, in order, and also what another process changed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, SECOND, systemTimer } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { hashSecret, openRelational, type Relational } from '@village/store/relational';
import {
  AREAS,
  COUNTY,
  device,
  keepState,
  onBothEngines,
  type Target,
  testModules,
} from '@village/store/relational/testing';
import { openTimeSeries, ROW_FLAG, type TimeSeriesStore } from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import type { KyselyPlugin } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import type { Principal } from './contract.ts';
import { compareNames } from './devices.ts';
import { Directory } from './directory.ts';
import type { DeviceImport } from './tables/contract.ts';
import { registryStore } from './tables/registry-store.ts';
import { VERSION_CHANNEL } from './tables/schema.ts';

const NORTH = '330522100200';
const SOUTH = '330522101000';
const NOW = 1_800_000_000_000;
const { profiles } = loadCatalog([builtinCatalog]);
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

/** A process: its own connection to the database, its own readings, its own directory. */
async function start(
  target: Target,
  log: (message: string, detail: Record<string, unknown>) => void = () => undefined,
): Promise<{ relational: Relational; store: TimeSeriesStore; directory: Directory }> {
  const relational = await openRelational({ ...target, clock: () => NOW, modules: testModules });
  cleanup.push(() => relational.close());
  const folder = await mkdtemp(join(tmpdir(), 'village-directory-'));
  cleanup.push(() => rm(folder, { recursive: true, force: true }));
  const store = await openTimeSeries({
    folder,
    timer: systemTimer,
    tickMs: Number.POSITIVE_INFINITY,
    diskReserveBytes: 0,
  });
  cleanup.push(() => store.close());
  const directory = new Directory({ relational, store, profiles, log });
  return { relational, store, directory };
}

const batch = (
  devices: DeviceImport['devices'],
  more: Partial<DeviceImport> = {},
): DeviceImport => ({
  devices,
  gateways: [],
  credentials: [],
  at: NOW,
  by: 'li',
  ...more,
});

async function inTime(holds: () => boolean): Promise<boolean> {
  const from = performance.now();
  while (!holds() && performance.now() - from < 5 * SECOND) await systemTimer.sleep(20);
  return holds();
}

onBothEngines((target) => {
  it('leaves the ids of devices whose type is gone to them, and tells of those in service once', async () => {
    const told: unknown[] = [];
    const { relational, directory } = await start(await target(), (_message, detail) => {
      told.push(detail);
    });
    const stored = registryStore(relational);
    await stored.importAreas(AREAS);
    const ids = Array.from({ length: 12 }, (_, n) => `lost-${n + 10}`);
    await stored.importDevices(batch(ids.map((id) => device(id, NORTH, { profile: 'gone/type' }))));
    await stored.retireDevice({ device: 'lost-21', at: NOW + 1, by: 'li', reason: null });
    for (let turn = 0; turn < 3; turn++) await directory.load(NOW);
    expect(told).toEqual([{ count: 11, devices: ids.slice(0, 10) }]);
    expect(directory.count()).toBe(0);
    for (const id of ['lost-10', 'lost-21'])
      expect(directory.holder(id)).toEqual({ kind: 'device', area: NORTH });
  });

  it('reads devices and credentials in parts, so that no answer of the database holds up others', async () => {
    const at = await target();
    const { relational, store } = await start(at);
    const stored = registryStore(relational);
    await stored.importAreas(AREAS);
    const ids = Array.from({ length: 600 }, (_, n) => `d-${n}`);
    await stored.importDevices(
      batch(
        ids.map((id) => device(id, NORTH, { address: id })),
        { credentials: ids.map((id) => ({ id, kind: 'device', hash: hashSecret(id) })) },
      ),
    );
    let most = 0;
    const counting: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: ({ result }) => {
        most = Math.max(most, result.rows.length);
        return Promise.resolve(result);
      },
    };
    const watched: Pick<Relational, 'for'> = {
      for: <Tables>(module: string) => relational.for<Tables>(module).withPlugin(counting),
    };
    const directory = new Directory({
      ...{ relational: watched, store, profiles, log: () => undefined },
    });
    await directory.load(NOW);
    expect(directory.count()).toBe(ids.length);
    expect(ids.filter((id) => directory.verify(id, id)?.id !== id)).toEqual([]);
    expect(most).toBe(500);
  }, 60_000);

  it('takes in what another process changed, and ends what was opened with rights that are gone', async () => {
    const at = await target();
    const [here, there] = [await start(at), await start(at)];
    const stored = registryStore(there.relational);
    await stored.importAreas(AREAS);
    const credentials = [
      { id: 'a', kind: 'device' as const, hash: hashSecret('secret of a') },
      { id: 'b', kind: 'device' as const, hash: hashSecret('secret of b') },
    ];
    await stored.importDevices(batch([device('a', NORTH), device('b', SOUTH)], { credentials }));
    await here.directory.load(NOW);
    const revoked: Principal[] = [];
    here.directory.onRevoked((principal) => revoked.push(principal));
    const version = await registryStore(here.relational).version();
    await here.directory.reload(NOW);
    expect(here.directory.verify('a', 'secret of a')).toEqual({ kind: 'device', id: 'a' });

    await stored.retireDevice({ device: 'a', at: NOW + 1, by: 'li', reason: null });
    await stored.importDevices(batch([device('b', NORTH, { name: '搬走' }), device('c', SOUTH)]));
    // Until it looks, nothing is different here.
    expect(here.directory.device('a')?.id).toBe('a');
    await here.directory.reload(NOW);
    expect(here.directory.device('a')).toBeUndefined();
    expect(here.directory.verify('a', 'secret of a')).toBeUndefined();
    expect(revoked).toEqual([{ kind: 'device', id: 'a' }]);
    expect(here.directory.entry(NORTH, 'b')?.device.name).toBe('搬走');
    expect(here.directory.entry(SOUTH, 'b')).toBeUndefined();
    expect(here.directory.entry(NORTH, 'a')?.retiredAt).toBe(NOW + 1);
    expect(here.directory.area(COUNTY, COUNTY)?.entries.map((one) => one.device.id)).toEqual([
      'b',
      'c',
    ]);
    expect(here.directory.counts(COUNTY)).toMatchObject({ never: 2 });
    expect(await registryStore(here.relational).version()).toBeGreaterThan(version);
  });

  it('takes in what is said after a database was brought back, however much that is', async () => {
    const at = await target();
    const [here, there] = [await start(at), await start(at)];
    const stored = registryStore(there.relational);
    await stored.importAreas(AREAS);
    const bringBack = await keepState(at);
    const name = async (what: string): Promise<void> => {
      await stored.importDevices(batch([device('a', NORTH, { name: what })]));
    };
    const nameHere = (): string | undefined => here.directory.known('a')?.device.name;
    const seen = new Set<number>();
    for (let lost = 1; lost <= 3; lost++) {
      for (let n = 0; n < lost; n++) await name(`lost ${n}`);
      await here.directory.reload(NOW);
      expect(nameHere()).toBe(`lost ${lost - 1}`);
      seen.add(await registryStore(here.relational).version());
      await bringBack();
      // As many changes as were lost: a number that only counts would be the same again.
      for (let n = 0; n < lost; n++) await name(`said ${n}`);
      await here.directory.reload(NOW);
      expect(nameHere()).toBe(`said ${lost - 1}`);
      seen.add(await registryStore(here.relational).version());
      await bringBack();
      await here.directory.reload(NOW);
      expect(nameHere()).toBeUndefined();
    }
    expect(seen.size).toBe(6);
  }, 60_000);

  it('gives the number of a change that was undone to no other', async () => {
    const { relational, directory } = await start(await target());
    const stored = registryStore(relational);
    await stored.importAreas(AREAS);
    await directory.load(NOW);
    const before = await stored.version();
    let undone = 0;
    const failing = relational.transaction(async (tx) => {
      await registryStore(tx).importDevices(batch([device('a', NORTH)]));
      undone = await registryStore(tx).version();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([await stored.version(), undone > before]).toEqual([before, true]);
    await stored.importDevices(batch([device('b', NORTH)]));
    expect(await stored.version()).not.toBe(undone);
    await directory.reload(NOW);
    expect([...directory.ids()]).toEqual(['b']);
  });

  it('hears of changes from PostgreSQL at once; on SQLite one looks', async () => {
    const at = await target();
    const [here, there] = [await start(at), await start(at)];
    let heard = 0;
    const stop = here.relational.listen(VERSION_CHANNEL, () => heard++);
    const stored = registryStore(there.relational);
    await stored.importAreas(AREAS);
    if ('file' in at) {
      await stop();
      expect(heard).toBe(0);
      return;
    }
    // The connection that listens may be later than the first change.
    for (let n = 0; n < 20 && heard === 0; n++) {
      await stored.importAreas(AREAS);
      await systemTimer.sleep(100);
    }
    const before = heard;
    expect(before).toBeGreaterThan(0);
    await expect(stored.importDevices(batch([device('x', '999999999999')]))).rejects.toThrow();
    await stored.importDevices(batch([device('x', NORTH)]));
    expect(await inTime(() => heard === before + 1)).toBe(true);
    await stop();
    await stored.importAreas(AREAS);
    await systemTimer.sleep(300);
    expect(heard).toBe(before + 1);
  });
});

it('knows a device by what came late alone: not there now, and last heard of when that was measured', async () => {
  const { relational, directory, store } = await start({ file: ':memory:' });
  const stored = registryStore(relational);
  await stored.importAreas(AREAS);
  await stored.importDevices(batch([device('a', NORTH), device('b', SOUTH)]));
  const put = async (ago: number, flags: number): Promise<void> => {
    const row = { device: 'a', at: NOW - ago, receivedAt: NOW, values: { level: 1 }, flags };
    putRow(store, 'village/smart-bin', ['level'], row);
    await store.commitNow();
  };
  const now = () => {
    const entry = directory.known('a');
    return [entry?.state, entry?.lastSeenAt];
  };
  await put(30 * DAY, ROW_FLAG.backfill);
  await directory.load(NOW);
  expect(now()).toEqual(['offline', NOW - 30 * DAY]);
  expect(directory.counts(COUNTY)).toMatchObject({ offline: 1, never: 1 });
  await put(40 * DAY, ROW_FLAG.backfill);
  await put(20 * DAY, ROW_FLAG.backfill);
  directory.tick(NOW, []);
  expect(now()).toEqual(['offline', NOW - 20 * DAY]);
  await put(19 * DAY, 0);
  directory.tick(NOW, []);
  expect(now()).toEqual(['online', NOW]);
  // A backlog that is older than what was heard live tells nothing new.
  await put(DAY, ROW_FLAG.backfill);
  directory.tick(NOW, []);
  expect(now()).toEqual(['online', NOW]);
  await directory.reload(NOW);
  expect(now()).toEqual(['online', NOW]);
});

it('tells the archive of places that changed, and keeps what was heard and counted over a load', async () => {
  const { relational, store } = await start({ file: ':memory:' });
  const told: number[] = [];
  const asked: string[] = [];
  const watched: typeof store = {
    ...store,
    locate: (locations) => {
      told.push(locations.size);
      store.locate(locations);
    },
    latest: (id) => {
      asked.push(id);
      return store.latest(id);
    },
  };
  const directory = new Directory({ relational, store: watched, profiles, log: () => undefined });
  const stored = registryStore(relational);
  await stored.importAreas(AREAS);
  await stored.importDevices(batch([device('a', NORTH), device('b', SOUTH)]));
  await directory.load(NOW);
  const row = { device: 'a', at: NOW, receivedAt: NOW, values: { level: 1 } };
  putRow(store, 'village/smart-bin', ['level'], row);
  await store.commitNow();
  directory.tick(NOW, [{ device: 'a', readings: 3 }]);
  asked.length = 0;
  const change = async (...devices: DeviceImport['devices']): Promise<unknown> => {
    await stored.importDevices(batch(devices));
    await directory.load(NOW);
    const { state, lastSeenAt } = directory.known('a') ?? {};
    return [told.length, state, lastSeenAt, directory.readingsPerMinute(COUNTY)];
  };
  expect(await change(device('a', NORTH, { name: '新名' }))).toEqual([1, 'online', NOW, 3]);
  expect(asked).not.toContain('a');
  expect(await change(device('a', SOUTH))).toEqual([2, 'online', NOW, 3]);
  expect(directory.readingsPerMinute(NORTH)).toBe(3);
  expect(await change(device('c', SOUTH))).toEqual([3, 'online', NOW, 3]);
  await stored.retireDevice({ device: 'a', at: NOW + 1, by: 'li', reason: null });
  await directory.load(NOW);
  expect(directory.known('a')).toMatchObject({ state: 'offline', lastSeenAt: NOW });
});

it('is asked between two ticks: the state is not older than the values, and the next tick tells of it all the same', async () => {
  const { relational, directory, store } = await start({ file: ':memory:' });
  const stored = registryStore(relational);
  await stored.importAreas(AREAS);
  await stored.importDevices(batch([device('a', NORTH), device('b', NORTH), device('c', NORTH)]));
  await directory.load(NOW);
  const put = async (id: string, at: number, flags: number): Promise<void> => {
    const row = { device: id, at, receivedAt: NOW, values: { level: 1 }, flags };
    putRow(store, 'village/smart-bin', ['level'], row);
    await store.commitNow();
  };
  await put('a', NOW, 0);
  await put('b', NOW - 30 * DAY, ROW_FLAG.backfill);
  for (const id of ['a', 'b', 'c']) directory.catchUp(directory.known(id)!, NOW);
  const now = (id: string) => [directory.known(id)?.state, directory.known(id)?.lastSeenAt];
  expect(now('a')).toEqual(['online', NOW]);
  expect(now('b')).toEqual(['offline', NOW - 30 * DAY]);
  expect(now('c')).toEqual(['never', null]);
  expect(directory.counts(NORTH)).toEqual({ online: 1, late: 0, offline: 1, never: 1 });
  const changed = [...directory.tick(NOW, [])].map(({ device: { id } }) => id);
  expect(changed.sort()).toEqual(['a', 'b']);
  expect(directory.counts(NORTH)).toEqual({ online: 1, late: 0, offline: 1, never: 1 });
});

it('keeps lists in order through additions, new names, retirements and returns', async () => {
  const { relational, directory, store } = await start({ file: ':memory:' });
  const stored = registryStore(relational);
  await stored.importAreas(AREAS);
  const names = ['站 10', '站 9', '北村', '安吉', 'b', 'A', '桶'];
  const named = (n: number, shift: number) =>
    device(`d-${n}`, n % 2 === 0 ? NORTH : SOUTH, {
      name: names[(n + shift) % names.length] ?? '',
    });
  const expectOrder = async (): Promise<void> => {
    await directory.load(NOW);
    for (const code of [COUNTY, NORTH, SOUTH]) {
      const entries = directory.area(code, code)?.entries.map((one) => one.device) ?? [];
      expect(entries).toEqual([...entries].sort(compareNames));
      const page = await stored.devices(code, { limit: 5_000 });
      const there = page.filter((one) => one.retiredAt === null).map(({ id }) => id);
      expect(entries.map(({ id }) => id).sort()).toEqual(there.sort());
    }
  };
  await stored.importDevices(batch(Array.from({ length: 700 }, (_, n) => named(n, 0))));
  await expectOrder();
  await stored.importDevices(batch(Array.from({ length: 300 }, (_, n) => named(500 + n, 3))));
  await expectOrder();
  for (const id of ['d-0', 'd-1', 'd-2'])
    await stored.retireDevice({ device: id, at: NOW + 1, by: 'li', reason: null });
  await expectOrder();
  await stored.importDevices(batch([named(1, 0), named(2, 5)], { at: NOW + 2 }));
  await expectOrder();
  await store.commitNow();
  const retired: unknown[] = [];
  for await (const group of store.follow('test', null)) {
    retired.push(...group.system.filter(({ type }) => type === 'device-retired'));
    if (group.id === store.head) break;
  }
  expect(retired).toEqual(
    ['d-0', 'd-1', 'd-2'].map((subject) => ({ type: 'device-retired', at: NOW + 1, subject })),
  );
});

it('reads once for all that ask while a load has not begun', async () => {
  const { relational, directory } = await start({ file: ':memory:' });
  await registryStore(relational).importAreas(AREAS);
  const running = directory.load(NOW);
  const next = directory.load(NOW);
  expect(directory.load(NOW)).toBe(next);
  await Promise.all([running, next]);
  expect(directory.tops()).toEqual([COUNTY]);
});
