/**
 * Coordinates of one system in another.
 *
 * CGCS2000 is taken as WGS-84: the two differ by centimetres to a few decimetres (the plates have moved since 2000), below what a
 * county map shows. GCJ-02 and BD-09 shift by hundreds of metres in ways that were never published; the library computes what
 * everybody computes, within some metres of what AMap and Baidu answer, and only in China's rectangle.
 */
import type { CoordinateSystem, Position } from '@village/core';
import exported from 'gcoord';

// Its types tell of a module whose default is inside; what Node gives is that default itself.
const gcoord = exported as unknown as (typeof exported)['default'];

const SYSTEMS: Readonly<Record<CoordinateSystem, Parameters<typeof gcoord.transform>[1]>> = {
  wgs84: gcoord.WGS84,
  cgcs2000: gcoord.WGS84,
  gcj02: gcoord.GCJ02,
  bd09: gcoord.BD09,
};

/** A position of one system in another. It must be finite numbers within the globe. */
export function convert(
  [longitude, latitude]: Position,
  from: CoordinateSystem,
  to: CoordinateSystem,
): Position {
  if (SYSTEMS[from] === SYSTEMS[to]) return [longitude, latitude];
  const [x, y] = gcoord.transform([longitude, latitude], SYSTEMS[from], SYSTEMS[to]);
  return [x, y] as Position;
}
