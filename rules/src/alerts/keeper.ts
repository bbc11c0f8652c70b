/**
 * Puts down what the engine tells: an alert for what began, and a step for each change of it. Nothing is put down twice: what is told
 * of an alert that stands so already changes nothing. Called inside the transaction that keeps the reader's place.
 */
import {
  type AlertStep,
  type AlertSubject,
  isWorse,
  type Random,
  type Severity,
} from '@village/core';
import type { RelationalAccess, SqlEngine } from '@village/store/relational';
import type { AlertKey, Transition } from '../engine/transition.ts';
import { AlertIds, newCode } from './ids.ts';
import {
  type AlertStepTable,
  type AlertTable,
  alertTables,
  type StepDetail,
  suppressionBit,
  suppressionsOf,
} from './tables.ts';

type Access = Pick<RelationalAccess, 'for'>;

/** A transition, and what must be known of its alert besides. */
export interface ToldTransition {
  readonly transition: Transition;
  readonly subjectKind: AlertSubject;
  /** Codes of the areas in which the subject stands, county first. */
  readonly areas: readonly string[];
  readonly latch: boolean;
  /** When the server knew, ms. */
  readonly at: number;
}

export interface KeeperOptions {
  readonly random: Random;
  readonly engine: SqlEngine;
}

export interface KeeperCounters {
  /** Steps put down, by kind. */
  readonly steps: Partial<Record<AlertStep, number>>;
  /** ToldTransition of alerts that are not open, and of what stands so already. */
  unmatched: number;
}

const ROWS_A_STATEMENT = 200;

export const keyOf = ({ rule, subject, discriminator }: AlertKey): string =>
  JSON.stringify([rule, subject, discriminator]);

const rowKey = ({ rule, subject, discriminator }: AlertTable): string =>
  JSON.stringify([rule, subject, discriminator]);

/** Lists in pieces that one statement takes. */
export function* pieces<T>(all: readonly T[], size = ROWS_A_STATEMENT): Generator<readonly T[]> {
  for (let n = 0; n < all.length; n += size) yield all.slice(n, n + size);
}

/** What one call puts down. */
class Work {
  /** Open ones by key. */
  readonly #open: Map<string, AlertTable>;
  readonly #ids: AlertIds;
  /** In the order in which they were touched. */
  readonly changed = new Set<AlertTable>();
  readonly made = new Set<AlertTable>();
  readonly steps: AlertStepTable[] = [];
  unmatched = 0;

  constructor(open: Map<string, AlertTable>, ids: AlertIds) {
    this.#open = open;
    this.#ids = ids;
  }

  apply(told: ToldTransition): void {
    const { transition } = told;
    const row = this.#open.get(keyOf(transition));
    if (transition.kind === 'open') this.#begin(row, told);
    else if (row === undefined || row.active === 0) this.unmatched++;
    else this.#change(row, told);
  }

