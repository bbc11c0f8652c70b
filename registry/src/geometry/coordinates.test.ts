import { COORDINATE_SYSTEMS, distanceOf, type Position } from '@village/core';
import { describe, expect, it } from 'vitest';
import { convert } from './coordinates.ts';

/** WGS-84 and GCJ-02 of the tests of eviltransform (github.com/googollee/eviltransform), which implementations are compared by. */
const EVILTRANSFORM: readonly (readonly [string, Position, Position])[] = [
  ['Shanghai', [121.5272106, 31.1774276], [121.531541859215, 31.17530398364597]],
  ['Shenzhen', [113.912316, 22.543847], [113.9171764808363, 22.540796131694766]],
  ['Beijing', [116.377817, 39.911954], [116.38404722455657, 39.91334545536069]],
];
/** The example in AMap's manual of its service for coordinates (coordsys=gps). */
const AMAP = {
  wgs84: [116.481499, 39.990475],
  gcj02: [116.487585177952, 39.991754014757],
} as const;
/** The example in Baidu's manual of `geoconv` (from=1, to=5). */
const BAIDU = {
  wgs84: [114.21892734521, 29.575429778924],
  bd09: [114.2307519546763, 29.57908428837437],
} as const;

/** China's mainland and Hainan in a coarse net. */
const NET: readonly Position[] = Array.from({ length: 60 * 34 }, (_, index) => [
  74 + (index % 60),
  18.2 + Math.floor(index / 60),
]);

describe('coordinates', () => {
  it.each(EVILTRANSFORM)('are those that are published, %s', (_name, wgs84, gcj02) => {
    expect(distanceOf(convert(wgs84, 'wgs84', 'gcj02'), gcj02)).toBeLessThan(0.01);
    expect(distanceOf(convert(gcj02, 'gcj02', 'wgs84'), wgs84)).toBeLessThan(0.5);
  });

  it('are within metres of what the services of AMap and Baidu answer', () => {
    expect(distanceOf(convert(AMAP.wgs84, 'wgs84', 'gcj02'), AMAP.gcj02)).toBeLessThan(1);
    expect(distanceOf(convert(AMAP.gcj02, 'gcj02', 'wgs84'), AMAP.wgs84)).toBeLessThan(1);
    expect(distanceOf(convert(BAIDU.wgs84, 'wgs84', 'bd09'), BAIDU.bd09)).toBeLessThan(3);
    expect(distanceOf(convert(BAIDU.bd09, 'bd09', 'wgs84'), BAIDU.wgs84)).toBeLessThan(3);
  });

  it('come back to where they were within half a metre, all over China', () => {
    for (const from of COORDINATE_SYSTEMS)
      for (const to of COORDINATE_SYSTEMS) {
        const worst = Math.max(
          ...NET.map((position) =>
            distanceOf(convert(convert(position, from, to), to, from), position),
          ),
        );
        expect([from, to, worst < 0.5]).toEqual([from, to, true]);
      }
  });

  it('of GCJ-02 and BD-09 lie hundreds of metres off, so that the system must be said', () => {
    const changxing: Position = [119.91, 31.02];
    const off = (system: 'gcj02' | 'bd09') =>
      distanceOf(convert(changxing, 'wgs84', system), changxing);
    expect(off('gcj02')).toBeGreaterThan(300);
    expect(off('bd09')).toBeGreaterThan(800);
    expect(convert(changxing, 'cgcs2000', 'wgs84')).toEqual(changxing);
  });

  it('outside of China are left as they are', () => {
    const paris: Position = [2.35, 48.85];
    expect(convert(paris, 'gcj02', 'wgs84')).toEqual(paris);
  });
});
