/** Opening a store: everything durable is read back, what a crash left behind is cleared, the rest is replayed. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '@village/core';
import type { TimeSeriesStore } from '../contract.ts';
import { decodeGroup } from './codec.ts';
import { Duck } from './duck.ts';
import { type EmbeddedOptions, Engine, type Settings, settingsOf } from './engine.ts';
import { looksWhole, removeStrays } from './files.ts';
import { BlockPool } from './group.ts';
import { isCorrupt, Log, openDatabase } from './log.ts';
import { Quarantine } from './quarantine.ts';
import { STATE_HI, STATE_NEXT_GENERATION, STATE_SEQUENCES } from './seal.ts';
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
  const log = new Log(openDatabase(settings.folder));
  const pool = new BlockPool();
  let duck: Duck | undefined;
  try {
    duck = await Duck.start(
      { threads: settings.threads, memoryLimitMb: settings.memoryLimitMb, spillFolder },
      pool,
      (error) => settings.log('error', 'the query engine ended', { reason: error.message }),
    );
    const quarantine = new Quarantine(log, {
      entriesMax: settings.quarantineEntriesMax,
      bytesMax: settings.quarantineBytesMax,
    });
    const engine = new Engine(settings, log, duck, pool, quarantine);
    restoreNames(engine);
    await restoreArchive(engine);
    restoreState(engine);
    await replay(engine);
    return new EmbeddedStore(engine);
  } catch (error) {
    await duck?.close();
    log.close();
    if (isCorrupt(error))
      throw new OperationalError(
        'store-damaged',
        `The database of ${settings.folder} is damaged: ${(error as Error).message}`,
        { cause: error },
      );
    throw error;
  }
}

function restoreNames(engine: Engine): void {
  const { log } = engine;
  for (const row of log.sql('SELECT number, profile, metrics FROM layouts ORDER BY number').all()) {
    const layout = engine.addLayout(row['profile'] as string);
    layout.addMetrics(JSON.parse(row['metrics'] as string) as string[]);
    layout.changed = false;
  }
  for (const row of log.sql('SELECT number, code FROM areas ORDER BY number').all())
    engine.places.restoreArea(row['number'] as number, row['code'] as string);
  for (const row of log.sql('SELECT number, id, layout, area FROM devices ORDER BY number').all())
    engine.addDevice(
      row['number'] as number,
      row['id'] as string,
      engine.layouts[row['layout'] as number]!,
      row['area'] as number,
    );
}

async function restoreArchive(engine: Engine): Promise<void> {
  const { log, view, folder, settings } = engine;
  const listed = log.files();
  const removed = await removeStrays(folder, new Set(listed.map(({ file }) => file.path)));
  if (removed > 0)
    settings.log('info', 'files of an unfinished seal or merge were deleted', { removed });
  for (const { file, readable } of listed) {
    engine.nextSerial = Math.max(engine.nextSerial, file.ord + 1);
    if (!readable) {
      engine.tally.filesUnreadable++;
      continue;
    }
    if (await looksWhole(folder, file)) {
      view.files.push(file);
      continue;
    }
    engine.tally.filesUnreadable++;
    settings.log('error', `archive file ${file.path} is missing or cut and is left out`, {
      code: 'file-unreadable',
      path: file.path,
      rows: file.rows,
    });
    // A damaged rollup is computed again from the rows.
    if (file.kind === 'rollup') {
      log.removeFile(file.path);
      engine.markDirty(file);
    }
  }
  for (const row of log.sql('SELECT layout, hour FROM dirty').all())
    view.addDirty(row['layout'] as number, row['hour'] as number);
}

function restoreState(engine: Engine): void {
  const { log, latest, sequences, settings } = engine;
  engine.nextGeneration = Number(log.state(STATE_NEXT_GENERATION) ?? 1);
  const saved = log.state(STATE_SEQUENCES);
  if (typeof saved === 'string') sequences.restore(saved);
  for (const row of log.sql('SELECT layout, body FROM snapshots ORDER BY layout').all()) {
    const layout = row['layout'] as number;
    try {
      latest.restore(layout, row['body'] as Uint8Array);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      settings.log('error', 'the saved latest values of a profile are damaged and start empty', {
        code: error.code,
        profile: engine.layouts[layout]?.profile,
      });
      for (const device of engine.layouts[layout]?.devices.values() ?? []) latest.suspect(device);
    }
  }
}

async function replay(engine: Engine): Promise<void> {
  const { log, settings, duck } = engine;
  const hi = Number(log.state(STATE_HI) ?? 0);
  engine.logId = hi;
  engine.beginGeneration();
  for (const row of log.sql('SELECT id, body FROM log WHERE id > ? ORDER BY id').iterate(hi)) {
    const id = row['id'] as number;
    engine.logId = id;
    try {
      const { sections, notes } = decodeGroup(row['body'] as Uint8Array);
      engine.take(sections, notes);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      engine.tally.logRowsDamaged++;
      settings.log('error', `log row ${id} is damaged and kept aside`, { code: error.code, id });
    }
    while (duck.rowsQueued > REPLAY_ROWS_QUEUED_MAX) await settings.timer.sleep(REPLAY_WAIT_MS);
  }
  keepDamaged(engine, hi, settings);
}

/** Moves damaged log rows where no replay and no trim finds them. */
function keepDamaged(engine: Engine, hi: number, settings: Settings): void {
  if (engine.tally.logRowsDamaged === 0) return;
  const { log } = engine;
  const rows = log.sql('SELECT id, body FROM log WHERE id > ? ORDER BY id').all(hi);
  log.transaction(() => {
    for (const row of rows) {
      const body = row['body'] as Uint8Array;
      try {
        decodeGroup(body);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        log
          .sql('INSERT OR REPLACE INTO damaged(id, body, reason) VALUES(?, ?, ?)')
          .run(row['id'] as number, body, error.message);
        log.sql('DELETE FROM log WHERE id = ?').run(row['id'] as number);
      }
    }
  });
  settings.log('warn', 'damaged log rows were moved to the table "damaged"', {
    rows: engine.tally.logRowsDamaged,
  });
}
