/** A machine of figures over real stores, with a clock of its own, for tests: two air stations and one figure of each kind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Area,
  type AreaLevel,
  DAY,
  type Device,
  HOUR,
  systemTimer,
  type Timer,
} from '@village/core';
import { builtinCatalog, type DeviceProfile, loadCatalog } from '@village/device-profiles';
import { registryModule, registryStore } from '@village/registry';
import {
  coreModules,
  openRelational,
  type Relational,
  type RelationalOptions,
} from '@village/store/relational';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { putRow, type TestRow } from '@village/store/time-series/testing';
import { Corrections } from '../corrections/corrections.ts';
import { CorrectedQueries } from '../corrections/queries.ts';
import { type Statement, StatementBook } from '../corrections/statement.ts';
import { correctionTables } from '../corrections/tables.ts';
import { jobsModule } from '../jobs/module.ts';
import { type JobRun, relationalModulesOf } from '../module.ts';
import { runReaders } from '../readers.ts';
import { defineStandard } from '../standards/standard.ts';
import { Figures } from './answers.ts';
import { AreaFigures } from './areas/answers.ts';
import { AreaSources } from './areas/sources.ts';
import { AreaWork } from './areas/work.ts';
import { dayStart } from './days.ts';
import { type AnyFigure, type AreaFigure, defineFigure, type Figure, isOfArea } from './figure.ts';
import { Sources, statementsOf } from './sources.ts';
import { type CheckResult, checkFigures } from './stored/check.ts';
import { Marks } from './stored/marks.ts';
import { FIGURES, figureMigrations, figureTables } from './stored/tables.ts';
import { FigureWork } from './stored/work.ts';

export const PROFILE = 'village/air-weather';
export const METRICS = ['o3', 'no2'];
/** A day of Beijing. */
export const FIRST_DAY = 20_500;
export const COUNTY = '330522000000';
export const EAST = '330522100000';
export const EAST_VILLAGE = '330522100201';
export const WEST = '330522101000';

export const profiles: ReadonlyMap<string, DeviceProfile> = loadCatalog([builtinCatalog]).profiles;

const standard = defineStandard({
  id: 'T',
  limits: () => [],
  title: { zh: '标准', en: 'Standard' },
  versions: [
    {
      version: 'T-1',
      from: 0,
      source: { zh: '本测试', en: 'this test' },
      verified: true,
      data: 100,
    },
    // In mid-day.
    {
      version: 'T-2',
      from: dayStart(FIRST_DAY + 1) + 13 * HOUR,
      source: { zh: '本测试', en: 'this test' },
      verified: true,
      data: 120,
    },
  ],
});

const title = { zh: '试', en: 'Test' };
const inputs: Figure['inputs'] = [{ name: 'o3', quantity: 'air.o3' }];

/** Good readings above the limit of their hour. */
export const above = defineFigure({
  ...{ id: 'above', version: 1, title, span: 'day', keep: 'stored', unit: 'h', inputs, standard },
  attributes: ['function-zone'],
  compute: ({ readings, standard: version, attribute }) => {
    let count = 0;
    for (const { at, value, quality } of readings('o3').rows) {
      const limit = version(standard, at).data - (attribute('function-zone', at) === '1' ? 40 : 0);
      if (quality === 'good' && value > limit) count++;
    }
    return count;
  },
});

/** A sum whose last digits would tell in which order it was made; over three hours, the last two before its own. */
export const moving = defineFigure({
  ...{ id: 'moving', version: 1, title, span: 'hour', keep: 'stored', unit: '', inputs },
  lookBehind: 2 * HOUR,
  compute: ({ readings }) =>
    readings('o3').rows.reduce((sum, { value }) => sum * 1.0000001 + value / 3, 0),
});

/** Fails where a reading says 13. */
export const shy = defineFigure({
  ...{ id: 'shy', version: 1, title, span: 'day', keep: 'stored', unit: '', inputs },
  compute: ({ readings }) => {
    const { rows } = readings('o3');
    if (rows.some(({ value }) => value === 13)) throw new Error('thirteen');
    return rows.length;
  },
});

