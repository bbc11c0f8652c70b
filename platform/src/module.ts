/** What a module is: one value that names its tables, rights, routes, jobs and metrics. */
import type { Clock, Timer } from '@village/core';
import type {
  ModuleMigration,
  Relational,
  RelationalAccess,
  RelationalModule,
} from '@village/store/relational';
import type { AnyFigure } from './figures/figure.ts';
import type { Schedule } from './jobs/schedule.ts';
import type { MetricGroup } from './metrics.ts';
import type { ModuleReader } from './readers.ts';
import type { RightDefinition, RightsTable } from './rights.ts';
import type { AnyRoute } from './route.ts';
import type { Standards } from './standards/standards.ts';

export interface Logger {
  info(detail: unknown, message?: string): void;
  warn(detail: unknown, message?: string): void;
  error(detail: unknown, message?: string): void;
}

/** What every module gets. */
export interface Platform {
  readonly timer: Timer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly relational: Relational;
  /** Who holds which right, over the modules that have started. */
  readonly rights: RightsTable;
  /** What places and plants are judged by, with what the county has put in the place of unverified values. */
  readonly standards: Standards;
  /** What all modules have computed from readings, judged by these standards. */
  readonly figures: readonly AnyFigure[];
  /** Counts and logs a failure of work that nobody waits for, by its kind. */
  failed(kind: string, error: unknown): void;
}

/** One run of a job. */
export interface JobRun {
  /** Fires when the server stops, or when another process has taken the job over. */
  readonly signal: AbortSignal;
  /** Says how far the work is. */
  progress(done: number, total: number): void;
  /**
   * Called first in each transaction that keeps what the run found: nobody else takes the job over until it has ended.
   * @throws job-taken-over when another process has, since a process that stood still knows of nothing
   */
  hold(tx: Pick<RelationalAccess, 'for'>): Promise<void>;
}

/** Work that runs by itself, at most once at a time over all processes. */
export interface Job {
  /** Kebab-case, unique over all modules. */
  readonly kind: string;
  readonly title: { readonly zh: string; readonly en: string };
  readonly schedule: Schedule;
  run(run: JobRun): void | Promise<void>;
}

/** Work of this process alone, so often that no table is told of it. */
export interface Tick {
  readonly kind: string;
  readonly everyMs: number;
  run(): void | Promise<void>;
}

/** What a module adds to the running server. */
export interface ModuleParts {
  readonly routes?: readonly AnyRoute[];
  readonly jobs?: readonly Job[];
  readonly ticks?: readonly Tick[];
  /** Followers of the journal. */
  readonly readers?: readonly ModuleReader[];
  readonly metrics?: readonly MetricGroup[];
  /** Reasons why the platform does not work now; empty when it does. */
  health?(): Promise<readonly string[]>;
  /** What somebody should see to soon, though all works. */
  warnings?(): readonly string[];
  /** Ends answers that last, so that the server can stop. */
  drain?(): Promise<void>;
  /** Called after requests have ended and before the stores close. */
  close?(): Promise<void>;
}

/** What a command gets. */
export interface CommandTools {
  readonly timer: Timer;
  /** Prints a line. */
  say(line: string): void;
  /** Runs work over the relational store, whether or not a server runs beside. */
  withRelational<T>(work: (relational: Relational) => Promise<T>): Promise<T>;
}

/** A command of the server's command line: `npm run serve -- <name>`. */
export interface Command<Tools extends CommandTools = CommandTools> {
  readonly name: string;
  /** Operands as the help shows them, such as `FOLDER`. */
  readonly operands?: string;
  readonly help: string;
  /** Resolves to false when what was looked at is not as it should be. */
  run(tools: Tools, operands: readonly string[]): Promise<boolean>;
}

export interface Module<
  Needs extends Platform = Platform,
  Tools extends CommandTools = CommandTools,
> {
  /** Lower case with dashes. */
  readonly name: string;
  readonly title: { readonly zh: string; readonly en: string };
  /** The module's own tables, by name of the migration; its list is kept apart from those of others. */
  readonly migrations?: Readonly<Record<string, ModuleMigration>>;
  /** True when a county could do without it: when its tables can't be brought up to date, the rest starts. */
  readonly optional?: boolean;
  /** Rights by their word, `noun.verb`. */
  readonly rights?: Readonly<Record<string, RightDefinition>>;
  readonly commands?: readonly Command<Tools>[];
  /** What it has computed from readings; one machine computes the figures of all modules. */
  readonly figures?: readonly AnyFigure[];
  start(needs: Needs): ModuleParts | Promise<ModuleParts>;
}

/** Keeps the type of what a module needs. */
export const defineModule = <
  Needs extends Platform = Platform,
  Tools extends CommandTools = CommandTools,
>(
  module: Module<Needs, Tools>,
): Module<Needs, Tools> => module;

/** What the relational store must know of the modules that have tables. */
export function relationalModulesOf(
  modules: readonly Pick<Module, 'name' | 'migrations' | 'optional'>[],
): RelationalModule[] {
  return modules.flatMap(({ name, migrations, optional }) =>
    migrations === undefined
      ? []
      : [{ name, migrations, ...(optional === undefined ? {} : { optional }) }],
  );
}
