/**
 * Whether an archive file is what the manifest says. Only the manifest's size and checksum prove that a file is damaged: an
 * engine that could not read it may have lacked memory or file descriptors, and the file may be whole.
 */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_FOLDER, crcOf } from './files.ts';
import type { ArchiveFile } from './manifest.ts';

/** A file that is set aside has this after its name. */
export const SET_ASIDE = '.unreadable';

/** `unknown`: it could not be read for the moment, which proves nothing. */
export type FileState = 'whole' | 'damaged' | 'missing' | 'unknown';

export interface Proof {
  readonly state: FileState;
  readonly reason: string;
}

/** Compares the file at `path` with what the manifest says of it. @throws the signal's reason */
export async function prove(
  path: string,
  listed: Pick<ArchiveFile, 'bytes' | 'crc'>,
  signal: AbortSignal,
): Promise<Proof> {
  signal.throwIfAborted();
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { state: code === 'ENOENT' ? 'missing' : 'unknown', reason: message };
  }
  try {
    const { size } = await handle.stat();
    if (size !== listed.bytes)
      return { state: 'damaged', reason: `It has ${size} bytes instead of ${listed.bytes}.` };
    const crc = await crcOf(handle, size, signal);
    return crc === listed.crc
      ? { state: 'whole', reason: '' }
      : { state: 'damaged', reason: 'The checksum does not match.' };
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'unknown', reason: (error as Error).message };
  } finally {
    await handle.close();
  }
}

/** Whether a file is there; false also when nobody can tell. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Whether the archive's folder is there with anything in it: without it (a disk that is not mounted) no file is missing. */
export async function archiveIsThere(folder: string): Promise<boolean> {
  try {
    return (await readdir(join(folder, ARCHIVE_FOLDER))).length > 0;
  } catch {
    return false;
  }
}

/** Where a file lies that may have been set aside: under its own name or the other; null when it is at neither. */
export async function pathOf(folder: string, file: ArchiveFile): Promise<string | null> {
  const path = join(folder, file.path);
  for (const one of [path, `${path}${SET_ASIDE}`])
    try {
      await stat(one);
      return one;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  return null;
}
