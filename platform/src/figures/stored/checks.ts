/** Checks of stored figures that a running server makes: those that a command asks for through the database, and the nightly sample. */
import { OperationalError, type Random } from '@village/core';
import type { Relational, RelationalAccess } from '@village/store/relational';
import type { JobRun } from '../../module.ts';
import { type CheckOptions, type CheckResult, checkFigures } from './check.ts';
import { figureTables } from './tables.ts';

export interface ChecksOptions extends Omit<CheckOptions, 'since' | 'sample'> {
  readonly clock: () => number;
  readonly random: Random;
  /** Readings from before it may have been deleted; without, all are there. */
  readonly deletedBefore?: () => number;
}

/** Stored days that a night looks at. */
const SAMPLE = 5_000;
/** Outcomes that are kept. */
const KEPT = 100;
const RUNNING = 'running';
/** How ids of nightly samples begin. */
const NIGHT = 'night-';

/** What a check needs of its run. */
type CheckRun = Pick<JobRun, 'signal' | 'progress'>;

/** How a check stands. */
export interface CheckState extends Omit<CheckResult, 'differences'> {
  readonly state: 'asked' | 'running' | 'ended' | 'failed';
  readonly differences: CheckResult['differences'];
  /** Why it failed. */
  readonly fault: string | null;
}

export class FigureChecks {
  readonly counters = { checked: 0, differing: 0 };
  readonly #options: ChecksOptions;

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** Everything that was asked for and has not ended, the oldest first. */
  async runAsked(run: CheckRun): Promise<void> {
    const { relational } = this.#options;
    const asked = await figureTables(relational)
      .selectFrom('figure_check')
      .select('id')
      .where('ended_at', 'is', null)
      .where('id', 'not like', `${NIGHT}%`)
      .orderBy('asked_at')
      .execute();
    for (const { id } of asked) if (!run.signal.aborted) await this.#run(id, run);
  }

  /** A sample of all that is stored. @throws figures-differ so that whoever watches failures learns of it */
  async runNightly(run: CheckRun): Promise<void> {
    const { relational, clock, random } = this.#options;
    const db = figureTables(relational);
    const { count } = await db
      .selectFrom('figure_day')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .executeTakeFirstOrThrow();
    // A night that was cut short is not made up for: the next looks at another sample.
    await db
      .deleteFrom('figure_check')
      .where('id', 'like', `${NIGHT}%`)
      .where('ended_at', 'is', null)
      .execute();
    const id = `${NIGHT}${clock()}`;
    await askCheck(relational, id, clock());
    const share = Math.min(1, SAMPLE / Math.max(1, Number(count)));
    const { differing, differences } = await this.#run(id, run, { share, random });
    await this.#forget();
    if (differing > 0)
      throw new OperationalError(
        'figures-differ',
        `${differing} stored figures are not what computing them gives: ${JSON.stringify(differences.slice(0, 3))}`,
      );
  }

  async #run(id: string, run: CheckRun, sample?: CheckOptions['sample']): Promise<CheckResult> {
    const { relational, clock, deletedBefore } = this.#options;
    const db = figureTables(relational);
    const set = (values: object): Promise<unknown> =>
      db.updateTable('figure_check').set(values).where('id', '=', id).execute();
    await set({ detail: RUNNING });
    const since = deletedBefore === undefined ? {} : { since: deletedBefore() };
    try {
      const found = await checkFigures(
        { ...this.#options, ...since, ...(sample === undefined ? {} : { sample }) },
        run,
      );
      // Cut short: it is begun again after the next start.
      if (run.signal.aborted) return found;
      const { differences, ...sums } = found;
      await set({ ...sums, ended_at: clock(), detail: JSON.stringify({ differences }) });
      this.counters.checked += found.checked;
      this.counters.differing += found.differing;
      return found;
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (!run.signal.aborted) await set({ ended_at: clock(), detail: JSON.stringify({ fault }) });
      throw error;
    }
  }

  async #forget(): Promise<void> {
    const db = figureTables(this.#options.relational);
    const kept = db
      .selectFrom('figure_check')
      .select('asked_at')
      .orderBy('asked_at', 'desc')
      .offset(KEPT)
      .limit(1);
    const oldest = await kept.executeTakeFirst();
    if (oldest === undefined) return;
    await db
      .deleteFrom('figure_check')
      .where('asked_at', '<=', oldest.asked_at)
      .where('ended_at', 'is not', null)
      .execute();
  }
}

/** Asks a running server for a check of everything. */
export async function askCheck(
  access: Pick<RelationalAccess, 'for'>,
  id: string,
  at: number,
): Promise<void> {
  const none = { ended_at: null, checked: 0, waiting: 0, differing: 0, detail: null };
  await figureTables(access)
    .insertInto('figure_check')
    .values({ id, asked_at: at, ...none })
    .execute();
}

/** Takes back what nobody answers. */
export async function withdrawCheck(access: Pick<Relational, 'for'>, id: string): Promise<void> {
  await figureTables(access).deleteFrom('figure_check').where('id', '=', id).execute();
}

/** How a check stands that was asked for. */
export async function checkState(
  access: Pick<RelationalAccess, 'for'>,
  id: string,
): Promise<CheckState | null> {
  const row = await figureTables(access)
    .selectFrom('figure_check')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return null;
  const { ended_at, detail, checked, waiting, differing } = row;
  // We wrote it ourselves.
  const told =
    ended_at === null || detail === null
      ? {}
      : (JSON.parse(detail) as Partial<Pick<CheckState, 'differences' | 'fault'>>);
  const { differences = [], fault = null } = told;
  const state =
    ended_at === null
      ? detail === null
        ? 'asked'
        : 'running'
      : fault === null
        ? 'ended'
        : 'failed';
  return { state, checked, waiting, differing, differences, fault };
}
