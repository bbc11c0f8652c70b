/**
 * Files that can't be read: which of them are proved to be damaged, taking these out of the answers in a way that can be
 * undone, and saying so. A rollup is computed again instead.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '@village/core';
import type { ArchiveCheck } from '../../contract.ts';
import type { ArchiveParts, FileHealth, Reads } from '../parts.ts';
import type { ArchiveFile } from './manifest.ts';
import { archiveIsThere, isThere, type Proof, pathOf, prove, SET_ASIDE } from './proof.ts';

/** Time for the proofs that one failed query causes, ms of the machine's own time. */
const PROOF_TIMEOUT_MS = 30_000;
/** A file that was proved whole is not read again for this long. */
const WHOLE_FOR_MS = 60_000;
/** Files of the beginning and of the end that are looked for when one is missing. */
const OTHERS_LOOKED_AT = 8;
/** Files set aside that a start reads before it answers; the rest is proved by the nightly compaction. */
const START_BYTES_MAX = 1024 * 1024 * 1024;

/** Faults after which nothing else of the maintenance can succeed either. */
const ENDS_ALL = new Set(['query-engine-down', 'store-closed']);

/** The health of an archive's files. */
export class ArchiveHealth implements FileHealth {
  readonly #archive: ArchiveParts;
  readonly #provedAt = new WeakMap<ArchiveFile, number>();
  readonly #proving = new Map<string, Promise<Proof>>();
  #queriesIncomplete = 0;
  #maintenanceFailures = 0;

  constructor(archive: ArchiveParts) {
    this.#archive = archive;
  }

