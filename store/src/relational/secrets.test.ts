import { expect, it } from 'vitest';
import { newSecret } from './secrets.ts';

it('are long, differ, and begin so that a spreadsheet leaves them as they are', () => {
  const secrets = Array.from({ length: 2_000 }, newSecret);
  expect(new Set(secrets).size).toBe(2_000);
  expect(secrets.filter((secret) => !/^[A-Za-z0-9][A-Za-z0-9_-]{42}$/.test(secret))).toEqual([]);
});
