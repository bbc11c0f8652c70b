/** Figures of the fixture: means of what its devices read, and hours above a limit with a standard and what they were before. */
import type * as api from '@village/api';
import { averages, BEIJING_OFFSET_MS, DAY, HOUR, MINUTE, QUANTITIES } from '@village/core';
import { type FixtureDevice, type FixtureMetric, reports, valueAt } from '../county.ts';
import { Problem } from '../problem.ts';

const iso = (at: number): string => new Date(at).toISOString();

/** Above this an hour of the chemical oxygen demand counts, mg/L. */
const LIMIT = 38;
const LENGTH = { hour: HOUR, day: DAY } as const;
const STANDARD: api.figures.FigureDefinition['standard'] = {
  id: 'DB33/973',
  title: { zh: '农村生活污水集中处理设施水污染物排放标准', en: 'Rural sewage discharge standard' },
};

type Reading = api.figures.ExplainedFigure['inputs'][number]['readings'][number];

/** A figure and the metric that it is of. */
interface FixtureFigure {
  readonly definition: api.figures.FigureDefinition;
  readonly metric: FixtureMetric;
}

function figures(device: FixtureDevice): FixtureFigure[] {
  const metrics: readonly FixtureMetric[] = device.profile.metrics;
  return metrics
    .filter(({ quantity }) => averages(quantity))
    .flatMap((metric): FixtureFigure[] => {
      const { zh, en, unit } = QUANTITIES[metric.quantity];
      const common = {
        of: 'device',
        quantities: [metric.quantity],
        keep: 'computed',
        standard: null,
      } as const;
      const means = [
        ['hour', `hourly-mean:${metric.quantity}`, `${zh}小时均值`, `${en}, hourly mean`],
        ['day', `daily-mean:${metric.quantity}`, `${zh}日均值`, `${en}, daily mean`],
      ] as const;
      return [
        ...means.map(([span, figure, title, english]) => ({
          definition: {
            ...common,
            quantities: [metric.quantity],
            ...{ figure, span, unit },
            title: { zh: title, en: english },
          },
          metric,
        })),
        ...(metric.quantity !== 'water.cod'
          ? []
          : [
              {
                definition: {
                  figure: 'hours-above:water.cod',
                  of: 'device' as const,
                  title: { zh: `${zh}小时均值超标时数`, en: `${en}: hours above the limit` },
                  span: 'day' as const,
                  keep: 'stored' as const,
                  unit: 'h',
                  quantities: [metric.quantity],
                  standard: STANDARD,
                },
                metric,
              },
            ]),
      ];
    });
}

/** Which figures there are of a device. */
export const figuresOf = (device: FixtureDevice): api.figures.FigureDefinition[] =>
  figures(device).map(({ definition }) => definition);

