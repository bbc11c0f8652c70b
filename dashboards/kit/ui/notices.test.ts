/** What people are told of a failure: whether anything was changed by it is never left open where the server says so. */
import { expect, it } from 'vitest';
import { ApiError } from '../api/client.ts';
import { explain } from './notices.tsx';

it.each([
  ['transaction-timeout', 503],
  ['busy', 503],
  ['body-too-slow', 408],
] as const)('of %s it is said that nothing was changed', (code, status) => {
  const told = explain(new ApiError(code, status, ''));
  expect(told).toMatch(/什么(都|也)没有改|nothing was (changed|done)/);
});