/** Of an area: the sum over stations of a figure, of those that have a value. */
export const defineSum = (id: string, figure: Figure): AreaFigure =>
  defineFigure({
    ...{ of: 'area', id, version: 1, title, span: 'day', keep: 'stored', unit: '' },
    inputs: [{ name: 'one', figure }],
    compute: ({ stations }) =>
      stations('one')
        .flatMap((one) => one.values)
        .reduce((sum, { value }) => sum + (value ?? 0), 0),
  });

/** Of an area: the sum over stations of `above`; each time by another weight, so that their order would tell. */
export const areaAbove = defineFigure({
  ...{ of: 'area', id: 'area-above', version: 1, title, span: 'day', keep: 'stored', unit: 'h' },
  inputs: [{ name: 'above', figure: above }],
  compute: ({ stations }) =>
    stations('above')
      .flatMap((one) => one.values)
      .reduce((all, { value }) => all * 1.0001 + (value ?? 0), 0),
});

/** Time that a test sets. */
export class SetTimer implements Timer {
  at: number;
  constructor(at: number) {
    this.at = at;
  }
  readonly now = (): number => this.at;
  readonly elapsed = (): number => this.at;
  readonly sleep: Timer['sleep'] = (ms, signal) => systemTimer.sleep(Math.min(ms, 50), signal);
}

export const DEVICES = ['a', 'b'];

export const device = (id: string, area = COUNTY): Device => ({
  ...{ id, name: id, profile: PROFILE, area, gateway: null, address: id },
  ...{ options: {}, longitude: null, latitude: null, clock: 'keep' as const },
});

/** Opens the tables and registers the two stations. */
export async function openTables(
  target: Pick<RelationalOptions, 'file' | 'url'>,
  clock: () => number,
): Promise<Relational> {
  const relational = await openRelational({
    ...target,
    clock,
    modules: [
      registryModule,
      ...coreModules,
      correctionTables,
      ...relationalModulesOf([jobsModule]),
      { name: FIGURES, migrations: figureMigrations },
    ],
  });
  const registry = registryStore(relational);
  if ((await registry.areas(COUNTY)).length > 0) return relational;
  const area = (code: string, level: AreaLevel, parent: string | null): Area => ({
    ...{ code, level, name: title, parent, aliases: [], validFrom: null, validTo: null },
  });
  await registry.importAreas([
    area(COUNTY, 'county', null),
    area(EAST, 'township', COUNTY),
    area(EAST_VILLAGE, 'village', EAST),
    area(WEST, 'township', COUNTY),
  ]);
  const devices = DEVICES.map((id) => device(id));
  await registry.importDevices({ at: 0, by: 'test', devices, gateways: [], credentials: [] });
  return relational;
}

/** Statements as a server keeps them, of devices whose figures are no evidence. */
export async function openBooks(
  relational: Relational,
  store: TimeSeriesStore,
  now: number,
): Promise<Corrections> {
  const metrics = new Map(METRICS.map((metric) => [metric, metric]));
  const corrections = new Corrections({
    ...{
      relational,
      store,
      clock: () => now,
      facts: () => ({ metrics, evidence: false, newestAt: null }),
    },
    failed: (_kind, error) => {
      throw error;
    },
  });
  await corrections.load();
  return corrections;
}

/** A run of a job that no other process can take over. */
export const alone = (signal = new AbortController().signal): JobRun => ({
  signal,
  progress: () => undefined,
  hold: () => Promise.resolve(),
});

export interface MachineOptions {
  readonly store: TimeSeriesStore;
  readonly relational: Relational;
  readonly timer: Timer;
  readonly figures?: readonly AnyFigure[];
  /** Statements that hold. */
  readonly book?: () => StatementBook;
  /** Where the book comes from, when the tables keep it. */
  readonly corrections?: Pick<Corrections, 'isCurrent' | 'follow'>;
  /** Devices that statements were about; those of the book when absent. */
  readonly said?: () => Promise<readonly string[]>;
  readonly deletedBefore?: () => number;
}

