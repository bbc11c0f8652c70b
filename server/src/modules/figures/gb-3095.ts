/** GB 3095, ambient air quality: the limits of hourly means, by version and class of the place. */
import { BEIJING_OFFSET_MS } from '@village/core';
import { defineStandard } from '@village/platform';

/** Upper limits in the canonical unit: of class 1 (nature reserves and the like) and class 2 (all else). */
export type HourlyLimits = Readonly<
  Record<'air.so2' | 'air.no2' | 'air.co' | 'air.o3', readonly [first: number, second: number]>
>;

const beijing = (year: number, month: number, day: number): number =>
  Date.UTC(year, month - 1, day) - BEIJING_OFFSET_MS;

const UNTIL_2030: HourlyLimits = {
  'air.so2': [150, 500],
  'air.no2': [200, 200],
  'air.co': [10, 10],
  'air.o3': [160, 200],
};

export const gb3095 = defineStandard<HourlyLimits>({
  id: 'GB 3095',
  title: { zh: '环境空气质量标准', en: 'Ambient air quality standards' },
  limits: (data, quantity) => {
    if (!Object.hasOwn(data, quantity)) return [];
    const [first, second] = data[quantity as keyof HourlyLimits];
    return [
      { name: { zh: '一类区 1 小时平均', en: 'class 1, 1 hour' }, value: first },
      { name: { zh: '二类区 1 小时平均', en: 'class 2, 1 hour' }, value: second },
    ];
  },
  versions: [
    {
      version: 'GB 3095-2012',
      from: beijing(2016, 1, 1),
      source: {
        zh: '据网上转载的表 1、表 2，与 GB 3095-2026 过渡期小时限值相同；未查阅原文。2018-09-01 修改单起气体浓度按 298.15 K 计，此前按 273 K，未作换算',
        en: 'Tables 1 and 2 as copies on the web give them, for an hour equal to the transition column of GB 3095-2026; its own text was not read. Since the amendment of 2018-09-01 gases are at 298.15 K, before at 273 K: nothing is converted',
      },
      verified: false,
      data: UNTIL_2030,
    },
    {
      version: 'GB 3095-2026 (2026–2030)',
      from: beijing(2026, 3, 1),
      source: {
        zh: 'GB 3095-2026 表 1、表 2 过渡期一栏，取自标准原文页面图像',
        en: 'GB 3095-2026 tables 1 and 2, transition column, from the page image of the standard',
      },
      verified: true,
      data: UNTIL_2030,
    },
    {
      version: 'GB 3095-2026',
      from: beijing(2031, 1, 1),
      source: {
        zh: 'GB 3095-2026 表 1、表 2，取自标准原文页面图像',
        en: 'GB 3095-2026 tables 1 and 2, from the page image of the standard',
      },
      verified: true,
      data: { ...UNTIL_2030, 'air.so2': [150, 150] },
    },
  ],
});
