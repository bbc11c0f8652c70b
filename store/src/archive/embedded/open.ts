/** Opening a store: everything durable is read back, what a crash left behind is cleared, the rest is replayed. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError, sqliteFault } from '@village/core';
import { decodeGroup } from '../../journal/codec.ts';
import { DeadLetters } from '../../journal/dead-letters.ts';
import { BlockPool } from '../../journal/group.ts';
import { JournalDb, openDatabase } from '../../journal/journal-db.ts';
import type { TimeSeriesStore } from '../contract.ts';
import { EmbeddedArchive, type EmbeddedOptions, type Settings, settingsOf } from './archive.ts';
import { Duck } from './duck/duck.ts';
import { looksWhole, removeStrays } from './files/files.ts';
import { STATE_NEXT_GENERATION, STATE_SEALED_UP_TO, STATE_SEQUENCES } from './files/flush.ts';
import { EmbeddedStore } from './store.ts';

/** Rows queued to DuckDB during replay before it is waited for. */
const REPLAY_ROWS_QUEUED_MAX = 200_000;
const REPLAY_WAIT_MS = 5;

/**
 * Opens the store in a folder, making it when it is not there. One process at a time.
 * @throws store-in-use, store-damaged
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<TimeSeriesStore> {
  const settings = settingsOf(options);
  await mkdir(settings.folder, { recursive: true });
  const spillFolder = join(settings.folder, 'spill');
  await rm(spillFolder, { recursive: true, force: true });
  const db = new JournalDb(openDatabase(settings.folder));
  const pool = new BlockPool();
  let duck: Duck | undefined;
  try {
    duck = await Duck.start(
      { threads: settings.threads, memoryLimitMb: settings.memoryLimitMb, spillFolder },
      pool,
      (error) => settings.log('error', 'the query engine ended', { reason: error.message }),
    );
    const deadLetters = new DeadLetters(db, {
      entriesMax: settings.deadLettersMax,
      bytesMax: settings.deadLetterBytesMax,
    });
    const archive = new EmbeddedArchive(settings, db, duck, pool, deadLetters);
    restoreNames(archive);
    await restoreArchive(archive);
    restoreState(archive);
    await replay(archive);
    return new EmbeddedStore(archive);
  } catch (error) {
    await duck?.close();
    db.close();
    if (sqliteFault(error) === 'corrupt')
      throw new OperationalError(
        'store-damaged',
        `The database of ${settings.folder} is damaged: ${(error as Error).message}`,
        { cause: error },
      );
    throw error;
  }
}

function restoreNames(archive: EmbeddedArchive): void {
  const { db } = archive;
  for (const row of db.sql('SELECT number, profile, metrics FROM layouts ORDER BY number').all()) {
    const layout = archive.addLayout(row['profile'] as string);
    layout.addMetrics(JSON.parse(row['metrics'] as string) as string[]);
    layout.changed = false;
  }
  for (const row of db.sql('SELECT number, code FROM areas ORDER BY number').all())
    archive.locations.restoreArea(row['number'] as number, row['code'] as string);
  for (const row of db.sql('SELECT number, id, layout, area FROM devices ORDER BY number').all())
    archive.addDevice(
      row['number'] as number,
      row['id'] as string,
      archive.layouts[row['layout'] as number]!,
      row['area'] as number,
    );
}

async function restoreArchive(archive: EmbeddedArchive): Promise<void> {
  const { db, view, folder, settings } = archive;
  const listed = db.files();
  const removed = await removeStrays(folder, new Set(listed.map(({ file }) => file.path)));
  if (removed > 0)
    settings.log('info', 'files of an unfinished flush or compact were deleted', { removed });
  for (const { file, readable } of listed) {
    archive.nextSerial = Math.max(archive.nextSerial, file.ord + 1);
    if (!readable) {
      archive.totals.filesUnreadable++;
      continue;
    }
    if (await looksWhole(folder, file)) {
      view.files.push(file);
      continue;
    }
    archive.totals.filesUnreadable++;
    settings.log('error', `archive file ${file.path} is missing or cut and is left out`, {
      code: 'file-unreadable',
      path: file.path,
      rows: file.rows,
    });
    // A damaged rollup is computed again from the rows.
    if (file.kind === 'rollup') {
      db.removeFile(file.path);
      archive.markDirty(file);
    }
  }
  for (const row of db.sql('SELECT layout, hour FROM dirty').all())
    view.addDirty(row['layout'] as number, row['hour'] as number);
}

function restoreState(archive: EmbeddedArchive): void {
  const { db, latest, sequences, settings } = archive;
  archive.nextGeneration = Number(db.state(STATE_NEXT_GENERATION) ?? 1);
  const saved = db.state(STATE_SEQUENCES);
  if (typeof saved === 'string') sequences.restore(saved);
  for (const row of db.sql('SELECT layout, body FROM snapshots ORDER BY layout').all()) {
    const layout = row['layout'] as number;
    try {
      latest.restore(layout, row['body'] as Uint8Array);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      settings.log('error', 'the saved latest values of a profile are damaged and start empty', {
        code: error.code,
        profile: archive.layouts[layout]?.profile,
      });
      for (const device of archive.layouts[layout]?.devices.values() ?? []) latest.suspect(device);
    }
  }
}

async function replay(archive: EmbeddedArchive): Promise<void> {
  const { db, settings, duck } = archive;
  const sealedUpTo = Number(db.state(STATE_SEALED_UP_TO) ?? 0);
  archive.logId = sealedUpTo;
  archive.beginGeneration();
  for (const row of db
    .sql('SELECT id, body FROM log WHERE id > ? ORDER BY id')
    .iterate(sealedUpTo)) {
    const id = row['id'] as number;
    archive.logId = id;
    try {
      const { sections, notes } = decodeGroup(row['body'] as Uint8Array);
      archive.take(sections, notes);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      archive.totals.logRowsDamaged++;
      settings.log('error', `log row ${id} is damaged and kept aside`, { code: error.code, id });
    }
    while (duck.rowsQueued > REPLAY_ROWS_QUEUED_MAX) await settings.timer.sleep(REPLAY_WAIT_MS);
  }
  keepDamaged(archive, sealedUpTo, settings);
}

/** Moves damaged log rows where no replay and no trim finds them. */
function keepDamaged(archive: EmbeddedArchive, sealedUpTo: number, settings: Settings): void {
  if (archive.totals.logRowsDamaged === 0) return;
  const { db } = archive;
  const rows = db.sql('SELECT id, body FROM log WHERE id > ? ORDER BY id').all(sealedUpTo);
  db.transaction(() => {
    for (const row of rows) {
      const body = row['body'] as Uint8Array;
      try {
        decodeGroup(body);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        db.sql('INSERT OR REPLACE INTO damaged(id, body, reason) VALUES(?, ?, ?)').run(
          row['id'] as number,
          body,
          error.message,
        );
        db.sql('DELETE FROM log WHERE id = ?').run(row['id'] as number);
      }
    }
  });
  settings.log('warn', 'damaged log rows were moved to the table "damaged"', {
    rows: archive.totals.logRowsDamaged,
  });
}
