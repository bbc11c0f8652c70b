/** Ranges of bytes as RFC 9110 has them. */
import { expect, it } from 'vitest';
import { wantedOf } from './byte-range.ts';

const file = { size: 1_000, tag: '"a1"' };

it.each([
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=0-499', { first: 0, last: 499 }],
  ['bytes=500-', { first: 500, last: 999 }],
  ['bytes=500-5000', { first: 500, last: 999 }],
  ['bytes=-1', { first: 999, last: 999 }],
  ['bytes=-5000', { first: 0, last: 999 }],
  ['BYTES=1-2', { first: 1, last: 2 }],
  ['bytes=1000-', 'unsatisfiable'],
  ['bytes=5000-6000', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=9-8', 'whole'],
  ['bytes=-', 'whole'],
  ['bytes=0-1,5-6', 'whole'],
  ['rows=0-1', 'whole'],
  ['bytes=a-b', 'whole'],
  ['bytes=99999999999999999999-', 'whole'],
  ['', 'whole'],
] as const)('%s', (range, wanted) => {
  expect(wantedOf({ range }, file)).toEqual(wanted);
});

it('an empty file has no range', () => {
  expect(wantedOf({ range: 'bytes=0-' }, { size: 0, tag: '"a1"' })).toBe('unsatisfiable');
});

it.each([
  [
    { range: 'bytes=5-', ifRange: '"a1"' },
    { first: 5, last: 999 },
  ],
  [{ range: 'bytes=5-', ifRange: '"b2"' }, 'whole'],
  [{ range: 'bytes=5-', ifRange: 'W/"a1"' }, 'whole'],
  [{ range: 'bytes=5-', ifRange: 'Sun, 29 Nov 2026 07:00:00 GMT' }, 'whole'],
  [{ ifRange: '"a1"' }, 'whole'],
  [{ ifNoneMatch: '"a1"' }, 'unchanged'],
  [{ ifNoneMatch: '"b2", W/"a1"' }, 'unchanged'],
  [{ ifNoneMatch: '*' }, 'unchanged'],
  [{ ifNoneMatch: '"b2"' }, 'whole'],
  [{ range: 'bytes=5-', ifNoneMatch: '"a1"' }, 'unchanged'],
] as const)('%o', (headers, wanted) => {
  expect(wantedOf(headers, file)).toEqual(wanted);
});
