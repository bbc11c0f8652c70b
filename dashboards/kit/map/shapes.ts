/** Polygons of areas as a map draws them. Pure. */
import type { Label } from '@village/core';
import { type Bounds, union } from './points.ts';

/** One area's polygons: rings of longitude and latitude in WGS-84. */
export interface MapShape {
  readonly code: string;
  readonly name: Label;
  readonly level: string;
  readonly polygons: readonly (readonly (readonly (readonly [number, number])[])[])[];
}

/** The rectangle of one. */
export function shapeBounds({ polygons }: MapShape): Bounds | undefined {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [outer = []] of polygons)
    for (const [x, y] of outer) {
      west = Math.min(west, x);
      east = Math.max(east, x);
      south = Math.min(south, y);
      north = Math.max(north, y);
    }
  return west > east ? undefined : { west, south, east, north };
}

export const boundsOfShapes = (shapes: readonly MapShape[]): Bounds | undefined =>
  shapes.map(shapeBounds).reduce(union, undefined);

/** The innermost area at a position: areas below one are drawn over it. */
export function shapeAt(
  shapes: readonly MapShape[],
  longitude: number,
  latitude: number,
): MapShape | undefined {
  return shapes.findLast(({ polygons }) =>
    polygons.some(
      (rings) => rings.filter((ring) => ringHas(ring, longitude, latitude)).length % 2 === 1,
    ),
  );
}

function ringHas(ring: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let inside = false;
  for (let n = 1; n < ring.length; n++) {
    const [x1, y1] = ring[n - 1]!;
    const [x2, y2] = ring[n]!;
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

/** Where an area's name stands: the middle of its largest part. */
export function middleOf({ polygons }: MapShape): readonly [number, number] | undefined {
  let best: readonly [number, number] | undefined;
  let most = 0;
  for (const [outer = []] of polygons) {
    let [area, x, y] = [0, 0, 0];
    const [x0 = 0, y0 = 0] = outer[0] ?? [];
    for (let n = 1; n < outer.length; n++) {
      const [x1, y1] = outer[n - 1]!;
      const [x2, y2] = outer[n]!;
      const cross = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
      area += cross;
      x += cross * (x1 + x2 + x0);
      y += cross * (y1 + y2 + y0);
    }
    if (Math.abs(area) > most) {
      most = Math.abs(area);
      best = [x / (3 * area), y / (3 * area)];
    }
  }
  return best;
}
