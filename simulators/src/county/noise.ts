/** Repeatable noise: numbers that follow from a text and a place on the time axis, with no state in between. */

/** A 32-bit hash of a text (FNV-1a with a final mix), for phases and choices that must not change between runs. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Uniform in [0, 1) from a hash and a whole number. */
export function unitAt(hash: number, step: number): number {
  const low = step | 0;
  const high = Math.floor(step / 4294967296) | 0;
  return mix(Math.imul(low, 0x9e3779b1) ^ hash ^ Math.imul(high, 0x27d4eb2f)) / 4294967296;
}

/** A smooth curve in [-1, 1] that wanders over about one `periodMs`. */
export function wander(hash: number, at: number, periodMs: number): number {
  const position = at / periodMs;
  const step = Math.floor(position);
  const part = position - step;
  const eased = part * part * (3 - 2 * part);
  const from = unitAt(hash, step);
  return (from + (unitAt(hash, step + 1) - from) * eased) * 2 - 1;
}