  #begin(row: AlertTable | undefined, told: ToldTransition): void {
    if (row === undefined) this.#make(told);
    else if (row.active === 0) this.#reopen(row, told);
    // The engine has lost what it knew, and found it again: it is the same alert.
    else this.#again(row, told);
  }

  #make(told: ToldTransition): void {
    const { transition, subjectKind, areas, latch, at } = told;
    const { rule, subject, discriminator, severity, since, value, limit } = transition;
    const row: AlertTable = {
      ...{ id: this.#ids.next(at), rule, subject_kind: subjectKind, subject, discriminator },
      ...{ areas: areas.join(' '), active: 1, flapping: 0, severity, worst: severity },
      ...{ began_at: since, raised_at: transition.at, opened_at: at },
      ...{ ended_at: null, closed_at: null, value, limit_value: limit },
      ...{ suppression: bitsOf(transition), inhibited_by: transition.by, latch: Number(latch) },
      ...{ code: '', acked_by: null, acked_at: null, ack_note: null, assigned_to: null },
      ...{ shelved_until: null, verdict: null, verdict_cause: null, verdict_note: null },
      ...{ verdict_by: null, verdict_at: null, steps: 0 },
    };
    this.#open.set(rowKey(row), row);
    this.made.add(row);
    this.#step(row, 'opened', told);
  }

  #reopen(row: AlertTable, told: ToldTransition): void {
    const { severity } = told.transition;
    row.active = 1;
    row.ended_at = null;
    row.suppression = (row.suppression & ~RULES_OWN) | bitsOf(told.transition);
    row.inhibited_by = told.transition.by;
    row.severity = severity;
    if (isWorse(severity, row.worst)) row.worst = severity;
    this.#step(row, 'reopened', told);
  }

  #again(row: AlertTable, told: ToldTransition): void {
    const { severity, by, suppression } = told.transition;
    const isFree = (row.suppression & HELD) !== 0 && by === null && suppression === null;
    if (isFree) this.#release(row, told);
    if (severity !== row.severity) this.#severity(row, told);
    else if (!isFree) this.unmatched++;
  }

  #change(row: AlertTable, told: ToldTransition): void {
    const { kind } = told.transition;
    if (kind === 'close') this.#end(row, told);
    else if (kind === 'released') this.#release(row, told);
    else if (kind !== 'flapping') this.#severity(row, told);
    else if (row.flapping === 1) this.unmatched++;
    else {
      row.flapping = 1;
      this.#step(row, 'flapping', told);
    }
  }

  #severity(row: AlertTable, told: ToldTransition): void {
    const { severity } = told.transition;
    if (severity === row.severity) {
      this.unmatched++;
      return;
    }
    const worse = isWorse(severity, row.severity);
    row.severity = severity;
    if (isWorse(severity, row.worst)) row.worst = severity;
    // Whoever said "mine" said it of something milder.
    const unacknowledged = worse && row.acked_by !== null;
    if (unacknowledged) forget(row);
    this.#step(row, worse ? 'worse' : 'milder', told, unacknowledged ? { unacknowledged } : {});
  }

  #release(row: AlertTable, told: ToldTransition): void {
    if ((row.suppression & HELD) === 0) {
      this.unmatched++;
      return;
    }
    row.suppression &= ~HELD;
    row.inhibited_by = null;
    this.#step(row, 'released', told, { severity: row.severity });
  }

  #end(row: AlertTable, told: ToldTransition): void {
    row.active = 0;
    row.flapping = 0;
    row.ended_at = told.transition.at;
    if (row.latch === 0 || row.acked_by !== null) {
      row.closed_at = told.at;
      this.#open.delete(rowKey(row));
    }
    this.#step(row, 'ended', told);
  }

  #step(
    row: AlertTable,
    kind: AlertStep,
    { transition, at }: ToldTransition,
    more: StepDetail = {},
  ): void {
    const { value, limit, by } = transition;
    if (GROWS.has(kind)) {
      row.value = value;
      row.limit_value = limit;
    }
    const suppression = suppressionsOf(row.suppression | bitsOf(transition));
    const detail: StepDetail = {
      ...{ at: transition.at, severity: transition.severity },
      ...(value === null ? {} : { value }),
      ...(limit === null ? {} : { limit }),
      ...(suppression.length === 0 ? {} : { suppression }),
      ...(by === null ? {} : { inhibitedBy: by }),
      ...more,
    };
    row.steps++;
    this.changed.add(row);
    this.steps.push({
      ...{ alert: row.id, number: row.steps, kind, at, by: null },
      detail: JSON.stringify(detail),
    });
  }
}

/** What an alert's value and limit are of. */
const GROWS: ReadonlySet<AlertStep> = new Set(['opened', 'reopened', 'worse']);

/** What lasts for a while and is over by itself. */
const HELD = suppressionBit('inhibited') | suppressionBit('outside-schedule');
/** What the rules say of it and not people. */
const RULES_OWN = HELD | suppressionBit('backfill');

const bitsOf = ({ suppression }: Transition): number =>
  suppression === null ? 0 : suppressionBit(suppression);

function forget(row: AlertTable): void {
  row.acked_by = null;
  row.acked_at = null;
  row.ack_note = null;
}

/** An alert that was changed, as it stands now. */
export type ChangedAlert = Readonly<AlertTable>;

