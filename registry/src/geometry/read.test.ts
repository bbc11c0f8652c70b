/** What is made of a file of polygons, and each thing that may be wrong with one. */
import type { Position } from '@village/core';
import { describe, expect, it } from 'vitest';
import { convert } from './coordinates.ts';
import { FEATURES_MAX, POINTS_MAX, readGeometry, SHAPE_POINTS } from './read.ts';
import { type Polygon, pointsOf, type Ring, ringHas, windingOf } from './rings.ts';
import { fit, simplifyRing } from './simplify.ts';

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const square = (west: number, south: number, size = 0.1): number[][] => [
  [west, south],
  [west + size, south],
  [west + size, south + size],
  [west, south + size],
  [west, south],
];
const feature = (coordinates: unknown, more: object = {}, type = 'Polygon') => ({
  type: 'Feature',
  properties: { code: '330522100000', name: '北镇' },
  geometry: { type, coordinates },
  ...more,
});
const collection = (...features: unknown[]) => ({ type: 'FeatureCollection', features });
const faultsOf = (value: unknown): string[] => {
  const { faults, features } = readGeometry(bytes(value), 'wgs84');
  if (faults.length > 0) expect(features).toEqual([]);
  return faults.map(({ path, message }) => `${path}: ${message}`);
};
const shapeOf = (text: string | undefined): Polygon[] => JSON.parse(text ?? '[]') as Polygon[];
/** A circle of so many positions, against the clock. */
const circle = (points: number, radius = 0.1): Ring => {
  const ring = Array.from({ length: points }, (_, n): Position => {
    const angle = (2 * Math.PI * n) / points;
    return [119.9 + radius * Math.cos(angle), 31 + radius * Math.sin(angle)];
  });
  return [...ring, ring[0]!];
};

