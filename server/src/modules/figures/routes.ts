/** The calls of figures: those of a device and of an area under the same addresses. */
import * as api from '@village/api';
import { OperationalError, type QuantityId } from '@village/core';
import { type DeviceKind, shownRank } from '@village/device-profiles';
import {
  type AnyFigure,
  type AnyRoute,
  type AreaFigures,
  type Caller,
  type FigureItem,
  type Figures,
  instant,
  route,
  span,
} from '@village/platform';
import { areaFor, deviceFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';
import {
  standardOf,
  viewDefinition,
  viewInputs,
  viewItem,
  viewOpened,
  viewStations,
} from './views.ts';

/** Numbers of corrections in one answer: some megabytes of them. */
const CORRECTIONS_MAX = 1_000_000;

/** @throws answer-too-large */
function expectFew(items: readonly FigureItem[]): void {
  const numbers = items.reduce(
    (sum, { corrections, previous }) =>
      sum + corrections.length + (previous?.corrections.length ?? 0),
    0,
  );
  if (numbers > CORRECTIONS_MAX)
    throw new OperationalError(
      'answer-too-large',
      `These values would name ${numbers} corrections, and an answer names ${CORRECTIONS_MAX} at most: ask for less time.`,
    );
}

type FigureDefinition = api.figures.FigureDefinition;

interface Asked {
  readonly device?: string;
  readonly area?: string;
}

/** The device asked for. @throws bad-request not-found */
function deviceOf({ directory }: Needs, caller: Caller, { device, area }: Asked): string {
  if (device === undefined || area !== undefined)
    throw new OperationalError('bad-request', 'device: this figure is of a device, name one');
  return deviceFor(directory, caller, device).device.id;
}

/** The area asked for. @throws bad-request not-found */
function areaOf({ directory }: Needs, caller: Caller, { device, area }: Asked): string {
  if (area === undefined || device !== undefined)
    throw new OperationalError('bad-request', 'area: this figure is of an area, name one');
  return areaFor(directory, caller, area).area.code;
}

/** In the order in which people come for them, those of one quantity as they were. */
function shown(figures: readonly AnyFigure[], kind?: DeviceKind): { items: FigureDefinition[] } {
  const rank = ({ quantities }: FigureDefinition): number =>
    Math.min(...quantities.map((quantity) => shownRank(quantity as QuantityId, kind)));
  const items = figures.map(viewDefinition);
  return { items: items.toSorted((a, b) => rank(a) - rank(b)) };
}

export const figureRoutes = (
  needs: Needs,
  figures: Figures,
  areaFigures: AreaFigures,
): readonly AnyRoute[] => [
  route(api.figures.list, async ({ caller, query }) => {
    if ((query.device === undefined) === (query.area === undefined))
      throw new OperationalError('bad-request', 'device: give either device or area');
    if (query.device === undefined)
      return shown(await areaFigures.of(areaOf(needs, caller, query)));
    const { device, profile } = deviceFor(needs.directory, caller, query.device);
    return shown(await figures.of(device.id), profile.kind);
  }),
  route(api.figures.values, async (call) => {
    const { caller, query, signal } = call;
    const ofArea = areaFigures.find(query.figure);
    const figure = ofArea ?? figures.figure(query.figure);
    const asked = span(query);
    const items =
      ofArea === undefined
        ? await figures.values(
            figures.figure(query.figure),
            deviceOf(needs, caller, query),
            asked,
            signal,
          )
        : await areaFigures.values(ofArea, areaOf(needs, caller, query), asked, signal);
    expectFew(items);
    const fields = { figure: figure.id, unit: figure.unit, standard: standardOf(figure) };
    return streamed(call, needs.sending, { fields, items, view: viewItem });
  }),
  route(api.figures.explain, async ({ caller, query, signal }) => {
    const at = instant(query.at, 'at');
    const ofArea = areaFigures.find(query.figure);
    if (ofArea !== undefined) {
      const area = areaOf(needs, caller, query);
      const opened = await areaFigures.open(ofArea, area, at, signal);
      return viewOpened(ofArea, opened, viewStations(opened, needs, caller));
    }
    const figure = figures.figure(query.figure);
    const device = deviceOf(needs, caller, query);
    const opened = await figures.open(figure, device, at, signal);
    return viewOpened(figure, opened, viewInputs(opened));
  }),
];
