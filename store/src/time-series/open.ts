/** Puts a time-series store together: the journal, an archive, and what feeds one from the other. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError, sqliteFault } from '@village/core';
import type { Archive } from '../archive/contract.ts';
import { openEmbeddedArchive } from '../archive/embedded/open.ts';
import { FRAMES_FOLDER, Frames } from '../frames/frame-store.ts';
import { JournalCore } from '../journal/journal.ts';
import { JournalDb, openDatabase } from '../journal/journal-db.ts';
import { journalSettings } from '../journal/settings.ts';
import type { StoreCounters, TimeSeriesOptions, TimeSeriesStore } from './contract.ts';
import { ArchiveFeed } from './feed.ts';
import { Heartbeat, TICK_MS } from './heartbeat.ts';
import { DeviceMoves } from './moves.ts';

/**
 * Opens the store in a folder, making it when it is not there. One process at a time.
 * @throws store-in-use, store-damaged, other-archive
 */
export async function openTimeSeries(options: TimeSeriesOptions): Promise<TimeSeriesStore> {
  const settings = journalSettings(options);
  await mkdir(settings.folder, { recursive: true });
  const db = new JournalDb(openDatabase(settings.folder));
  let archive: Archive | null = null;
  let frames: Frames | null = null;
  try {
    const journal = new JournalCore(settings, db);
    const feed = new ArchiveFeed(journal);
    archive = await (options.archive === undefined
      ? openEmbeddedArchive(journal, feed.host, options)
      : options.archive(feed.host));
    keepEngine(db, journal, archive);
    frames = await Frames.open(
      journal,
      options.framesLagMax === undefined ? {} : { lagMax: options.framesLagMax },
    );
    feed.start(archive);
    const heartbeat = new Heartbeat(journal.writer, settings.timer, options.tickMs ?? TICK_MS);
    return compose({ journal, archive, feed, frames, heartbeat });
  } catch (error) {
    await frames?.close();
    await archive?.close();
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

/** Name of the archive that the journal's readings went to. */
const STATE_ARCHIVE = 'archive';

/** Readings don't move from one archive to another by themselves, so one folder stays with one engine. */
function keepEngine(db: JournalDb, journal: JournalCore, { engine }: Archive): void {
  const known = db.state(STATE_ARCHIVE) ?? (journal.head > 0 ? 'embedded' : engine);
  if (known !== engine)
    throw new OperationalError(
      'other-archive',
      `The readings of this folder went to the archive "${known}", not to "${engine}".`,
    );
  db.setState(STATE_ARCHIVE, engine);
}

interface Parts {
  readonly journal: JournalCore;
  readonly archive: Archive;
  readonly feed: ArchiveFeed;
  readonly frames: Frames;
  readonly heartbeat: Heartbeat;
}

/** The named methods of an object, as functions of their own. */
function methods<T extends object, K extends keyof T>(target: T, names: readonly K[]): Pick<T, K> {
  const entries = names.map((name) => [name, (target[name] as () => unknown).bind(target)]);
  return Object.fromEntries(entries) as Pick<T, K>;
}

/** What of the journal the store passes on as it is. */
const ASKED_OF_JOURNAL = [
  'sequences',
  'deadLetters',
  'lookThroughDeadLetters',
  'deadLetterById',
  'resolveDeadLetters',
] as const;

/** What a check says of an archive without files. */
const nothingFound = (): Awaited<ReturnType<TimeSeriesStore['checkArchive']>> => ({
  files: 0,
  restored: [],
  setAside: [],
  unknown: [],
});

function compose(parts: Parts): TimeSeriesStore {
  const { journal, archive, feed } = parts;
  const { writer } = journal;
  const moves = new DeviceMoves();
  let closing: Promise<void> | null = null;
  return {
    ...methods(writer, ['layout', 'device', 'reserve', 'unreserve', 'event', 'sequence']),
    ...methods(writer, [
      'sequenceDropped',
      'remember',
      'deadLetter',
      'frame',
      'note',
      'settle',
      'commitNow',
    ]),
    ...methods(journal, ['latest', 'lastSeen', 'spoke', 'changedSince', 'remembered']),
    ...methods(journal, ASKED_OF_JOURNAL),
    ...methods(journal, ['follow', 'hold', 'forget', 'touched']),
    retain: (before) => archive.retain(before),
    lacking: (query) => archive.lacking?.(query) ?? [],
    ...(archive.weigh === undefined ? {} : { weigh: archive.weigh.bind(archive) }),
    ...(archive.joinParquet === undefined
      ? {}
      : { joinParquet: archive.joinParquet.bind(archive) }),
    ...(archive.countReadings === undefined
      ? {}
      : { countReadings: archive.countReadings.bind(archive) }),
    diskReserveBytes: journal.settings.diskReserveBytes,
    locate: (locations) => {
      archive.locate(locations);
      for (const event of moves.changed(locations, journal.settings.timer.now()))
        writer.note(event);
    },
    id: journal.id,
    frames: parts.frames,
    keepsFiles: archive.maintenance !== undefined,
    get head() {
      return journal.head;
    },
    get committedAt() {
      return journal.committedAt;
    },
    get rowsPending() {
      return writer.rowsPending;
    },
    get frameBytesPending() {
      return writer.frameBytesPending;
    },
    get commitFault() {
      return writer.commitFault;
    },
    get archiveFault() {
      return feed.fault;
    },
    range: (query, signal) => feed.ask(() => archive.range(query, signal), signal),
    rangeMany: (query, signal) => feed.stream(() => archive.rangeMany(query, signal), signal),
    aggregate: (query, signal) => feed.ask(() => archive.aggregate(query, signal), signal),
    completeness: (query, signal) => feed.ask(() => archive.completeness(query, signal), signal),
    events: (query, signal) => feed.ask(() => archive.events(query, signal), signal),
    exportTo: (path, format, query, signal) =>
      feed.ask(() => archive.exportTo(path, format, query, signal), signal),
    flush: () => flush(parts),
    compact: async (now) => {
      // What one of them can't do holds up neither the other.
      const joined = await Promise.allSettled([parts.frames.compact(now)]);
      const done = (await archive.maintenance?.compact(now)) ?? { compacted: 0 };
      for (const one of joined) if (one.status === 'rejected') throw one.reason;
      return done;
    },
    checkArchive: async (signal) => (await archive.maintenance?.check(signal)) ?? nothingFound(),
    backup: async (folder) => {
      await (archive.maintenance?.backup(folder) ?? journal.db.copyInto(folder));
      await parts.frames.backup(join(folder, FRAMES_FOLDER));
    },
    counters: () => countersOf(parts),
    close: () => {
      closing ??= close(parts);
      return closing;
    },
  };
}

async function flush({
  journal,
  archive,
  feed,
  frames,
}: Parts): Promise<{ rows: number; files: number }> {
  await feed.visible();
  const flushed = (await archive.maintenance?.flush()) ?? { rows: 0, files: 0 };
  await frames.flush();
  await journal.trim();
  return flushed;
}

function countersOf({ journal, archive }: Parts): StoreCounters {
  const { archiveBytes, own } = archive.counters();
  return {
    ...journal.counters(),
    archiveBytes,
    rowsInMemtable: own['rowsInMemtable'] ?? 0,
    rowsFlushed: own['rowsFlushed'] ?? 0,
    flushes: own['flushes'] ?? 0,
    flushFailures: own['flushFailures'] ?? 0,
    filesUnreadable: own['filesUnreadable'] ?? 0,
    queriesIncomplete: own['queriesIncomplete'] ?? 0,
    maintenanceFailures: own['maintenanceFailures'] ?? 0,
    restarts: own['restarts'] ?? 0,
  };
}

/** The last commit first; whatever it says, everything is closed. */
async function close({ journal, archive, feed, frames, heartbeat }: Parts): Promise<void> {
  await heartbeat.stop();
  try {
    journal.writer.close();
  } finally {
    await feed.close();
    await frames.close();
    try {
      await archive.close();
    } finally {
      await journal.close();
      journal.db.close();
    }
  }
}
