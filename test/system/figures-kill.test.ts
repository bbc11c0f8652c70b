/** The kill test of corrections and figures, a few rounds of it; `npm run test:kill -- --figures` runs as many as asked for. */
import { expect, it } from 'vitest';
import { figuresKillTest } from '../kill/figures.ts';

it('leaves each correction whole or not there, and every figure as it follows, wherever the server is killed', async () => {
  const result = await figuresKillTest({
    ...{ rounds: 5, seed: 20261129 },
    engines: { timeSeries: 'embedded', relational: 'sqlite' },
    log: (line) => console.log(line),
  });
  expect(result).toMatchObject({ halves: [], wrong: [], lost: 0, checksFailed: 0 });
  expect(result.acknowledged).toBeGreaterThan(10);
  expect(result.statements).toBeGreaterThan(2);
  expect(result.figures).toBeGreaterThan(2);
}, 600_000);
