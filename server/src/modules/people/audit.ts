/** The audit log: searching it, and deleting what is older than it is kept. */
import * as api from '@village/api';
import { formatTime } from '@village/core';
import {
  type AnyRoute,
  cursorOf,
  instant,
  type Logger,
  openCursor,
  route,
} from '@village/platform';
import type { Relational, StoredAuditEntry } from '@village/store/relational';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';

/** Entries deleted in one transaction, so that years of them hold up nobody. */
const TRIMMED_AT_ONCE = 20_000;

/** The route that lists it. */
export function auditRoute({ relational, sending }: Needs): AnyRoute {
  return route(api.audit.list, async (call) => {
    const { limit = 100, cursor, q, from, to, actor, action, outcome } = call.query;
    const opened = openCursor(cursor, ['number', 'number']) as [number, number] | null;
    const before = opened === null ? undefined : { at: opened[0], id: opened[1] };
    const { entries, next } = await relational.audit.search(
      {
        ...(actor === undefined ? {} : { actor }),
        ...(action === undefined ? {} : { action }),
        ...(outcome === undefined ? {} : { outcome }),
        ...(q === undefined || q.trim() === '' ? {} : { text: q.trim() }),
        ...(from === undefined ? {} : { from: instant(from, 'from') }),
        ...(to === undefined ? {} : { to: instant(to, 'to') }),
      },
      { limit, before },
    );
    const view = (entry: StoredAuditEntry) => ({ ...entry, at: formatTime(entry.at) });
    const fields = { next: next === null ? null : cursorOf(next.at, next.id) };
    return streamed(call, sending, { fields, items: entries, view });
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
