/**
 * Hours of a day whose mean was above the limit. The example of a stored figure: judged by a standard that changes, by an
 * attribute of the device, and kept with what it was before.
 */
import { bug, HOUR, QUANTITIES } from '@village/core';
import {
  defineFigure,
  type Figure,
  gb3095,
  isBeyond,
  isKnown,
  type LimitStandard,
  limitInVersion,
} from '@village/platform';
import { FORTY_FIVE_MINUTES, type HourRule, hourMean } from './hours.ts';

type Pollutant = 'air.so2' | 'air.no2' | 'air.co' | 'air.o3';

/** Each hour is judged by the version that holds when it begins: so is the hour in which the standard changes. */
export const hoursAbove = (
  id: Pollutant,
  standard: LimitStandard = gb3095,
  rule: HourRule = FORTY_FIVE_MINUTES,
): Figure =>
  defineFigure({
    id: `hours-above:${id}`,
    version: 1,
    title: {
      zh: `${QUANTITIES[id].zh}小时均值超标时数`,
      en: `${QUANTITIES[id].en}: hours above the limit`,
    },
    span: 'day',
    keep: 'stored',
    unit: 'h',
    standard,
    limitPeriod: 'hour',
    inputs: [{ name: 'readings', quantity: id }],
    attributes: ['function-zone'],
    assumptions: [
      {
        zh: '未注明功能区的设备按二类区评价；小时均值不修约，直接与限值比较（修约规则未核实）',
        en: 'A device without a function zone is judged as class 2; means are compared unrounded (the rule of rounding was not looked up)',
      },
    ],
    compute: (facts) => {
      let hours = 0;
      let judged = 0;
      for (let at = facts.span.from; at < facts.span.to; at += HOUR) {
        const mean = hourMean(facts.readings('readings'), at, rule);
        if (mean === null) continue;
        judged++;
        const place = facts.attribute('function-zone', at) === '1' ? '1' : '2';
        const held = facts.standard(standard, at);
        const limit = limitInVersion(standard, held, id, { at, class: place, period: 'hour' });
        if (!isKnown(limit)) return bug(`${held.version} has no hourly limit of ${id}`);
        if (isBeyond(limit, mean) === true) hours++;
      }
      return judged === 0 ? null : hours;
    },
  });

export const hoursAboveLimits: readonly Figure[] = (
  ['air.so2', 'air.no2', 'air.co', 'air.o3'] as const
).map((id) => hoursAbove(id));
