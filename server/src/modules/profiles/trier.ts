/** Finds the kept-aside messages of a type's devices that somebody may see, and has them tried by a profile under check. */
import type * as api from '@village/api';
import { type Device, formatTime, Slices } from '@village/core';
import type { Caller } from '@village/platform';
import type { StoredDeadLetter } from '@village/store/time-series';
import type { Needs } from '../needs.ts';
import { inThread } from './bounded-thread.ts';
import { type Checked, typeIn, whole } from './checker.ts';

/** The newest messages, so many, and of so many bytes. */
const ENTRIES_MAX = 50;
const BYTES_MAX = 2 * 1024 * 1024;
/** What is read in one turn, and of the table at all: it holds half of this. */
const TURN = { rowsMax: 1_000, bytesMax: 4 * 1024 * 1024, payloadBytesMax: 0 } as const;
const LOOKED_AT_MAX = 20_000;

export interface ToTry {
  readonly text: string;
  readonly devices: readonly Device[];
  readonly entries: readonly StoredDeadLetter[];
  readonly now: number;
}

export type TriedEntry = Pick<
  api.profiles.TriedMessage,
  'id' | 'readings' | 'readingsCount' | 'events' | 'refused' | 'parts'
>;

/** What a thread says of a file and the messages. */
export interface TriedFile extends Checked {
  readonly tried: TriedEntry[];
}

/** Ids of the open messages of a type's devices in the caller's area, oldest first. */
async function openOf(needs: Needs, caller: Caller, type: string): Promise<number[]> {
  const { directory, store } = needs;
  const ids: number[] = [];
  const slices = new Slices();
  for (let after: number | null = 0, read = 0; after !== null && read < LOOKED_AT_MAX; ) {
    const { entries, next, looked } = store.lookThroughDeadLetters({
      ...{ ...TURN, after, state: 'open' },
    });
    for (const { id, device } of entries) {
      const entry = device === null ? undefined : directory.entry(caller.area, device);
      if (entry?.retiredAt === null && entry.profile.id === type) ids.push(id);
    }
    read += looked;
    after = next;
    await slices.next();
  }
  return ids;
}

/** The newest of them with all of their bytes, newest first. */
function newestOf({ store }: Needs, ids: readonly number[]): StoredDeadLetter[] {
  const entries: StoredDeadLetter[] = [];
  let bytes = 0;
  for (const id of ids.toReversed()) {
    const entry = store.deadLetterById(id);
    // Somebody has run it meanwhile, or it made room.
    if (entry?.state !== 'open') continue;
    bytes += entry.bytes;
    if (bytes > BYTES_MAX || entries.length === ENTRIES_MAX) break;
    entries.push(entry);
  }
  return entries;
}

/** Tries the text of a file on what is kept aside. `type` is the id that the file claims. */
export async function tryProfile(
  needs: Needs,
  caller: Caller,
  text: string,
): Promise<api.profiles.TriedProfile> {
  const { directory } = needs;
  const type = typeIn(text);
  const ids = await openOf(needs, caller, type);
  const entries = newestOf(needs, ids);
  const names = new Set(entries.map(({ device }) => device));
  const devices = [...names].flatMap((id) => (id === null ? [] : (directory.device(id) ?? [])));
  const toTry: ToTry = { text, devices, entries, now: needs.clock() };
  const thread = new URL('./try-thread.ts', import.meta.url);
  const failed = (message: string): TriedFile => ({ ...whole(message), tried: [] });
  const { faults, profile, tried } = await inThread(thread, toTry, failed);
  // What the text seems to say and what it says may differ: its messages are those of another type then.
  const own = profile?.id === type ? tried : [];
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  return {
    faults,
    profile,
    open: profile?.id === type ? ids.length : 0,
    tried: own.flatMap((one) => {
      const entry = byId.get(one.id);
      if (entry === undefined || entry.device === null) return [];
      const { device, topic, reason, message, part, receivedAt } = entry;
      return {
        ...one,
        ...{ device, name: directory.known(device)?.device.name ?? device, topic },
        receivedAt: formatTime(receivedAt),
        was: { reason, message, place: part?.place ?? null },
      };
    }),
  };
}
