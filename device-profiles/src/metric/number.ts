/**
 * From the number on the wire to the decimal that the device meant: 183 tenths are 18.3 and not 18.300000000000001,
 * and the float32 nearest to 25.1 is 25.1.
 */

/** Beyond this, a double no longer holds every integer, so rounding to decimals would do harm. */
const EXACT_MAX = 2 ** 53;
const DECIMALS_MAX = 12;

/** Digits after the point of a number as written; undefined when it is no short decimal (5/9). */
export function decimalsOf(value: number): number | undefined {
  const match = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) return undefined;
  const decimals = Math.max(0, (match[1]?.length ?? 0) - Number(match[2] ?? 0));
  return decimals > DECIMALS_MAX ? undefined : decimals;
}

/** The double nearest to `value` rounded to so many decimals; large values are left alone. */
export function toDecimals(value: number, decimals: number): number {
  const power = 10 ** decimals;
  const scaled = value * power;
  if (!(Math.abs(scaled) < EXACT_MAX)) return value;
  return Math.round(scaled) / power + 0;
}

/** The double nearest to `value` rounded to so many significant digits. */
export function toSignificant(value: number, digits: number): number {
  return Number(value.toPrecision(digits)) + 0;
}

/** The shortest decimal whose nearest float32 is this one; NaN and infinities as they are. */
export function shortestFloat32(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short + 0;
  }
  return Number(value.toPrecision(9)) + 0;
}

/** Both ways between a raw number and the canonical value. */
export interface Scaling {
  toCanonical(raw: number): number;
  /** Not yet rounded to what the wire can hold. */
  toRaw(value: number): number;
}

const identity: Scaling = { toCanonical: (raw) => raw + 0, toRaw: (value) => value };

/**
 * canonical = (raw × scale + offset) × unit factor + unit offset, computed once, rounded once: to the decimals that
 * exact arithmetic would give when the raw value is whole, else to `digits` significant ones.
 */
export function scaling(
  scale: number,
  offset: number,
  unit: readonly [factor: number, offset: number],
): Scaling {
  const factor = scale * unit[0];
  const shift = offset * unit[0] + unit[1];
  if (factor === 1 && shift === 0) return identity;
  const parts = [scale, offset, unit[0], unit[1]].map(decimalsOf);
  const [ofScale, ofOffset, ofFactor, ofShift] = parts;
  const known = ofScale !== undefined && ofOffset !== undefined && ofFactor !== undefined;
  const decimals =
    known && ofShift !== undefined
      ? Math.max(Math.max(ofScale, ofOffset) + ofFactor, ofShift)
      : undefined;
  // A shift may cancel leading digits, and a factor such as 5/9 is itself inexact.
  const digits = shift === 0 && decimals !== undefined ? 15 : 12;
  return {
    toCanonical(raw) {
      const value = raw * factor + shift;
      if (!Number.isFinite(value)) return value;
      if (decimals !== undefined && decimals <= DECIMALS_MAX && Number.isInteger(raw))
        return toDecimals(value, decimals);
      return toSignificant(value, digits);
    },
    toRaw: (value) => toSignificant((value - shift) / factor, 15),
  };
}
