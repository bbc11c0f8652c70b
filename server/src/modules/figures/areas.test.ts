/** Figures of areas over HTTP: means over stations, their limits, moves, the way down to each device, and who may ask. */
import { DAY, HOUR } from '@village/core';
import { dayOf, type Station } from '@village/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  DEVICES,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SECRET,
  SOUTH,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';
import { meanOf } from './areas.ts';

interface Item {
  at: string;
  value: number | null;
  completeness: number;
  version: string;
  corrections: number[];
  previous?: { value: number | null; reasons: string[] };
}
interface OpenedStation {
  device: string;
  name?: string;
  opens: boolean;
  stays: { from: string | null; to: string | null }[];
  values: Item[];
}
interface Opened extends Item {
  definition: { of: string; quantities: string[] };
  standards: { version: string }[];
  inputs: { figure: string; expected: number; valid: number; stations: OpenedStation[] }[];
  history: unknown[];
}

let test: TestServer;
let admin: Client;
/** Midnight in Beijing, three days ago. */
let midnight: number;
const iso = (at: number): string => encodeURIComponent(new Date(at).toISOString());
const post = async (device: string, rows: readonly (readonly [hour: number, o3: number])[]) => {
  const readings = rows.map(([hour, o3]) => ({
    ...{ device, at: new Date(midnight + hour * HOUR).toISOString(), values: { o3 } },
  }));
  expect((await admin.ask('POST', '/readings', { readings })).json()).toMatchObject({
    quarantined: [],
  });
};
const address = (figure: string, area: string, from: number, to: number): string =>
  `/figures?figure=${figure}&area=${area}&from=${iso(midnight + from * HOUR)}&to=${iso(midnight + to * HOUR)}`;
const values = async (figure: string, area: string, from: number, to: number): Promise<Item[]> =>
  (await admin.get<{ items: Item[] }>(address(figure, area, from, to))).items;
const explain = (figure: string, area: string, hour: number): string =>
  `/figures/explain?figure=${figure}&area=${area}&at=${iso(midnight + hour * HOUR)}`;

/** How many figures are stored of a day. */
const storedOf = async (owner: string, at: number): Promise<number> => {
  interface Tables {
    figure_day: { device: string; day: number };
  }
  const rows = await test.server.relational
    .for<Tables>('figures')
    .selectFrom('figure_day')
    .selectAll()
    .where('device', '=', owner)
    .where('day', '=', dayOf(at))
    .execute();
  return rows.length;
};

beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  midnight = Math.floor((test.timer.now() + 8 * HOUR) / DAY - 3) * DAY - 8 * HOUR;
  await post(
    'north-air',
    Array.from({ length: 24 }, (_, hour) => [hour, hour < 3 ? 210 : 100]),
  );
  await post(
    'south-air',
    Array.from({ length: 20 }, (_, hour) => [hour, hour < 2 ? 230 : 60]),
  );
});
afterAll(() => test.close());