/** Everything that computes figures, running. */
export class Machine {
  readonly marks: Marks;
  readonly figures: Figures;
  readonly work: FigureWork;
  readonly areas: AreaFigures;
  readonly areaSources: AreaSources;
  readonly sources: Sources;
  readonly failures: string[] = [];
  readonly #options: MachineOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: MachineOptions) {
    this.#options = options;
    const { store, relational, timer, book = () => new StatementBook([]) } = options;
    const statements = statementsOf(book, options.corrections);
    const { figures = [above, moving, shy] } = options;
    const clock = timer.now;
    const failed = (kind: string): void => void this.failures.push(kind);
    const rows = new CorrectedQueries(store, book, {
      locations: () => undefined,
      profile: () => PROFILE,
      count: () => 2,
    });
    this.sources = new Sources({ rows, statements, relational, profiles });
    const { said = () => Promise.resolve(book().devices()) } = options;
    this.marks = new Marks({ relational, store, timer, statements, said });
    const { deletedBefore } = options;
    const deleted = deletedBefore === undefined ? {} : { deletedBefore };
    const common = { sources: this.sources, relational, clock, ...deleted };
    this.areaSources = new AreaSources(common);
    const own = { ...common, figures: figures.filter((figure) => !isOfArea(figure)) };
    const ofAreas = { ...common, figures: figures.filter(isOfArea), areas: this.areaSources };
    const { marks } = this;
    this.figures = new Figures({ ...own, timer, marks });
    this.areas = new AreaFigures({ ...ofAreas, timer, marks, atOnce: this.figures.atOnce });
    const atOnce = { devices: this.figures.atOnce, areas: this.areas.atOnce };
    const areaWork = new AreaWork({ ...ofAreas, atOnce });
    const { elapsed } = timer;
    this.work = new FigureWork({ ...own, marks, failed, elapsed, atOnce, areas: areaWork });
    this.#running = runReaders({ store, timer, failed }, [this.marks], this.#stopped.signal);
  }

  async put(rows: readonly TestRow[]): Promise<void> {
    const { store } = this.#options;
    for (const row of rows) putRow(store, PROFILE, METRICS, row);
    await store.commitNow();
  }

  /** Tells the journal of a statement that holds now or holds no longer, as those do who keep them. */
  async note(statement: Statement, book: StatementBook): Promise<void> {
    const { store, timer } = this.#options;
    const detail = { number: book.number, spans: book.reach(statement) };
    store.note({ type: 'correction', at: timer.now(), subject: statement.device, detail });
    await store.commitNow();
  }

  async workOff(): Promise<void> {
    // Waits are short here, and the machine may be slow.
    for (let n = 0; n < 400 && !(await this.marks.isUpToDate(20_000)); n++)
      await systemTimer.sleep(10);
    await this.marks.flush();
    await this.work.run(alone(this.#stopped.signal));
  }

  check(): Promise<CheckResult> {
    const { relational, figures = [above, moving, shy] } = this.#options;
    return checkFigures(
      { figures, sources: this.sources, areas: this.areaSources, relational, marks: this.marks },
      { signal: this.#stopped.signal, progress: () => undefined },
    );
  }

  /** Stops reading, as at the end of a process: what is gathered is lost unless it is flushed. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }
}

/** A machine over new stores in a folder of its own, and all of them ended by `ends`, the last first. */
export async function startMachine(ends: (() => unknown)[], more: Partial<MachineOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'village-figures-machine-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const timer = new SetTimer(dayStart(FIRST_DAY) + 3 * DAY + HOUR);
  const relational = await openTables({ file: join(folder, 'r.sqlite') }, timer.now);
  ends.push(() => relational.close());
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'series'), timer, tickMs: Number.POSITIVE_INFINITY },
    diskReserveBytes: 0,
  });
  ends.push(() => store.close());
  const machine = new Machine({ store, relational, timer, ...more });
  ends.push(() => machine.stop());
  return { timer, relational, store, machine, db: figureTables(relational) };
}
