/** Installations, places, labels and attributes with their validity, on both engines; and what older databases become. */
import { HOUR, MINUTE } from '@village/core';
import { hashSecret, openRelational, type Relational } from '@village/store/relational';
import {
  AREAS,
  device,
  onBothEngines,
  type Target,
  testModules,
} from '@village/store/relational/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeviceImport, Property, PropertyChange } from './contract.ts';
import { changed } from './properties.ts';
import { registryStore } from './registry-store.ts';
import { registryModule } from './schema.ts';

const NORTH = '330522100200';
const SOUTH = '330522101000';
/** On the hour. */
const NOON = 1_800_000_000_000;
const opened: Relational[] = [];
afterEach(async () => {
  for (const relational of opened.splice(0)) await relational.close();
});

async function open(target: Target, modules = testModules): Promise<Relational> {
  const relational = await openRelational({ ...target, clock: () => NOON, modules });
  opened.push(relational);
  return relational;
}

const batch = (
  devices: DeviceImport['devices'],
  at: number,
  more: Partial<DeviceImport> = {},
): DeviceImport => ({ devices, gateways: [], credentials: [], at, by: 'li', ...more });

onBothEngines((target) => {
  const fresh = async () => {
    const store = registryStore(await open(await target()));
    await store.importAreas(AREAS);
    return store;
  };

  it('keeps what an older database holds, as having been so from the beginning', async () => {
    const at = await target();
    const { '0001-places': places, '0002-machines': machines } = registryModule.migrations;
    if (places === undefined || machines === undefined) throw new Error('no such migrations');
    const old = {
      ...registryModule,
      migrations: { '0001-places': places, '0002-machines': machines },
    };
    const first = await open(at, [old, ...testModules.slice(1)]);
    const db =
      first.for<Record<'area' | 'device' | 'credential', Record<string, unknown>>>('registry');
    const county = { code: '330522000000', level: 'county', name_zh: '县', name_en: 'County' };
    await db
      .insertInto('area')
      .values({ ...county, parent: null, path: '/330522000000/', aliases: '[]' })
      .execute();
    const { clock, ...known } = device('d-1', county.code, { longitude: 119.9 });
    const stored = { ...known, options: '{"a":1}' };
    await db.insertInto('device').values(stored).execute();
    await db.insertInto('credential').values({ id: 'd-1', kind: 'device', hash: 'ab' }).execute();
    await first.close();
    const store = registryStore(await open(at));
    expect(await store.devices(county.code, { limit: 9 })).toEqual([
      { ...stored, options: { a: 1 }, clock, retiredAt: null, retiredReason: null },
    ]);
    expect(await store.areas(county.code)).toMatchObject([{ code: county.code, retiredAt: null }]);
    expect(await store.credentials()).toEqual([{ id: 'd-1', kind: 'device', hash: 'ab' }]);
    expect(await store.installations('d-1')).toMatchObject([{ since: 0, until: null }]);
    expect(await store.locations('d-1')).toEqual([{ area: county.code, since: 0, by: '' }]);
  });

  it('notes moves on the hour, the last of an hour alone', async () => {
    const store = await fresh();
    await store.importDevices(batch([device('a', NORTH), device('b', NORTH)], NOON));
    expect(await store.locations('a')).toEqual([{ area: NORTH, since: 0, by: 'li' }]);
    await store.importDevices(batch([device('a', SOUTH)], NOON + 20 * MINUTE));
    await store.importDevices(batch([device('a', SOUTH)], NOON + 5 * HOUR));
    await store.importDevices(batch([device('a', NORTH)], NOON + 5 * HOUR + MINUTE, { by: 'wu' }));
    await store.importDevices(batch([device('a', SOUTH)], NOON + 6 * HOUR + 59 * MINUTE));
    await store.importDevices(batch([device('a', NORTH)], NOON + 6 * HOUR + 59 * MINUTE));
    expect(await store.locations('a')).toEqual([
      { area: NORTH, since: 0, by: 'li' },
      { area: SOUTH, since: NOON, by: 'li' },
      { area: NORTH, since: NOON + 5 * HOUR, by: 'wu' },
      { area: NORTH, since: NOON + 6 * HOUR, by: 'li' },
    ]);
    expect(await store.locations('b')).toHaveLength(1);
    expect((await store.installations('a')).map(({ since }) => since)).toEqual([NOON]);
  });

  it('tells of all devices where they stood and when they were in service, and histories of many at once', async () => {
    const store = await fresh();
    await store.importDevices(batch([device('a', NORTH), device('b', NORTH)], NOON));
    await store.importDevices(batch([device('a', SOUTH)], NOON + 5 * HOUR));
    await store.retireDevice({ device: 'b', at: NOON + 3, by: 'wu', reason: null });
    await store.importDevices(batch([device('b', NORTH)], NOON + HOUR));
    expect(await store.standings()).toEqual([
      {
        device: 'a',
        places: [
          { area: NORTH, since: 0 },
          { area: SOUTH, since: NOON + 5 * HOUR },
        ],
        service: [{ since: NOON, until: null }],
      },
      {
        device: 'b',
        places: [{ area: NORTH, since: 0 }],
        service: [
          { since: NOON, until: NOON + 3 },
          { since: NOON + HOUR, until: null },
        ],
      },
    ]);
    await store.changeProperties({ kind: 'device', id: 'b' }, [
      { kind: 'label', key: 'owner', value: 'x', since: NOON, by: 'wu' },
    ]);
    const histories = await store.histories(['a', 'b', 'nobody']);
    for (const id of ['a', 'b', 'nobody'])
      expect(histories.get(id)).toEqual({
        installations: await store.installations(id),
        properties: await store.properties({ kind: 'device', id }),
      });
  });

  it('one installation follows the other, also where the clock was set back in between', async () => {
    const store = await fresh();
    await store.importDevices(batch([device('a', NORTH), device('b', NORTH)], NOON));
    await store.retireDevice({ device: 'a', at: NOON + 9, by: 'wu', reason: null });
    await store.importDevices(batch([device('a', NORTH)], NOON - HOUR));
    const other = { profile: 'village/air-weather' };
    await store.importDevices(batch([device('b', NORTH, other)], NOON - HOUR));
    const spans = async (id: string): Promise<unknown[]> =>
      (await store.installations(id)).map(({ since, until }) => [since, until]);
    expect(await spans('a')).toEqual([
      [NOON, NOON + 9],
      [NOON + 9, null],
    ]);
    expect(await spans('b')).toEqual([
      [NOON, NOON + 1],
      [NOON + 1, null],
    ]);
  });

  it('replaces, retires and brings back, each once and in order of time', async () => {
    const store = await fresh();
    const credentials = [{ id: 'a', kind: 'device' as const, hash: hashSecret('x'.repeat(16)) }];
    await store.importDevices(batch([device('a', NORTH)], NOON, { credentials }));
    const replace = (at: number, more: object = {}) =>
      store.replaceDevice({
        device: 'a',
        serial: `no-${at}`,
        profile: 'village/smart-bin',
        at,
        by: 'wu',
        reason: 'broken',
        ...more,
      });
    await replace(NOON + 1, { hash: hashSecret('y'.repeat(16)) });
    expect(await store.credentials()).toEqual([
      { id: 'a', kind: 'device', hash: hashSecret('y'.repeat(16)) },
    ]);
    await expect(replace(NOON + 1)).rejects.toMatchObject({ code: 'replaced-later' });
    await replace(NOON + 2, { profile: 'village/air-weather' });
    await store.retireDevice({ device: 'a', at: NOON + 3, by: 'wu', reason: 'sold' });
    expect(await store.credentials()).toEqual([]);
    const again = store.retireDevice({ device: 'a', at: NOON + 4, by: 'wu', reason: null });
    await expect(again).rejects.toMatchObject({ code: 'not-installed' });
    await expect(replace(NOON + 4)).rejects.toMatchObject({ code: 'not-installed' });
    expect(await store.devices(NORTH, { limit: 9 })).toMatchObject([
      { id: 'a', profile: 'village/air-weather', retiredAt: NOON + 3 },
    ]);
    // Its address is free for another of the profile, and then taken.
    const other = device('b', NORTH, { profile: 'village/air-weather', address: 'a' });
    await store.importDevices(batch([other], NOON + 4));
    await expect(
      store.importDevices(
        batch([device('a', NORTH, { profile: 'village/air-weather' })], NOON + 5),
      ),
    ).rejects.toMatchObject({ code: 'import-conflict' });
    await store.importDevices(batch([device('a', NORTH)], NOON + 6));
    const took = replace(NOON + 7, { profile: 'village/air-weather' });
    await expect(took).rejects.toMatchObject({ code: 'address-taken' });
    const rows = await store.installations('a');
    expect(
      rows.map(({ serial, profile, since, until, reason }) => [
        serial,
        profile,
        since - NOON,
        until === null ? null : until - NOON,
        reason,
      ]),
    ).toEqual([
      [null, 'village/smart-bin', 0, 1, 'broken'],
      [`no-${NOON + 1}`, 'village/smart-bin', 1, 2, 'broken'],
      [`no-${NOON + 2}`, 'village/air-weather', 2, 3, 'sold'],
      [null, 'village/smart-bin', 6, null, null],
    ]);
  });

  it('raises its version with every change and with nothing else', async () => {
    const store = await fresh();
    const seen = [await store.version()];
    const after = async (work: Promise<unknown>): Promise<void> => {
      await work.catch(() => undefined);
      seen.push(await store.version());
    };
    await after(store.importDevices(batch([device('a', NORTH)], NOON)));
    await after(
      store.replaceDevice({
        device: 'a',
        serial: null,
        profile: 'village/smart-bin',
        at: NOON + 1,
        by: '',
        reason: null,
      }),
    );
    const label: PropertyChange = { kind: 'label', key: 'k', value: 'v', since: NOON, by: '' };
    await after(store.changeProperties({ kind: 'device', id: 'a' }, [label]));
    await after(store.retireDevice({ device: 'a', at: NOON + 2, by: '', reason: null }));
    for (const [n, version] of seen.entries()) expect(version).toBeGreaterThan(seen[n - 1] ?? 0);
    await after(store.retireDevice({ device: 'a', at: NOON + 3, by: '', reason: null }));
    await after(store.importDevices(batch([device('b', '999999999999')], NOON)));
    expect(seen.slice(-2)).toEqual([seen[4], seen[4]]);
  });

  it('keeps labels and attributes with their validity, of each owner its own', async () => {
    const store = await fresh();
    await store.importDevices(batch([device('a', NORTH)], NOON));
    const owner = { kind: 'device', id: 'a' } as const;
    const say = (
      kind: Property['kind'],
      key: string,
      value: Property['value'] | null,
      since: number,
    ) => store.changeProperties(owner, [{ kind, key, value, since, by: 'li' }]);
    await say('attribute', 'bin-height', 1.2, NOON);
    await say('attribute', 'bin-height', 1.5, NOON + 2 * HOUR);
    await say('label', 'bin-height', '高', NOON);
    await say('label', 'bin-height', null, NOON + HOUR);
    await store.changeProperties({ kind: 'area', id: 'a' }, [
      { kind: 'label', key: 'k', value: 'v', since: NOON, by: 'li' },
    ]);
    const rest = { by: 'li', key: 'bin-height' };
    expect(await store.properties(owner)).toEqual([
      { ...rest, kind: 'attribute', value: 1.2, since: NOON, until: NOON + 2 * HOUR },
      { ...rest, kind: 'attribute', value: 1.5, since: NOON + 2 * HOUR, until: null },
      { ...rest, kind: 'label', value: '高', since: NOON, until: NOON + HOUR },
    ]);
  });
});

