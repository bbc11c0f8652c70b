/**
 * Makes one of what the tables have as open and what the engine knows. After a usual start there is nothing to do. There is where the engine
 * has lost its memory, where rules or what is registered became others while nobody looked, or where the tables were brought back.
 */
import { isWorse } from '@village/core';
import type { RelationalAccess } from '@village/store/relational';
import { keyOf } from '../alerts/keeper.ts';
import { type AlertTable, alertTables, suppressionsOf } from '../alerts/tables.ts';
import type { AlertKey, Engine, OpenAlert, Transition } from '../engine/index.ts';

/** Alerts whose condition holds, as the tables have it. */
export const activeAlerts = (access: Pick<RelationalAccess, 'for'>): Promise<AlertTable[]> =>
  alertTables(access)
    .selectFrom('alert')
    .selectAll()
    .where('closed_at', 'is', null)
    .where('active', '=', 1)
    .orderBy('id')
    .execute();

export interface Reconciled {
  /** Alerts that the engine goes on with. */
  readonly adopted: number;
  /** What is to be put down. */
  readonly told: readonly Transition[];
}

const NOTHING = { value: null, limit: null, suppression: null, by: null } as const;

const keyOfRow = ({ rule, subject, discriminator }: AlertTable): AlertKey => ({
  ...{ rule, subject, discriminator: discriminator as AlertKey['discriminator'] },
});

/** What keeps its news back until that is over. */
function heldBy({
  suppression,
  inhibited_by: by,
}: AlertTable): Pick<OpenAlert, 'suppression' | 'by'> {
  const why = suppressionsOf(suppression);
  if (why.includes('inhibited')) return { suppression: 'inhibited', by };
  return { suppression: why.includes('outside-schedule') ? 'outside-schedule' : null, by: null };
}

export function reconcile(engine: Engine, rows: readonly AlertTable[]): Reconciled {
  const at = engine.now;
  const open = new Map([...engine.open()].map((one) => [keyOf(one), one]));
  const told: Transition[] = [];
  let adopted = 0;
  for (const row of rows) {
    const key = keyOfRow(row);
    const own = open.get(keyOf(key));
    open.delete(keyOf(key));
    const { severity, began_at: since } = row;
    if (own !== undefined) told.push(...differences(row, own, at));
    else if (engine.adopt({ ...key, severity, since, ...heldBy(row) })) adopted++;
    else told.push({ ...key, kind: 'close', severity, at, since, ...NOTHING });
  }
  // What is left the tables do not have.
  for (const { since, ...one } of open.values())
    told.push({ ...NOTHING, ...one, kind: 'open', at, since });
  return { adopted, told };
}

function* differences(row: AlertTable, own: OpenAlert, at: number): Generator<Transition> {
  const { severity, since } = own;
  const key = keyOfRow(row);
  if (heldBy(row).suppression !== null && own.suppression === null)
    yield { ...key, kind: 'released', severity, at, since, ...NOTHING };
  if (severity !== row.severity) {
    const kind = isWorse(severity, row.severity) ? 'worse' : 'milder';
    yield { ...key, kind, severity, at, since, ...NOTHING };
  }
}