export class Keeper {
  readonly counters: KeeperCounters = { steps: {}, unmatched: 0 };
  readonly #options: KeeperOptions;
  readonly #ids: AlertIds;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#ids = new AlertIds(options.random);
  }

  /** Puts down what was told, in that order; tells the alerts that it changed, and what to call once the transaction is there. */
  async put(
    tx: Access,
    told: readonly ToldTransition[],
  ): Promise<{ changed: readonly ChangedAlert[]; kept: () => void }> {
    const work = new Work(await this.#openOf(tx, told), this.#ids);
    for (const one of told) work.apply(one);
    await this.#code(tx, [...work.made]);
    const changed = [...work.changed];
    // What was there first: what began after it ended has its key.
    const before = changed.filter((row) => !work.made.has(row));
    for (const rows of pieces(before)) await save(tx, rows);
    for (const rows of pieces([...work.made]))
      await alertTables(tx).insertInto('alert').values(rows).execute();
    for (const steps of pieces(work.steps))
      await alertTables(tx).insertInto('alert_step').values(steps).execute();
    return { changed, kept: () => this.#count(work) };
  }

  #count({ steps, unmatched }: Work): void {
    const own = this.counters.steps;
    for (const { kind } of steps) own[kind] = (own[kind] ?? 0) + 1;
    this.counters.unmatched += unmatched;
  }

  /** Open alerts that were told of, by key; nobody else changes them until the transaction ends. */
  async #openOf(tx: Access, told: readonly ToldTransition[]): Promise<Map<string, AlertTable>> {
    const byRule = new Map<string, Set<string>>();
    for (const { transition } of told) {
      const subjects = byRule.get(transition.rule) ?? new Set();
      byRule.set(transition.rule, subjects);
      subjects.add(transition.subject);
    }
    const open = new Map<string, AlertTable>();
    for (const [rule, subjects] of byRule)
      for (const some of pieces([...subjects], 1_000)) {
        let query = alertTables(tx)
          .selectFrom('alert')
          .selectAll()
          .where('closed_at', 'is', null)
          .where('rule', '=', rule)
          .where('subject', 'in', some)
          .orderBy('id');
        if (this.#options.engine === 'postgres') query = query.forUpdate();
        for (const row of await query.execute()) open.set(rowKey(row), row);
      }
    return open;
  }

  /** Gives each a code that no open alert has. */
  async #code(tx: Access, rows: readonly AlertTable[]): Promise<void> {
    if (rows.length === 0) return;
    const { random } = this.#options;
    const open = rows.length + (await countOpen(tx));
    const taken = new Set<string>();
    for (let without = [...rows]; without.length > 0; ) {
      for (const row of without) {
        do row.code = newCode(random, open);
        while (taken.has(row.code));
        taken.add(row.code);
      }
      const there = await openWith(tx, without);
      without = without.filter(({ code }) => there.has(code));
    }
  }
}

/** Of alerts that are there, what is told of them now. */
const save = (tx: Access, rows: readonly AlertTable[]): Promise<unknown> =>
  alertTables(tx)
    .insertInto('alert')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        active: eb.ref('excluded.active'),
        flapping: eb.ref('excluded.flapping'),
        severity: eb.ref('excluded.severity'),
        worst: eb.ref('excluded.worst'),
        ended_at: eb.ref('excluded.ended_at'),
        closed_at: eb.ref('excluded.closed_at'),
        value: eb.ref('excluded.value'),
        limit_value: eb.ref('excluded.limit_value'),
        suppression: eb.ref('excluded.suppression'),
        inhibited_by: eb.ref('excluded.inhibited_by'),
        acked_by: eb.ref('excluded.acked_by'),
        acked_at: eb.ref('excluded.acked_at'),
        ack_note: eb.ref('excluded.ack_note'),
        steps: eb.ref('excluded.steps'),
      })),
    )
    .execute();

async function countOpen(access: Access): Promise<number> {
  const { count } = await alertTables(access)
    .selectFrom('alert')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('closed_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function openWith(access: Access, rows: readonly AlertTable[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const some of pieces(rows, 1_000)) {
    const codes = some.map(({ code }) => code);
    const there = await alertTables(access)
      .selectFrom('alert')
      .select('code')
      .where('closed_at', 'is', null)
      .where('code', 'in', codes)
      .execute();
    for (const { code } of there) found.add(code);
  }
  return found;
}

/** Open alerts by severity. */
export async function countBySeverity(access: Access): Promise<Partial<Record<Severity, number>>> {
  const rows = await alertTables(access)
    .selectFrom('alert')
    .select(['severity', (eb) => eb.fn.countAll<number>().as('count')])
    .where('closed_at', 'is', null)
    .groupBy('severity')
    .execute();
  return Object.fromEntries(rows.map(({ severity, count }) => [severity, Number(count)]));
}
