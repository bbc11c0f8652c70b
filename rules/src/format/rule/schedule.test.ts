import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSchedule, scheduleText } from './schedule.ts';

describe('a schedule', () => {
  it.each([
    ['Mon-Fri 08:00-18:00', [1, 2, 3, 4, 5], 480, 1080],
    ['周一-周五 8:00-18:00', [1, 2, 3, 4, 5], 480, 1080],
    ['周一至周五 08:00-18:00', [1, 2, 3, 4, 5], 480, 1080],
    ['一、三、五 08:00-12:30', [1, 3, 5], 480, 750],
    ['Sat-Sun 22:00-06:00', [0, 6], 1320, 360],
    ['Fri-Mon 22:00-00:00', [0, 1, 5, 6], 1320, 1440],
    ['mon,WED,sun 00:00-24:00', [0, 1, 3], 0, 1440],
    ['Mon-Sun 00:00-24:00', [0, 1, 2, 3, 4, 5, 6], 0, 1440],
    ['daily 07:00-19:00', [0, 1, 2, 3, 4, 5, 6], 420, 1140],
    ['每天 07:00-19:00', [0, 1, 2, 3, 4, 5, 6], 420, 1140],
    ['星期天 07:00-19:00', [0], 420, 1140],
  ])('%s', (text, days, from, to) => {
    expect(parseSchedule(text)).toEqual({ days, from, to });
  });

  it.each([
    '',
    'Mon-Fri',
    '08:00-18:00',
    'Mon-Fri 08:00',
    'Mon-Fri 8-18',
    'Mon-Fri 08:00-25:00',
    'Mon-Fri 08:60-18:00',
    'Mon-Fri 24:00-06:00',
    'Mon-Fri 08:00-08:00',
    'Mon-Wed-Fri 08:00-18:00',
    'Monday 08:00-18:00',
    'Mon-Fri 08:00-12:00 13:00-18:00',
    '周八 08:00-18:00',
    'Mon,,Fri 08:00-18:00',
  ])('%j is none', (text) => {
    expect(parseSchedule(text)).toBeNull();
  });

  it('is written so that it is read again as the same', () => {
    const schedule = fc
      .record({
        days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
        from: fc.integer({ min: 0, max: 1439 }),
        to: fc.integer({ min: 1, max: 1440 }),
      })
      .filter(({ from, to }) => from !== to);
    fc.assert(
      fc.property(schedule, ({ days, from, to }) => {
        const sorted = { days: days.sort((a, b) => a - b), from, to };
        expect(parseSchedule(scheduleText(sorted))).toEqual(sorted);
      }),
    );
  });
});
