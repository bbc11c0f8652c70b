/**
 * Loaded before everything else into the processes of the soak: their wall clock is that of the machine, set by as many
 * milliseconds as the file says that `SOAK_CLOCK` names. What passes (`performance.now`) is left alone, as on a machine whose
 * clock is set.
 */
import { readFileSync } from 'node:fs';

const file = process.env['SOAK_CLOCK'] ?? '';
const LOOK_MS = 100;
const Real = Date;
let set = 0;

function look(): void {
  try {
    const told = Number(readFileSync(file, 'utf8'));
    if (Number.isFinite(told)) set = told;
  } catch {
    // The file is being written, or the soak is over: the clock stays as it is.
  }
}

class SetDate extends Real {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(Real.now() + set);
    else super(...(given as [number]));
  }

  static override now(): number {
    return Real.now() + set;
  }
}

if (file !== '') {
  look();
  setInterval(look, LOOK_MS).unref();
  globalThis.Date = SetDate as DateConstructor;
}