function figureOf(device: FixtureDevice, id: string): FixtureFigure {
  const found = figures(device).find(({ definition }) => definition.figure === id);
  if (found === undefined) throw new Problem(422, 'not-measured');
  return found;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length;

function itemAt(
  device: FixtureDevice,
  { definition, metric }: FixtureFigure,
  at: number,
  now: number,
): api.figures.FigureItem {
  const to = at + LENGTH[definition.span];
  const times = reports(device, at, to, now);
  const expected = LENGTH[definition.span] / (device.profile.reportEvery * 1000);
  const completeness = Math.min(1, times.length / expected);
  const read = (time: number): number => valueAt(device.id, metric, time);
  const stored = definition.keep === 'stored';
  const hours = Map.groupBy(times, (time) => Math.floor(time / HOUR));
  const above = [...hours.values()].filter((one) => mean(one.map(read)) > LIMIT).length;
  const value =
    completeness < (stored ? 0.02 : 0.75) ? null : stored ? above : mean(times.map(read));
  const version = stored ? 'DB33/973-2021' : '1';
  const day = Math.floor((at + BEIJING_OFFSET_MS) / DAY);
  return {
    at: iso(at),
    value,
    completeness,
    version,
    corrections: stored && day % 3 === 0 ? [1, 4] : [],
    closed: to <= now,
    ...(stored && day % 3 === 0 && value !== null
      ? {
          previous: {
            value: value + 2,
            completeness: completeness * 0.9,
            version,
            corrections: [],
            computedAt: iso(to + 60_000),
            replacedAt: iso(to + 5 * HOUR),
            reasons: ['late-data', 'correction'] as const,
          } as api.figures.FormerFigure,
        }
      : {}),
  };
}

const begin = (at: number, length: number): number =>
  Math.floor((at + BEIJING_OFFSET_MS) / length) * length - BEIJING_OFFSET_MS;

/** Values over a time. @throws Problem */
export function figureValues(
  device: FixtureDevice,
  id: string,
  [from, to]: readonly [number, number],
  now: number,
): api.figures.FigureValues {
  const figure = figureOf(device, id);
  const { span, unit, standard } = figure.definition;
  const items = [];
  for (
    let at =
      Math.ceil((from + BEIJING_OFFSET_MS) / LENGTH[span]) * LENGTH[span] - BEIJING_OFFSET_MS;
    at < Math.min(to, now);
    at += LENGTH[span]
  )
    items.push(itemAt(device, figure, at, now));
  return { figure: id, unit, standard, items };
}

/** A reading; where the figure is corrected, the first three were ten minutes late. */
function readingAt(
  device: FixtureDevice,
  { metric }: FixtureFigure,
  at: number,
  index: number,
  corrections: number[],
): Reading {
  const value = valueAt(device.id, metric, at);
  const was = { device: device.id, at: iso(at + 10 * MINUTE), quality: 'good' as const };
  return {
    at: iso(at),
    value,
    ...(index % 40 === 7 ? { quality: 'calibration' as const } : {}),
    ...(corrections.length > 0 && index < 3 ? { received: { ...was, value, corrections } } : {}),
  };
}

/** One value with what it was computed from. @throws Problem */
export function explainedFigure(
  device: FixtureDevice,
  id: string,
  time: number,
  now: number,
): api.figures.ExplainedFigure {
  const figure = figureOf(device, id);
  if (time > now) throw new Problem(404, 'not-found');
  const { definition, metric } = figure;
  const at = begin(time, LENGTH[definition.span]);
  const to = at + LENGTH[definition.span];
  const item = itemAt(device, figure, at, now);
  const times = reports(device, at, to, now);
  return {
    ...item,
    definition,
    definitionVersion: 1,
    unit: definition.unit,
    to: iso(to),
    standards:
      definition.standard === null
        ? []
        : [
            {
              version: item.version,
              from: '2021-07-01T00:00:00+08:00',
              source: { zh: '表 1 一级标准，仅供演示', en: 'table 1, class 1; made up' },
              verified: false,
              limits: [
                {
                  quantity: metric.quantity,
                  unit: metric.unit,
                  name: { zh: '一级标准限值', en: 'class 1' },
                  value: 60,
                },
              ],
            },
          ],
    attributes: definition.standard === null ? {} : { 'function-zone': ['2'] },
    assumptions: [
      {
        zh: '有效性要求（每小时至少 45 分钟）借自 GB 3095-2026',
        en: 'That an hour needs 45 minutes is taken from GB 3095-2026',
      },
    ],
    inputs: [
      {
        name: 'readings',
        quantity: metric.quantity,
        unit: metric.unit,
        expected: LENGTH[definition.span] / (device.profile.reportEvery * 1000),
        valid: times.length,
        measured: [
          { metric: metric.key, reportEvery: device.profile.reportEvery, from: null, to: null },
        ],
        readings: times.map((one, index) =>
          readingAt(device, figure, one, index, item.corrections),
        ),
        count: times.length,
      },
    ],
    history: item.previous === undefined ? [] : [item.previous],
  };
}
