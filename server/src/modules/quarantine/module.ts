/** The module of quarantine: input that could not be used, and its re-run. */
import { quarantine } from '@village/api';
import { formatTime } from '@village/core';
import { type Caller, cursorOf, defineModule, openCursor, route } from '@village/platform';
import type { StoredDeadLetter } from '@village/store/time-series';
import type { Static } from 'typebox';
import type { Needs } from '../needs.ts';

/** Rows looked at for one page: an asker with a small area gets a short page and a cursor rather than a long wait. */
const LOOKED_AT_MAX = 20_000;
/** Quarantined payloads are up to 256 KiB each. */
const PAYLOADS = 100;

/** Entries of devices in scope; what belongs to no known device is seen at the top only. */
function maySee({ directory }: Needs, caller: Caller, entry: StoredDeadLetter): boolean {
  if (entry.device !== null && directory.holder(entry.device) !== undefined)
    return directory.entry(caller.area, entry.device) !== undefined;
  return directory.isTop(caller.area);
}

/** The payload as text, when it is text. */
function textOf(payload: Uint8Array): string | undefined {
  const text = Buffer.from(payload).toString('utf8');
  return text.includes('\u{fffd}') ? undefined : text;
}

function viewEntry(entry: StoredDeadLetter): quarantine.QuarantineRow {
  const text = textOf(entry.payload);
  const { id, source, device, topic, reason, message, state } = entry;
  return {
    id,
    receivedAt: formatTime(entry.receivedAt),
    source,
    device,
    topic,
    reason,
    message,
    payload: Buffer.from(entry.payload).toString('base64'),
    ...(text === undefined ? {} : { text }),
    state,
  };
}

function listQuarantine(
  needs: Needs,
  caller: Caller,
  query: Static<typeof quarantine.list.query>,
): { items: quarantine.QuarantineRow[]; next: string | null } {
  const { limit = 100, state } = query;
  let after = (openCursor(query.cursor, ['number'])?.[0] as number | undefined) ?? 0;
  const items: StoredDeadLetter[] = [];
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += PAYLOADS) {
    const found = needs.store.deadLetters({
      after,
      limit: PAYLOADS,
      ...(state === undefined ? {} : { state }),
    });
    for (const entry of found) {
      after = entry.id;
      if (maySee(needs, caller, entry)) items.push(entry);
      if (items.length === limit) break;
    }
    if (items.length === limit) break;
    if (found.length < PAYLOADS) return { items: items.map(viewEntry), next: null };
  }
  return { items: items.map(viewEntry), next: cursorOf(after) };
}

const works = ['officer', 'admin'] as const;

export const quarantineModule = defineModule<Needs>({
  name: 'quarantine',
  title: { zh: '隔离区', en: 'Quarantine' },
  rights: {
    'quarantine.read': { title: { zh: '查看隔离区', en: 'See quarantine' }, roles: works },
    'quarantine.rerun': { title: { zh: '重新处理', en: 'Re-run quarantine' }, roles: works },
  },
  start: (needs) => {
    const { store, pipeline, relational } = needs;
    return {
      routes: [
        route(quarantine.list, ({ caller, query }) => listQuarantine(needs, caller, query)),
        route(quarantine.rerun, async ({ caller, body, audited }) => {
          const wanted = body.ids === undefined ? null : new Set(body.ids);
          const ids = store
            .deadLetters({ limit: quarantine.RERUN_MAX, state: 'open' })
            .filter((entry) => wanted?.has(entry.id) !== false && maySee(needs, caller, entry))
            .map((entry) => entry.id);
          const result = await pipeline.rerunQuarantine(ids);
          const { accepted, refused } = result;
          const detail = { accepted, refused: refused.length };
          // The journal has its own commit: the entry follows what it tells.
          await relational.audit.append(audited('rerun-quarantine', '', detail));
          return result;
        }),
      ],
    };
  },
});
