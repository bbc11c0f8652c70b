/** GB 3095, ambient air quality: means of an hour, a day and a year, by class of the place. */
import { defineLimits, type LimitRow, limitVersion, writer } from '../limits.ts';
import { beijingDay } from '../standard.ts';

/** Nature reserves and the like; all else, villages among it. */
const CLASSES = ['1', '2'] as const;
const hour = writer(CLASSES, 'hour').most;
const mda8 = writer(CLASSES, 'mda8').most;
const day = writer(CLASSES, 'day').most;
const year = writer(CLASSES, 'year').most;

/** What the transition and the final limits have in common. */
const ALWAYS: readonly LimitRow[] = [
  ...hour('air.no2', [200, 200]),
  ...day('air.co', [4, 4]),
  ...hour('air.co', [10, 10]),
  ...mda8('air.o3', [100, 160]),
  ...hour('air.o3', [160, 200]),
  ...year('air.tsp', [80, 200]),
  ...day('air.tsp', [120, 300]),
  ...hour('air.nox', [250, 250]),
];

/** Of both, in 2012 and until 2030. */
const UNTIL_2030: readonly LimitRow[] = [
  ...ALWAYS,
  ...year('air.so2', [20, 60]),
  ...day('air.so2', [50, 150]),
  ...hour('air.so2', [150, 500]),
  ...year('air.no2', [40, 40]),
  ...day('air.no2', [80, 80]),
  ...year('air.nox', [50, 50]),
  ...day('air.nox', [100, 100]),
];

export const gb3095 = defineLimits({
  id: 'GB 3095',
  title: { zh: '环境空气质量标准', en: 'Ambient air quality standards' },
  classes: [
    { key: '1', name: { zh: '一类区', en: 'class 1' } },
    { key: '2', name: { zh: '二类区', en: 'class 2' } },
  ],
  classBy: {
    attribute: 'function-zone',
    name: { zh: '功能区类别', en: 'function zone' },
    // The other words are classes of noise (GB 3096).
    words: { '1': '1', '2': '2' },
  },
  versions: [
    limitVersion(
      'GB 3095-2012',
      { zh: 'GB 3095—2012', en: 'GB 3095-2012' },
      {
        from: beijingDay(2016, 1, 1),
        source: {
          zh: '据网上转载的表 1、表 2：颗粒物为 2012 年限值，其余与 GB 3095-2026 过渡期限值相同；未查阅原文。2018-09-01 修改单起气体浓度按 298.15 K 计，此前按 273 K，未作换算',
          en: 'Tables 1 and 2 as copies on the web give them: of particles the limits of 2012, all else as in the transition of GB 3095-2026; its own text was not read. Since the amendment of 2018-09-01 gases are at 298.15 K, before at 273 K: nothing is converted',
        },
        verified: false,
        rows: [
          ...UNTIL_2030,
          ...year('air.pm10', [40, 70]),
          ...day('air.pm10', [50, 150]),
          ...year('air.pm25', [15, 35]),
          ...day('air.pm25', [35, 75]),
        ],
      },
    ),
    limitVersion(
      'GB 3095-2026 (2026–2030)',
      { zh: 'GB 3095—2026（过渡期）', en: 'GB 3095-2026 (transition)' },
      {
        from: beijingDay(2026, 3, 1),
        source: {
          zh: 'GB 3095-2026 表 1、表 2 过渡期一栏，取自标准原文页面图像',
          en: 'GB 3095-2026 tables 1 and 2, transition column, from the page image of the standard',
        },
        verified: true,
        rows: [
          ...UNTIL_2030,
          ...year('air.pm10', [40, 60]),
          ...day('air.pm10', [50, 120]),
          ...year('air.pm25', [15, 30]),
          ...day('air.pm25', [35, 60]),
        ],
      },
    ),
    limitVersion(
      'GB 3095-2026',
      { zh: 'GB 3095—2026', en: 'GB 3095-2026' },
      {
        from: beijingDay(2031, 1, 1),
        source: {
          zh: 'GB 3095-2026 表 1、表 2，取自标准原文页面图像',
          en: 'GB 3095-2026 tables 1 and 2, from the page image of the standard',
        },
        verified: true,
        rows: [
          ...ALWAYS,
          ...year('air.so2', [20, 20]),
          ...day('air.so2', [50, 50]),
          ...hour('air.so2', [150, 150]),
          ...year('air.no2', [30, 30]),
          ...day('air.no2', [50, 50]),
          ...year('air.nox', [40, 40]),
          ...day('air.nox', [70, 70]),
          ...year('air.pm10', [20, 50]),
          ...day('air.pm10', [50, 100]),
          ...year('air.pm25', [10, 25]),
          ...day('air.pm25', [25, 50]),
        ],
      },
    ),
  ],
});
