import { describe, expect, it } from 'vitest';
import { DeviceClock } from './device-clock.ts';
import { HOUR, MINUTE, SECOND } from './duration.ts';

const NOW = Date.UTC(2026, 10, 24, 4);

/** A clock after `count` messages, `every` ms apart, each told `told(n)` ms after the moment it was received. */
function after(count: number, every: number, told: (n: number) => number): DeviceClock {
  const clock = new DeviceClock();
  for (let n = 0; n < count; n++) clock.note(NOW + n * every + told(n), NOW + n * every);
  return clock;
}

describe("a device's clock", () => {
  it('is known to be right with the first message, and a late message changes nothing', () => {
    const clock = after(1, SECOND, () => -200);
    expect(clock.offset).toEqual({ offset: -200, drift: null, since: NOW });
    clock.note(NOW - 3 * HOUR, NOW + MINUTE);
    expect(clock.offset?.offset).toBe(-200);
  });

  it('is known to be eight hours behind after three messages, a second apart', () => {
    expect(after(2, SECOND, () => -8 * HOUR).offset).toBe(null);
    const clock = after(3, SECOND, () => -8 * HOUR);
    expect(clock.offset).toEqual({ offset: -8 * HOUR, drift: null, since: NOW });
    expect(clock.isNews(NOW - 8 * HOUR, NOW + MINUTE)).toBe(true);
    expect(clock.isNews(NOW - 9 * HOUR, NOW + MINUTE)).toBe(false);
  });

  it('is not judged by history that is sent at once, however slowly', () => {
    for (const every of [5, 500, 20_000]) {
      // A row a minute, `every` ms apart.
      const clock = after(200, every, (n) => -8 * HOUR + n * (MINUTE - every));
      expect(clock.offset?.offset ?? 0, `every ${every}`).toBeGreaterThan(-15 * MINUTE);
      expect(clock.isNews(NOW - 8 * HOUR, NOW), `every ${every}`).toBe(false);
    }
  });

  it('counts the newest of what one message tells', () => {
    const clock = new DeviceClock();
    for (let n = 60; n >= 0; n--) clock.note(NOW - n * MINUTE, NOW);
    for (let n = 0; n <= 60; n++) clock.note(NOW + HOUR - n * MINUTE, NOW + HOUR);
    expect(clock.offset).toMatchObject({ offset: 0, since: NOW });
  });

  it('tells since when it is off, and that it was set again at once', () => {
    const clock = new DeviceClock();
    const told = [0, 0, 0, -8 * HOUR, -8 * HOUR, -8 * HOUR, -8 * HOUR, 0];
    const known = told.map((off, n) => {
      clock.note(NOW + n * MINUTE + off, NOW + n * MINUTE);
      return clock.offset;
    });
    expect(known.map((one) => one?.offset)).toEqual([0, 0, 0, 0, 0, -8 * HOUR, -8 * HOUR, 0]);
    expect(known.map((one) => ((one?.since ?? 0) - NOW) / MINUTE)).toEqual([
      0, 0, 0, 0, 0, 3, 3, 7,
    ]);
  });

  it('tells a drift when it was watched for long', () => {
    const slower = (n: number): number => -((n * MINUTE) / (24 * HOUR)) * 10 * SECOND;
    expect(after(60, MINUTE, slower).offset?.drift).toBe(null);
    const drift = after(24 * 60, MINUTE, slower).offset?.drift ?? 0;
    expect(drift / SECOND).toBeCloseTo(-10, 0);
  });

  it('is not given up for one message that is years ahead', () => {
    const clock = after(3, SECOND, () => 0);
    clock.note(NOW + 10 * 365 * 24 * HOUR, NOW + MINUTE);
    clock.note(NOW + 2 * MINUTE, NOW + 2 * MINUTE);
    expect(clock.offset).toMatchObject({ offset: 0, since: NOW });
  });
});
