/** Where devices stand, with a small number for each area code, so that DuckDB groups by integers. */
import assert from 'node:assert/strict';
import { HOUR } from '@village/core';
import type { DeviceLocation } from '../contract.ts';
import type { LocationColumns } from './duck/messages.ts';
import { addStep, type UnitStep, type UnitSteps } from './units.ts';

/** Number of no area. */
export const NO_AREA = 0;
/** The units of a device that stands nowhere. */
export const NOWHERE: UnitSteps = [{ since: Number.NEGATIVE_INFINITY, unit: NO_AREA }];
/** Before and after all times. */
const EVER = 9_000_000_000_000_000;

/** Where a device stood and stands, by time. */
type History = readonly DeviceLocation[];

/** Checks a device's locations; the first holds since ever, whatever its `from` says. */
function historyOf(id: string, given: DeviceLocation | History): History {
  const history = Array.isArray(given) ? (given as History) : [given as DeviceLocation];
  for (const [i, { from }] of history.entries()) {
    if (i === 0) continue;
    const before = sinceOf(history, i - 1);
    assert(
      from !== undefined && from % HOUR === 0 && from > before,
      `BUG: the locations of ${id} are not in the order of whole hours`,
    );
  }
  return history;
}

const sinceOf = (history: History, index: number): number =>
  index === 0 ? Number.NEGATIVE_INFINITY : history[index]!.from!;

/** The county and township that an area of rollups lies in. */
interface Unit {
  readonly county: number;
  readonly township: number;
}

/** Everything that new locations change. */
export interface LocationPlan {
  readonly historyOf: ReadonlyMap<string, History>;
  /** Numbers of codes that had none. */
  readonly newAreas: ReadonlyMap<string, number>;
  readonly townships: ReadonlySet<number>;
  readonly units: Map<number, Unit>;
  /** By dense device number: the areas that rollups put the device in. */
  readonly unitsOf: readonly UnitSteps[];
}

/** Areas by number and the locations of devices by dense device number. */
export class DeviceLocations {
  readonly #numbers = new Map<string, number>();
  readonly #codes: (string | null)[] = [null];
  #historyOf: ReadonlyMap<string, History> = new Map();
  #ids: string[] = [];
  #histories: (History | undefined)[] = [];
  #moving = false;
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
  plan(locations: ReadonlyMap<string, DeviceLocation | History>): LocationPlan {
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
    const histories = new Map<string, History>();
    // All who stand in one area and never moved have one location, and what follows from it is worked out once.
    const shared = new Map<DeviceLocation | History, History>();
    for (const [id, given] of locations) {
      const known = shared.get(given);
      const history = known ?? historyOf(id, given);
      if (history.length > 0) histories.set(id, history);
      if (known !== undefined) continue;
      shared.set(given, history);
      for (const location of history) {
        const county = numberOf(location.county);
        const township = location.township === null ? NO_AREA : numberOf(location.township);
        if (location.village !== null) numberOf(location.village);
        if (township !== NO_AREA) townships.add(township);
        units.set(township === NO_AREA ? county : township, { county, township });
      }
    }
    const steps = new Map<History | undefined, UnitSteps>();
    const unitsOf = this.#ids.map((id) => {
      const history = histories.get(id);
      const known = steps.get(history) ?? stepsOf(history, numberOf);
      steps.set(history, known);
      return known;
    });
    return { historyOf: histories, newAreas, townships, units, unitsOf };
  }

  /** Takes over a plan; no device came up since it was made. */
  adopt(plan: LocationPlan): void {
    for (const [code, number] of plan.newAreas) this.restoreArea(number, code);
    this.#historyOf = plan.historyOf;
    this.#townships = plan.townships;
    this.#units = plan.units;
    this.#histories = this.#ids.map((id) => this.#historyOf.get(id));
    this.#moving = this.#histories.some((history) => (history?.length ?? 0) > 1);
    this.#changed = true;
  }

  /** A dense device number came up. */
  addDevice(number: number, id: string): void {
    this.#ids[number] = id;
    const history = this.#historyOf.get(id);
    this.#histories[number] = history;
    this.#moving ||= (history?.length ?? 0) > 1;
    this.#changed = true;
  }

  get devices(): number {
    return this.#ids.length;
  }

  #known(code: string | null | undefined): number {
    return code === null || code === undefined ? NO_AREA : (this.#numbers.get(code) ?? NO_AREA);
  }

  /** The areas that rollups put the device in: its township, else its county, else none. */
  units(device: number): UnitSteps {
    return stepsOf(this.#histories[device], (code) => this.#known(code));
  }

  /** Rollup areas that lie in the area; null when the area is smaller than a township. */
  unitsIn(code: string): number[] | null {
    const area = this.#known(code);
    const units = [...this.#units].filter(
      ([unit, { county, township }]) => unit === area || county === area || township === area,
    );
    return units.length === 0 ? null : units.map(([unit]) => unit);
  }

  /** Whether every device stands and has stood in the area, so that no query need ask. */
  holdsAll(code: string): boolean {
    for (let device = 0; device < this.#ids.length; device++) {
      if (this.#ids[device] === undefined) continue;
      const history = this.#histories[device];
      if (history === undefined || history.some(({ county }) => county !== code)) return false;
    }
    return true;
  }

  /** Condition that joins the table `locations` (as p) to rows: where each device stood then. */
  joined(rows: string): string {
    const device = `p.dev = ${rows}.dev`;
    return this.#moving ? `${device} AND ${rows}.ts >= p.since AND ${rows}.ts < p.until` : device;
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

  /** The table to send to DuckDB, when it changed since the last call: a row for each device and location. */
  takeColumns(): LocationColumns | null {
    if (!this.#changed) return null;
    this.#changed = false;
    let count = 0;
    for (let device = 0; device < this.#ids.length; device++)
      count += this.#histories[device]?.length ?? 1;
    const columns = {
      device: new Int32Array(count),
      since: new Float64Array(count),
      until: new Float64Array(count),
      county: new Int32Array(count),
      township: new Int32Array(count),
      village: new Int32Array(count),
    };
    let row = 0;
    for (let device = 0; device < this.#ids.length; device++) {
      const history = this.#histories[device];
      for (let i = 0; i < (history?.length ?? 1); i++, row++) {
        const location = history?.[i];
        columns.device[row] = device;
        columns.since[row] = Math.max(-EVER, history === undefined ? -EVER : sinceOf(history, i));
        columns.until[row] = history?.[i + 1]?.from ?? EVER;
        columns.county[row] = this.#known(location?.county);
        columns.township[row] = this.#known(location?.township);
        columns.village[row] = this.#known(location?.village);
      }
    }
    return columns;
  }
}

function stepsOf(history: History | undefined, numberOf: (code: string) => number): UnitSteps {
  if (history === undefined) return NOWHERE;
  const steps: UnitStep[] = [];
  for (const [i, { township, county }] of history.entries())
    addStep(steps, { since: sinceOf(history, i), unit: numberOf(township ?? county) });
  return steps;
}
