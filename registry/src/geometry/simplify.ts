/** Fewer points for the same borders, as Douglas and Peucker have it, until they fit. */
import type { Position } from '@village/core';
import { type Polygon, pointsOf, type Ring, windingOf } from './rings.ts';

/** A degree of latitude, metres. */
const METRES = 111_195;
/** Where it begins: less than a pixel of any map of a county. */
const FIRST_M = 2;
/** About a metre. */
const DIGITS = 1e5;

const rounded = (value: number): number => Math.round(value * DIGITS) / DIGITS;

/** Square of the distance of a position from a line between two, in degrees of latitude. */
function squareFrom(at: Position, from: Position, to: Position, narrow: number): number {
  const dx = (to[0] - from[0]) * narrow;
  const dy = to[1] - from[1];
  const px = (at[0] - from[0]) * narrow;
  const py = at[1] - from[1];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / length));
  return (px - share * dx) ** 2 + (py - share * dy) ** 2;
}

/** The ring without positions that lie within `metres` of the line that is left; fewer than four positions are no ring any more. */
export function simplifyRing(ring: Ring, metres: number): Ring {
  const narrow = Math.cos(((ring[0]?.[1] ?? 0) * Math.PI) / 180);
  const least = (metres / METRES) ** 2;
  const kept = new Uint8Array(ring.length);
  const last = ring.length - 1;
  // A ring has no ends: its halves begin at the first position and at the one that is farthest from it.
  let far = 0;
  let most = -1;
  for (let n = 1; n < last; n++) {
    const square = squareFrom(ring[n]!, ring[0]!, ring[0]!, narrow);
    if (square > most) [far, most] = [n, square];
  }
  const open: [number, number][] = [
    [0, far],
    [far, last],
  ];
  kept[0] = kept[far] = kept[last] = 1;
  for (let span = open.pop(); span !== undefined; span = open.pop()) {
    const [from, to] = span;
    let worst = least;
    let at = -1;
    for (let n = from + 1; n < to; n++) {
      const square = squareFrom(ring[n]!, ring[from]!, ring[to]!, narrow);
      if (square > worst) [at, worst] = [n, square];
    }
    if (at < 0) continue;
    kept[at] = 1;
    open.push([from, at], [at, to]);
  }
  return ring.filter((_, n) => kept[n] === 1);
}

/** Positions to the metre, none twice in a row. */
function toMetres(ring: Ring): Ring {
  const out: Position[] = [];
  for (const [x, y] of ring) {
    const at: Position = [rounded(x), rounded(y)];
    const before = out.at(-1);
    if (before === undefined || before[0] !== at[0] || before[1] !== at[1]) out.push(at);
  }
  return out;
}

const isRing = (ring: Ring): boolean => ring.length >= 4 && windingOf(ring) !== 0;

function simplified(polygons: readonly Polygon[], metres: number): Polygon[] {
  return polygons.flatMap(([outer, ...holes]) => {
    const border = toMetres(simplifyRing(outer!, metres));
    if (!isRing(border)) return [];
    return [[border, ...holes.map((hole) => toMetres(simplifyRing(hole, metres))).filter(isRing)]];
  });
}

const sizeOf = ([outer]: Polygon): number => Math.abs(windingOf(outer ?? []));

/** The same land in at most so many points (4 at least); what is too small to be seen by then is left out, the largest part never. */
export function fit(polygons: readonly Polygon[], pointsMax: number): readonly Polygon[] {
  let shape = simplified(polygons, FIRST_M);
  for (let metres = 2 * FIRST_M; pointsOf(shape) > pointsMax; metres *= 1.5)
    shape = simplified(shape, metres);
  if (shape.length > 0) return shape;
  const [largest] = polygons.toSorted((a, b) => sizeOf(b) - sizeOf(a));
  return largest?.[0] === undefined ? [] : [[triangle(largest[0])]];
}

/** What is left of a ring that nothing else is left of: its first position and two that are far from it. */
function triangle(ring: Ring): Ring {
  const third = Math.floor(ring.length / 3);
  return [ring[0]!, ring[third]!, ring[2 * third]!, ring[0]!];
}
