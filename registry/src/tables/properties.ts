/** Labels and attributes of devices and areas, each with its validity. */
import { OperationalError } from '@village/core';
import { inTransaction } from '@village/store/relational';
import type { Selectable } from 'kysely';
import { stateWord } from '../state-word.ts';
import type { Property, PropertyChange, PropertyOwner } from './contract.ts';
import type { Db } from './rows.ts';
import type { PropertyTable } from './schema.ts';
import { bumpVersion } from './version.ts';

/** The history of one property after somebody said what it is from a time on: what was said of later times stays. */
export function changed(history: readonly Property[], change: PropertyChange): Property[] {
  const { since, value, kind, key, by } = change;
  const before = history
    .filter((one) => one.since < since)
    .map((one) => ({ ...one, until: Math.min(one.until ?? since, since) }));
  const after = history.filter((one) => one.since > since);
  const until = after[0]?.since ?? null;
  const now = value === null ? [] : [{ kind, key, value, since, until, by }];
  return [...before, ...now, ...after];
}

export const toProperty = (row: Selectable<PropertyTable>): Property => ({
  kind: row.kind,
  key: row.key,
  value: row.text ?? row.number ?? 0,
  since: row.since,
  until: row.until,
  by: row.by,
});

export async function listProperties(db: Db, owner: PropertyOwner): Promise<Property[]> {
  const rows = await db
    .selectFrom('property')
    .selectAll()
    .where('owner_kind', '=', owner.kind)
    .where('owner', '=', owner.id)
    .orderBy('kind')
    .orderBy('key')
    .orderBy('since')
    .execute();
  return rows.map(toProperty);
}

/** The word of all that was ever said of one device or area. */
export const propertiesWord = (all: readonly Property[]): string => stateWord({ all }, undefined);

/** @throws changed-meanwhile when what was said is not what whoever asks has seen; not asked for without a version */
export function changeProperties(
  db: Db,
  owner: PropertyOwner,
  changes: readonly PropertyChange[],
  version?: string,
): Promise<void> {
  return inTransaction(db, async (trx) => {
    // Before it is read: of two transactions that change the registry the second waits here.
    await bumpVersion(trx);
    const known = await listProperties(trx, owner);
    if (version !== undefined && version !== propertiesWord(known))
      throw new OperationalError(
        'changed-meanwhile',
        `somebody else has described ${owner.id} meanwhile: look at what is said now, and change that`,
      );
    for (const change of changes) {
      const history = known.filter(({ kind, key }) => kind === change.kind && key === change.key);
      await trx
        .deleteFrom('property')
        .where('owner_kind', '=', owner.kind)
        .where('owner', '=', owner.id)
        .where('kind', '=', change.kind)
        .where('key', '=', change.key)
        .execute();
      const rows = changed(history, change).map(({ value, ...rest }) => ({
        owner_kind: owner.kind,
        owner: owner.id,
        ...rest,
        text: typeof value === 'string' ? value : null,
        number: typeof value === 'number' ? value : null,
      }));
      if (rows.length > 0) await trx.insertInto('property').values(rows).execute();
    }
  });
}
