/** The module of figures: their values over time, and each opened to what it was computed from. */
import { HOUR, SECOND, seededRandom } from '@village/core';
import {
  type AnyFigure,
  AreaFigures,
  AreaSources,
  AreaWork,
  defineModule,
  every,
  FigureChecks,
  Figures,
  FigureWork,
  figureMigrations,
  isOfArea,
  Marks,
  nightly,
  Sources,
  statementsOf,
} from '@village/platform';
import type { Needs, Tools } from '../needs.ts';
import { areaHoursAboveLimits, areaMeans } from './areas.ts';
import { checkFiguresCommand } from './check-figures.ts';
import { hoursAboveLimits } from './hours-above.ts';
import { means } from './means.ts';
import { figureMetrics } from './metrics.ts';
import { figureRoutes } from './routes.ts';

const own: readonly AnyFigure[] = [
  ...means,
  ...hoursAboveLimits,
  ...areaMeans,
  ...areaHoursAboveLimits,
];

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
    const statements = statementsOf(() => corrections.book, corrections);
    const sources = new Sources({ rows: readings.corrected, statements, relational, profiles });
    const marks = new Marks({
      ...{ relational, store, timer, statements },
      said: () => corrections.said(),
    });
    const all = needs.figures;
    const { retention } = needs.config.store;
    const deletedBefore = (): number => needs.ages.before(retention);
    const common = { sources, clock, relational, deletedBefore };
    const areas = new AreaSources(common);
    const ofDevices = { ...common, figures: all.filter((figure) => !isOfArea(figure)) };
    const ofAreas = { ...common, figures: all.filter(isOfArea), areas };
    const figures = new Figures({ ...ofDevices, timer, marks });
    const areaFigures = new AreaFigures({ ...ofAreas, timer, marks, atOnce: figures.atOnce });
    const atOnce = { devices: figures.atOnce, areas: areaFigures.atOnce };
    const areaWork = new AreaWork({ ...ofAreas, atOnce });
    const { elapsed } = timer;
    const work = new FigureWork({ ...ofDevices, marks, failed, elapsed, atOnce, areas: areaWork });
    const checks = new FigureChecks({
      ...common,
      figures: all,
      areas,
      marks,
      atOnce,
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
      metrics: [
        figureMetrics({ marks, work, checks, answers: [figures.atOnce, areaFigures.atOnce] }),
      ],
      routes: figureRoutes(needs, figures, areaFigures),
    };
  },
});
