/** Devices on a map, tens of thousands of them: positions and states in flat arrays, clusters of what lies close together. Pure. */
import type { DeviceState } from '@village/core';
import { STATES } from '../api/answers.ts';

/** A device with its position in WGS-84. */
export interface MapPoint {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** Code of its area. */
  readonly area: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly state: DeviceState;
}

export interface Bounds {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

/** What is in the middle of the picture, and how large: pixels of a degree of latitude. */
export interface View {
  readonly longitude: number;
  readonly latitude: number;
  readonly scale: number;
}

/** Devices that lie within one cell of the picture. */
export interface Cluster {
  /** Middle of its devices, pixels. */
  readonly x: number;
  readonly y: number;
  readonly count: number;
  /** By the order of `STATES`. */
  readonly states: readonly number[];
  /** Index of one of them; the only one where there is one. */
  readonly first: number;
}

/** Side of a cell, pixels. */
const CELL = 56;
/** Cells beyond the edges that are drawn, so that what is cut there stands still. */
const MARGIN = CELL;

/** Width of a degree of longitude as a share of one of latitude. */
export const narrowing = (latitude: number): number => Math.cos((latitude * Math.PI) / 180);

/** The view that shows all of the bounds in a picture of that size. */
export function fitView({ west, south, east, north }: Bounds, width: number, height: number): View {
  const latitude = (south + north) / 2;
  const wide = Math.max(0.01, (east - west) * narrowing(latitude));
  const high = Math.max(0.01, north - south);
  const scale = 0.88 * Math.min(width / wide, height / high);
  return { longitude: (west + east) / 2, latitude, scale };
}

/** Bounds of both; undefined when there is neither. */
export function union(one: Bounds | undefined, other: Bounds | undefined): Bounds | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    west: Math.min(one.west, other.west),
    south: Math.min(one.south, other.south),
    east: Math.max(one.east, other.east),
    north: Math.max(one.north, other.north),
  };
}

/** Where the devices of an area are in the mean. */
export interface Middle {
  readonly area: string;
  readonly longitude: number;
  readonly latitude: number;
  readonly count: number;
}

/** A longer copy; what comes after the old end is zero. */
function longer<Numbers extends Uint8Array | Float64Array>(
  before: Numbers,
  made: Numbers,
): Numbers {
  made.set(before);
  return made;
}

/** All devices of a map. Changed in place: whoever draws it is told by a revision. */
export class MapPoints {
  readonly items: MapPoint[] = [];
  readonly #index = new Map<string, number>();
  #states = new Uint8Array(1024);
  #longitudes = new Float64Array(1024);
  #latitudes = new Float64Array(1024);
  /** Sums of each area, kept with the devices. */
  readonly #sums = new Map<string, { x: number; y: number; n: number }>();
  /** Null after a change of positions. */
  #bounds: Bounds | undefined | null = null;

  /** Adds devices; one that is there already is taken as it is now. */
  add(points: readonly MapPoint[]): void {
    for (const point of points) {
      const at = this.#index.get(point.id) ?? this.items.length;
      if (at < this.items.length) this.#count(this.items[at]!, -1);
      this.#index.set(point.id, at);
      this.items[at] = point;
      if (at >= this.#states.length) {
        const room = 2 * this.#states.length;
        this.#states = longer(this.#states, new Uint8Array(room));
        this.#longitudes = longer(this.#longitudes, new Float64Array(room));
        this.#latitudes = longer(this.#latitudes, new Float64Array(room));
      }
      this.#states[at] = STATES.indexOf(point.state);
      this.#longitudes[at] = point.longitude;
      this.#latitudes[at] = point.latitude;
      this.#count(point, 1);
    }
    if (points.length > 0) this.#bounds = null;
  }

