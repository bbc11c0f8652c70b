/** GB/T 28592, grades of rain by what fell in 24 and in 12 hours. */
import type { Label } from '@village/core';
import { defineGrades, type Grade, type Scale } from '../grades.ts';
import { beijingDay } from '../standard.ts';

const GRADES: readonly (readonly [key: string, name: Label])[] = [
  ['trace', { zh: '微量降雨', en: 'trace' }],
  ['light', { zh: '小雨', en: 'light rain' }],
  ['moderate', { zh: '中雨', en: 'moderate rain' }],
  ['heavy', { zh: '大雨', en: 'heavy rain' }],
  ['rainstorm', { zh: '暴雨', en: 'rainstorm' }],
  ['heavy-rainstorm', { zh: '大暴雨', en: 'heavy rainstorm' }],
  ['extreme-rainstorm', { zh: '特大暴雨', en: 'extreme rainstorm' }],
];

/** Of the lowest sum of each grade, mm. */
function scale(hours: number, sums: readonly number[]): Scale {
  const [first, ...rest] = GRADES.map(
    ([key, name], n): Grade => ({ key, name, from: sums[n] as number }),
  );
  return { quantity: 'rain.amount', hours, grades: [first as Grade, ...rest] };
}

export const gbt28592 = defineGrades({
  id: 'GB/T 28592',
  title: { zh: '降水量等级', en: 'Grades of precipitation' },
  versions: [
    {
      version: 'GB/T 28592-2012',
      from: beijingDay(2012, 8, 1),
      source: {
        zh: '数值凭记忆，未核对原文；等级名称和施行日期据网上转载。只收降雨，未收降雪',
        en: 'Numbers from memory, not held against its text; names and the day from which it holds as copies on the web have them. Rain alone, snow is not here',
      },
      verified: false,
      data: {
        version: 'GB/T 28592-2012',
        cite: { zh: 'GB/T 28592—2012', en: 'GB/T 28592-2012' },
        scales: [
          scale(24, [0, 0.1, 10, 25, 50, 100, 250]),
          scale(12, [0, 0.1, 5, 15, 30, 70, 140]),
        ],
      },
    },
  ],
});
