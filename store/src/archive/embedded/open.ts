/** Opening the embedded archive: the manifest is read back, and what a crash left behind is cleared. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '@village/core';
import type { JournalCore } from '../../journal/journal.ts';
import type { ArchiveHost } from '../contract.ts';
import { EmbeddedArchive } from './archive.ts';
import { Duck } from './duck/duck.ts';
import { anyFile } from './files/files.ts';
import { STATE_NEXT_GENERATION } from './files/flush.ts';
import { restoreFiles } from './files/restore.ts';
import { type ArchiveSettings, EMBEDDED_DEFAULTS, type EmbeddedOptions } from './settings.ts';

function settingsOf(
  options: EmbeddedOptions,
  { folder, diskReserveBytes }: JournalCore['settings'],
  host: ArchiveHost,
): ArchiveSettings {
  const memoryLimitMb = options.memoryLimitMb ?? 1024;
  return {
    folder,
    timer: host.timer,
    log: host.report,
    flushRows: options.flushRows ?? 1_000_000,
    flushEveryMs: options.flushEveryMs ?? EMBEDDED_DEFAULTS.flushEveryMs,
    flushBytes: options.flushBytes ?? (memoryLimitMb * 1024 * 1024) / 4,
    partRows: options.partRows ?? 8_000_000,
    // The log stops at its reserve: queries stop well before.
    keptFree: 2 * diskReserveBytes,
    duck: {
      threads: options.threads ?? 2,
      memoryLimitMb,
      spillLimitMb: options.spillLimitMb ?? EMBEDDED_DEFAULTS.spillLimitMb,
      spillFolder: join(folder, 'spill'),
    },
  };
}

/**
 * Files of readings beside a log that never held one: it was deleted, or is another's. What no manifest lists would be deleted.
 * @throws log-missing
 */
function refuseOrphans(folder: string): void {
  const found = anyFile(folder);
  if (found !== null)
    throw new OperationalError(
      'log-missing',
      `The log of ${folder}, which lists all files of readings, is missing or empty, and there is ${found}.`,
    );
}

/**
 * Opens the archive that lies beside its journal.
 * @throws log-missing
 */
export async function openEmbeddedArchive(
  journal: JournalCore,
  host: ArchiveHost,
  options: EmbeddedOptions,
): Promise<EmbeddedArchive> {
  if (journal.head === 0) refuseOrphans(journal.settings.folder);
  const settings = settingsOf(options, journal.settings, host);
  await rm(settings.duck.spillFolder, { recursive: true, force: true });
  const duck = await Duck.start(settings.duck);
  const archive = new EmbeddedArchive(settings, journal, host, duck);
  try {
    restoreLocations(archive);
    await restoreFiles(archive);
    if (archive.db.highestDamaged() > 0) suspectRepeats(archive);
    archive.nextGeneration = Number(archive.db.state(STATE_NEXT_GENERATION) ?? 1);
    archive.beginGeneration();
    archive.start();
    return archive;
  } catch (error) {
    await duck.close();
    throw error;
  }
}

/** What damaged groups held may be in files, though the journal can't tell: rows of the time of files may be repetitions. */
function suspectRepeats(archive: EmbeddedArchive): void {
  const { view, names, layoutOf, newestAtSealed } = archive;
  const lastOf = new Map<number, number>();
  for (const { layout, last } of [...view.files, ...view.setAside])
    lastOf.set(layout, Math.max(lastOf.get(layout) ?? last, last));
  archive.newestAtSealed = Float64Array.from({ length: names.devices }, (_, device) =>
    Math.max(
      newestAtSealed[device] ?? Number.NEGATIVE_INFINITY,
      lastOf.get(layoutOf[device]!) ?? Number.NEGATIVE_INFINITY,
    ),
  );
  archive.newestAt = archive.newestAtSealed.slice();
}

function restoreLocations(archive: EmbeddedArchive): void {
  const { db, manifest, locations, names, unitsOf, savedUnitsOf } = archive;
  for (const row of db.sql('SELECT number, code FROM areas ORDER BY number').all())
    locations.restoreArea(row['number'] as number, row['code'] as string);
  const later = manifest.laterUnits();
  for (const row of db.sql('SELECT number, area FROM devices ORDER BY number').all()) {
    const number = row['number'] as number;
    locations.addDevice(number, names.id(number));
    const steps = [{ since: Number.NEGATIVE_INFINITY, unit: row['area'] as number }];
    unitsOf[number] = [...steps, ...(later.get(number) ?? [])];
    savedUnitsOf[number] = unitsOf[number]!;
  }
}
