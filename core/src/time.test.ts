import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCountyTime, formatTime, parseDuration, parseTime } from './time.ts';

describe('parseTime', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-03-01T00:00:00+08:00', Date.UTC(2026, 1, 28, 16)],
    ['2024-02-29T23:59:59.999Z', Date.UTC(2024, 1, 29, 23, 59, 59, 999)],
    ['2024-06-01T08:58:57.2234567Z', Date.UTC(2024, 5, 1, 8, 58, 57, 223)],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['2026-03-01T00:00:00+0800', Date.UTC(2026, 1, 28, 16)],
    ['2026-03-01T00:00:00.5+08', Date.UTC(2026, 1, 28, 16) + 500],
    ['2026-03-01 00:00:00-0330', Date.UTC(2026, 2, 1, 3, 30)],
  ])('%s', (text, expected) => {
    expect(parseTime(text)).toBe(expected);
  });

  it.each([
    '',
    '2026-03-01',
    '2026-03-01T00:00:00',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-03-01T24:00:00Z',
    '2026-03-01T00:00:00.Z',
    '2026-03-01T00:00:00+8:00',
    '2026-03-01T00:00:00+080',
    '2026-03-01T00:00:00+2400',
    '2026-03-01T00:00:00+0860',
    '2026-03-01T00:00:00+08:0',
    '2026-03-01T00:00:00+08:000',
    '2026-03-01T00:00:00+08000',
    '2026-03-01T00:00:00+0a00',
    '2026-03-01T00:00:00+',
    '2026-03-01T00:00:00Zx',
    '1767225600000000000000',
    '2026-03-01T0a:00:00Z',
    '２026-03-01T00:00:00Z',
    '2026-03-01T00:00:00.1x0Z',
  ])('refuses %j', (text) => {
    expect(parseTime(text)).toBeNaN();
  });

  it('agrees with Date on every instant from year 0 to 9999', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(0, 0, 1) - 62_000_000_000_000, max: 253_402_300_799_999 }),
        (at) => {
          fc.pre(new Date(at).getUTCFullYear() >= 0);
          expect(parseTime(new Date(at).toISOString())).toBe(at);
          expect(parseTime(formatTime(at))).toBe(at);
        },
      ),
    );
  });
});

describe('formatTime', () => {
  it('writes what Date writes, without a fraction of zero', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: -8.64e15, max: 8.64e15 }),
          fc.integer({ min: -1e9, max: 2e9 }).map((second) => second * 1_000),
          fc.double({ min: -1e13, max: 1e13, noNaN: true }),
        ),
        (at) => {
          expect(formatTime(at)).toBe(new Date(at).toISOString().replace('.000Z', 'Z'));
        },
      ),
    );
  });

  it.each([Number.NaN, Infinity, 8.64e15 + 1, -8.64e15 - 1])('refuses %d', (at) => {
    expect(() => formatTime(at)).toThrow(RangeError);
  });
});

describe('parseDuration', () => {
  it('reads each unit', () => {
    expect(['500ms', '90s', '5m', '26h', '7d', '1.5h'].map(parseDuration)).toEqual([
      500, 90e3, 300e3, 93_600e3, 604_800e3, 5_400e3,
    ]);
  });
  it.each(['', '5', 's', '-5s', '5 m', '1e3s'])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeNaN();
  });
});

it('tells people at a terminal the time of the county, to the second', () => {
  expect(formatCountyTime(Date.parse('2026-02-28T16:05:09.999Z'))).toBe('2026-03-01 00:05:09');
});
