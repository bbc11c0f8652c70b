/** What routes share in reading queries: instants, durations, lists of words and cursors. */
import { DAY, OperationalError, parseDuration, parseTime } from '@village/core';

/** Longest time that one question may span, ms: eleven years. */
const SPAN_MAX = 4_018 * DAY;

/** Milliseconds of a time in a query. @throws bad-time */
export function instant(text: string, name: string): number {
  const at = parseTime(text);
  if (Number.isNaN(at))
    throw new OperationalError('bad-time', `${name}: not an RFC 3339 time with a zone`);
  return at;
}

/** `from` ≤ at < `to`. @throws bad-time */
export function span(query: { from: string; to: string }): { from: number; to: number } {
  const from = instant(query.from, 'from');
  const to = instant(query.to, 'to');
  if (from >= to) throw new OperationalError('bad-time', 'to: must be later than from');
  if (to - from > SPAN_MAX) throw new OperationalError('bad-time', 'from: more than 11 years');
  return { from, to };
}

/** Milliseconds of a duration in a query. @throws bad-duration */
export function lasting(text: string, name: string, least: number): number {
  const negative = text.startsWith('-');
  const ms = parseDuration(negative ? text.slice(1) : text) * (negative ? -1 : 1);
  if (!(ms >= least)) throw new OperationalError('bad-duration', `${name}: such as 10m, 1h or 1d`);
  return ms;
}

/** Words with commas between; undefined when the parameter is absent. */
export function list(text: string | undefined): string[] | undefined {
  return text?.split(',').filter((word) => word !== '');
}

/** What a cursor of ours holds. @throws bad-cursor */
export function openCursor(text: string | undefined, kinds: readonly string[]): unknown[] | null {
  if (text === undefined) return null;
  const bad = (): never => {
    throw new OperationalError('bad-cursor', 'cursor: not one that this list gave');
  };
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return bad();
    throw error;
  }
  if (!Array.isArray(parts) || parts.length !== kinds.length) return bad();
  // Numbers of ours are times, places and ids: a database takes nothing else for one.
  const fits = (part: unknown, n: number): boolean =>
    typeof part === kinds[n] && (typeof part !== 'number' || Number.isSafeInteger(part));
  return parts.every(fits) ? parts : bad();
}

/** A cursor that `openCursor` reads. */
export function cursorOf(...parts: (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts), 'utf8').toString('base64url');
}

/** One page of a list that is in memory whole, in the order of a key that no two items share. */
export function pageByKey<T>(
  all: readonly T[],
  key: (item: T) => string,
  { limit = 1000, cursor }: { limit?: number; cursor?: string },
): { items: T[]; next: string | null } {
  const after = openCursor(cursor, ['string'])?.[0] as string | undefined;
  const rest = all
    .filter((item) => after === undefined || key(item) > after)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last === undefined || rest.length <= limit ? null : cursorOf(key(last)) };
}

/** Stops a request because the thing is not there, or not for this caller: the two look the same. */
export function notFound(what: string): never {
  throw new OperationalError('not-found', `no such ${what}`);
}
