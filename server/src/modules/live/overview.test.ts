import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import type { DeviceEntry } from '@village/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  deviceCsv,
  NORTH_VILLAGE,
  SECRET,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';
import { quantitiesOf } from './overview.ts';

let test: TestServer;
let admin: Client;

const row = (id: string, profile: string): string =>
  `${id},${id},${profile},${NORTH_VILLAGE},,,,,,${SECRET}`;

beforeAll(async () => {
  test = await startCounty();
  await test.server.importDevices(
    deviceCsv(
      row('meter', 'chint/dtsu666'),
      row('bin-1', 'village/smart-bin'),
      row('bin-2', 'village/smart-bin'),
      row('wind', 'seeed/sensecap-one-s1000'),
      row('sewage', 'generic/sewage-station'),
      row('pond', 'boqu/phg-2091'),
    ),
  );
  admin = await test.client('admin');
});
afterAll(() => test.close());

it('the newest of a large county are gathered while others have their turn', async () => {
  const profile = loadCatalog([builtinCatalog]).profiles.get('boqu/phg-2091');
  const entries = Array.from({ length: 2_000 }, (_, n) => ({
    ...{ state: 'online', profile, device: { id: `d${n}` } },
  })) as unknown as DeviceEntry[];
  const value = { metric: 'ph', value: 7, at: 0, receivedAt: 0, quality: 'good' } as const;
  let [turns, over] = [0, false];
  const again = (): void => {
    turns++;
    if (!over) setImmediate(again);
  };
  setImmediate(again);
  // On however quick a machine: a twentieth of a millisecond a device.
  const latest = () => {
    const end = performance.now() + 0.05;
    while (performance.now() < end);
    return [value];
  };
  const quantities = await quantitiesOf({ latest: { latest } }, entries);
  over = true;
  expect(quantities).toMatchObject([{ quantity: 'water.ph', avg: 7, devices: 2_000 }]);
  expect(turns).toBeGreaterThan(50);
});

interface Quantity {
  kind: string;
  quantity: string;
  avg: number;
  min: number;
  max: number;
  devices: number;
}

it('a type names its events in both languages', async () => {
  const { items } = await admin.get<{ items: { id: string; events: object[] }[] }>('/profiles');
  expect(items.find(({ id }) => id === 'onvif/camera')?.events).toContainEqual({
    type: 'line-crossed',
    name: { zh: '越线', en: 'Line crossed' },
  });
});

describe('quantities of an area', () => {
  it('never mix kinds of thing, and count devices, not values', async () => {
    const at = new Date(test.timer.now()).toISOString();
    const readings = [
      {
        device: 'meter',
        values: { 'voltage-a': 229, 'voltage-b': 230, 'voltage-c': 234, import: 7 },
      },
      { device: 'bin-1', values: { battery: 3.5, fill: 20, lid: 1 } },
      { device: 'bin-2', values: { battery: 3.7, fill: 60, lid: 0 } },
      {
        device: 'wind',
        values: {
          'wind-speed-min': 1,
          'wind-speed': 2,
          'wind-speed-max': 9,
          'wind-direction': 350,
        },
      },
      { device: 'sewage', values: { ph: 6, level: 2 } },
      { device: 'pond', values: { ph: 9 } },
    ].map((reading) => ({ ...reading, at }));
    expect((await admin.ask('POST', '/readings', { readings })).json()).toMatchObject({
      accepted: readings.length,
      quarantined: [],
    });
    const answer = await (async () => {
      let last: { counts: { online: number }; quantities: Quantity[] } | undefined;
      await until('six devices online', async () => {
        last = await admin.get('/overview');
        return last?.counts.online === 6 && last.quantities.length === 9;
      });
      return last;
    })();
    const shown = answer?.quantities.map(({ kind, quantity, avg, min, max, devices }) => [
      kind,
      quantity,
      [min, Math.round(avg * 100) / 100, max],
      devices,
    ]);
    expect(shown).toEqual([
      ['weather-station', 'wind.speed', [2, 2, 2], 1],
      ['weather-station', 'wind.speed-min', [1, 1, 1], 1],
      ['weather-station', 'wind.speed-max', [9, 9, 9], 1],
      ['sewage-monitor', 'water.level', [2, 2, 2], 1],
      ['sewage-monitor', 'water.ph', [6, 6, 6], 1],
      ['water-quality', 'water.ph', [9, 9, 9], 1],
      ['power-meter', 'power.voltage', [229, 231, 234], 1],
      ['smart-bin', 'bin.fill-level', [20, 40, 60], 2],
      ['smart-bin', 'device.battery-voltage', [3.5, 3.6, 3.7], 2],
    ]);
  });
});
