/** The soak for some seconds, one of everything; `npm run test:soak` runs as long as asked for. */
import { expect, it } from 'vitest';
import { soak } from '../soak/run.ts';

it('loses and doubles nothing while everything bad happens at once, and needs no hand', async () => {
  const result = await soak({
    seconds: 30,
    seed: 20261129,
    fullSeconds: 5,
    log: (line) => console.log(line),
  });
  expect(result.ends).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0, wrong: 0, sequenceGaps: 0 });
  expect(result.exported).toBe(result.stored);
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(Object.values(result.faults).reduce((sum, n) => sum + n, 0)).toBeGreaterThan(1);
  expect(result.poison.acknowledged).toBeGreaterThan(0);
  expect(result.quarantined).toBeGreaterThan(0);
  expect(result.asksOfSlaves).toBeGreaterThan(0);
  // Nobody is told that something is broken: what can't be had now is 503.
  expect(Object.keys(result.answers).filter((status) => /^5(?!03)/.test(status))).toEqual([]);
}, 900_000);
