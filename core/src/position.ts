/** Where something is. Everything is kept in WGS-84; maps in China come in other systems, too. */

export const COORDINATE_SYSTEMS = ['wgs84', 'cgcs2000', 'gcj02', 'bd09'] as const;
export type CoordinateSystem = (typeof COORDINATE_SYSTEMS)[number];

/** Longitude and latitude in degrees. */
export type Position = readonly [longitude: number, latitude: number];

/** Mean radius of the Earth (IUGG). */
const RADIUS_M = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Metres between two positions that are no more than some hundred kilometres apart. */
export function distanceOf(one: Position, other: Position): number {
  const x = radians(other[0] - one[0]) * Math.cos(radians((one[1] + other[1]) / 2));
  return RADIUS_M * Math.hypot(x, radians(other[1] - one[1]));
}
