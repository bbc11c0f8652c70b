/** Order 16 of the China Meteorological Administration: thresholds of weather warning signals. Zhejiang issues by a rule of its own. */
import type { Label } from '@village/core';
import { type Colour, defineSignals, type Signal, type SignalCondition } from '../signals.ts';
import { beijingDay } from '../standard.ts';

type Row = readonly [
  colour: Colour,
  hours: number | null,
  conditions: readonly SignalCondition[],
  note?: Label,
];

const most = (element: SignalCondition['element'], value: number): SignalCondition => ({
  ...{ element, sense: 'at-most', value },
});
const least = (element: SignalCondition['element'], value: number): SignalCondition => ({
  ...{ element, sense: 'at-least', value },
});
const below = (element: SignalCondition['element'], value: number): SignalCondition => ({
  ...{ element, sense: 'below', value },
});

const signals = (
  hazard: string,
  evidence: Signal['evidence'],
  needs: Signal['needs'],
  rows: readonly Row[],
): Signal[] =>
  rows.map(([colour, hours, conditions, note]) => ({
    ...{ hazard, colour, hours, needs, conditions, evidence },
    ...(note === undefined ? {} : { note }),
  }));

const wind = (mean: number, gust: number): SignalCondition[] => [
  least('wind-mean', mean),
  least('wind-gust', gust),
];
const coldWave = (drop: number, lowest: number, force: number): SignalCondition[] => [
  least('temperature-drop', drop),
  most('temperature-min', lowest),
  least('wind-mean', force),
];

export const cma16 = defineSignals({
  id: 'CMA 16',
  title: {
    zh: '气象灾害预警信号发布与传播办法（中国气象局令第 16 号）',
    en: 'Issue and spread of weather warning signals (order 16 of the China Meteorological Administration)',
  },
  versions: [
    {
      version: 'CMA 16-2007',
      from: beijingDay(2007, 6, 12),
      source: {
        zh: '暴雨、台风、寒潮、暴雪据网上转载，其余凭记忆；均未核对原文，施行日期未核实。浙江按省内规定发布，阈值可能不同',
        en: 'Rainstorm, typhoon, cold wave and snowstorm as copies on the web have them, the others from memory; none was held against its text, nor was the day from which it holds. Zhejiang issues by a rule of its own, whose thresholds may be others',
      },
      verified: false,
      data: {
        version: 'CMA 16-2007',
        cite: { zh: '中国气象局令第 16 号', en: 'CMA order 16' },
        hazards: {
          rainstorm: { zh: '暴雨', en: 'rainstorm' },
          typhoon: { zh: '台风', en: 'typhoon' },
          gale: { zh: '大风', en: 'gale' },
          'cold-wave': { zh: '寒潮', en: 'cold wave' },
          heat: { zh: '高温', en: 'heat' },
          fog: { zh: '大雾', en: 'fog' },
          snowstorm: { zh: '暴雪', en: 'snowstorm' },
          lightning: { zh: '雷电', en: 'lightning' },
          hail: { zh: '冰雹', en: 'hail' },
          frost: { zh: '霜冻', en: 'frost' },
          'icy-roads': { zh: '道路结冰', en: 'icy roads' },
        },
        signals: [
          ...signals('rainstorm', 'copy', 'all', [
            ['blue', 12, [least('rain', 50)]],
            ['yellow', 6, [least('rain', 50)]],
            ['orange', 3, [least('rain', 50)]],
            ['red', 3, [least('rain', 100)]],
          ]),
          ...signals('typhoon', 'copy', 'any', [
            ['blue', 24, wind(6, 8)],
            ['yellow', 24, wind(8, 10)],
            ['orange', 12, wind(10, 12)],
            ['red', 6, wind(12, 14)],
          ]),
          ...signals('gale', 'memory', 'any', [
            ['blue', 24, wind(6, 7)],
            ['yellow', 12, wind(8, 9)],
            ['orange', 6, wind(10, 11)],
            ['red', 6, wind(12, 13)],
          ]),
          ...signals('cold-wave', 'copy', 'all', [
            ['blue', 48, coldWave(8, 4, 5)],
            ['yellow', 24, coldWave(10, 4, 6)],
            ['orange', 24, coldWave(12, 0, 6)],
            ['red', 24, coldWave(16, 0, 6)],
          ]),
          ...signals('heat', 'memory', 'all', [
            ['yellow', null, [{ ...least('temperature-max', 35), days: 3 }]],
            ['orange', 24, [least('temperature-max', 37)]],
            ['red', 24, [least('temperature-max', 40)]],
          ]),
          ...signals('fog', 'memory', 'all', [
            ['yellow', 12, [below('visibility', 500)]],
            ['orange', 6, [below('visibility', 200)]],
            ['red', 2, [below('visibility', 50)]],
          ]),
          ...signals('snowstorm', 'copy', 'all', [
            ['blue', 12, [least('snow', 4)]],
            ['yellow', 12, [least('snow', 6)]],
            ['orange', 6, [least('snow', 10)]],
            ['red', 6, [least('snow', 15)]],
          ]),
          ...signals('lightning', 'memory', 'all', [
            ['yellow', 6, []],
            ['orange', 2, []],
            ['red', 2, [], { zh: '强雷电', en: 'strong lightning' }],
          ]),
          ...signals('hail', 'memory', 'all', [
            ['orange', 6, []],
            ['red', 2, []],
          ]),
          ...signals('frost', 'memory', 'all', [
            ['blue', 48, [most('ground-temperature-min', 0)]],
            ['yellow', 24, [most('ground-temperature-min', -3)]],
            ['orange', 24, [most('ground-temperature-min', -5)]],
          ]),
          ...signals('icy-roads', 'memory', 'all', [
            ['yellow', 12, []],
            ['orange', 6, []],
            ['red', 2, []],
          ]),
        ],
      },
    },
  ],
});
