/** Transactions: in order, one at a time, with an end, and with their audit entries inside. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { bug, OperationalError } from '@village/core';
import type { Kysely, Transaction } from 'kysely';
import type { AuditEntry, RelationalAccess, TransactionOptions } from './contract.ts';
import { withLimit } from './engines/limit.ts';
import type { Turns } from './engines/turns.ts';
import { faultOf } from './faults.ts';

/** The work in the transaction it is called in; in one of its own otherwise. */
export function inTransaction<T, R>(
  db: Kysely<T>,
  work: (trx: Kysely<T>) => Promise<R>,
): Promise<R> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}

const inside = new AsyncLocalStorage<true>();

const conditions = new AsyncLocalStorage<(tx: RelationalAccess) => Promise<void>>();

/**
 * Runs work whose transactions each begin with that condition: what it throws undoes them. They may have waited for others, and
 * whoever they are done for may have lost their rights meanwhile.
 */
export const onCondition = <R>(
  condition: (tx: RelationalAccess) => Promise<void>,
  work: () => R,
): R => conditions.run(condition, work);

const tooLong = (limitMs: number): OperationalError =>
  new OperationalError(
    'transaction-timeout',
    `a transaction took longer than ${limitMs / 1000} s and was undone`,
    { retry: true },
  );

const entriesOf = <R>(options: TransactionOptions<R>, result: R): readonly AuditEntry[] => {
  const { audit } = options;
  const found = typeof audit === 'function' ? audit(result) : audit;
  if (found === undefined || found === null) return [];
  return Array.isArray(found) ? found : [found as AuditEntry];
};

/** Runs work in transactions of `db`, one after the other, as `turns` has them. */
export function runner<T>(
  db: Kysely<T>,
  access: (trx: Kysely<T>) => RelationalAccess,
  turns: Turns,
  usualMs: number,
): <R>(work: (tx: RelationalAccess) => Promise<R>, options?: TransactionOptions<R>) => Promise<R> {
  const attempt = async <R>(
    trx: Transaction<T>,
    work: (tx: RelationalAccess) => Promise<R>,
    options: TransactionOptions<R>,
  ): Promise<R> => {
    const tx = access(trx);
    const result = await inside.run(true, async () => {
      await conditions.getStore()?.(tx);
      return work(tx);
    });
    for (const entry of entriesOf(options, result)) await tx.audit.append(entry);
    return result;
  };
  return async (work, options = {}) => {
    if (inside.getStore() === true) bug('a transaction was begun inside of another');
    const release = await turns.take();
    const { limitMs = usualMs } = options;
    try {
      const trx = await withLimit(limitMs, () => db.startTransaction().execute());
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(tooLong(limitMs)), limitMs);
      });
      try {
        const result = await Promise.race([attempt(trx, work, options), late]);
        clearTimeout(timer);
        await trx.commit().execute();
        return result;
      } catch (error) {
        clearTimeout(timer);
        if (!trx.isCommitted && !trx.isRolledBack)
          await trx
            .rollback()
            .execute()
            // The connection is gone, and the transaction with it.
            .catch(() => undefined);
        throw error;
      }
    } catch (error) {
      throw faultOf(error);
    } finally {
      release();
    }
  };
}
