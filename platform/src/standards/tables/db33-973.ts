/** DB33/973, rural sewage in Zhejiang. No number of it was held against its text, of 2015 there are but two. */
import { defineLimits, limitVersion, writer } from '../limits.ts';
import { beijingDay } from '../standard.ts';

const { most, between } = writer(['1', '2'], 'any');

export const db33973 = defineLimits({
  id: 'DB33/973',
  title: {
    zh: '农村生活污水集中处理设施水污染物排放标准（浙江）',
    en: 'Discharge standard of water pollutants for rural domestic sewage treatment facilities (Zhejiang)',
  },
  classes: [
    { key: '1', name: { zh: '一级', en: 'grade 1' } },
    { key: '2', name: { zh: '二级', en: 'grade 2' } },
  ],
  classBy: {
    attribute: 'discharge-standard',
    name: { zh: '排放标准', en: 'discharge standard' },
    words: { 'DB33/973 1': '1', 'DB33/973 2': '2' },
  },
  versions: [
    limitVersion(
      'DB33/973-2015',
      { zh: 'DB33/973—2015', en: 'DB33/973-2015' },
      {
        from: beijingDay(2015, 7, 1),
        source: {
          zh: '凭记忆，只有氨氮、总磷；其余项目和施行日期未核实，未查阅原文',
          en: 'From memory, ammonia nitrogen and total phosphorus alone; neither the others nor the day from which it holds were looked up, its text was not read',
        },
        verified: false,
        rows: [
          ...most('water.ammonia-nitrogen', [15, 25]),
          ...most('water.total-phosphorus', [2, 3]),
        ],
      },
    ),
    limitVersion(
      'DB33/973-2021',
      { zh: 'DB33/973—2021', en: 'DB33/973-2021' },
      {
        from: beijingDay(2022, 1, 1),
        source: {
          zh: '适用范围和施行日期据网上转载；限值凭记忆，未查阅原文（总磷对新建设施可能为 1），均值时段不明',
          en: 'Scope and the day from which it holds as copies on the web have them; limits from memory, its text was not read (total phosphorus of new facilities may be 1), the time of averaging is not known',
        },
        verified: false,
        coldAtMost: 12,
        rows: [
          ...between('water.ph', 6, 9),
          ...most('water.cod', [60, 100]),
          ...most('water.suspended-solids', [20, 30]),
          ...most('water.ammonia-nitrogen', [8, null], { cold: false }),
          ...most('water.ammonia-nitrogen', [15, null], { cold: true }),
          ...most('water.ammonia-nitrogen', [null, 25]),
          ...most('water.total-nitrogen', [20, null]),
          ...most('water.total-phosphorus', [2, 3]),
          ...most('water.animal-vegetable-oil', [3, 5]),
          ...most('water.faecal-coliforms', [10_000, 10_000]),
        ],
      },
    ),
  ],
});
