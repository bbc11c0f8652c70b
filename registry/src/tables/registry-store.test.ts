/** Areas, devices, gateways and credentials in the database, on both engines. */
import { hashSecret, openRelational, type Relational } from '@village/store/relational';
import {
  AREAS,
  area,
  COUNTY,
  device,
  onBothEngines,
  type Target,
  testModules,
} from '@village/store/relational/testing';
import { afterEach, expect, it } from 'vitest';
import type { RegistryStore } from './contract.ts';
import { registryStore } from './registry-store.ts';

const NOW = 1_800_000_000_000;
const opened: Relational[] = [];
afterEach(async () => {
  for (const relational of opened.splice(0)) await relational.close();
});

onBothEngines(suite);

function suite(target: () => Promise<Target>): void {
  const fresh = async (): Promise<RegistryStore> => {
    const relational = await openRelational({
      ...(await target()),
      clock: () => NOW,
      modules: testModules,
    });
    opened.push(relational);
    const store = registryStore(relational);
    await store.importAreas(AREAS);
    return store;
  };

  it('gives areas in scope only, parents first, whatever order they came in', async () => {
    const store = await fresh();
    expect((await store.areas(COUNTY)).map((a) => a.path)).toEqual([
      '/330522000000/',
      '/330522000000/330522100000/',
      '/330522000000/330522100000/330522100200/',
      '/330522000000/330522100000/330522100201/',
      '/330522000000/330522101000/',
    ]);
    expect((await store.areas('330522100000')).map((a) => a.code)).toEqual([
      '330522100000',
      '330522100200',
      '330522100201',
    ]);
    expect((await store.areas('330522101000'))[0]).toMatchObject({
      aliases: ['330522101'],
      validFrom: '2020-01-01',
      validTo: null,
    });
    expect(await store.areas('999999999999')).toEqual([]);
    expect(await store.areas('%')).toEqual([]);
    expect(await store.roots()).toEqual([COUNTY]);
  });

  it('moves a village with its path, and refuses rings and missing parents as a whole', async () => {
    const store = await fresh();
    expect(await store.importAreas([area('330522100201', '330522101000')])).toEqual({
      created: 0,
      updated: 1,
    });
    expect((await store.areas('330522101000')).map((a) => a.code)).toContain('330522100201');
    for (const bad of [
      [area('330522102000', COUNTY), area('330522103001', '330522103000')],
      [area('330522100000', '330522100200')],
    ]) {
      await expect(store.importAreas(bad)).rejects.toMatchObject({
        code: 'area-without-parent',
      });
    }
    expect((await store.areas(COUNTY)).map((a) => a.code)).not.toContain('330522102000');
  });

  it('retires an area and brings it back, and keeps it through imports', async () => {
    const store = await fresh();
    const village = '330522100201';
    const before = await store.areas(COUNTY);
    expect(new Set(before.map(({ retiredAt }) => retiredAt))).toEqual(new Set([null]));
    const gateway = { id: 'gw-1', name: '网关', area: village };
    const empty = { at: NOW, by: 'li', credentials: [] };
    await store.importDevices({ ...empty, devices: [device('d', village)], gateways: [gateway] });
    expect(await store.areaDependents(village)).toEqual({ areas: 0, devices: 1, gateways: 1 });
    expect(await store.areaDependents('330522100000')).toMatchObject({ areas: 2, devices: 0 });
    await store.retireDevice({ device: 'd', at: NOW + 1, by: 'li', reason: null });
    await store.retireGateway({ gateway: 'gw-1', at: NOW, reason: null });
    expect(await store.areaDependents(village)).toEqual({ areas: 0, devices: 0, gateways: 0 });
    await store.holdArea(village);
    const end = { area: village, at: NOW, reason: 'merged' };
    await store.retireArea(end);
    await expect(store.retireArea(end)).rejects.toMatchObject({ code: 'not-installed' });
    await expect(store.holdArea(village)).rejects.toMatchObject({ code: 'area-retired' });
    await store.importAreas(AREAS);
    const told = async () => (await store.areas(village)).map(({ retiredAt }) => retiredAt);
    expect(await told()).toEqual([NOW]);
    expect((await store.areaDependents('330522100000')).areas).toBe(1);
    await store.reinstateArea(village);
    await expect(store.reinstateArea(village)).rejects.toMatchObject({ code: 'not-retired' });
    expect(await store.areas(COUNTY)).toEqual(before);
  });

  it('of an area that is retired while somebody is given it, one of both is done', async () => {
    const relational = await openRelational({
      ...(await target()),
      clock: () => NOW,
      modules: testModules,
    });
    opened.push(relational);
    const store = registryStore(relational);
    await store.importAreas(AREAS);
    const codes = ['330522100200', '330522100201', '330522101000'];
    for (const code of codes) {
      const token = {
        name: 'm',
        role: 'clerk',
        area: code,
        createdBy: 'li',
        expiresAt: null,
      } as const;
      const ends = await Promise.allSettled([
        relational.transaction(async (tx) => {
          await registryStore(tx).retireArea({ area: code, at: NOW, reason: null });
          if ((await tx.people.countOf(code)).tokens > 0) throw new Error('in use');
        }),
        relational.transaction(async (tx) => {
          await registryStore(tx).holdArea(code);
          await tx.people.createToken(token);
        }),
      ]);
      expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const [area] = (await store.areas(code)).filter((one) => one.code === code);
      expect((await relational.people.countOf(code)).tokens).toBe(area?.retiredAt === null ? 1 : 0);
    }
    const over = { name: 'o', role: 'clerk', createdBy: 'li', expiresAt: NOW - 1 } as const;
    await relational.people.createToken({ ...over, area: COUNTY });
    expect(await relational.people.countOf(COUNTY)).toEqual({ accounts: 0, tokens: 0 });
  });

  it('retires a gateway once no device in service speaks through it, with its secret, and keeps what is said of it', async () => {
    const store = await fresh();
    const gateway = { id: 'gw-1', name: '网关', area: COUNTY };
    const wired = device('wired', '330522101000', { gateway: 'gw-1' });
    const credentials = [{ id: 'gw-1', kind: 'gateway' as const, hash: 'ab' }];
    const batch = { at: NOW, by: 'li', devices: [wired], gateways: [gateway], credentials };
    await store.importDevices(batch);
    expect(await store.gatewayDependents('gw-1')).toEqual({
      devices: 1,
      first: [{ id: 'wired', name: wired.name, area: '330522101000' }],
    });
    const end = { gateway: 'gw-1', at: NOW + 1, reason: 'gone' };
    await expect(store.retireGateway(end)).rejects.toMatchObject({ code: 'in-use' });
    expect(await store.credentials()).toEqual(credentials);
    await store.retireDevice({ device: 'wired', at: NOW + 1, by: 'li', reason: null });
    await store.retireGateway(end);
    expect(await store.gateways(COUNTY)).toEqual([
      { ...gateway, retiredAt: NOW + 1, retiredReason: 'gone' },
    ]);
    expect(await store.credentials()).toEqual([]);
    await expect(store.retireGateway(end)).rejects.toMatchObject({ code: 'not-installed' });
    await expect(store.retireGateway({ ...end, gateway: 'none' })).rejects.toMatchObject({
      code: 'not-installed',
    });
    // What was checked before the gateway was retired is not written after it.
    await expect(
      store.importDevices({ ...batch, gateways: [], credentials: [] }),
    ).rejects.toMatchObject({ code: 'import-conflict' });
    await store.importDevices(batch);
    expect(await store.gateways(COUNTY)).toEqual([
      { ...gateway, retiredAt: null, retiredReason: null },
    ]);
  });

  it('of a gateway that is retired while a device comes to it, one of both is done', async () => {
    const store = await fresh();
    for (let turn = 0; turn < 5; turn++) {
      const id = `gw-${turn}`;
      const gateways = [{ id, name: '网关', area: COUNTY }];
      const empty = { at: NOW, by: 'li', devices: [], gateways: [], credentials: [] };
      await store.importDevices({ ...empty, gateways });
      const [retired, added] = await Promise.allSettled([
        store.retireGateway({ gateway: id, at: NOW, reason: null }),
        store.importDevices({ ...empty, devices: [device(`d-${turn}`, COUNTY, { gateway: id })] }),
      ]);
      expect([retired.status, added.status].sort()).toEqual(['fulfilled', 'rejected']);
      const { devices } = await store.gatewayDependents(id);
      expect(devices).toBe(added.status === 'fulfilled' ? 1 : 0);
    }
  });

  it('of many changes of the same that come at once, none stands in the way of another for ever', async () => {
    const store = await fresh();
    const devices = Array.from({ length: 40 }, (_, n) => device(`d-${n}`, COUNTY));
    const last = devices.at(-1)?.id ?? '';
    const empty = { by: 'li', gateways: [], credentials: [] };
    await store.importDevices({ ...empty, at: NOW, devices });
    const refused: unknown[] = [];
    for (let turn = 1; turn <= 8; turn++) {
      const at = NOW + 10 * turn;
      const profile = `demo/type-${turn}`;
      const work = [
        store.importDevices({ ...empty, at, devices }),
        store.setClockUse(last, 'correct'),
        store.saveCredential({ id: last, kind: 'device', hash: `${turn}` }),
        store.replaceDevice({
          device: last,
          profile,
          at: at + 1,
          by: 'li',
          serial: null,
          reason: null,
        }),
        store.retireDevice({ device: last, at: at + 2, by: 'li', reason: null }),
        store.spellAddresses(devices.map(({ id }) => ({ id, address: `${id}-${turn}` }))),
        store.importAreas(AREAS),
      ];
      for (const done of await Promise.allSettled(work))
        if (done.status === 'rejected') refused.push(done.reason.code);
    }
    // What comes to a device that is retired by then is refused, and nothing else.
    const meant = ['not-installed', 'replaced-later'];
    expect(refused.filter((code) => !meant.includes(String(code)))).toEqual([]);
  });

  it('gives devices and gateways in scope only and pages them by id', async () => {
    const store = await fresh();
    const ids = Array.from({ length: 450 }, (_, i) => `d-${String(i).padStart(4, '0')}`);
    const places = ['330522100200', '330522100201', '330522101000'];
    const devices = ids.map((id, i) =>
      device(id, places[i % 3] as string, { options: { wordOrder: 'CDAB' }, longitude: 119.9 }),
    );
    const gateways = [
      { id: 'gw-1', name: '网关', area: COUNTY },
      { id: 'gw-2', name: '网关', area: '330522101000' },
    ];
    const batch = {
      at: NOW,
      by: 'li',
      devices: [...devices, device('wired', '330522101000', { gateway: 'gw-2' })],
      gateways,
      credentials: [{ id: 'gw-1', kind: 'gateway' as const, hash: hashSecret('x'.repeat(16)) }],
    };
    expect(await store.importDevices(batch)).toEqual({ created: 453, updated: 0 });
    expect(await store.importDevices(batch)).toEqual({ created: 0, updated: 453 });

    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await store.devices('330522100000', {
        limit: 64,
        ...(after === undefined ? {} : { after }),
      });
      seen.push(...page.map((one) => one.id));
      after = page.at(-1)?.id;
      if (page.length < 64) break;
    }
    expect(seen).toEqual(ids.filter((_, i) => i % 3 < 2));
    expect((await store.devices('330522100201', { limit: 1 }))[0]).toEqual({
      ...devices[1],
      retiredAt: null,
      retiredReason: null,
    });
    expect((await store.gateways('330522101000')).map((g) => g.id)).toEqual(['gw-2']);
    expect(await store.gateways('330522100200')).toEqual([]);
    expect(await store.credentials()).toEqual(batch.credentials);
  });

  it('imports all or nothing when the tables refuse', async () => {
    const store = await fresh();
    const good = device('good', '330522100200');
    const none = { gateways: [], credentials: [], at: NOW, by: 'li' };
    for (const bad of [
      device('bad', '330522109999'),
      device('bad', '330522100200', { gateway: 'gw-none' }),
      device('bad', '330522100200', { address: 'good' }),
    ])
      await expect(store.importDevices({ ...none, devices: [good, bad] })).rejects.toMatchObject({
        code: 'import-conflict',
      });
    expect(await store.devices(COUNTY, { limit: 10 })).toEqual([]);
  });

  it('keeps the last status of each gateway', async () => {
    const store = await fresh();
    const gateway = { id: 'gw-1', name: '网关', area: COUNTY };
    await store.importDevices({
      devices: [],
      gateways: [gateway],
      credentials: [],
      at: NOW,
      by: 'li',
    });
    await store.saveGatewayStatus({
      gateway: 'gw-1',
      online: true,
      at: 5,
      body: { version: '1' },
    });
    const last = { gateway: 'gw-1', online: false, at: 9, body: { dropped: { full: 3 } } };
    await store.saveGatewayStatus(last);
    expect(await store.gatewayStatuses()).toEqual([last]);
    expect(await store.gatewayStatuses([last.gateway])).toEqual([last]);
    expect(await store.gatewayStatuses(['another'])).toEqual([]);
    expect(await store.gatewayStatuses([])).toEqual([]);
  });

  it('keeps the polygons of areas: one each, replaced and taken away', async () => {
    const store = await fresh();
    const stored = (area: string, review: string) => ({
      ...{ area, review, shape: '[[[[1,2],[3,2],[3,4],[1,2]]]]', outline: '[]' },
      ...{ west: 1, south: 2, east: 3.5, north: 4, system: 'gcj02' as const, at: NOW, by: 'li' },
    });
    const [county, township] = [stored(COUNTY, ''), stored('330522101000', '浙S(2026)1号')];
    await store.saveGeometries([township, county]);
    expect(await store.geometries([COUNTY, '330522101000', '330522100000'])).toEqual([
      county,
      township,
    ]);
    await store.saveGeometries([{ ...county, review: '浙S(2026)2号' }]);
    expect(await store.geometries([COUNTY])).toEqual([{ ...county, review: '浙S(2026)2号' }]);
    expect(await store.removeGeometries(['330522100000', '330522101000'])).toBe(1);
    expect(await store.geometries([COUNTY, '330522101000'])).toHaveLength(1);
    await expect(store.saveGeometries([stored('999999999999', '')])).rejects.toThrow();
  });
}
