import { expect, it } from 'vitest';
import { simulatedTimer, systemTimer } from './clock.ts';
import { HOUR } from './duration.ts';

it('what has passed does not depend on how the clock is set', async () => {
  let wall = 1_750_000_000_000;
  const timer = simulatedTimer(0, 100, wall, () => wall);
  const before = timer.elapsed();
  wall -= HOUR;
  expect(timer.now()).toBe(-100 * HOUR);
  await systemTimer.sleep(20);
  const passed = timer.elapsed() - before;
  // A hundred times the twenty milliseconds that were slept, however busy the machine is.
  expect(passed).toBeGreaterThanOrEqual(1_900);
  expect(passed).toBeLessThan(100 * HOUR);
});