  #count({ area, longitude, latitude }: MapPoint, turn: 1 | -1): void {
    const sum = this.#sums.get(area) ?? { x: 0, y: 0, n: 0 };
    sum.x += turn * longitude;
    sum.y += turn * latitude;
    sum.n += turn;
    if (sum.n === 0) this.#sums.delete(area);
    else this.#sums.set(area, sum);
  }

  /** Of each area that has devices of its own, those with most first. */
  middles(): Middle[] {
    return [...this.#sums]
      .map(([area, { x, y, n }]) => ({ area, longitude: x / n, latitude: y / n, count: n }))
      .sort((a, b) => b.count - a.count);
  }

  /** Takes live changes over; says how many devices are in another state now. */
  apply(changes: readonly { readonly device: string; readonly state: DeviceState }[]): number {
    let changed = 0;
    for (const { device, state } of changes) {
      const at = this.#index.get(device);
      if (at === undefined || this.#states[at] === STATES.indexOf(state)) continue;
      this.#states[at] = STATES.indexOf(state);
      changed++;
    }
    return changed;
  }

  /** Index of a device; -1 when it is not there. */
  indexOf(id: string | null): number {
    return id === null ? -1 : (this.#index.get(id) ?? -1);
  }

  state(at: number): DeviceState {
    return STATES[this.#states[at] ?? 0] ?? 'never';
  }

  /** Devices whose name or id contains the text, the first ones. */
  find(text: string, most: number): number[] {
    const wanted = text.trim().toLowerCase();
    const found: number[] = [];
    for (let at = 0; at < this.items.length && found.length < most; at++) {
      const { name, id } = this.items[at]!;
      if (name.toLowerCase().includes(wanted) || id.toLowerCase().includes(wanted)) found.push(at);
    }
    return found;
  }

  /** Ids of devices within so many degrees of one. */
  near({ longitude, latitude }: MapPoint, degrees: number): string[] {
    return this.items
      .filter(
        (one) =>
          Math.abs(one.longitude - longitude) < degrees &&
          Math.abs(one.latitude - latitude) < degrees,
      )
      .map(({ id }) => id);
  }

  /**
   * The rectangle of nearly all devices: one whose position was mistyped does not make all others a dot. Undefined when there are
   * none.
   */
  bounds(): Bounds | undefined {
    if (this.#bounds === null) this.#bounds = this.#edges();
    return this.#bounds;
  }

  #edges(): Bounds | undefined {
    const count = this.items.length;
    if (count === 0) return undefined;
    const cut = count < 50 ? 0 : Math.floor(count / 200);
    const longitudes = this.#longitudes.slice(0, count).sort();
    const latitudes = this.#latitudes.slice(0, count).sort();
    return {
      west: longitudes[cut]!,
      east: longitudes[count - 1 - cut]!,
      south: latitudes[cut]!,
      north: latitudes[count - 1 - cut]!,
    };
  }

  /** What is drawn of a view: cells are fixed to the ground, so that a moved map keeps its clusters. */
  clusters(view: View, width: number, height: number): Cluster[] {
    const narrow = narrowing(view.latitude);
    const step = CELL / view.scale;
    const cells = new Map<
      number,
      { x: number; y: number; count: number; states: number[]; first: number }
    >();
    for (let at = 0; at < this.items.length; at++) {
      const longitude = this.#longitudes[at]!;
      const latitude = this.#latitudes[at]!;
      const x = (longitude - view.longitude) * narrow * view.scale + width / 2;
      const y = (view.latitude - latitude) * view.scale + height / 2;
      if (x < -MARGIN || y < -MARGIN || x > width + MARGIN || y > height + MARGIN) continue;
      const key = Math.floor((longitude * narrow) / step) * 4_194_304 + Math.floor(latitude / step);
      let cell = cells.get(key);
      if (cell === undefined) {
        cell = { x: 0, y: 0, count: 0, states: STATES.map(() => 0), first: at };
        cells.set(key, cell);
      }
      cell.x += x;
      cell.y += y;
      cell.count++;
      cell.states[this.#states[at]!]!++;
    }
    return [...cells.values()].map((cell) => ({
      ...cell,
      x: cell.x / cell.count,
      y: cell.y / cell.count,
    }));
  }
}

/** The cluster at a place of the picture; the nearest one that is near enough. */
export function clusterAt(clusters: readonly Cluster[], x: number, y: number): Cluster | undefined {
  let best: Cluster | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of clusters) {
    const square = (one.x - x) ** 2 + (one.y - y) ** 2;
    if (square < least && square <= (radiusOf(one.count) + 8) ** 2) [best, least] = [one, square];
  }
  return best;
}

/** Larger for more, up to what its cell has room for. */
export const radiusOf = (count: number): number =>
  count === 1 ? 6 : Math.min(CELL / 2 - 2, 11 + 3 * Math.log10(count));
