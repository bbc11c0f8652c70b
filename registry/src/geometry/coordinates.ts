/**
 * Coordinates of one system in another.
 *
 * CGCS2000 is taken as WGS-84: the two differ by centimetres to a few decimetres (the plates have moved since 2000), below what a
 * county map shows. GCJ-02 and BD-09 shift by hundreds of metres in ways that were never published; the library computes what
 * everybody computes, within some metres of what AMap and Baidu answer, and only in China's rectangle.
 */
import type { CoordinateSystem, Position } from '@village/core';
import { BD09, type CRSTypes, GCJ02, transform, WGS84 } from 'gcoord';

const SYSTEMS: Readonly<Record<CoordinateSystem, CRSTypes>> = {
  wgs84: WGS84,
  cgcs2000: WGS84,
  gcj02: GCJ02,
  bd09: BD09,
};

/** A position of one system in another. It must be finite numbers within the globe. */
export function convert(
  [longitude, latitude]: Position,
  from: CoordinateSystem,
  to: CoordinateSystem,
): Position {
  if (SYSTEMS[from] === SYSTEMS[to]) return [longitude, latitude];
  const [x, y] = transform([longitude, latitude], SYSTEMS[from], SYSTEMS[to]);
  return [x, y] as Position;
}
