/** Figures as the interface tells them: values, definitions, and one opened to what it was computed from. */
import type * as api from '@village/api';
import { formatTime, type QuantityId, quantity } from '@village/core';
import {
  type AnyFigure,
  type Caller,
  definitionOf,
  type FigureItem,
  type Former,
  isOfArea,
  type Opened,
  type OpenedArea,
  versionOf,
} from '@village/platform';
import { viewReceived } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

/** Readings of one input that an answer holds; a day of them every ten seconds. */
const READINGS_MAX = 8_640;

/** Devices of one input of an area's figure that an answer holds. */
const STATIONS_MAX = 1_000;

export const standardOf = ({ standard }: AnyFigure): api.figures.FigureValues['standard'] =>
  standard === undefined ? null : { id: standard.id, title: { ...standard.title } };

const quantitiesOf = (figure: AnyFigure): QuantityId[] =>
  isOfArea(figure)
    ? [...new Set(figure.inputs.flatMap((input) => quantitiesOf(input.figure)))]
    : figure.inputs.map((input) => input.quantity);

export const viewDefinition = (figure: AnyFigure): api.figures.FigureDefinition => ({
  figure: figure.id,
  of: figure.of ?? 'device',
  title: { ...figure.title },
  span: figure.span,
  keep: figure.keep,
  unit: figure.unit,
  quantities: quantitiesOf(figure),
  standard: standardOf(figure),
});

const viewFormer = (former: Former): api.figures.FormerFigure => ({
  ...former,
  corrections: [...former.corrections],
  reasons: [...former.reasons],
  computedAt: formatTime(former.computedAt),
  replacedAt: formatTime(former.replacedAt),
});

export function viewItem(item: FigureItem): api.figures.FigureItem {
  const { at, fault, corrections, previous, ...rest } = item;
  return {
    at: formatTime(at),
    ...rest,
    corrections: [...corrections],
    ...(fault === null ? {} : { fault }),
    ...(previous === null ? {} : { previous: viewFormer(previous) }),
  };
}

const bound = (at: number): string | null => (Number.isFinite(at) ? formatTime(at) : null);

export function viewOpened(
  figure: AnyFigure,
  { item, result, history }: Pick<Opened, 'item' | 'result' | 'history'>,
  inputs: api.figures.ExplainedFigure['inputs'],
): api.figures.ExplainedFigure {
  const used = figure.standard?.versions.filter(({ version }) =>
    result.standards.includes(version),
  );
  return {
    ...viewItem(item),
    definition: viewDefinition(figure),
    definitionVersion: definitionOf(figure),
    unit: figure.unit,
    to: formatTime(item.at + (figure.span === 'hour' ? 3_600_000 : 86_400_000)),
    standards: (used ?? []).map(({ version, from, source, verified, data }) => ({
      version,
      from: formatTime(from),
      source: { ...source },
      verified,
      limits: quantitiesOf(figure).flatMap((id) =>
        (figure.standard?.limits(data, id, figure.limitPeriod) ?? []).map(({ name, value }) => ({
          quantity: id,
          unit: quantity(id)?.unit ?? '',
          name: { ...name },
          value,
        })),
      ),
    })),
    attributes: Object.fromEntries(
      Object.entries(result.attributes).map(([key, values]) => [key, values.map(String)]),
    ),
    assumptions: (figure.assumptions ?? []).map((one) => ({ ...one })),
    inputs,
    history: history.map(viewFormer),
  };
}

export const viewInputs = ({ inputs }: Opened): api.figures.ExplainedFigure['inputs'] =>
  inputs.map(({ name, quantity: id, expected, valid, measured, readings }) => ({
    name,
    quantity: id,
    unit: quantity(id)?.unit ?? '',
    expected,
    valid,
    measured: measured.map(({ metric, from, to, reportEveryMs }) => ({
      metric,
      reportEvery: reportEveryMs / 1000,
      from: bound(from),
      to: bound(to),
    })),
    readings: readings.slice(0, READINGS_MAX).map(({ at, value, quality, received }) => ({
      at: formatTime(at),
      value,
      ...(quality === 'good' ? {} : { quality }),
      ...(received === undefined ? {} : { received: viewReceived(received) }),
    })),
    count: readings.length,
  }));

/** What each device gave. One that has left the caller's area since is told by its id, and can't be opened any more. */
export const viewStations = (
  { inputs }: OpenedArea,
  { directory }: Needs,
  caller: Caller,
): api.figures.ExplainedFigure['inputs'] =>
  inputs.map(({ name, figure, expected, valid, stations }) => ({
    name,
    quantity: quantitiesOf(figure)[0] ?? '',
    unit: figure.unit,
    expected,
    valid,
    measured: [],
    readings: [],
    count: 0,
    figure: figure.id,
    stations: stations.slice(0, STATIONS_MAX).map(({ device, stays, results }) => {
      const entry = directory.entry(caller.area, device);
      return {
        device,
        ...(entry === undefined ? {} : { name: entry.device.name }),
        opens: entry !== undefined,
        stays: stays.map(({ from, to }) => ({ from: bound(from), to: bound(to) })),
        values: results.map(({ at, value, completeness, standards, fault, corrections }) => ({
          at: formatTime(at),
          value,
          completeness,
          version: versionOf(figure, { standards }),
          corrections: [...corrections],
          ...(fault === null ? {} : { fault }),
        })),
      };
    }),
    stationCount: stations.length,
  }));
