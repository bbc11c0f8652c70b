/** Rings of positions as GeoJSON has them: their areas, borders and what lies in them. */
import type { Position } from '@village/core';

/** Closed: the first position is the last. */
export type Ring = readonly Position[];
/** The outer ring, then holes. */
export type Polygon = readonly Ring[];

export interface Bounds {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

const METRES_OF_DEGREE = 111_195;

/** The least rectangle around positions; undefined around none. */
export function boundsOf(positions: Iterable<Position>): Bounds | undefined {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [longitude, latitude] of positions) {
    west = Math.min(west, longitude);
    east = Math.max(east, longitude);
    south = Math.min(south, latitude);
    north = Math.max(north, latitude);
  }
  return west > east ? undefined : { west, south, east, north };
}

/** Bounds with so many metres more on each side. */
export function grown({ west, south, east, north }: Bounds, metres: number): Bounds {
  const up = metres / METRES_OF_DEGREE;
  const aside = up / Math.max(0.1, Math.cos((((south + north) / 2) * Math.PI) / 180));
  return { west: west - aside, south: south - up, east: east + aside, north: north + up };
}

export const isWithin = ({ west, south, east, north }: Bounds, [x, y]: Position): boolean =>
  west <= x && x <= east && south <= y && y <= north;

export const doOverlap = (one: Bounds, other: Bounds): boolean =>
  one.west <= other.east &&
  other.west <= one.east &&
  one.south <= other.north &&
  other.south <= one.north;

/** Twice the area in square degrees; positive when the ring runs against the clock. */
export function windingOf(ring: Ring): number {
  let sum = 0;
  const [x0 = 0, y0 = 0] = ring[0] ?? [];
  for (let n = 1; n < ring.length; n++) {
    const [x1, y1] = ring[n - 1]!;
    const [x2, y2] = ring[n]!;
    // From the first position on: degrees would lose digits in products.
    sum += (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  }
  return sum;
}

/** Whether a position lies in a ring; on its border it may be either. */
export function ringHas(ring: Ring, [x, y]: Position): boolean {
  let inside = false;
  for (let n = 1; n < ring.length; n++) {
    const [x1, y1] = ring[n - 1]!;
    const [x2, y2] = ring[n]!;
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

export const pointsOf = (polygons: readonly Polygon[]): number =>
  polygons.reduce((sum, rings) => sum + rings.reduce((all, ring) => all + ring.length, 0), 0);
