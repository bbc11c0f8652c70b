/** Seeded random numbers, so that a simulation or a jittered back-off can be run again exactly. */

/** Uniform numbers in [0, 1). */
export type Random = () => number;

/** A generator whose whole sequence follows from the seed (sfc32; not for secrets). */
export function seededRandom(seed: number | string): Random {
  let hash = 1779033703;
  const text = String(seed);
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 3432918353);
    hash = (hash << 13) | (hash >>> 19);
  }
  const part = (): number => {
    hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
    hash ^= hash >>> 16;
    return hash >>> 0;
  };
  let a = part();
  let b = part();
  let c = part();
  let counter = part();
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
}

/** A number of the normal distribution with mean 0 and deviation 1. */
export function normal(random: Random): number {
  const u = 1 - random();
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * random());
}
