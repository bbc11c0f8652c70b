/**
 * The process that the readers' kill test kills: it writes, flushes and compacts all the time, under a clock that jumps,
 * while a reader of its own notes in its own database what it read, together with its place.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { seededRandom, systemTimer } from '@village/core';
import { putRow } from '../archive/oracle.ts';
import { tell } from '../archive/tell.ts';
import { openTimeSeries } from '../time-series/open.ts';
import type { CommittedGroup } from './contract.ts';

const [folder, seed] = process.argv.slice(2);
const random = seededRandom(seed!);
const jump = Math.floor((random() - 0.5) * 7_200_000);
const store = await openTimeSeries({
  folder: join(folder!, 'store'),
  timer: { ...systemTimer, now: () => systemTimer.now() + jump },
  flushRows: 300,
  diskReserveBytes: 0,
  tickMs: 50,
});
const notes = new DatabaseSync(join(folder!, 'reader.sqlite'));
notes.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
  CREATE TABLE IF NOT EXISTS seen(id INTEGER PRIMARY KEY, committed_at INTEGER, first INTEGER, last INTEGER, rows INTEGER);
  CREATE TABLE IF NOT EXISTS place(one INTEGER PRIMARY KEY, journal TEXT, id INTEGER)`);
tell('open');

function note(group: CommittedGroup): void {
  const values = group.rows.flatMap((rows) =>
    Array.from({ length: rows.count }, (_, row) => rows.value(row, 0)),
  );
  notes.exec('BEGIN IMMEDIATE');
  notes
    .prepare('INSERT INTO seen VALUES(?, ?, ?, ?, ?)')
    .run(group.id, group.committedAt, values[0] ?? null, values.at(-1) ?? null, values.length);
  notes.prepare('INSERT OR REPLACE INTO place VALUES(1, ?, ?)').run(store.id, group.id);
  notes.exec('COMMIT');
}

async function read(): Promise<void> {
  const row = notes.prepare('SELECT journal, id FROM place').get();
  const from =
    row === undefined ? null : { journal: row['journal'] as string, group: row['id'] as number };
  let count = 0;
  for await (const group of store.follow('test', from, { lagMax: 1e9 })) {
    note(group);
    if (++count % 5 === 0) store.hold('test', group.id);
    // It falls behind what is kept in memory now and then.
    if (random() < 0.02) await systemTimer.sleep(40);
  }
}

let next = (store.latest('d')[0]?.value ?? -1) + 1;
function burst(): void {
  for (let i = 0; i < 10; i++) {
    const n = next++;
    putRow(store, 'acme/crash', ['n'], {
      device: 'd',
      at: 1_767_225_600_000 + n * 60_000,
      values: { n },
    });
    store.settle(() => tell(n));
  }
  // A parent that died can't kill it any more.
  if (process.ppid === 1) process.exit(1);
  setTimeout(burst, 2);
}
burst();
setInterval(() => void store.flush(), 60);
setInterval(() => void store.compact(Date.UTC(2026, 6, 1)), 130);
await read();
