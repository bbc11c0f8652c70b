/** A map that is taken in while others change the areas that it is of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { openRelational, type Relational } from '@village/store/relational';
import { AREAS, COUNTY, testModules } from '@village/store/relational/testing';
import { openTimeSeries } from '@village/store/time-series';
import { expect, it } from 'vitest';
import { Directory } from '../directory.ts';
import { registryStore } from '../tables/registry-store.ts';
import { Geometries } from './geometries.ts';

const NORTH = '330522100200';
const clock = () => 1_800_000_000_000;
const ring = [
  ...[
    [119.8, 31],
    [120, 31],
    [120, 31.2],
    [119.8, 31.2],
  ],
  [119.8, 31],
];
const map = {
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { code: NORTH },
      geometry: { type: 'Polygon', coordinates: [ring] },
    },
  ],
};

it('is judged anew when an area of it is retired before it is stored', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-geometry-'));
  const timer = systemTimer;
  const store = await openTimeSeries({ folder, timer, tickMs: Infinity, diskReserveBytes: 0 });
  const relational = await openRelational({ modules: testModules, clock, file: ':memory:' });
  try {
    const stored = registryStore(relational);
    await stored.importAreas(AREAS);
    const log = () => undefined;
    const directory = new Directory({ relational, store, profiles: new Map(), log });
    await directory.load(clock());
    let before = (): Promise<void> => Promise.resolve();
    /** Another server is first at the database. */
    const second: Relational = {
      ...relational,
      for: (name) => relational.for(name),
      transaction: async (...given) => {
        await before();
        return relational.transaction(...given);
      },
    };
    const geometries = new Geometries({ relational: second, directory, clock });
    const audited = () => ({
      ...{ actor: 'li', address: '', action: 'import-geometry', target: COUNTY },
      ...{ outcome: 'done' as const, detail: {} },
    });
    const take = () =>
      geometries.take(
        { content: Buffer.from(JSON.stringify(map)), system: 'wgs84', review: '' },
        COUNTY,
        { by: 'li', audited },
      );
    before = async () => {
      before = () => Promise.resolve();
      await stored.retireArea({ area: NORTH, at: clock(), reason: null });
    };
    expect((await take()).faults).toMatchObject([{ zh: `区域 ${NORTH} 已停用` }]);
    expect(await stored.geometries([NORTH])).toEqual([]);
    await stored.reinstateArea(NORTH);
    expect(await take()).toMatchObject({ areas: 1, faults: [] });
    expect(await stored.geometries([NORTH])).toHaveLength(1);
  } finally {
    await relational.close();
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
