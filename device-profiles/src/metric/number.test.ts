import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalsOf, scaling, shortestFloat32 } from './number.ts';

describe('scaling', () => {
  it('yields the decimal that the device meant for every whole raw value', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -2_147_483_648, max: 4_294_967_295 }),
        fc.constantFrom(1, 2, 3),
        (raw, places) => {
          const digits = String(Math.abs(raw)).padStart(places + 1, '0');
          const text = `${raw < 0 ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
          const { toCanonical } = scaling(Number(`1e-${places}`), 0, [1, 0]);
          expect(toCanonical(raw)).toBe(Number(text) + 0);
        },
      ),
    );
  });

  it.each([
    [183, 0.1, 0, [1, 0], 18.3],
    [1013, 0.1, 0, [10, 0], 1013],
    [3, 0.1, 0, [1, 0], 0.3],
    [420, 1, 0, [0.001, 0], 0.42],
    [98.6, 1, 0, [5 / 9, -160 / 9], 37],
    [295.2, 1, 0, [1, -273.15], 22.05],
    [2932, 0.1, 0, [1, -273.15], 20.05],
    [10, 1, 0, [3.6, 0], 36],
    [123_456_789.12, 0.1, 0, [1, 0], 12_345_678.912],
    [-0, 1, 0, [1, 0], 0],
  ] as const)('%d × %d + %d, unit %j is %d', (raw, scale, offset, unit, value) => {
    expect(scaling(scale, offset, unit).toCanonical(raw)).toBe(value);
  });

  it('goes back to the raw value', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), (raw) => {
        const both = scaling(0.1, 5, [1, -273.15]);
        expect(Math.round(both.toRaw(both.toCanonical(raw)))).toBe(raw);
      }),
    );
  });
});

describe('shortestFloat32', () => {
  it.each([25.1, 0.1, 10.07, 16_777_216, 3.4e38, -7.2])('%d', (value) => {
    expect(shortestFloat32(Math.fround(value))).toBe(value);
  });

  it('is the same float32 again', () => {
    fc.assert(
      fc.property(fc.float(), (value) => {
        expect(Math.fround(shortestFloat32(value))).toBe(value + 0);
      }),
    );
  });
});

describe('decimalsOf', () => {
  it('counts the digits after the point', () => {
    expect([1, 0.1, 0.001, 1e-7, 100, 1e21, -273.15].map(decimalsOf)).toEqual([
      0, 1, 3, 7, 0, 0, 2,
    ]);
    expect(decimalsOf(5 / 9)).toBeUndefined();
  });
});
