/** GB/T 28591, the scale of wind by its speed. */
import { defineGrades, type Grade } from '../grades.ts';
import { beijingDay } from '../standard.ts';

/** Lowest speed of each force, m/s. */
const SPEEDS = [
  ...[0, 0.3, 1.6, 3.4, 5.5, 8, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7],
  ...[37, 41.5, 46.2, 51, 56.1],
];
/** The table ends with force 17 at 61.2 m/s. */
const ABOVE = 61.3;

const grades = SPEEDS.map(
  (from, force): Grade => ({
    key: String(force),
    name: { zh: `${force} 级`, en: `force ${force}` },
    from,
  }),
);

export const gbt28591 = defineGrades({
  id: 'GB/T 28591',
  title: { zh: '风力等级', en: 'Wind scale' },
  versions: [
    {
      version: 'GB/T 28591-2012',
      from: beijingDay(2012, 8, 1),
      source: {
        zh: '凭记忆，未核对原文；施行日期未核实',
        en: 'From memory, not held against its text; nor was the day from which it holds',
      },
      verified: false,
      data: {
        version: 'GB/T 28591-2012',
        cite: { zh: 'GB/T 28591—2012', en: 'GB/T 28591-2012' },
        scales: [
          {
            quantity: 'wind.speed',
            hours: null,
            grades: [
              grades[0] as Grade,
              ...grades.slice(1),
              { key: '>17', name: { zh: '17 级以上', en: 'above force 17' }, from: ABOVE },
            ],
          },
        ],
      },
    },
  ],
});
