/** GB 18918-2002, towns' sewage plants: means of a day, and what its amendment of 2025 says of small plants. */
import { defineLimits, type LimitRow, limitVersion, writer } from '../limits.ts';
import { beijingDay } from '../standard.ts';

const { most, between } = writer(['1A', '1B', '2'], 'day');

const ROWS: readonly LimitRow[] = [
  ...between('water.ph', 6, 9),
  ...most('water.cod', [50, 60, 100]),
  ...most('water.bod5', [10, 20, 30]),
  ...most('water.suspended-solids', [10, 20, 30]),
  ...most('water.ammonia-nitrogen', [5, 8, 25], { cold: false }),
  ...most('water.ammonia-nitrogen', [8, 15, 30], { cold: true }),
  ...most('water.total-nitrogen', [15, 20, null]),
  ...most('water.total-phosphorus', [0.5, 1, 3], { builtFrom: 2006 }),
  ...most('water.total-phosphorus', [1, 1.5, 3], { builtBefore: 2006 }),
  ...most('water.animal-vegetable-oil', [1, 3, 5]),
  ...most('water.faecal-coliforms', [1_000, 10_000, 10_000]),
];

/** Brackets of table 1, note 2. */
const COLD = { coldAtMost: 12 };

export const gb18918 = defineLimits({
  id: 'GB 18918',
  title: {
    zh: '城镇污水处理厂污染物排放标准',
    en: 'Discharge standard of pollutants for municipal wastewater treatment plants',
  },
  classes: [
    { key: '1A', name: { zh: '一级 A', en: 'grade 1A' } },
    { key: '1B', name: { zh: '一级 B', en: 'grade 1B' } },
    { key: '2', name: { zh: '二级', en: 'grade 2' } },
  ],
  classBy: {
    attribute: 'discharge-standard',
    name: { zh: '排放标准', en: 'discharge standard' },
    words: { 'GB 18918 1A': '1A', 'GB 18918 1B': '1B', 'GB 18918 2': '2' },
  },
  versions: [
    limitVersion(
      'GB 18918-2002',
      { zh: 'GB 18918—2002', en: 'GB 18918-2002' },
      {
        from: beijingDay(2003, 7, 1),
        source: {
          zh: '表 1 凭记忆整理，一级 A、一级 B 的 COD、BOD5、SS、粪大肠菌群以及 2005 年底以前建设的总磷与网上转载一致；未核对原文，未收三级标准',
          en: 'Table 1 from memory; COD, BOD5, SS and coliforms of 1A and 1B, and total phosphorus of plants built until the end of 2005, as copies on the web have them; not held against its text, grade 3 is not here',
        },
        verified: false,
        ...COLD,
        rows: ROWS,
      },
    ),
    limitVersion(
      'GB 18918-2002 (2025)',
      { zh: 'GB 18918—2002（含 2025 年修改单）', en: 'GB 18918-2002 (amended 2025)' },
      {
        from: beijingDay(2026, 3, 1),
        source: {
          zh: '限值同 GB 18918-2002，未核对原文；修改单 4.1.2.5 据网上转载，其 4.1.3.1 以后未见全文',
          en: 'Limits as in GB 18918-2002, not held against its text; 4.1.2.5 of the amendment as copies on the web have it, of 4.1.3.1 and what follows the whole was not seen',
        },
        verified: false,
        ...COLD,
        rows: ROWS,
        notes: [
          {
            unlessFacility: 'large',
            text: {
              zh: '2026-03-01 起，除县城外日处理 500 m³ 以下的建制镇污水处理厂执行地方标准，没有地方标准的可参照本标准（修改单 4.1.2.5）：请核对登记的排放标准',
              en: 'Since 2026-03-01 plants of towns, other than the county seat, below 500 m³ a day are under the provincial standard, and this one serves where there is none (amendment, 4.1.2.5): look at the discharge standard that is registered',
            },
          },
        ],
      },
    ),
  ],
});
