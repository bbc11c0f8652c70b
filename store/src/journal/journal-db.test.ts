/** The copy of the journal's database while it is written: each is made, and holds whole transactions alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { JournalDb, openDatabase } from './journal-db.ts';

let folder = '';
let db: JournalDb | undefined;
afterEach(() => {
  db?.close();
  db = undefined;
  rmSync(folder, { recursive: true, force: true });
});

it('is made though one transaction follows the other, and holds each of them whole', async () => {
  folder = mkdtempSync(join(tmpdir(), 'village-journal-db-'));
  const open = new JournalDb(openDatabase(folder));
  db = open;
  let last = 0;
  const write = (): void =>
    open.transaction(() => {
      open.append(++last, new Uint8Array(1_000), 1);
      // As long as a snapshot of a large county takes.
      const until = systemTimer.elapsed() + 10;
      while (systemTimer.elapsed() < until);
      open.setState('last', last);
    });
  for (let n = 0; n < 8; n++) {
    const path = join(folder, `copy-${n}.sqlite`);
    const before = last;
    let over = false;
    const copied = open.copyTo(path).finally(() => {
      over = true;
    });
    copied.catch(() => undefined);
    for (; !over; await turn()) write();
    await copied;
    const copy = new DatabaseSync(path);
    const rows = copy.prepare('SELECT max(id) AS last, count(*) AS count FROM log').get();
    const state = copy.prepare(`SELECT value FROM state WHERE key = 'last'`).get();
    copy.close();
    const there = Number(rows?.['last']);
    expect(there).toBeGreaterThanOrEqual(before);
    expect([rows?.['count'], state?.['value'] ?? 0]).toEqual([there, there]);
  }
}, 60_000);

it('is refused in a format of a later version, and is left as it was', () => {
  folder = mkdtempSync(join(tmpdir(), 'village-journal-db-'));
  openDatabase(folder).close();
  const raw = new DatabaseSync(join(folder, 'log.sqlite'));
  raw.exec('PRAGMA user_version = 99');
  raw.close();
  expect(() => openDatabase(folder)).toThrow(expect.objectContaining({ code: 'store-newer' }));
  const after = new DatabaseSync(join(folder, 'log.sqlite'));
  expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
  after.close();
});
