/** The module of figures: their values over time, and each opened to what it was computed from. */
import * as api from '@village/api';
import { formatTime, HOUR, OperationalError, quantity, SECOND, seededRandom } from '@village/core';
import {
  type Caller,
  defineModule,
  every,
  type Figure,
  FigureChecks,
  type FigureItem,
  Figures,
  FigureWork,
  type Former,
  figureMigrations,
  instant,
  Marks,
  nightly,
  type Opened,
  route,
  Sources,
  span,
  statementsOf,
} from '@village/platform';
import { deviceFor } from '../../http/query.ts';
import type { Needs, Tools } from '../needs.ts';
import { checkFiguresCommand } from './check-figures.ts';
import { hoursAboveLimits } from './hours-above.ts';
import { means } from './means.ts';
import { figureMetrics } from './metrics.ts';

/** Readings of one input that an answer holds; a day of them every ten seconds. */
const READINGS_MAX = 8_640;

/** What was asked for. @throws bad-request not-found */
function deviceOf(
  { directory }: Needs,
  caller: Caller,
  { device, area }: { device?: string; area?: string },
): string {
  if (device === undefined || area !== undefined)
    throw new OperationalError('bad-request', 'device: this figure is of a device, name one');
  return deviceFor(directory, caller, device).device.id;
}

const standardOf = ({ standard }: Figure): api.figures.FigureValues['standard'] =>
  standard === undefined ? null : { id: standard.id, title: { ...standard.title } };

const viewDefinition = (figure: Figure): api.figures.FigureDefinition => ({
  figure: figure.id,
  title: { ...figure.title },
  span: figure.span,
  keep: figure.keep,
  unit: figure.unit,
  quantities: figure.inputs.map((input) => input.quantity),
  standard: standardOf(figure),
});

const viewFormer = (former: Former): api.figures.FormerFigure => ({
  ...former,
  corrections: [...former.corrections],
  reasons: [...former.reasons],
  computedAt: formatTime(former.computedAt),
  replacedAt: formatTime(former.replacedAt),
});

function viewItem(item: FigureItem): api.figures.FigureItem {
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

function viewOpened(
  figure: Figure,
  { item, result, inputs, history }: Opened,
): api.figures.ExplainedFigure {
  const used = figure.standard?.versions.filter(({ version }) =>
    result.standards.includes(version),
  );
  return {
    ...viewItem(item),
    definition: viewDefinition(figure),
    definitionVersion: figure.version,
    unit: figure.unit,
    to: formatTime(item.at + (figure.span === 'hour' ? 3_600_000 : 86_400_000)),
    standards: (used ?? []).map(({ version, from, source, verified }) => ({
      version,
      from: formatTime(from),
      source: { ...source },
      verified,
    })),
    attributes: Object.fromEntries(
      Object.entries(result.attributes).map(([key, values]) => [key, values.map(String)]),
    ),
    assumptions: (figure.assumptions ?? []).map((one) => ({ ...one })),
    inputs: inputs.map(({ name, quantity: id, expected, valid, measured, readings }) => ({
      name,
      quantity: id,
      unit: quantity(id)?.unit ?? '',
      expected,
      valid,
      measured: measured.map(({ metric, from, to }) => ({
        metric,
        from: bound(from),
        to: bound(to),
      })),
      readings: readings.slice(0, READINGS_MAX).map(({ at, value, quality }) => ({
        at: formatTime(at),
        value,
        ...(quality === 'good' ? {} : { quality }),
      })),
      count: readings.length,
    })),
    history: history.map(viewFormer),
  };
}

const own: readonly Figure[] = [...means, ...hoursAboveLimits];

export const figuresModule = defineModule<Needs, Tools>({
  name: 'figures',
  title: { zh: '指标', en: 'Figures' },
  rights: {
    'figures.read': {
      title: { zh: '查看统计指标', en: 'See figures' },
      roles: ['clerk', 'officer', 'admin'],
    },
  },
  migrations: figureMigrations,
  figures: own,
  commands: [checkFiguresCommand(own)],
  start: (needs) => {
    const { readings, corrections, store, relational, profiles, clock, failed, timer } = needs;
    const statements = statementsOf(() => corrections.book);
    const sources = new Sources({ rows: readings.corrected, statements, relational, profiles });
    const marks = new Marks({ relational, store, timer, statements });
    const all = needs.figures;
    const { retention } = needs.config.store;
    const common = { figures: all, sources, clock, relational, retention };
    const figures = new Figures({ ...common, marks });
    const work = new FigureWork({ ...common, marks, failed });
    const checks = new FigureChecks({
      ...common,
      marks,
      random: seededRandom(`figures ${clock()}`),
    });
    return {
      readers: [marks],
      ticks: [{ kind: 'figure-marks', everyMs: 2 * SECOND, run: () => marks.flushWhenDue() }],
      jobs: [
        {
          kind: 'figures',
          title: { zh: '计算统计指标', en: 'Compute figures again whose inputs changed' },
          schedule: every(2 * SECOND),
          run: (run) => work.run(run),
        },
        {
          kind: 'figures-check',
          title: { zh: '核对统计指标（按请求）', en: 'Check figures when asked to' },
          schedule: every(5 * SECOND),
          run: (run) => checks.runAsked(run),
        },
        {
          kind: 'figures-sample',
          title: { zh: '抽查统计指标', en: 'Check a sample of the stored figures' },
          schedule: nightly(HOUR),
          run: (run) => checks.runNightly(run),
        },
      ],
      // What can't be kept now is read again after the next start.
      close: () => marks.flush().catch((error: unknown) => failed('figure-marks', error)),
      metrics: [figureMetrics({ marks, work, checks })],
      routes: [
        route(api.figures.list, async ({ caller, query }) => {
          const { id } = deviceFor(needs.directory, caller, query.device).device;
          return { items: (await figures.of(id)).map(viewDefinition) };
        }),
        route(api.figures.values, async ({ caller, query, signal }) => {
          const figure = figures.figure(query.figure);
          const device = deviceOf(needs, caller, query);
          const items = await figures.values(figure, device, span(query), signal);
          return {
            figure: figure.id,
            unit: figure.unit,
            standard: standardOf(figure),
            items: items.map(viewItem),
          };
        }),
        route(api.figures.explain, async ({ caller, query, signal }) => {
          const figure = figures.figure(query.figure);
          const device = deviceOf(needs, caller, query);
          const at = instant(query.at, 'at');
          return viewOpened(figure, await figures.open(figure, device, at, signal));
        }),
      ],
    };
  },
});