describe('figures of areas', () => {
  it('say which there are', async () => {
    const of = async (query: string) =>
      (
        await admin.get<{ items: { figure: string; of: string; quantities: string[] }[] }>(
          `/figures/of?${query}`,
        )
      ).items;
    const found = await of(`area=${NORTH}`);
    expect(found.every((one) => one.of === 'area')).toBe(true);
    expect(found.find(({ figure }) => figure === 'area-hours-above:air.o3')).toMatchObject({
      quantities: ['air.o3'],
    });
    expect(found.map(({ figure }) => figure)).not.toContain('area-hourly-mean:water.ph');
    expect((await of('device=north-air')).every((one) => one.of === 'device')).toBe(true);
    expect((await admin.ask('GET', '/figures/of')).json()).toMatchObject({ code: 'bad-request' });
  });

  it('are means over the stations that have a value, with how many of them do', async () => {
    const hours = await values('area-hourly-mean:air.o3', COUNTY, 18, 22);
    expect(hours.map(({ value, completeness }) => [value, completeness])).toEqual([
      [80, 1],
      [80, 1],
      // Before it was registered a station counts where it left readings.
      [100, 1],
      [100, 1],
    ]);
    const [day] = await values('area-daily-mean:air.o3', COUNTY, 0, 24);
    const north = (3 * 210 + 21 * 100) / 24;
    const south = (2 * 230 + 18 * 60) / 20;
    expect(day?.value).toBeCloseTo((north + south) / 2, 9);
    expect((await values('area-daily-mean:air.o3', NORTH, 0, 24))[0]?.value).toBeCloseTo(north, 9);
  });

  it('need three quarters of the stations, of few the half', () => {
    const of = (...given: (number | null)[]): Station[] =>
      given.map((value, n) => ({
        device: String(n),
        values: [{ at: 0, value, completeness: value === null ? 0 : 1 }],
      }));
    expect(meanOf(of())).toBeNull();
    expect(meanOf(of(null))).toBeNull();
    expect(meanOf(of(4, null))).toBe(4);
    expect(meanOf(of(4, null, null))).toBeNull();
    expect(meanOf(of(4, 5, 6, null))).toBe(5);
    expect(meanOf(of(4, 5, null, null))).toBeNull();
  });

  it('add up the hours in which stations were above the limit, by the standard of the time', async () => {
    const [item] = await values('area-hours-above:air.o3', COUNTY, 0, 24);
    const [own] = (
      await admin.get<{ items: Item[] }>(
        `/figures?figure=hours-above:air.o3&device=north-air&from=${iso(midnight)}&to=${iso(midnight + DAY)}`,
      )
    ).items;
    expect(own?.value).toBe(3);
    expect(item).toMatchObject({ value: 5, completeness: 1, version: own?.version });
  });

  it('open to what each device gave, and from there to its readings', async () => {
    const opened = await admin.get<Opened>(explain('area-hours-above:air.o3', COUNTY, 12));
    expect(opened).toMatchObject({ value: 5, definition: { of: 'area', quantities: ['air.o3'] } });
    expect(opened.standards).toHaveLength(1);
    const [input] = opened.inputs;
    expect(input).toMatchObject({ figure: 'hours-above:air.o3', expected: 2, valid: 2 });
    expect(input?.stations.map(({ device, name, opens }) => [device, name, opens])).toEqual([
      ['north-air', '北村空气站', true],
      ['south-air', '南村空气站', true],
    ]);
    for (const { device, values: own } of input?.stations ?? []) {
      const [one] = own as [Item];
      const below = `/figures/explain?figure=${input?.figure}&device=${device}&at=${encodeURIComponent(one.at)}`;
      expect(await admin.get<Opened>(below)).toMatchObject({ value: one.value });
    }
  });

  it('refuse a device for an area, an area for a device, and what nobody measures there', async () => {
    const span = `from=${iso(midnight)}&to=${iso(midnight + DAY)}`;
    for (const [query, status, code] of [
      ['figure=area-hourly-mean:air.o3&device=north-air', 400, 'bad-request'],
      ['figure=area-hourly-mean:air.o3', 400, 'bad-request'],
      [`figure=area-hourly-mean:air.o3&device=north-air&area=${NORTH}`, 400, 'bad-request'],
      [`figure=hourly-mean:air.o3&area=${NORTH}`, 400, 'bad-request'],
      ['figure=area-hourly-mean:air.o3&area=330522999000', 404, 'not-found'],
      [`figure=area-hourly-mean:air.humidity&area=${NORTH}`, 422, 'not-measured'],
      [`figure=area-no-such&area=${NORTH}`, 422, 'unknown-figure'],
    ] as const) {
      const answer = await admin.ask('GET', `/figures?${query}&${span}`);
      expect([query, answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
        ...[query, status, code],
      ]);
    }
  });

  it('are cut to the area of who asks, as elsewhere', async () => {
    const [north, south] = [await test.client('north'), await test.client('south')];
    for (const path of [
      address('area-daily-mean:air.o3', NORTH, 0, 24),
      explain('area-daily-mean:air.o3', NORTH, 0),
      `/figures/of?area=${NORTH_VILLAGE}`,
    ]) {
      expect((await north.ask('GET', path)).statusCode).toBe(200);
      const refused = await south.ask('GET', path);
      expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([
        ...[404, 'not-found'],
      ]);
    }
    expect((await north.ask('GET', explain('area-daily-mean:air.o3', COUNTY, 0))).statusCode).toBe(
      404,
    );
  });

  it('are stored, keep what they were, and leave the past of an area when a device moves', async () => {
    test.timer.haste = 20;
    const day = midnight - 4 * DAY;
    const hour = (day - midnight) / HOUR;
    const figure = 'area-hours-above:air.o3';
    const item = async (area: string) => (await values(figure, area, hour, hour + 24))[0];
    await post('south-air', [[hour + 3, 230]]);
    expect(await item(SOUTH)).toMatchObject({ value: 1 });
    test.timer.shift += 11_000;
    await until('the day to be stored', async () => (await storedOf(`area:${SOUTH}`, day)) > 0);
    await post('south-air', [[hour + 4, 230]]);
    expect(await item(SOUTH)).toMatchObject({ value: 2 });
    test.timer.shift += 11_000;
    await until('what it was before', async () => (await item(SOUTH))?.previous !== undefined);
    expect(await item(SOUTH)).toMatchObject({
      ...{ value: 2, previous: { value: 1, reasons: ['late-data'] } },
    });
    const moved = deviceCsv(
      `south-air,南村空气站,village/air-weather,${NORTH_VILLAGE},,,,,,${SECRET}`,
    );
    await test.server.importDevices(moved);
    expect(await item(SOUTH)).toMatchObject({ value: 2, completeness: 1 });
    expect(await item(NORTH)).toMatchObject({ value: null, completeness: 0 });
    // Who is of the old area sees what it gave there, and can't open it any more.
    const south = await test.client('south');
    const opened = await south.get<Opened>(explain(figure, SOUTH, hour));
    const [station] = opened.inputs[0]?.stations ?? [];
    expect(station).toMatchObject({ device: 'south-air', opens: false });
    expect(station?.name).toBeUndefined();
    expect(station?.stays).toEqual([{ from: null, to: expect.any(String) }]);
    // Nobody stands there from now on.
    const now = (test.timer.now() - midnight) / HOUR;
    const hourly = await values('area-hourly-mean:air.o3', SOUTH, now - 2, now);
    expect(hourly.at(-1)).toMatchObject({ value: null, completeness: 0 });
    expect(
      (await admin.get<Opened>(explain('area-hourly-mean:air.o3', SOUTH, now))).inputs[0],
    ).toMatchObject({ expected: 0, stations: [] });
    await test.server.importDevices(DEVICES);
    test.timer.haste = 1;
  }, 60_000);
});
