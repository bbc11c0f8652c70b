/** What maps compute: where tiles stand, what lies together, what is at a place. */
import type { DeviceState } from '@village/core';
import { describe, expect, it } from 'vitest';
import { layoutOf } from './layout.ts';
import { clusterAt, fitView, type MapPoint, MapPoints } from './points.ts';
import { type MapShape, middleOf, shapeAt } from './shapes.ts';

const point = (
  id: string,
  longitude: number,
  latitude: number,
  state: DeviceState = 'online',
): MapPoint => ({ id, name: `桶 ${id}`, kind: 'smart-bin', area: '1', longitude, latitude, state });
const points = (...list: MapPoint[]): MapPoints => {
  const made = new MapPoints();
  made.add(list);
  return made;
};
const CHANGXING = '112 200 103 108 002 004 111 104 001 003 106 102 101 110 202'
  .split(' ')
  .map((digits) => `330522${digits}000`);

describe('tiles', () => {
  it('of Changxing stand as the county lies, from its west to the lake', () => {
    const { places, lake } = layoutOf(CHANGXING);
    expect([places.length, lake]).toEqual([15, true]);
    const at = (digits: string) => places.find(({ code }) => code === `330522${digits}000`);
    expect(at('111')).toMatchObject({ column: 1, row: 3 });
    expect(at('103')).toMatchObject({ column: 4, row: 1 });
    expect(new Set(places.map(({ column, row }) => `${column} ${row}`)).size).toBe(15);
  });

  it('of another county, or of one with a township more, stand in rows', () => {
    const { places, lake, rows } = layoutOf([...CHANGXING, '330522999000']);
    expect([places.length, lake, rows]).toEqual([16, false, 4]);
    expect(places[5]).toEqual({ code: CHANGXING[5], column: 2, row: 2 });
    expect(layoutOf([])).toMatchObject({ places: [], rows: 0 });
  });
});

describe('points', () => {
  const size = [800, 600] as const;

  it('are put together where they lie close, and apart where the view is near enough', () => {
    const two = points(point('a', 119.9, 31), point('b', 119.9001, 31, 'offline'));
    const far = fitView({ west: 119.4, south: 30.7, east: 120.2, north: 31.2 }, ...size);
    const [one, ...none] = two.clusters(far, ...size);
    expect([one?.count, one?.states, none]).toEqual([2, [1, 0, 1, 0], []]);
    const near = { longitude: 119.9, latitude: 31, scale: 5_000_000 };
    expect(two.clusters(near, ...size).map(({ count }) => count)).toEqual([1, 1]);
    const [first] = two.clusters(near, ...size);
    // What the view has in its middle is in the middle of the picture.
    expect([first?.x, first?.y]).toEqual([400, 300]);
    expect(clusterAt(two.clusters(near, ...size), 404, 297)?.first).toBe(0);
    expect(clusterAt(two.clusters(near, ...size), 100, 100)).toBeUndefined();
  });

  it("are told again where they have moved, in their bounds and their area's middle", () => {
    const made = points(point('a', 119, 31), point('b', 121, 30));
    expect(made.bounds()).toEqual({ west: 119, south: 30, east: 121, north: 31 });
    expect(made.middles()).toEqual([{ area: '1', longitude: 120, latitude: 30.5, count: 2 }]);
    made.apply([{ device: 'a', state: 'offline' }]);
    expect(made.bounds()).toEqual({ west: 119, south: 30, east: 121, north: 31 });
    made.add([{ ...point('a', 120, 31), area: '2' }]);
    expect(made.bounds()).toEqual({ west: 120, south: 30, east: 121, north: 31 });
    expect(made.middles()).toEqual([
      { area: '1', longitude: 121, latitude: 30, count: 1 },
      { area: '2', longitude: 120, latitude: 31, count: 1 },
    ]);
  });

  it('lose none: the counts of all clusters are all devices in the picture', () => {
    const many = points(
      ...Array.from({ length: 5_000 }, (_, n) =>
        point(String(n), 119.5 + (n % 71) / 100, 30.8 + (n % 37) / 100),
      ),
    );
    const view = fitView({ west: 119.5, south: 30.8, east: 120.2, north: 31.16 }, ...size);
    const clusters = many.clusters(view, ...size);
    expect(clusters.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
    expect(clusters.length).toBeLessThan(400);
  });

  it('follow what the line tells, and what is told of others changes nothing', () => {
    const two = points(point('a', 119.9, 31), point('b', 119.9, 31));
    const changes = [
      { device: 'a', state: 'late' as const },
      { device: 'none', state: 'late' as const },
      { device: 'b', state: 'online' as const },
    ];
    expect(two.apply(changes)).toBe(1);
    expect([two.state(0), two.state(1)]).toEqual(['late', 'online']);
    two.add([point('a', 120, 31, 'never')]);
    expect([two.items.length, two.state(0), two.items[0]?.longitude]).toEqual([2, 'never', 120]);
    expect([two.indexOf('b'), two.indexOf('none'), two.indexOf(null)]).toEqual([1, -1, -1]);
  });

  it('are found by a part of name or id, as many as are wanted', () => {
    const some = points(point('Bin-1', 1, 1), point('bin-2', 1, 1), point('ph-1', 1, 1));
    expect(some.find(' BIN ', 9)).toEqual([0, 1]);
    expect(some.find('桶 ph', 9)).toEqual([2]);
    expect(some.find('bin', 1)).toEqual([0]);
  });

  it('one of which was mistyped do not make all others a dot', () => {
    const list = Array.from({ length: 400 }, (_, n) => point(String(n), 119.5 + n / 1000, 31));
    const bounds = points(...list, point('typo', 11.95, 31)).bounds();
    expect(bounds?.west).toBeGreaterThan(119);
    expect(new MapPoints().bounds()).toBeUndefined();
  });
});

describe('shapes', () => {
  const square = (code: string, west: number, size: number): MapShape => ({
    ...{ code, name: { zh: code, en: code }, level: 'township' },
    polygons: [
      [
        [
          [west, 0],
          [west + size, 0],
          [west + size, size],
          [west, size],
          [west, 0],
        ],
      ],
    ],
  });
  it('are found at a place, the innermost, and none beside them', () => {
    const shapes = [square('county', 0, 10), square('township', 2, 2)];
    expect(shapeAt(shapes, 3, 1)?.code).toBe('township');
    expect(shapeAt(shapes, 8, 8)?.code).toBe('county');
    expect(shapeAt(shapes, 11, 1)).toBeUndefined();
    expect(middleOf(square('a', 2, 2))).toEqual([3, 1]);
  });
});
