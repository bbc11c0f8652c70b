/** GB 3838-2002, surface water: table 1, as far as devices and laboratories of villages measure it. */
import { defineLimits, limitVersion, writer } from '../limits.ts';
import { beijingDay } from '../standard.ts';

const CLASSES = ['I', 'II', 'III', 'IV', 'V'] as const;
const { most, least, between } = writer(CLASSES, 'any');
const ROMAN = ['Ⅰ', 'Ⅱ', 'Ⅲ', 'Ⅳ', 'Ⅴ'];

export const gb3838 = defineLimits({
  id: 'GB 3838',
  title: { zh: '地表水环境质量标准', en: 'Environmental quality standards for surface water' },
  classes: CLASSES.map((key, n) => ({ key, name: { zh: `${ROMAN[n]}类`, en: `class ${key}` } })),
  classBy: {
    attribute: 'water-class',
    name: { zh: '水质目标类别', en: 'water class' },
    words: Object.fromEntries(CLASSES.map((key) => [key, key])),
  },
  exclusions: [
    {
      quantity: 'water.total-nitrogen',
      water: 'river',
      reason: {
        zh: '总氮限值只适用于湖、库；河流评价不计总氮（环办〔2011〕22 号）',
        en: 'the limit of total nitrogen is of lakes and reservoirs; rivers are judged without it (环办[2011]22)',
      },
    },
  ],
  versions: [
    limitVersion(
      'GB 3838-2002',
      { zh: 'GB 3838—2002', en: 'GB 3838-2002' },
      {
        from: beijingDay(2002, 6, 1),
        source: {
          zh: '表 1 凭记忆整理，Ⅲ 至 Ⅴ 类与网上转载一致；未核对原文。表中未规定均值时段',
          en: 'Table 1 from memory, classes III to V as copies on the web have them; not held against its text. The table says no time of averaging',
        },
        verified: false,
        rows: [
          ...between('water.ph', 6, 9),
          ...least('water.dissolved-oxygen', [7.5, null, null, null, null], {
            note: {
              zh: '或饱和率不低于 90 %',
              en: 'or a saturation of at least 90 %',
            },
          }),
          ...least('water.dissolved-oxygen', [null, 6, 5, 3, 2]),
          ...most('water.permanganate-index', [2, 4, 6, 10, 15]),
          ...most('water.cod', [15, 15, 20, 30, 40]),
          ...most('water.bod5', [3, 3, 4, 6, 10]),
          ...most('water.ammonia-nitrogen', [0.15, 0.5, 1, 1.5, 2]),
          ...most('water.total-phosphorus', [0.02, 0.1, 0.2, 0.3, 0.4], { water: 'river' }),
          ...most('water.total-phosphorus', [0.01, 0.025, 0.05, 0.1, 0.2], { water: 'lake' }),
          ...most('water.total-nitrogen', [0.2, 0.5, 1, 1.5, 2], { water: 'lake' }),
        ],
      },
    ),
  ],
});
