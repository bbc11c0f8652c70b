/** The module of quarantine: input that could not be used, and its re-run. */
import { quarantine } from '@village/api';
import { formatTime, OperationalError, Slices } from '@village/core';
import {
  type Call,
  type Caller,
  cursorOf,
  defineModule,
  openCursor,
  route,
} from '@village/platform';
import type { StoredDeadLetter } from '@village/store/time-series';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';

/** Rows looked at for one page: an asker with a small area gets a short page and a cursor rather than a long wait. */
const LOOKED_AT_MAX = 20_000;
/** What is read in one turn: some milliseconds. */
const TURN = { rowsMax: 1_000, bytesMax: 4 * 1024 * 1024 } as const;
/** Bytes of a page: an entry may tell of two thousand metrics. */
const PAGE_BYTES = 1024 * 1024;
/** A character of UTF-8 takes four bytes at most. */
const TEXT_BYTES = 4 * quarantine.TEXT_IN_LISTS;

/** Entries of devices in scope; what belongs to no known device is seen at the top only. */
function maySee({ directory }: Needs, caller: Caller, entry: StoredDeadLetter): boolean {
  if (entry.device !== null && directory.known(entry.device) !== undefined)
    return directory.entry(caller.area, entry.device) !== undefined;
  return directory.isTop(caller.area);
}

/** The payload as text, when it is text; a beginning may end inside a character. */
function textOf({ payload, bytes }: StoredDeadLetter): { readonly text?: string } {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return { text: decoder.decode(payload, { stream: payload.length < bytes }) };
  } catch (error) {
    if (error instanceof TypeError) return {};
    throw error;
  }
}

function viewRow(
  { directory }: Needs,
  entry: StoredDeadLetter,
): Omit<quarantine.QuarantineRow, 'text'> {
  const { id, source, device, topic, reason, message, bytes, state, part } = entry;
  return {
    id,
    receivedAt: formatTime(entry.receivedAt),
    source,
    gateway: directory.holder(source)?.kind === 'gateway' ? source : null,
    device,
    topic,
    reason,
    message,
    part:
      part === undefined
        ? null
        : {
            at: formatTime(part.at),
            place: part.place,
            metric: part.metric,
            taken: [...part.taken],
          },
    bytes,
    state,
  };
}

function viewListed(needs: Needs, entry: StoredDeadLetter): quarantine.QuarantineRow {
  const { text } = textOf(entry);
  const beginning = text === undefined ? {} : { text: text.slice(0, quarantine.TEXT_IN_LISTS) };
  return { ...viewRow(needs, entry), ...beginning };
}

function findEntry(needs: Needs, caller: Caller, id: number): quarantine.QuarantineEntry {
  const entry = needs.store.deadLetterById(id);
  // What is not the asker's to see is as good as not there.
  if (entry === null || !maySee(needs, caller, entry))
    throw new OperationalError('not-found', `there is no entry ${id}`);
  const payload = Buffer.from(entry.payload).toString('base64');
  return { ...viewRow(needs, entry), payload, ...textOf(entry) };
}

/** About how many bytes an entry has in a list. */
const bytesOf = ({ topic, message, part }: StoredDeadLetter): number =>
  TEXT_BYTES + topic.length + message.length + (part?.taken ?? []).join().length;

async function listQuarantine(
  needs: Needs,
  { caller, query, signal }: Call<typeof quarantine.list>,
): Promise<{ items: StoredDeadLetter[]; next: string | null }> {
  const { limit = 100, state } = query;
  let after = (openCursor(query.cursor, ['number'])?.[0] as number | undefined) ?? 0;
  const items: StoredDeadLetter[] = [];
  let bytes = 0;
  const slices = new Slices();
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; ) {
    const asked = { ...TURN, after, state, payloadBytesMax: TEXT_BYTES };
    const { entries, next, looked } = needs.store.lookThroughDeadLetters(asked);
    for (const entry of entries) {
      if (!maySee(needs, caller, entry)) continue;
      items.push(entry);
      bytes += bytesOf(entry);
      if (items.length === limit || bytes >= PAGE_BYTES) return { items, next: cursorOf(entry.id) };
    }
    if (next === null) return { items, next: null };
    after = next;
    lookedAt += looked;
    await slices.next();
    signal.throwIfAborted();
  }
  return { items, next: cursorOf(after) };
}

/** Open entries that a caller may run again, looked at a step at a time. */
async function openToRun(
  needs: Needs,
  caller: Caller,
  wanted: ReadonlySet<number> | null,
): Promise<number[]> {
  const ids: number[] = [];
  const slices = new Slices();
  for (let after: number | null = 0, read = 0; after !== null && read < quarantine.RERUN_MAX; ) {
    const asked = { ...TURN, after, state: 'open', payloadBytesMax: 0 } as const;
    const { entries, next } = needs.store.lookThroughDeadLetters(asked);
    for (const entry of entries.slice(0, quarantine.RERUN_MAX - read))
      if (wanted?.has(entry.id) !== false && maySee(needs, caller, entry)) ids.push(entry.id);
    read += entries.length;
    after = next;
    await slices.next();
  }
  return ids;
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
    const { pipeline, relational, sending } = needs;
    return {
      routes: [
        route(quarantine.list, async (call) => {
          const { items, next } = await listQuarantine(needs, call);
          const view = (entry: StoredDeadLetter) => viewListed(needs, entry);
          return streamed(call, sending, { fields: { next }, items, view });
        }),
        route(quarantine.get, ({ caller, params }) => findEntry(needs, caller, Number(params.id))),
        route(quarantine.rerun, async ({ caller, body, audited }) => {
          const wanted = body.ids === undefined ? null : new Set(body.ids);
          const ids = await openToRun(needs, caller, wanted);
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
