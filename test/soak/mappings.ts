/** What a process's memory is made of, by kind of mapping, as Linux tells: so that what grows can be named. */
import { readFileSync } from 'node:fs';

export type Kind = 'files' | 'heap' | 'arenas' | 'stacks' | 'other';

interface Mapping {
  readonly from: number;
  readonly to: number;
  readonly rights: string;
  readonly name: string;
  readonly kilobytes: number;
}

/** glibc gives each thread's arena its memory in spans of so much, at multiples of it; what is not used yet is closed. */
const ARENA_BYTES = 64 * 1024 * 1024;
/** What closes a thread's stack is no larger. */
const GUARD_BYTES = 64 * 1024;
const CLOSED = '---p';

function mappings(smaps: string): Mapping[] {
  const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/;
  const found: Mapping[] = [];
  for (const part of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const match = head.exec(part.slice(0, part.indexOf('\n')));
    if (match === null) continue;
    const [, from = '', to = '', rights = '', name = ''] = match;
    found.push({
      ...{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), rights, name },
      kilobytes: Number(/^Rss:\s+(\d+) kB$/m.exec(part)?.[1] ?? 0),
    });
  }
  return found;
}

/** Megabytes in memory by kind; `other` is what V8, DuckDB and large pieces of malloc take from the system themselves. */
export function kindsOf(smaps: string): Record<Kind, number> {
  const kinds: Record<Kind, number> = { files: 0, heap: 0, arenas: 0, stacks: 0, other: 0 };
  const all = mappings(smaps);
  for (const [n, one] of all.entries()) {
    const { from, to, rights, name, kilobytes } = one;
    const before = all[n - 1];
    const after = all[n + 1];
    const guarded =
      before?.rights === CLOSED && before.to === from && before.to - before.from <= GUARD_BYTES;
    const end = after?.rights === CLOSED && after.from === to ? after.to : to;
    const kind: Kind =
      name === '[heap]'
        ? 'heap'
        : name.startsWith('/')
          ? 'files'
          : rights.startsWith('rw') && from % ARENA_BYTES === 0 && end % ARENA_BYTES === 0
            ? 'arenas'
            : name === '[stack]' || (guarded && rights.startsWith('rw'))
              ? 'stacks'
              : 'other';
    kinds[kind] += kilobytes / 1024;
  }
  return kinds;
}

export function kindsOfProcess(pid: number): Record<Kind, number> | null {
  try {
    return kindsOf(readFileSync(`/proc/${pid}/smaps`, 'utf8'));
  } catch {
    return null;
  }
}
