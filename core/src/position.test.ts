import { describe, expect, it } from 'vitest';
import { distanceOf } from './position.ts';

describe('positions', () => {
  it('are so many metres apart', () => {
    // A degree of a great circle of the mean radius, and half of it at 60° north.
    const degree = (2 * Math.PI * 6_371_008.8) / 360;
    expect(distanceOf([120, 31], [120, 32])).toBeCloseTo(degree, 3);
    expect(distanceOf([120, 60], [121, 60])).toBeCloseTo(degree / 2, 3);
    expect(distanceOf([120, 31], [120, 31])).toBe(0);
  });
});
