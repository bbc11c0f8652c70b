/** Figures of the fixture's areas: of what its sewage works gave, in the words of the interface. */
import type * as api from '@village/api';
import { DAY, HOUR } from '@village/core';
import type { FixtureDevice } from '../county.ts';
import { Problem } from '../problem.ts';
import { explainedFigure, figureValues } from './figures.ts';

/** Stations that one area's figure is of; more would only take time. */
const STATIONS_MAX = 8;
const LENGTH = { hour: HOUR, day: DAY } as const;

const SUM = 'area-hours-above:water.cod';
const MEAN = 'area-daily-mean:water.cod';
/** The figure of a device that each is made of. */
const OWN: Readonly<Record<string, string>> = {
  [SUM]: 'hours-above:water.cod',
  [MEAN]: 'daily-mean:water.cod',
};

const common = { of: 'area', span: 'day', quantities: ['water.cod'] as string[] } as const;
const definitions: readonly api.figures.FigureDefinition[] = [
  {
    ...{ ...common, figure: SUM, keep: 'stored', unit: 'h' },
    title: {
      zh: '化学需氧量区域超标站点小时数',
      en: 'Chemical oxygen demand: station-hours above the limit in the area',
    },
    standard: {
      id: 'DB33/973',
      title: {
        zh: '农村生活污水集中处理设施水污染物排放标准',
        en: 'Rural sewage discharge standard',
      },
    },
  },
  {
    ...{ ...common, figure: MEAN, keep: 'computed', unit: 'mg/L', standard: null },
    title: {
      zh: '化学需氧量区域日均值',
      en: 'Chemical oxygen demand, daily mean of the area',
    },
  },
];

const stationsOf = (devices: readonly FixtureDevice[]): FixtureDevice[] =>
  devices
    .filter(({ profile }) => profile.metrics.some(({ quantity }) => quantity === 'water.cod'))
    .slice(0, STATIONS_MAX);

/** Which figures there are of an area's devices. */
export const areaFiguresOf = (devices: readonly FixtureDevice[]): api.figures.FigureDefinition[] =>
  stationsOf(devices).length === 0 ? [] : definitions.map((one) => ({ ...one }));

function definitionOf(id: string): api.figures.FigureDefinition {
  const found = definitions.find(({ figure }) => figure === id);
  if (found === undefined) throw new Problem(422, 'unknown-figure');
  return found;
}

type Item = api.figures.FigureItem;

/** One value over what its stations gave. */
function joined(id: string, items: readonly Item[]): Item {
  const [first] = items as [Item];
  const values = items.flatMap(({ value }) => (value === null ? [] : [value]));
  const sum = values.reduce((all, one) => all + one, 0);
  return {
    at: first.at,
    value: values.length === 0 ? null : id === SUM ? sum : sum / values.length,
    completeness: values.length / items.length,
    version: first.version,
    corrections: [...new Set(items.flatMap(({ corrections }) => corrections))],
    closed: first.closed,
    ...(first.previous === undefined ? {} : { previous: { ...first.previous, value: sum + 2 } }),
  };
}

/** Values over a time. @throws Problem */
export function areaFigureValues(
  devices: readonly FixtureDevice[],
  id: string,
  span: readonly [number, number],
  now: number,
): api.figures.FigureValues {
  const { unit, standard } = definitionOf(id);
  const stations = stationsOf(devices);
  if (stations.length === 0) throw new Problem(422, 'not-measured');
  const all = stations.map((one) => figureValues(one, OWN[id] ?? '', span, now).items);
  const items = (all[0] ?? []).map((_, n) =>
    joined(
      id,
      all.flatMap((own) => own.slice(n, n + 1)),
    ),
  );
  return { figure: id, unit, standard, items };
}

/** One value with what each station gave; the last station has left. @throws Problem */
export function explainedAreaFigure(
  devices: readonly FixtureDevice[],
  id: string,
  time: number,
  now: number,
): api.figures.ExplainedFigure {
  const definition = definitionOf(id);
  const stations = stationsOf(devices);
  const own = OWN[id] ?? '';
  const opened = stations.map((one) => explainedFigure(one, own, time, now));
  const item = joined(id, opened);
  const at = Date.parse(item.at);
  const last = stations.length - 1;
  return {
    ...{ ...item, definition, definitionVersion: 1, unit: definition.unit },
    to: new Date(at + LENGTH[definition.span]).toISOString(),
    standards: opened[0]?.standards ?? [],
    attributes: {},
    assumptions: [
      {
        zh: '区域数值由当时辖区内各站点的数值得出，各站点等权',
        en: 'The value follows from those of the stations that stood there; all weigh the same',
      },
    ],
    inputs: [
      {
        ...{ name: 'stations', quantity: 'water.cod', unit: definition.unit, figure: own },
        expected: stations.length,
        valid: opened.filter(({ value }) => value !== null).length,
        ...{ measured: [], readings: [], count: 0, stationCount: stations.length },
        stations: opened.map(({ at: begin, value, completeness, version, corrections }, n) => ({
          device: stations[n]?.id ?? '',
          ...(n === last && n > 0 ? {} : { name: stations[n]?.name ?? '' }),
          opens: !(n === last && n > 0),
          stays: [
            {
              from: null,
              to: n === last && n > 0 ? new Date(at + 13 * HOUR).toISOString() : null,
            },
          ],
          values: [{ at: begin, value, completeness, version, corrections }],
        })),
      },
    ],
    history: item.previous === undefined ? [] : [item.previous],
  };
}
