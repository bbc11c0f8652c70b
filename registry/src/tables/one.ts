/** One area, device or gateway: that it is still as somebody saw it, and its credential. */
import { OperationalError } from '@village/core';
import { inTransaction } from '@village/store/relational';
import { stateWord } from '../state-word.ts';
import { toArea } from './areas.ts';
import type { Credential, Subject } from './contract.ts';
import { toDevice } from './devices.ts';
import { toGateway } from './gateways.ts';
import type { Db } from './rows.ts';
import { bumpVersion } from './version.ts';

async function fieldsOf(db: Db, { kind, id }: Subject): Promise<object | undefined> {
  if (kind === 'gateway') {
    const row = await db.selectFrom('gateway').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : toGateway(row);
  }
  if (kind === 'device') {
    const row = await db.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : toDevice(row);
  }
  const row = await db.selectFrom('area').selectAll().where('code', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  // The path follows from what is above it.
  const { path, ...fields } = toArea(row);
  return fields;
}

/** The word of its state; null when there is none. */
async function versionOf(db: Db, subject: Subject): Promise<string | null> {
  const fields = await fieldsOf(db, subject);
  if (fields === undefined) return null;
  const credential = await db
    .selectFrom('credential')
    .select('hash')
    .where('id', '=', subject.id)
    .executeTakeFirst();
  return stateWord(fields, credential?.hash);
}

/**
 * Holds whatever else would change it until the transaction ends. @throws changed-meanwhile when it is in another state, or there
 * is none where there should be one, or one where there should be none (null)
 */
export async function expectVersion(
  trx: Db,
  subject: Subject,
  version: string | null,
): Promise<void> {
  await bumpVersion(trx);
  if ((await versionOf(trx, subject)) === version) return;
  throw new OperationalError(
    'changed-meanwhile',
    version === null
      ? `${subject.id} is there already`
      : `somebody else has changed ${subject.id} meanwhile: look at what it is now, and change that`,
  );
}

/** Gives a device or gateway another secret or key. */
export async function saveCredential(db: Db, credential: Credential): Promise<void> {
  await inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    await trx
      .insertInto('credential')
      .values(credential)
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ hash: credential.hash }))
      .execute();
  });
}
