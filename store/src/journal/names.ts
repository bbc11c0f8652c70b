/** The dense numbers behind profiles and devices: small integers in rows, names for whoever reads them. */
import { type BlockPool, OpenLayout } from './group.ts';

/** Profiles with their columns, and devices by number; numbers are given once and never again. */
export class Names {
  readonly layouts: OpenLayout[] = [];
  readonly layoutByProfile = new Map<string, OpenLayout>();
  /** Device id to its dense numbers, one for each profile it had. */
  readonly numbersOf = new Map<string, number[]>();
  /** By dense device number. */
  readonly layoutOf: number[] = [];
  readonly #ids: string[] = [];
  readonly #pool: BlockPool;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get devices(): number {
    return this.#ids.length;
  }

  id(device: number): string {
    return this.#ids[device]!;
  }

  layoutOfDevice(device: number): OpenLayout {
    return this.layouts[this.layoutOf[device]!]!;
  }

  addLayout(profile: string): OpenLayout {
    const layout = new OpenLayout(profile, this.layouts.length, this.#pool);
    this.layouts.push(layout);
    this.layoutByProfile.set(profile, layout);
    return layout;
  }

  /** Enters a device under its number. */
  addDevice(number: number, id: string, layout: OpenLayout): void {
    layout.devices.set(id, number);
    this.layoutOf[number] = layout.number;
    this.#ids[number] = id;
    const numbers = this.numbersOf.get(id);
    if (numbers === undefined) this.numbersOf.set(id, [number]);
    else numbers.push(number);
  }
}
