/** Archive files: how they are named, written so that a crash leaves all of one or nothing, and found again. */
import { existsSync, readdirSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { BEIJING_OFFSET_MS, DAY } from '@village/core';
import type { QueryClass } from '../duck/duck.ts';
import type { ArchiveParts } from '../parts.ts';
import { copyToParquet } from '../query/sql.ts';
import type { ArchiveFile } from './manifest.ts';

export const ARCHIVE_FOLDER = 'archive';
export const ROLLUP_FOLDER = 'rollups';
/** Names that only this store gives; anything else in its folders is left alone. */
const OWN_NAME = /^\d+\.parquet(\.tmp)?$/;
const NUMBERED = /^\d+\.parquet$/;
const CRC_READ_BYTES = 4 * 1024 * 1024;

/** The archive's day of an instant, counted from 1970. */
export function dayOf(at: number): number {
  return Math.floor((at + BEIJING_OFFSET_MS) / DAY);
}

/** `yyyy-mm-dd` of a day. */
export function dayText(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

/** Closed days that keep a file of their own: what pages ask for most is found in the smallest files. */
const DAY_FILES_KEPT = 3;

/**
 * The period whose file holds an instant, seen from `now`: a day, or the month so far once the day is some days old. A
 * file opened costs about half a millisecond, so a month of one device must not lie in thirty of them.
 */
export function periodOf(at: number, now: number): string {
  const day = dayOf(at);
  const text = dayText(day);
  return day < dayOf(now) - DAY_FILES_KEPT ? text.slice(0, 7) : text;
}

/** Whether a period is a month. */
export function isMonth(period: string): boolean {
  return period.length === 7;
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder durable together with the folders above it, down from `root`. */
async function makeFolder(root: string, path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; folder.length >= root.length; folder = dirname(folder))
    await syncFolder(folder);
}

/** Checksum of an open file's first bytes. @throws the signal's reason */
export async function crcOf(
  handle: FileHandle,
  bytes: number,
  signal?: AbortSignal,
): Promise<number> {
  const buffer = Buffer.alloc(Math.min(CRC_READ_BYTES, Math.max(1, bytes)));
  let crc = 0;
  for (let at = 0; at < bytes; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    crc = crc32(buffer.subarray(0, bytesRead), crc);
    at += bytesRead;
  }
  return crc;
}

/**
 * Writes a query's rows as a Parquet file: under a temporary name, synced, renamed, and its folder synced. A lasting file
 * is packed harder.
 */
export async function writeParquet(
  archive: ArchiveParts,
  query: string,
  file: { path: string; rows: number; lasting?: boolean },
  queryClass: QueryClass = 'maintenance',
): Promise<{ bytes: number; crc: number }> {
  const path = join(archive.folder, file.path);
  const temporary = `${path}.tmp`;
  await makeFolder(archive.folder, dirname(path));
  try {
    await archive.duck.query(copyToParquet(query, temporary, file), { queryClass });
    const print = await syncedPrint(temporary);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return print;
  } catch (error) {
    // What a full disk cut short must not keep it full.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Size and checksum of a file that is on the disk. */
async function syncedPrint(path: string): Promise<{ bytes: number; crc: number }> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
    const { size } = await handle.stat();
    return { bytes: size, crc: await crcOf(handle, size) };
  } finally {
    await handle.close();
  }
}

/** Runs what lists new files; when it fails they are deleted, since nobody knows of them and the next try writes others. */
export async function listedOrDeleted<T>(
  archive: ArchiveParts,
  written: readonly Pick<ArchiveFile, 'path'>[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const { path } of written)
      await rm(join(archive.folder, path), { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The same for one file and one transaction, in one go: nothing comes between the lists on disk and in memory. */
export function listOrDelete(
  archive: ArchiveParts,
  written: Pick<ArchiveFile, 'path'>,
  list: () => void,
): void {
  try {
    archive.db.transaction(list);
  } catch (error) {
    unlinkLater(archive, [written]);
    throw error;
  }
}

/** Deletes a file that no query reads any more; a file that can't be deleted now is deleted at the next start. */
export function unlinkLater(
  archive: ArchiveParts,
  files: readonly Pick<ArchiveFile, 'path'>[],
): void {
  archive.pins.retire(() => {
    for (const file of files)
      void rm(join(archive.folder, file.path), { force: true }).catch((error: Error) =>
        archive.settings.log('warn', `${file.path} can't be deleted`, { reason: error.message }),
      );
  });
}

/**
 * A file of readings in the folder, null when there is none: where nothing was ever logged, it is of a log that is gone.
 * @throws what keeps the folders from being read
 */
export function anyFile(folder: string): string | null {
  for (const root of [ARCHIVE_FOLDER, ROLLUP_FOLDER]) {
    const top = join(folder, root);
    if (!existsSync(top)) continue;
    const found = readdirSync(top, { recursive: true, withFileTypes: true }).find(
      (entry) => entry.isFile() && NUMBERED.test(entry.name),
    );
    if (found !== undefined) return join(found.parentPath, found.name);
  }
  return null;
}

/** Deletes files of ours that the manifest doesn't know: a crash came between writing and listing, or unlisting and deleting. */
export async function removeStrays(folder: string, known: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const root of [ARCHIVE_FOLDER, ROLLUP_FOLDER]) {
    const top = join(folder, root);
    await mkdir(top, { recursive: true });
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !OWN_NAME.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const relative = path.slice(folder.length + 1).replaceAll('\\', '/');
      if (known.has(relative)) continue;
      await rm(path);
      removed++;
    }
  }
  return removed;
}

/** Whether a listed file is there, has its size and begins and ends as Parquet does. */
export async function looksWhole(folder: string, file: ArchiveFile): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(join(folder, file.path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size !== file.bytes || size < 12) return false;
    const mark = Buffer.alloc(8);
    await handle.read(mark, 0, 4, 0);
    await handle.read(mark, 4, 4, size - 4);
    return mark.toString('latin1') === 'PAR1PAR1';
  } finally {
    await handle.close();
  }
}