describe('the history of a property', () => {
  const said = (since: number, value: string | null): PropertyChange => ({
    kind: 'label',
    key: 'k',
    value,
    since,
    by: 'li',
  });
  /** What holds at times 0 to 9, asked of the history. */
  const line = (history: readonly Property[]): string =>
    Array.from({ length: 10 }, (_, at) => {
      const valid = history.filter(
        ({ since, until }) => since <= at && (until === null || at < until),
      );
      expect(valid.length).toBeLessThanOrEqual(1);
      return valid[0]?.value ?? '.';
    }).join('');
  const after = (...changes: [number, string | null][]): string =>
    line(
      changes.reduce<Property[]>(
        (history, [since, value]) => changed(history, said(since, value)),
        [],
      ),
    );

  it('holds each value from its time to the next, also when an earlier one is told later', () => {
    expect(after([2, 'a'])).toBe('..aaaaaaaa');
    expect(after([2, 'a'], [5, 'b'])).toBe('..aaabbbbb');
    expect(after([5, 'b'], [2, 'a'])).toBe('..aaabbbbb');
    expect(after([2, 'a'], [5, 'b'], [3, 'c'])).toBe('..accbbbbb');
    expect(after([2, 'a'], [2, 'b'])).toBe('..bbbbbbbb');
    expect(after([2, 'a'], [6, null])).toBe('..aaaa....');
    expect(after([2, 'a'], [6, null], [8, 'b'])).toBe('..aaaa..bb');
    expect(after([2, 'a'], [2, null])).toBe('..........');
    expect(after([4, null])).toBe('..........');
  });
});