  /** The state of a file that a query can't read; reads it at most once at a time and once a minute when it is whole. */
  async #prove(file: ArchiveFile): Promise<Proof> {
    const { elapsed } = this.#archive.settings.timer;
    const provedAt = this.#provedAt.get(file);
    if (provedAt !== undefined && elapsed() - provedAt < WHOLE_FOR_MS)
      return { state: 'whole', reason: '' };
    const running = this.#proving.get(file.path);
    if (running !== undefined) return running;
    const signal = AbortSignal.timeout(PROOF_TIMEOUT_MS);
    const proving = this.#proof(file, signal).catch(
      (error: unknown): Proof => ({ state: 'unknown', reason: (error as Error).message }),
    );
    this.#proving.set(file.path, proving);
    const proof = await proving;
    this.#proving.delete(file.path);
    if (proof.state === 'whole') this.#provedAt.set(file, elapsed());
    return proof;
  }

  counters(): { queriesIncomplete: number; maintenanceFailures: number } {
    return {
      queriesIncomplete: this.#queriesIncomplete,
      maintenanceFailures: this.#maintenanceFailures,
    };
  }

  /** What the file is. It is missing only while others are there, before and after a second look: a disk may be mounted just now. */
  async #proof(file: ArchiveFile, signal: AbortSignal): Promise<Proof> {
    const path = join(this.#archive.folder, file.path);
    const first = await prove(path, file, signal);
    if (first.state !== 'missing') return first;
    const unknown: Proof = { ...first, state: 'unknown' };
    if (!(await this.#othersAreThere(file))) return unknown;
    const second = await prove(path, file, signal);
    if (second.state !== 'missing') return second;
    return (await this.#othersAreThere(file)) ? second : unknown;
  }

  async #othersAreThere(file: ArchiveFile): Promise<boolean> {
    const { folder, view } = this.#archive;
    const others = view.files.filter((one) => one !== file && one.kind !== 'rollup');
    if (others.length === 0) return archiveIsThere(folder);
    const some = [...others.slice(0, OTHERS_LOOKED_AT), ...others.slice(-OTHERS_LOOKED_AT)];
    for (const other of some) if (await isThere(join(folder, other.path))) return true;
    return false;
  }

  /**
   * Looks at the files that a failed statement reads, first those that its message names. Those proved damaged or missing are
   * taken out; returns how many are not listed any more. @throws query-aborted
   */
  async examine(
    read: readonly ArchiveFile[],
    message: string,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const named = read.filter((file) => message.includes(file.path));
    let found = 0;
    for (const file of named.length > 0 ? named : read) {
      if (signal?.aborted)
        throw new OperationalError('query-aborted', 'The query was given up.', {
          cause: signal.reason,
        });
      // Another query or compaction may have taken it out meanwhile.
      if (!this.#archive.view.files.includes(file) || !(await this.check(file))) found++;
    }
    return found;
  }

  /** Whether a listed file may go on being read; one proved damaged or missing is taken out. */
  async check(file: ArchiveFile): Promise<boolean> {
    const { state, reason } = await this.#prove(file);
    if (state === 'whole' || state === 'unknown') return true;
    if (this.#archive.view.files.includes(file)) await this.takeOut(file, reason);
    return false;
  }

  /** Whether a file is as it was written; one that is not is taken out. @throws archive-unreadable when nobody can tell */
  async isWhole(file: ArchiveFile): Promise<boolean> {
    const { state, reason } = await this.#proof(file, AbortSignal.timeout(PROOF_TIMEOUT_MS));
    if (state === 'unknown')
      throw new OperationalError('archive-unreadable', `${file.path}: ${reason}`, { retry: true });
    if (state !== 'whole' && this.#archive.view.files.includes(file))
      await this.takeOut(file, reason);
    return state === 'whole';
  }

  /** Runs a piece of maintenance; when it fails that is counted and told, and the rest goes on. */
  async isolated(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined || ENDS_ALL.has(code)) throw error;
      this.#maintenanceFailures++;
      this.#archive.settings.log('error', `maintenance of ${what} failed and will be tried again`, {
        code,
        reason: message,
      });
    }
  }

  /** Takes a file out of every later query: a rollup is computed again, any other is set aside. */
  async takeOut(file: ArchiveFile, reason: string): Promise<void> {
    const { view, settings } = this.#archive;
    const lost = file.kind === 'rollup' ? 'computed again' : 'set aside';
    settings.log('error', `archive file ${file.path} can't be read and is ${lost}`, {
      code: 'file-unreadable',
      path: file.path,
      rows: file.rows,
      reason,
    });
    view.files = view.files.filter((one) => one !== file);
    if (file.kind === 'rollup') return this.#dropRollup(file);
    this.#archive.manifest.setReadable(file, false);
    this.#listSetAside([...view.setAside, file]);
    const path = join(this.#archive.folder, file.path);
    await this.#move(path, `${path}${SET_ASIDE}`);
  }

  async #dropRollup(file: ArchiveFile): Promise<void> {
    const { db, manifest } = this.#archive;
    db.transaction(() => {
      manifest.removeFile(file.path);
      this.#archive.saveDirty(file);
    });
    this.#archive.showDirty(file);
    await this.#delete(file);
  }

  /** Files set aside that are not in the manifest any more, too old to be kept. */
  async forget(files: readonly ArchiveFile[]): Promise<void> {
    this.#listSetAside(this.#archive.view.setAside.filter((file) => !files.includes(file)));
    for (const file of files) await this.#delete(file);
  }

  async #delete(file: ArchiveFile): Promise<void> {
    const { folder } = this.#archive;
    for (const name of [file.path, `${file.path}${SET_ASIDE}`])
      await rm(join(folder, name), { force: true }).catch((error: Error) =>
        this.#archive.settings.log('warn', `${name} can't be deleted`, { reason: error.message }),
      );
  }

  #listSetAside(files: readonly ArchiveFile[]): void {
    this.#archive.view.setAside = files;
    this.#archive.totals.filesUnreadable = files.length;
  }

  async #move(from: string, to: string): Promise<void> {
    try {
      await rename(from, to);
    } catch (error) {
      this.#archive.settings.log('warn', `archive file ${from} can't be renamed`, {
        code: 'file-unreadable',
        reason: (error as Error).message,
      });
    }
  }

  /** At the start: notes a file of the manifest that is not read, or drops it where it is a rollup. */
  async restoreSetAside(file: ArchiveFile): Promise<void> {
    if (file.kind === 'rollup') return this.#dropRollup(file);
    this.#listSetAside([...this.#archive.view.setAside, file]);
  }

  /**
   * Brings back files set aside that prove whole. @returns paths of these
   */
  async bringBack(bytesMax = Number.POSITIVE_INFINITY): Promise<string[]> {
    const restored: string[] = [];
    let bytes = 0;
    for (const file of this.#archive.view.setAside) {
      bytes += file.bytes;
      if (bytes > bytesMax) continue;
      if ((await this.#comeBack(file)).state === 'whole') restored.push(file.path);
    }
    return restored;
  }

  /** What a start does before it answers. */
  bringBackAtStart(): Promise<string[]> {
    return this.bringBack(START_BYTES_MAX);
  }

  async #comeBack(file: ArchiveFile): Promise<Proof> {
    const { folder, db, manifest, view, settings } = this.#archive;
    const at = await pathOf(folder, file).catch(() => null);
    if (at === null) return { state: 'missing', reason: 'It is not there.' };
    const proof = await prove(at, file, new AbortController().signal);
    if (proof.state !== 'whole') return proof;
    const path = join(folder, file.path);
    if (at !== path) await rename(at, path);
    // What was flushed meanwhile did not know of its rows.
    const back: ArchiveFile = { ...file, repeats: file.kind !== 'events' };
    db.transaction(() => {
      manifest.setReadable(back, true);
      if (file.kind !== 'events') this.#archive.saveDirty(back);
    });
    if (file.kind !== 'events') this.#archive.showDirty(back);
    view.files = [...view.files, back];
    this.#listSetAside(view.setAside.filter((one) => one !== file));
    settings.log('info', `archive file ${file.path} is whole and read again`, {
      path: file.path,
      rows: file.rows,
    });
    return proof;
  }

  /** Proves every file, listed and set aside. To be called as maintenance. @throws the signal's reason */
  async checkAll(signal = new AbortController().signal): Promise<ArchiveCheck> {
    const { view } = this.#archive;
    const listed = [...view.files];
    const aside = [...view.setAside];
    const report = {
      files: listed.length + aside.length,
      restored: [] as string[],
      setAside: [] as { path: string; reason: string }[],
      unknown: [] as { path: string; reason: string }[],
    };
    for (const file of aside) {
      signal.throwIfAborted();
      const { state, reason } = await this.#comeBack(file);
      if (state === 'whole') report.restored.push(file.path);
      else report[state === 'unknown' ? 'unknown' : 'setAside'].push({ path: file.path, reason });
    }
    for (const file of listed) {
      const { state, reason } = await this.#proof(file, signal);
      if (state === 'whole' || !view.files.includes(file)) continue;
      if (state === 'unknown') report.unknown.push({ path: file.path, reason });
      else {
        await this.takeOut(file, reason);
        report.setAside.push({ path: file.path, reason });
      }
    }
    return report;
  }

  /** Counts a query when some of the readings that it needed may be in files that are set aside. */
  noteQuery({ layouts, span }: Reads): void {
    const { view } = this.#archive;
    if (view.setAside.length === 0) return;
    for (const layout of layouts)
      if (view.setAsideIn(layout, [span]).length > 0) {
        this.#queriesIncomplete++;
        return;
      }
  }
}
