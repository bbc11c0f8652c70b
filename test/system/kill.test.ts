/** The kill test, a few rounds of it; `npm run test:kill` runs as many as asked for. */
import { expect, it } from 'vitest';
import { killTest } from '../kill/run.ts';

it('loses and doubles nothing that was acknowledged when server and gateway are killed', async () => {
  const result = await killTest({ rounds: 6, seed: 20261124, log: (line) => console.log(line) });
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(result.killsOfServer).toBeGreaterThan(0);
  expect(result.killsOfGateway).toBeGreaterThan(0);
  expect(result).toMatchObject({ lost: 0, doubled: 0, wrong: 0, sequenceGaps: 0, quarantined: 0 });
  expect(result.exported).toBe(result.stored);
}, 600_000);
