import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from './duration.ts';
import { OwnClock } from './own-clock.ts';

const NOW = Date.UTC(2028, 5, 1);
const YEARS = 2 * 365 * DAY;

/** A clock of ours over a measure of durations that tests move. */
function clock(trusted = false) {
  const passed = { ms: 0 };
  return { own: new OwnClock(() => passed.ms, trusted), passed };
}

describe('our own clock', () => {
  it('is wrong before this version was made, and years from what was stamped last', () => {
    const { own } = clock();
    expect(own.fault(Date.UTC(1970, 0, 2), 0)).toBe('clock-not-set');
    expect(own.fault(Date.UTC(2015, 0, 1), 0)).toBe('clock-not-set');
    expect(own.fault(NOW, 0)).toBe(null);
    expect(own.fault(NOW, NOW - 30 * DAY)).toBe(null);
    expect(own.fault(NOW - YEARS, NOW)).toBe('clock-behind-stored');
  });

  it('may be far from it after time that has passed, not by being set', () => {
    const { own, passed } = clock();
    expect(own.fault(NOW, NOW)).toBe(null);
    expect(own.fault(NOW + YEARS, NOW)).toBe('clock-ahead-of-stored');
    passed.ms += YEARS;
    expect(own.fault(NOW + YEARS, NOW)).toBe(null);
    expect(clock().own.fault(NOW + YEARS, NOW)).toBe('clock-ahead-of-stored');
  });

  it('is years ahead when three others say so in an hour and none agrees', () => {
    const { own, passed } = clock();
    own.told('a', NOW - YEARS, NOW);
    own.told('a', NOW - YEARS + MINUTE, NOW + MINUTE);
    own.told('b', NOW - YEARS, NOW);
    // One that was never set is no witness.
    own.told('c', Date.UTC(2000, 0, 1), NOW);
    expect(own.fault(NOW, 0)).toBe(null);
    passed.ms += 2 * HOUR;
    own.told('gw', NOW - YEARS + 2 * HOUR, NOW + 2 * HOUR);
    expect(own.fault(NOW + 2 * HOUR, 0)).toBe(null);
    passed.ms -= 2 * HOUR;
    own.told('gw', NOW - YEARS, NOW);
    expect(own.fault(NOW, 0)).toBe('clock-ahead-of-others');
    // Nothing is taken in meanwhile, so that nobody could say it again.
    passed.ms += 2 * HOUR;
    expect(own.fault(NOW + 2 * HOUR, 0)).toBe('clock-ahead-of-others');
    expect(own.fault(NOW - YEARS + 2 * HOUR, 0)).toBe(null);
  });

  it('is not stopped by three devices whose clocks are wrong where stamps are stored', () => {
    const { own } = clock();
    expect(own.fault(NOW, NOW - DAY)).toBe(null);
    for (const who of ['a', 'b', 'c']) own.told(who, NOW - YEARS, NOW);
    expect(own.fault(NOW, NOW)).toBe(null);
  });

  it('is right once it is set to what they say who doubted it, whatever it has stamped before', () => {
    const { own, passed } = clock();
    expect(own.fault(NOW, 0)).toBe(null);
    for (const who of ['a', 'b', 'c']) own.told(who, NOW - YEARS, NOW);
    expect(own.fault(NOW, NOW)).toBe('clock-ahead-of-others');
    passed.ms += MINUTE;
    // Set, but to another time than they say.
    expect(own.fault(NOW - YEARS + 100 * DAY, NOW)).toBe('clock-behind-stored');
    expect(own.fault(NOW - YEARS + MINUTE, NOW)).toBe(null);
    passed.ms += 3 * HOUR;
    expect(own.fault(NOW - YEARS + 3 * HOUR, NOW)).toBe(null);
  });

  it('is right by one that agrees, and by who knows better', () => {
    const { own } = clock();
    for (const who of ['a', 'b', 'gw']) own.told(who, NOW - YEARS, NOW);
    own.told('d', NOW - MINUTE, NOW);
    expect(own.fault(NOW, 0)).toBe(null);
    expect(own.fault(NOW, NOW + YEARS)).toBe(null);
    expect(clock(true).own.fault(0, NOW)).toBe(null);
  });
});
