/** What people do with an alert: acknowledge, comment, assign, put aside, judge. Each is one transaction with its audit entry. */
import {
  type AlertStep,
  type Clock,
  DAY,
  type FalseAlertCause,
  formatTime,
  OperationalError,
  SHELVE_DAYS_MAX,
  type Verdict,
} from '@village/core';
import type { AuditEntry, Relational, RelationalAccess } from '@village/store/relational';
import type { ChangedAlert } from './keeper.ts';
import { standsIn } from './list.ts';
import { type AlertTable, alertTables, type StepDetail, suppressionBit } from './tables.ts';

/** Who does something, seen from their area, and how it is put into the audit log. */
export interface Doer {
  readonly by: string;
  /** Code of their area: alerts outside of it do not exist for them. */
  readonly scope: string;
  audited(action: string, target: string, detail?: Readonly<Record<string, unknown>>): AuditEntry;
}

/** What one deed makes of an alert. */
interface Deed {
  readonly set: Partial<AlertTable>;
  readonly kind: AlertStep;
  readonly detail: StepDetail;
}

export interface HandlingOptions {
  readonly relational: Relational;
  readonly clock: Clock;
  /** Told of alerts once what was done to them is there; must not throw. */
  readonly changed: (alerts: readonly ChangedAlert[]) => void;
}

/** Steps of one alert beyond which people add none. */
const STEPS_MAX = 10_000;
/** Put aside and due that are looked at in one go. */
const DUE_MAX = 500;
const SHELVED = suppressionBit('shelved');

const refused = (code: string, message: string): never => {
  throw new OperationalError(code, message);
};

export class Handling {
  readonly #options: HandlingOptions;

  constructor(options: HandlingOptions) {
    this.#options = options;
  }