describe('a file of polygons', () => {
  it('is read with holes and parts, and rings that run the wrong way are turned', () => {
    const hole = square(119.93, 31.03, 0.02);
    const parts = [[square(119.9, 31), hole], [square(120.2, 31).toReversed()]];
    const read = readGeometry(bytes(collection(feature(parts, {}, 'MultiPolygon'))), 'wgs84');
    expect(read.faults).toEqual([]);
    // The hole ran as an outer ring does, the second part as a hole.
    expect([read.turned, read.points]).toEqual([2, { read: 15, kept: 15 }]);
    const [[outer, inner], [second]] = shapeOf(read.features[0]?.shape) as [Ring[], Ring[]];
    expect([outer, inner, second].map((ring) => Math.sign(windingOf(ring!)))).toEqual([1, -1, 1]);
    expect(read.features[0]).toMatchObject({ code: '330522100000', name: '北镇' });
    expect(read.features[0]?.bounds).toEqual({ west: 119.9, south: 31, east: 120.3, north: 31.1 });
  });

  it.each([
    [{ XZDM: '330522100', XZMC: '北镇' }],
    [{ xzqdm: 330522100, Name: '北镇' }],
    [{ ZLDWDM: '330522100', ZLDWMC: ' 北镇 ' }],
    [{ AdCode: '330522100', NAME: '北镇' }],
  ])('knows its areas by the members of %o', (properties) => {
    const read = readGeometry(
      bytes(collection(feature([square(119.9, 31)], { properties }))),
      'wgs84',
    );
    expect(read.features[0]).toMatchObject({ code: '330522100', name: '北镇' });
  });

  it('is kept in WGS-84 to the metre', () => {
    const ring = square(119.9, 31).map(([x, y]) => convert([x!, y!], 'wgs84', 'gcj02'));
    const read = readGeometry(bytes(collection(feature([ring]))), 'gcj02');
    for (const [n, [x, y]] of shapeOf(read.features[0]?.shape)[0]![0]!.entries()) {
      expect(Math.abs(x - square(119.9, 31)[n]![0]!)).toBeLessThan(2e-5);
      expect(Math.abs(y - square(119.9, 31)[n]![1]!)).toBeLessThan(2e-5);
    }
  });

  it('may name areas as maps do', () => {
    const named = (properties: object) =>
      readGeometry(bytes(collection(feature([square(119.9, 31)], { properties }))), 'wgs84')
        .features[0];
    expect(named({ adcode: 330522 })).toMatchObject({ code: '330522', name: null });
    expect(named({ XZQMC: ' 北镇 ', XZQDM: '330522100' })).toMatchObject({
      code: '330522100',
      name: '北镇',
    });
    expect(named({ 名称: '北镇', code: null })).toMatchObject({ code: null, name: '北镇' });
  });

  it.each([
    ['no JSON', '{"type":', /^: is no JSON/],
    ['a TopoJSON', { type: 'Topology', objects: {}, arcs: [] }, /^: is TopoJSON/],
    ['a polygon alone', { type: 'Polygon', coordinates: [square(1, 1)] }, /but a Polygon$/],
    ['a shapefile in a .zip', 'PK\u0003\u0004 county.shp', /^: is an archive/],
    ['a shapefile', '\u0000\u0000\u0027\u000a\u0000', /^: is a shapefile/],
    ['a KML', '\ufeff<?xml version="1.0"?><kml/>', /^: is XML/],
    [
      'members of other names',
      collection(feature([square(119.9, 31)], { properties: { OBJECTID: 1, SHAPE_Area: 2 } })),
      /name is needed, there is OBJECTID, SHAPE_Area$/,
    ],
    ['another object', { type: 'Feature' }, /^: is no FeatureCollection/],
    ['null', 'null', /^: is no FeatureCollection/],
    ['no features', collection(), /^features: has no features/],
    ['no feature', collection(5), /^features\[0\]: is no Feature/],
    [
      'no name',
      collection(feature([square(1, 1)], { properties: null })),
      /^features\[0\]\.properties: does not say/,
    ],
    [
      'a point',
      collection(feature([1, 1], {}, 'Point')),
      /^features\[0\]\.geometry: .*not a Point/,
    ],
    [
      'no geometry',
      collection(feature([], { geometry: null })),
      /^features\[0\]\.geometry: must be/,
    ],
    ['no coordinates', collection(feature([])), /^features\[0\]\.geometry\.coordinates: has no/],
    ['no ring', collection(feature([7])), /coordinates\[0\]: is no ring/],
    ['a text', collection(feature([[['a', 'b']]])), /coordinates\[0\]\[0\]: is no position/],
    [
      'three positions',
      collection(feature([square(1, 1).slice(2)])),
      /coordinates\[0\]: is a ring of 3/,
    ],
    [
      'an open ring',
      collection(feature([[...square(1, 1).slice(0, 4), [1, 1.01]]])),
      /coordinates\[0\]: is an open ring/,
    ],
    [
      'no area',
      collection(
        feature([
          [
            [1, 1],
            [2, 2],
            [1, 1],
            [2, 2],
            [1, 1],
          ],
        ]),
      ),
      /coordinates\[0\]: is a ring without/,
    ],
    [
      'the whole world',
      collection(
        feature([
          [
            [-180, -90],
            [180, -90],
            [180, 90],
            [-180, 90],
            [-180, -90],
          ],
        ]),
      ),
      /geometry: spans more than 10 degrees/,
    ],
    [
      'parts on either side of the antimeridian',
      collection(feature([[square(179.8, 1)], [square(-180, 1)]], {}, 'MultiPolygon')),
      /geometry: spans more than 10 degrees/,
    ],
    [
      'a hole outside',
      collection(feature([square(1, 1), square(5, 5)])),
      /coordinates\[1\]: is a hole/,
    ],
    [
      'swapped',
      collection(feature([square(119.9, 31).map(([x, y]) => [y, x])])),
      /coordinates\[0\]\[0\]: \[31, 119\.9\] .*wrong way round/,
    ],
    [
      'metres',
      collection(feature([[[40_587_000, 3_437_000]]])),
      /coordinates\[0\]\[0\]: .*metres of a projection/,
    ],
    [
      'the second part',
      collection(feature([[square(1, 1)], [square(2, 2).slice(1)]], {}, 'MultiPolygon')),
      /coordinates\[1\]\[0\]: is an open ring/,
    ],
    [
      'another system',
      {
        ...collection(feature([square(1, 1)])),
        crs: { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::4549' } },
      },
      /^crs: says urn/,
    ],
  ])('with %s is refused with its place', (_name, value, told) => {
    expect(faultsOf(value)).toEqual([expect.stringMatching(told)]);
  });

  it('in degrees by its own word is taken', () => {
    for (const name of ['urn:ogc:def:crs:OGC:1.3:CRS84', 'urn:ogc:def:crs:EPSG::4490', 'EPSG:4326'])
      expect(
        faultsOf({
          ...collection(feature([square(1, 1)])),
          crs: { type: 'name', properties: { name } },
        }),
      ).toEqual([]);
  });

  it('of another encoding is refused', () => {
    const { faults } = readGeometry(new Uint8Array([0x7b, 0xb1, 0xb1]), 'wgs84');
    expect(faults).toMatchObject([
      { feature: null, path: '', message: expect.stringMatching('UTF-8') },
    ]);
  });

  it('tells every feature that is wrong, and counts them from one', () => {
    const bad = feature([square(1, 1).slice(1)]);
    const { faults } = readGeometry(bytes(collection(feature([square(2, 2)]), bad, 7)), 'wgs84');
    expect(faults.map((one) => [one.feature, one.area])).toEqual([
      [2, '330522100000 北镇'],
      [3, ''],
    ]);
  });

  it('with too many positions or features is refused, and says how many are read', () => {
    const long = collection(feature([Array.from({ length: POINTS_MAX + 1 }, () => [1, 1])]));
    expect(faultsOf(long)).toEqual([
      `: ${POINTS_MAX + 1} positions; at most ${POINTS_MAX} are read: simplify it first, a map needs some hundreds for each area`,
    ]);
    // A million is not even parsed.
    const million = `{"type":"FeatureCollection","features":[${'[1,1],'.repeat(1_000_000)}`;
    expect(readGeometry(bytes(million), 'wgs84').faults).toMatchObject([
      {
        message: expect.stringMatching(`^more than \\d+ positions; at most ${POINTS_MAX} are read`),
        zh: expect.stringMatching(`^多于 \\d+ 个坐标点，最多 ${POINTS_MAX} 个`),
      },
    ]);
    const many = collection(...Array.from({ length: FEATURES_MAX + 1 }, () => 5));
    expect(faultsOf(many)).toEqual([expect.stringMatching(/^features: has 2001/)]);
  });
});

describe('borders', () => {
  it('keep within the metres that were allowed', () => {
    const ring = circle(10_000);
    const fewer = simplifyRing(ring, 20);
    expect(fewer.length).toBeLessThan(300);
    // A chord of a circle lies farthest from it at its middle.
    for (let n = 1; n < fewer.length; n++) {
      const x = (fewer[n]![0] + fewer[n - 1]![0]) / 2 - 119.9;
      const y = (fewer[n]![1] + fewer[n - 1]![1]) / 2 - 31;
      expect((0.1 - Math.hypot(x, y)) * 111_195).toBeLessThan(20.1);
    }
  });

  it('are brought down to what may be kept, and the land stays', () => {
    // A border that turns at every position: nothing of it lies on a line.
    const jagged = circle(100_001).map(([x, y], n): Position => [x + (n % 2) * 0.002, y]);
    const ring = [...jagged.slice(0, -1), jagged[0]!];
    const shape = fit([[ring]], SHAPE_POINTS);
    expect(pointsOf(shape)).toBeLessThanOrEqual(SHAPE_POINTS);
    expect(ringHas(shape[0]![0]!, [119.9, 31])).toBe(true);
    expect(ringHas(shape[0]![0]!, [119.9, 31.11])).toBe(false);
    expect(Math.abs(windingOf(shape[0]![0]!)) / Math.abs(windingOf(ring))).toBeCloseTo(1, 1);
  });

  it('of a thousand islands leave the large ones', () => {
    const islands = Array.from(
      { length: 1_000 },
      (_, n): Polygon => [
        square(
          119 + (n % 40) * 0.01,
          31 + Math.floor(n / 40) * 0.01,
          n === 500 ? 0.009 : 0.0005,
        ) as never,
      ],
    );
    const shape = fit(islands, 120);
    expect(pointsOf(shape)).toBeLessThanOrEqual(120);
    const [x, y] = [119 + 20 * 0.01 + 0.004, 31 + 12 * 0.01 + 0.004];
    expect(shape.some(([outer]) => ringHas(outer!, [x, y]))).toBe(true);
  });
});
