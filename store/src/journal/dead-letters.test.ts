/** Who floods the quarantine makes room himself; of what comes twice one entry is kept; what was kept before stays. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, it } from 'vitest';
import type { DeadLetter } from './contract.ts';
import { DeadLetters } from './dead-letters.ts';
import { JournalDb, LOG_FILE, openDatabase } from './journal-db.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'letters-'));
  folders.push(folder);
  return folder;
}

const letter = (source: string, device: string, more: Partial<DeadLetter> = {}): DeadLetter => ({
  receivedAt: 1,
  source,
  device,
  topic: 't',
  reason: 'r',
  message: 'm',
  payload: Buffer.from('abc'),
  ...more,
});

function add(db: JournalDb, letters: DeadLetters, entries: readonly DeadLetter[]): void {
  db.transaction(() => letters.add(entries));
  letters.settle();
}
const kept = (letters: DeadLetters): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { source, device } of letters.list({ limit: 1_000 }))
    counts[`${source}/${device}`] = (counts[`${source}/${device}`] ?? 0) + 1;
  return counts;
};

it('a flood costs nobody else an entry, neither by its number nor by its bytes', () => {
  const db = new JournalDb(openDatabase(folderOf()));
  const letters = new DeadLetters(db, { entriesMax: 20, bytesMax: 10_000 });
  add(db, letters, [letter('quiet', 'q'), letter('gw', 'calm'), letter('gw', 'calm')]);
  for (let n = 0; n < 200; n++) add(db, letters, [letter('gw', 'loud'), letter('gw', 'loud')]);
  expect(kept(letters)).toEqual({ 'quiet/q': 1, 'gw/calm': 2, 'gw/loud': 17 });
  for (let n = 0; n < 20; n++)
    add(db, letters, [letter('fat', 'f', { payload: Buffer.alloc(2_000) })]);
  expect(kept(letters)).toMatchObject({ 'quiet/q': 1, 'gw/calm': 2, 'fat/f': 4 });
  // Names that a sender makes up give it no greater share.
  for (let n = 0; n < 200; n++) add(db, letters, [letter('liar', `ghost-${n}`)]);
  expect(kept(letters)).toMatchObject({ 'quiet/q': 1, 'gw/calm': 2 });
  expect(letters.entries).toBeLessThanOrEqual(20);
  db.close();
});

it('what was run again gives way before what still waits', () => {
  const db = new JournalDb(openDatabase(folderOf()));
  const letters = new DeadLetters(db, { entriesMax: 3, bytesMax: 10_000 });
  add(
    db,
    letters,
    ['a', 'b', 'c'].map((topic) => letter('s', 'd', { topic })),
  );
  const second = letters.list({ limit: 9 })[1]?.id ?? 0;
  letters.resolve([second], 'rerun');
  add(db, letters, [letter('s', 'd', { topic: 'e' })]);
  expect(letters.list({ limit: 9 }).map(({ topic }) => topic)).toEqual(['a', 'c', 'e']);
  db.close();
});

it('an entry of the same key is kept once, also after a commit that failed', () => {
  const folder = folderOf();
  let db = new JournalDb(openDatabase(folder));
  let letters = new DeadLetters(db, { entriesMax: 9, bytesMax: 10_000 });
  const part = { at: 5, place: 'p', metric: null, taken: ['x'], framing: '' };
  expect(() =>
    db.transaction(() => {
      letters.add([letter('s', 'd', { key: 'k', part })]);
      throw new Error('disk full');
    }),
  ).toThrow('disk full');
  letters.forget();
  expect(letters.entries).toBe(0);
  add(db, letters, [letter('s', 'd', { key: 'k', part }), letter('s', 'd', { key: 'k', part })]);
  add(db, letters, [letter('s', 'd', { key: 'k', part }), letter('s', 'd'), letter('s', 'd')]);
  expect(letters.entries).toBe(3);
  db.close();
  db = new JournalDb(openDatabase(folder));
  letters = new DeadLetters(db, { entriesMax: 9, bytesMax: 10_000 });
  expect(letters.entries).toBe(3);
  expect(letters.list({ limit: 1, payloadBytesMax: 2 })).toMatchObject([
    { part, bytes: 3, payload: new Uint8Array(Buffer.from('ab')) },
  ]);
  db.close();
});

it('a database of before gets its columns, and keeps its entries', () => {
  const folder = folderOf();
  const old = new DatabaseSync(join(folder, LOG_FILE));
  old.exec(`CREATE TABLE quarantine(
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL, device TEXT,
    topic TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, payload BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'open');
    INSERT INTO quarantine(received_at, source, topic, reason, message, payload) VALUES(1, 's', 't', 'r', 'm', x'6162')`);
  old.close();
  const db = new JournalDb(openDatabase(folder));
  const letters = new DeadLetters(db, { entriesMax: 9, bytesMax: 10_000 });
  add(db, letters, [letter('s', 'd', { key: 'k' })]);
  expect(letters.list({ limit: 9 })).toMatchObject([
    { id: 1, device: null, reason: 'r', bytes: 2 },
    { id: 2, device: 'd' },
  ]);
  expect(letters.list({ limit: 1 })[0]).not.toHaveProperty('part');
  expect(letters.byId(2)?.topic).toBe('t');
  expect(letters.byId(3)).toBeNull();
  db.close();
});

it('is looked through a bounded piece at a time, also where nothing is found, and each is met once', () => {
  const db = new JournalDb(openDatabase(folderOf()));
  const letters = new DeadLetters(db, { entriesMax: 1_000, bytesMax: 10_000_000 });
  const payload = Buffer.alloc(10_000, 'x');
  add(
    db,
    letters,
    Array.from({ length: 60 }, (_, n) => letter('gw', 'd', { topic: `t${n}`, payload })),
  );
  // Every third one was run again.
  const all = letters.list({ limit: 100 });
  letters.resolve(
    all.filter((_, n) => n % 3 === 0).map(({ id }) => id),
    'rerun',
  );
  const through = (bounds: { rowsMax: number; bytesMax: number }, state?: 'open' | 'discarded') => {
    const met: string[] = [];
    let looks = 0;
    for (let after: number | null = 0; after !== null; looks++) {
      const seen = letters.lookThrough({ ...bounds, after, state, payloadBytesMax: 7 });
      expect(seen.looked).toBeLessThanOrEqual(bounds.rowsMax);
      expect(seen.entries.every((entry) => entry.payload.length === 7)).toBe(true);
      met.push(...seen.entries.map(({ topic }) => topic));
      after = seen.next;
    }
    return { met, looks };
  };
  const topics = Array.from({ length: 60 }, (_, n) => `t${n}`);
  expect(through({ rowsMax: 1_000, bytesMax: 45_000 })).toEqual({ met: topics, looks: 12 });
  expect(through({ rowsMax: 20, bytesMax: 1e9 })).toEqual({ met: topics, looks: 3 });
  expect(through({ rowsMax: 1_000, bytesMax: 1 }, 'open').met).toEqual(
    topics.filter((_, n) => n % 3 !== 0),
  );
  expect(through({ rowsMax: 1_000, bytesMax: 200_000 }, 'discarded')).toEqual({
    met: [],
    looks: 3,
  });
  db.close();
});
