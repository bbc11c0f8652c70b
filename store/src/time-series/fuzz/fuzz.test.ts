/** The store against a plain model under random steps; more of them with FUZZ_STEPS, other ones with FUZZ_SEED. */
import { expect, it } from 'vitest';
import { StoreFuzz } from './testing.ts';

const STEPS = Number(process.env['FUZZ_STEPS'] ?? 60);
const SEEDS = (process.env['FUZZ_SEED'] ?? 'one,two').split(',');

it.each(SEEDS)(
  'answers every query as a plain model does, whatever happens (seed %s)',
  {
    timeout: 60_000 + STEPS * 2_000,
  },
  async (seed) => {
    const fuzz = new StoreFuzz(seed);
    try {
      await fuzz.run(STEPS);
    } finally {
      if (process.env['FUZZ_STEPS'] !== undefined) console.log(seed, fuzz.counts);
    }
    expect(fuzz.counts['steps']).toBe(STEPS);
  },
);
