/** The engines' errors as ours, named by what they are. What is left over is a bug of ours and passes as it came. */
import { OperationalError } from '@village/core';

/** The database can't be reached, written or waited for; the same call may succeed later. */
export function unavailable(cause: unknown): OperationalError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new OperationalError('relational-unavailable', `relational store: ${message}`, {
    retry: true,
    cause,
  });
}

/** Whether the tables refused: a key that is there already, a reference to nothing, a value out of its range. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof OperationalError && REFUSALS.has(error.code);

const REFUSALS = new Set(['already-exists', 'unknown-reference', 'value-refused']);

/** SQLite's extended result codes of constraint faults. */
const SQLITE_CONSTRAINT = 19;
const SQLITE_REFUSALS: Readonly<Record<number, string>> = {
  1555: 'already-exists',
  2067: 'already-exists',
  2579: 'already-exists',
  787: 'unknown-reference',
};
/** SQLITE_ERROR (a statement that can't be), SQLITE_MISUSE and SQLITE_RANGE: our own code is wrong. */
const SQLITE_BUGS = new Set([1, 21, 25]);

const POSTGRES_REFUSALS: Readonly<Record<string, string>> = {
  23505: 'already-exists',
  23503: 'unknown-reference',
};
/** A text with a NUL, which PostgreSQL keeps in no column. */
const POSTGRES_NO_TEXT = '22021';
/** Classes of SQLSTATE that tell of a wrong statement. */
const POSTGRES_BUGS = /^(42|22|0A|2F)...$/;

interface EngineError {
  readonly message?: unknown;
  readonly errcode?: unknown;
  readonly code?: unknown;
}

/** What a statement's error is to the caller. */
export function faultOf(error: unknown): Error & { readonly code?: string } {
  if (error instanceof OperationalError) return error;
  const { errcode, code, message } = (error ?? {}) as EngineError;
  const refused = (name: string): OperationalError =>
    new OperationalError(name, `refused: ${String(message)}`, { cause: error });
  if (typeof errcode === 'number') {
    if ((errcode & 0xff) === SQLITE_CONSTRAINT)
      return refused(SQLITE_REFUSALS[errcode] ?? 'value-refused');
    return SQLITE_BUGS.has(errcode) ? (error as Error) : unavailable(error);
  }
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
    if (code.startsWith('23')) return refused(POSTGRES_REFUSALS[code] ?? 'value-refused');
    if (code === POSTGRES_NO_TEXT)
      return new OperationalError('bad-text', 'a text holds a character that can not be kept');
    // The audit log's trigger refuses by raising.
    if (code === 'P0001') return refused('value-refused');
    return POSTGRES_BUGS.test(code) ? (error as Error) : unavailable(error);
  }
  if (error instanceof TypeError || (error instanceof Error && error.message.startsWith('BUG:')))
    return error;
  return unavailable(error);
}
