/** How long the transaction that is begun may take: known to whoever runs it, and needed by the connection that begins it. */
import { AsyncLocalStorage } from 'node:async_hooks';

const limits = new AsyncLocalStorage<number>();

/** Begins transactions in `work` that end after so many milliseconds. */
export const withLimit = <R>(limitMs: number, work: () => R): R => limits.run(limitMs, work);

/** What a transaction that begins here may take, ms; the connection's own limit where nobody said another, null for none. */
export const limitHere = (own: number | null): number | null =>
  own === null ? null : (limits.getStore() ?? own);
