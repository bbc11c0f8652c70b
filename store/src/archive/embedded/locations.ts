/** Where devices stand, with a small number for each area code, so that DuckDB groups by integers. */
import type { DeviceLocation } from '../contract.ts';
import type { LocationColumns } from './duck/messages.ts';

/** Number of no area. */
export const NO_AREA = 0;

/** The county and township that an area of rollups lies in. */
interface Unit {
  readonly county: number;
  readonly township: number;
}

/** Everything that new locations change. */
export interface LocationPlan {
  readonly locationOf: ReadonlyMap<string, DeviceLocation>;
  /** Numbers of codes that had none. */
  readonly newAreas: ReadonlyMap<string, number>;
  readonly townships: ReadonlySet<number>;
  readonly units: Map<number, Unit>;
  /** By dense device number: the area that rollups put the device in. */
  readonly unitOf: readonly number[];
}

/** Areas by number and the locations of devices by dense device number. */
export class DeviceLocations {
  readonly #numbers = new Map<string, number>();
  readonly #codes: (string | null)[] = [null];
  #locationOf: ReadonlyMap<string, DeviceLocation> = new Map();
  #ids: string[] = [];
  #locations: (DeviceLocation | undefined)[] = [];
  #townships: ReadonlySet<number> = new Set();
  /** Areas that rollups go by, with the county and township each lies in. */
  #units: ReadonlyMap<number, Unit> = new Map();
  #changed = false;

  /** Takes an area that the database already knows. */
  restoreArea(number: number, code: string): void {
    this.#numbers.set(code, number);
    this.#codes[number] = code;
  }

  code(number: number): string | null {
    return this.#codes[number] ?? null;
  }

  isTownship(number: number): boolean {
    return this.#townships.has(number);
  }

  /** What the locations change in these books, worked out without changing them: `adopt` does when it is durable. */
  plan(locationOf: ReadonlyMap<string, DeviceLocation>): LocationPlan {
    const newAreas = new Map<string, number>();
    const numberOf = (code: string): number => {
      let number = this.#numbers.get(code) ?? newAreas.get(code);
      if (number === undefined) {
        number = this.#codes.length + newAreas.size;
        newAreas.set(code, number);
      }
      return number;
    };
    const townships = new Set<number>();
    const units: LocationPlan['units'] = new Map();
    for (const location of locationOf.values()) {
      const county = numberOf(location.county);
      const township = location.township === null ? NO_AREA : numberOf(location.township);
      if (location.village !== null) numberOf(location.village);
      if (township !== NO_AREA) townships.add(township);
      units.set(township === NO_AREA ? county : township, { county, township });
    }
    const unitOf = this.#ids.map((id) => {
      const location = locationOf.get(id);
      return location === undefined ? NO_AREA : numberOf(location.township ?? location.county);
    });
    return { locationOf: new Map(locationOf), newAreas, townships, units, unitOf };
  }

  /** Takes over a plan; no device came up since it was made. */
  adopt(plan: LocationPlan): void {
    for (const [code, number] of plan.newAreas) this.restoreArea(number, code);
    this.#locationOf = plan.locationOf;
    this.#townships = plan.townships;
    this.#units = plan.units;
    this.#locations = this.#ids.map((id) => this.#locationOf.get(id));
    this.#changed = true;
  }

  /** A dense device number came up. */
  addDevice(number: number, id: string): void {
    this.#ids[number] = id;
    this.#locations[number] = this.#locationOf.get(id);
    this.#changed = true;
  }

  get devices(): number {
    return this.#ids.length;
  }

  #known(code: string | null | undefined): number {
    return code === null || code === undefined ? NO_AREA : (this.#numbers.get(code) ?? NO_AREA);
  }

  /** The area that rollups put the device in: its township, else its county, else none. */
  unit(device: number): number {
    const location = this.#locations[device];
    return location === undefined ? NO_AREA : this.#known(location.township ?? location.county);
  }

  /** Rollup areas that lie in the area; null when the area is smaller than a township. */
  unitsIn(code: string): number[] | null {
    const area = this.#known(code);
    const units = [...this.#units].filter(
      ([unit, { county, township }]) => unit === area || county === area || township === area,
    );
    return units.length === 0 ? null : units.map(([unit]) => unit);
  }

  /** Whether every device stands in the area, so that no query need ask. */
  holdsAll(code: string): boolean {
    for (let device = 0; device < this.#ids.length; device++)
      if (this.#ids[device] !== undefined && this.#locations[device]?.county !== code) return false;
    return true;
  }

  /** Condition on the table `locations` (as p) for the area and all below; false when nobody stands there. */
  condition(code: string): string {
    const area = this.#known(code);
    return area === NO_AREA
      ? 'false'
      : `(p.county = ${area} OR p.township = ${area} OR p.village = ${area})`;
  }

  /** A new DuckDB thread has no table yet. */
  resend(): void {
    this.#changed = true;
  }

  /** The table to send to DuckDB, when it changed since the last call. */
  takeColumns(): LocationColumns | null {
    if (!this.#changed) return null;
    this.#changed = false;
    const count = this.#ids.length;
    const columns = {
      device: new Int32Array(count),
      county: new Int32Array(count),
      township: new Int32Array(count),
      village: new Int32Array(count),
    };
    for (let device = 0; device < count; device++) {
      const location = this.#locations[device];
      columns.device[device] = device;
      columns.county[device] = this.#known(location?.county);
      columns.township[device] = this.#known(location?.township);
      columns.village[device] = this.#known(location?.village);
    }
    return columns;
  }
}
