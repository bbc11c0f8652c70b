/** Figures of areas: means over the values of its stations, and the hours in which stations were above the limit. */
import { QUANTITIES, type QuantityId } from '@village/core';
import {
  type AreaFigure,
  defineFigure,
  type Figure,
  gb3095,
  type Station,
} from '@village/platform';
import { hoursAboveLimits } from './hours-above.ts';
import { dailyMean, hourlyMean } from './means.ts';

/** How many of an area's stations must have a value for its mean. */
export interface StationRule {
  readonly share: number;
  /** The share where there are fewer than four stations. */
  readonly shareOfFew: number;
}

/**
 * As HJ 663-2013 has it for the points of a city, from memory: neither its text nor that of HJ 663-2026 was read.
 */
export const THREE_QUARTERS: StationRule = { share: 0.75, shareOfFew: 0.5 };
const FEW = 4;

const ASSUMPTION = {
  zh: '区域均值为辖区内各站点均值的算术平均；至少 75 % 的站点有效（少于 4 个站点时 50 %）。此要求参照 HJ 663，未核对原文；各站点等权，不区分评价点',
  en: 'The mean of an area is the arithmetic mean over its stations; 75 % of them must be valid (of fewer than four 50 %). Taken from HJ 663 without its text having been read; all stations weigh the same, whether they are points of evaluation or not',
};

/** Values of the stations that have one; each has at most one, of the span of the area's figure itself. */
const valuesOf = (stations: readonly Station[]): number[] =>
  stations.flatMap(({ values }) => values.flatMap(({ value }) => (value === null ? [] : [value])));

export function meanOf(
  stations: readonly Station[],
  { share, shareOfFew }: StationRule = THREE_QUARTERS,
): number | null {
  const values = valuesOf(stations);
  const least = stations.length < FEW ? shareOfFew : share;
  if (values.length === 0 || values.length / stations.length < least) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export const areaMean = (figure: Figure, words: { zh: string; en: string }): AreaFigure =>
  defineFigure({
    of: 'area',
    id: `area-${figure.id}`,
    version: 1,
    title: words,
    span: figure.span,
    keep: 'computed',
    unit: figure.unit,
    inputs: [{ name: 'stations', figure }],
    assumptions: [ASSUMPTION],
    compute: ({ stations }) => meanOf(stations('stations')),
  });

/** What is measured in the air is alike all over an area; of what is measured in different waters a mean says nothing. */
const quantities = (Object.keys(QUANTITIES) as QuantityId[]).filter((id) => id.startsWith('air.'));

export const areaMeans: readonly AreaFigure[] = quantities.flatMap((id) => {
  const { zh, en } = QUANTITIES[id];
  return [
    areaMean(hourlyMean(id), { zh: `${zh}区域小时均值`, en: `${en}, hourly mean of the area` }),
    areaMean(dailyMean(id), { zh: `${zh}区域日均值`, en: `${en}, daily mean of the area` }),
  ];
});

/**
 * Hours above the limit of all stations together. The example of a stored figure of an area: it follows the stored figures of
 * its stations, each judged by its own class of place and by the standard of the time, and keeps what it was before.
 */
export const areaHoursAbove = (figure: Figure, words: { zh: string; en: string }): AreaFigure =>
  defineFigure({
    of: 'area',
    id: `area-${figure.id}`,
    version: 1,
    title: words,
    span: 'day',
    keep: 'stored',
    unit: 'h',
    standard: gb3095,
    limitPeriod: 'hour',
    inputs: [{ name: 'stations', figure }],
    assumptions: [
      {
        zh: '为各站点超标小时数之和（站点·小时）；没有数据的站点不计，见完整度',
        en: 'The sum of the hours of all stations (station-hours); stations without a value count nothing, see the completeness',
      },
      ...(figure.assumptions ?? []),
    ],
    compute: ({ stations }) => {
      const values = valuesOf(stations('stations'));
      return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
    },
  });

export const areaHoursAboveLimits: readonly AreaFigure[] = hoursAboveLimits.map((figure) => {
  const [{ quantity }] = figure.inputs;
  const { zh, en } = QUANTITIES[quantity];
  return areaHoursAbove(figure, {
    zh: `${zh}区域超标站点小时数`,
    en: `${en}: station-hours above the limit in the area`,
  });
});