  /**
   * Says "mine"; also of one that is over. Of two the first holds.
   * @throws not-found, already-acknowledged which names who did
   */
  acknowledge(doer: Doer, id: string, note: string | null): Promise<ChangedAlert> {
    return this.#do(doer, id, (row, now) => {
      if (row.acked_by === doer.by) return null;
      if (row.acked_by !== null)
        refused(
          'already-acknowledged',
          `${row.acked_by} acknowledged it at ${formatTime(row.acked_at ?? now)}`,
        );
      const over = row.active === 0;
      // What was only left open for this.
      const closes = over && row.closed_at === null;
      return {
        set: {
          ...{ acked_by: doer.by, acked_at: now, ack_note: note },
          ...(closes ? { closed_at: now } : {}),
        },
        kind: 'acknowledged',
        detail: { ...(note === null ? {} : { note }), ...(over ? { over } : {}) },
      };
    });
  }

  /** @throws not-found */
  comment(doer: Doer, id: string, note: string): Promise<ChangedAlert> {
    return this.#do(doer, id, () => ({ set: {}, kind: 'commented', detail: { note } }));
  }

  /**
   * Gives it to somebody whose area it lies in, or to nobody.
   * @throws not-found, unknown-person
   */
  assign(doer: Doer, id: string, to: string | null): Promise<ChangedAlert> {
    return this.#do(doer, id, async (row, _now, tx) => {
      if (row.assigned_to === to) return null;
      if (to !== null && !(await sees(tx, to, id)))
        refused('unknown-person', `there is no account ${to} whose area this lies in`);
      return {
        set: { assigned_to: to },
        kind: 'assigned',
        detail: to === null ? {} : { to },
      };
    });
  }

  /**
   * Keeps its news back until then, or no longer.
   * @throws not-found, alert-over, bad-shelving
   */
  shelve(doer: Doer, id: string, until: number | null, note: string | null): Promise<ChangedAlert> {
    return this.#do(doer, id, (row, now) => {
      const said = note === null ? {} : { note };
      if (until === null) {
        if (row.shelved_until === null) return null;
        const set = { shelved_until: null, suppression: row.suppression & ~SHELVED };
        return { set, kind: 'unshelved', detail: said };
      }
      if (row.closed_at !== null)
        refused('alert-over', 'it is over: there is nothing to put aside');
      if (until <= now || until > now + SHELVE_DAYS_MAX * DAY)
        refused('bad-shelving', `until: within the next ${SHELVE_DAYS_MAX} days`);
      const set = { shelved_until: until, suppression: row.suppression | SHELVED };
      return { set, kind: 'shelved', detail: { until, ...said } };
    });
  }

  /**
   * Says whether it was right; said again it replaces what was said.
   * @throws not-found, cause-needed, note-needed
   */
  judge(
    doer: Doer,
    id: string,
    verdict: Verdict,
    cause: FalseAlertCause | null,
    note: string | null,
  ): Promise<ChangedAlert> {
    if (verdict === 'false' && cause === null)
      refused('cause-needed', 'cause: say why the alert was a false one');
    if (verdict === 'confirmed' && cause !== null)
      refused('cause-needed', 'cause: only of an alert that was a false one');
    if (cause === 'other' && note === null)
      refused('note-needed', 'note: say what the other cause was');
    return this.#do(doer, id, (_row, now) => ({
      set: {
        ...{ verdict, verdict_cause: cause, verdict_note: note },
        ...{ verdict_by: doer.by, verdict_at: now },
      },
      kind: 'judged',
      detail: {
        verdict,
        ...(cause === null ? {} : { cause }),
        ...(note === null ? {} : { note }),
      },
    }));
  }

  /** Ends what was put aside until now or before; returns how many. */
  async endShelving(): Promise<number> {
    const { relational, clock, changed } = this.#options;
    const now = clock();
    const due = alertTables(relational)
      .selectFrom('alert')
      .select('id')
      .where('shelved_until', '<=', now)
      .limit(DUE_MAX);
    const ids = (await due.execute()).map(({ id }) => id);
    if (ids.length === 0) return 0;
    const ended = await relational.transaction(async (tx) => {
      const rows: AlertTable[] = [];
      for (const id of ids) {
        const row = await locked(tx, relational.engine, id);
        if (row === undefined || row.shelved_until === null || row.shelved_until > now) continue;
        const set = { shelved_until: null, suppression: row.suppression & ~SHELVED };
        rows.push(await write(tx, row, { set, kind: 'unshelved', detail: {} }, null, now));
      }
      return rows;
    });
    if (ended.length > 0) changed(ended);
    return ended.length;
  }

  /** `work` gives null where nothing is to be done. */
  async #do(
    doer: Doer,
    id: string,
    work: (
      row: Readonly<AlertTable>,
      now: number,
      tx: RelationalAccess,
    ) => Deed | null | Promise<Deed | null>,
  ): Promise<ChangedAlert> {
    const { relational, clock, changed } = this.#options;
    const now = clock();
    const { row, deed } = await relational.transaction(
      async (tx) => {
        const before = await locked(tx, relational.engine, id, doer.scope);
        if (before === undefined) return refused('not-found', 'no such alert');
        const found = await work(before, now, tx);
        if (found === null) return { row: before, deed: null };
        if (before.steps >= STEPS_MAX)
          refused('too-many-steps', 'so much was said of this alert that nothing can be added');
        return { row: await write(tx, before, found, doer.by, now), deed: found };
      },
      {
        audit: (result) =>
          result.deed === null
            ? null
            : doer.audited(`alert-${result.deed.kind}`, id, {
                ...{ rule: result.row.rule, subject: result.row.subject },
                ...result.deed.detail,
              }),
      },
    );
    if (deed !== null) changed([row]);
    return row;
  }
}

/** The alert, which nobody else changes until the transaction ends; undefined where it is not in scope. */
function locked(
  tx: RelationalAccess,
  engine: Relational['engine'],
  id: string,
  scope?: string,
): Promise<AlertTable | undefined> {
  let query = alertTables(tx).selectFrom('alert').selectAll('alert').where('alert.id', '=', id);
  if (scope !== undefined) query = query.where(standsIn(scope));
  if (engine === 'postgres') query = query.forUpdate();
  return query.executeTakeFirst();
}

async function write(
  tx: RelationalAccess,
  before: AlertTable,
  { set, kind, detail }: Deed,
  by: string | null,
  at: number,
): Promise<AlertTable> {
  const changes = { ...set, steps: before.steps + 1 };
  await alertTables(tx).updateTable('alert').set(changes).where('id', '=', before.id).execute();
  const step = { alert: before.id, number: changes.steps, kind, at, by };
  await alertTables(tx)
    .insertInto('alert_step')
    .values({ ...step, detail: JSON.stringify(detail) })
    .execute();
  return { ...before, ...changes };
}

/** Whether an account is there whose area the alert lies in. */
async function sees(tx: RelationalAccess, account: string, alert: string): Promise<boolean> {
  const found = await tx.people.account(account);
  if (found === null || found.lockedAt !== null) return false;
  const there = await alertTables(tx)
    .selectFrom('alert')
    .select('alert.id')
    .where('alert.id', '=', alert)
    .where(standsIn(found.area))
    .executeTakeFirst();
  return there !== undefined;
}
