/** Addresses that were registered in spellings of their own, on both engines. */
import type { DeviceProfile } from '@village/device-profiles';
import { openRelational, type Relational } from '@village/store/relational';
import {
  AREAS,
  COUNTY,
  device,
  onBothEngines,
  type Target,
  testModules,
} from '@village/store/relational/testing';
import { afterEach, expect, it } from 'vitest';
import { spellAddresses } from './addresses.ts';
import { registryStore } from './tables/registry-store.ts';

const opened: Relational[] = [];
afterEach(async () => {
  for (const relational of opened.splice(0)) await relational.close();
});

onBothEngines(suite);

function suite(target: () => Promise<Target>): void {
  it('get their one spelling, in sight of those that would be one', async () => {
    const relational = await openRelational({
      ...(await target()),
      clock: () => 1_800_000_000_000,
      modules: testModules,
    });
    opened.push(relational);
    const store = registryStore(relational);
    await store.importAreas(AREAS);
    const known = device('any', COUNTY);
    const profiles = new Map([
      [known.profile, { id: known.profile, address: 'dev-eui' } as DeviceProfile],
      ['exact/one', { id: 'exact/one', address: 'exact' } as DeviceProfile],
    ]);
    const eui = '24e124713b491234';
    const other = '24e124713b495678';
    const devices = [
      { ...device('capitals', COUNTY), address: '24E1-2471-3B49-1234' },
      { ...device('first', COUNTY), address: other.toUpperCase() },
      { ...device('second', COUNTY), address: other },
      { ...device('odd', COUNTY), address: 'no EUI' },
      { ...device('exact', COUNTY), profile: 'exact/one', address: 'AA-BB' },
    ];
    const batch = { gateways: [], credentials: [], at: 1, by: 'test' };
    await store.importDevices({ devices, ...batch });
    const seen = async (): Promise<Record<string, string>> =>
      Object.fromEntries(
        (await store.devices(COUNTY, { limit: 99 })).map(({ id, address }) => [id, address]),
      );
    const version = await store.version();
    expect(await spellAddresses(relational, profiles)).toEqual({
      changed: 1,
      conflicts: [['first', 'second']],
    });
    expect(await store.version()).toBeGreaterThan(version);
    expect(await seen()).toEqual({
      capitals: eui,
      first: other.toUpperCase(),
      second: other,
      odd: 'no EUI',
      exact: 'AA-BB',
    });
    expect(await store.installations('capitals')).toMatchObject([{ address: eui }]);
    // Once one of the two is retired, the other is spelled at the next start.
    await store.retireDevice({ device: 'second', at: 2, by: 'test', reason: null });
    expect(await spellAddresses(relational, profiles)).toEqual({ changed: 1, conflicts: [] });
    expect((await seen())['first']).toBe(other);
    expect(await spellAddresses(relational, profiles)).toEqual({ changed: 0, conflicts: [] });
    // Of a whole county, in transactions that end, each a state of its own.
    const many = Array.from({ length: 1_001 }, (_, n) => ({
      ...device(`d-${n}`, COUNTY),
      address: `AA-${n.toString(16).padStart(14, '0')}`,
    }));
    await store.importDevices({ devices: many, ...batch });
    const before = await store.version();
    expect(await spellAddresses(relational, profiles)).toEqual({ changed: 1_001, conflicts: [] });
    expect((await store.version()) - before).toBeGreaterThan(2);
    expect(await spellAddresses(relational, profiles)).toEqual({ changed: 0, conflicts: [] });
    expect(await store.installations('d-1000')).toMatchObject([{ address: 'aa000000000003e8' }]);
  });
}
