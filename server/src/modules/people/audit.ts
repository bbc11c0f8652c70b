/** The audit log: searching it, saving what was found as a file, and deleting what is older than it is kept. */
import { Readable } from 'node:stream';
import * as api from '@village/api';
import { CSV_MARK, csvCell, formatTime, OperationalError } from '@village/core';
import {
  type AnyRoute,
  answer,
  type Call,
  cursorOf,
  instant,
  type Logger,
  openCursor,
  route,
} from '@village/platform';
import type {
  AuditFilter,
  AuditPage,
  AuditPlace,
  Relational,
  StoredAuditEntry,
} from '@village/store/relational';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';

/** Entries deleted in one transaction, so that years of them hold up nobody. */
const TRIMMED_AT_ONCE = 20_000;

/** What a search asks for, as the store takes it. */
function filterOf(query: Call<typeof api.audit.save>['query']): AuditFilter {
  const { q, from, to, actor, action, outcome } = query;
  return {
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(q === undefined || q.trim() === '' ? {} : { text: q.trim() }),
    ...(from === undefined ? {} : { from: instant(from, 'from') }),
    ...(to === undefined ? {} : { to: instant(to, 'to') }),
  };
}

/** Entries of a file that are read at once. */
const FILE_PAGE = 1_000;

/** The route that lists it. */
export function auditRoute({ relational, sending }: Needs): AnyRoute {
  return route(api.audit.list, async (call) => {
    const { limit = 100, cursor } = call.query;
    const opened = openCursor(cursor, ['number', 'number']) as [number, number] | null;
    const before = opened === null ? undefined : { at: opened[0], id: opened[1] };
    const { entries, next } = await relational.audit.search(filterOf(call.query), {
      ...{ limit, before },
    });
    const view = (entry: StoredAuditEntry) => ({ ...entry, at: formatTime(entry.at) });
    const fields = { next: next === null ? null : cursorOf(next.at, next.id) };
    return streamed(call, sending, { fields, items: entries, view });
  });
}

const COLUMNS = ['id', 'at', 'actor', 'address', 'action', 'target', 'outcome', 'detail'];

const line = (cells: readonly (string | number)[]): string => `${cells.map(csvCell).join(',')}\r\n`;

const lineOf = (entry: StoredAuditEntry): string =>
  line([
    ...[entry.id, formatTime(entry.at), entry.actor, entry.address],
    ...[entry.action, entry.target, entry.outcome, JSON.stringify(entry.detail)],
  ]);

/** The file, a page of the log at a time: the next is read when the asker has taken the one before. */
export async function* fileOf(
  relational: Relational,
  filter: AuditFilter,
  most: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield CSV_MARK + line(COLUMNS);
  let left = most;
  let before: AuditPlace | null = null;
  do {
    signal.throwIfAborted();
    // One more than there is room for tells whether there is more.
    const { entries, next }: AuditPage = await relational.audit.search(filter, {
      limit: Math.min(FILE_PAGE, left + 1),
      ...(before === null ? {} : { before }),
    });
    yield entries.slice(0, left).map(lineOf).join('');
    const leftOut = entries[left];
    if (leftOut !== undefined) {
      yield line(['more', formatTime(leftOut.at), '', '', '', '', '', '']);
      return;
    }
    left -= entries.length;
    before = next;
  } while (before !== null);
}

/** The route that gives it as a file; each asker has one at a time, and `most` is how many entries it holds at most. */
export function auditFileRoute(
  { relational }: Pick<Needs, 'relational'>,
  most = api.audit.FILE_ENTRIES_MAX,
): AnyRoute {
  const askers = new Set<string>();
  return route(api.audit.save, async (call) => {
    const { actor } = call.caller;
    const filter = filterOf(call.query);
    if (askers.has(actor))
      throw new OperationalError('busy', 'another file of the audit log is being sent to you', {
        retry: true,
      });
    askers.add(actor);
    const over = new AbortController();
    call.whenOver(() => {
      askers.delete(actor);
      over.abort();
    });
    await relational.audit.append(call.audited('export-audit', '', { ...call.query }));
    return answer(200, Readable.from(fileOf(relational, filter, most, over.signal)), {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="audit.csv"',
    });
  });
}

/** Deletes entries from before that time; the log says itself that it was cut. Returns how many there were. */
export async function trimAudit(
  relational: Relational,
  before: number,
  log: Pick<Logger, 'info'>,
): Promise<number> {
  let deleted = 0;
  for (;;) {
    const now = await relational.transaction((tx) => tx.audit.trim(before, TRIMMED_AT_ONCE), {
      audit: (count) =>
        count === 0
          ? null
          : {
              actor: 'server',
              address: '',
              action: 'trim-audit',
              target: '',
              outcome: 'done',
              detail: { deleted: count, before: formatTime(before) },
            },
    });
    deleted += now;
    if (now < TRIMMED_AT_ONCE) break;
  }
  if (deleted > 0) log.info({ deleted }, 'old audit entries deleted');
  return deleted;
}
