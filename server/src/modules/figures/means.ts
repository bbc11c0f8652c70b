/** Hourly and daily means of every quantity that has one. Computed when asked: nothing of them is kept. */
import { averages, HOUR, type Label, QUANTITIES, type QuantityId } from '@village/core';
import { defineFigure, type Figure } from '@village/platform';
import { FORTY_FIVE_MINUTES, type HourRule, hourMean, meanBetween } from './hours.ts';

/**
 * GB 3095-2026 table 4: a day's mean needs at least 20 hourly means. Taken from the text of the standard for pollutants of
 * air; for all other quantities it is our own rule.
 */
export const TWENTY_HOURS = 20;

const quantities = (Object.keys(QUANTITIES) as QuantityId[]).filter(averages);

/** The gases of which the table says how much of an hour must be there. */
const GASES: readonly QuantityId[] = ['air.so2', 'air.no2', 'air.co', 'air.o3'];

/** Pollutants of which the table says that a day needs hours: a device that reports less often gives no day's mean of them. */
const HOURLY: readonly QuantityId[] = [...GASES, 'air.pm25', 'air.pm10'];

/** How many of a day's report intervals must hold a reading where they are longer than an hour. Our own rule. */
const SLOW_SHARE = 0.75;

const SLOW_ASSUMPTION: Label = {
  zh: '上报间隔超过 1 小时的设备，日均值为各上报间隔均值的算术平均，至少 75 % 的间隔有效；此为本平台规定，未对应标准',
  en: 'Of a device that reports less than hourly, the mean of a day is that of its report intervals, of which 75 % must be there; this is our own rule, and no standard was looked up',
};

const hourAssumption = (id: QuantityId): Label[] =>
  GASES.includes(id)
    ? []
    : [
        {
          zh: '有效性要求（每小时至少 45 分钟）借自 GB 3095-2026，对本指标没有核实过标准',
          en: 'That an hour needs 45 minutes is taken from GB 3095-2026; no standard was looked up for this quantity',
        },
      ];

export const hourlyMean = (id: QuantityId, rule: HourRule = FORTY_FIVE_MINUTES): Figure =>
  defineFigure({
    id: `hourly-mean:${id}`,
    version: 1,
    title: {
      zh: `${QUANTITIES[id].zh}小时均值`,
      en: `${QUANTITIES[id].en}, hourly mean`,
    },
    span: 'hour',
    keep: 'computed',
    unit: QUANTITIES[id].unit,
    inputs: [{ name: 'readings', quantity: id }],
    assumptions: hourAssumption(id),
    compute: ({ span, readings }) => hourMean(readings('readings'), span.from, rule),
  });

export const dailyMean = (
  id: QuantityId,
  rule: HourRule & { readonly hours: number } = { ...FORTY_FIVE_MINUTES, hours: TWENTY_HOURS },
): Figure =>
  defineFigure({
    id: `daily-mean:${id}`,
    version: HOURLY.includes(id) ? 1 : 2,
    title: { zh: `${QUANTITIES[id].zh}日均值`, en: `${QUANTITIES[id].en}, daily mean` },
    span: 'day',
    keep: 'computed',
    unit: QUANTITIES[id].unit,
    inputs: [{ name: 'readings', quantity: id }],
    assumptions: [...hourAssumption(id), ...(HOURLY.includes(id) ? [] : [SLOW_ASSUMPTION])],
    compute: ({ span: { from, to }, readings }) => {
      const every = readings('readings').reportEvery(from, to);
      const slow = every > HOUR && !HOURLY.includes(id);
      const length = slow ? every : HOUR;
      let sum = 0;
      let count = 0;
      for (let at = from; at < to; at += length) {
        const mean = meanBetween(readings('readings'), at, Math.min(to, at + length), rule);
        if (mean === null) continue;
        sum += mean;
        count++;
      }
      const least = slow ? SLOW_SHARE * Math.ceil((to - from) / length) : rule.hours;
      return count < least ? null : sum / count;
    },
  });

export const means: readonly Figure[] = quantities.flatMap((id) => [hourlyMean(id), dailyMean(id)]);
