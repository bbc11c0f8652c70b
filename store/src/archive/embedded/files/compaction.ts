/** Keeping the archive small and whole: compacting files of closed days and months, deleting old ones, copying all of it. */
import { copyFile, link, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HOUR } from '@village/core';
import type { ArchiveParts } from '../parts.ts';
import { archiveRows, fileList, mayRepeat, rowsOnce, type Source } from '../query/sql.ts';
import {
  ARCHIVE_FOLDER,
  dayOf,
  isMonth,
  listOrDelete,
  periodOf,
  unlinkLater,
  writeParquet,
} from './files.ts';
import { eventsOnce, STATE_NEXT_GENERATION } from './flush.ts';
import type { ArchiveFile } from './manifest.ts';
import { pathOf, SET_ASIDE } from './proof.ts';
import { refreshRollups } from './rollup.ts';

interface Group {
  readonly period: string;
  readonly files: ArchiveFile[];
}

/** The files that should be one, oldest first, with the period that it is for. */
function groups(archive: ArchiveParts, now: number): Group[] {
  const today = dayOf(now);
  const placeOf = (file: ArchiveFile): string =>
    isMonth(file.period) ? file.period : periodOf(file.first, now);
  const closed = archive.view.files.filter(
    (file) => file.kind !== 'rollup' && dayOf(file.last) < today,
  );
  const list: Group[] = [];
  for (const members of Map.groupBy(closed, (file) => `${file.layout} ${placeOf(file)}`).values()) {
    const period = placeOf(members[0]!);
    const files = isMonth(period) ? withoutFullParts(members, archive.settings.partRows) : members;
    const done = files.length === 0 || (files.length === 1 && files[0]!.period === period);
    if (!done && !jumpsOverOthers(archive, files)) list.push({ period, files });
  }
  return list;
}

/** Leaves full parts alone, unless something newer or older may hold another value of one of their rows. */
function withoutFullParts(files: readonly ArchiveFile[], partRows: number): ArchiveFile[] {
  const parts = files.filter((file) => file.rows >= partRows);
  const rest = files.filter((file) => file.rows < partRows);
  const newest = Math.max(...parts.map((file) => file.ord));
  return rest.some((file) => file.repeats || file.ord <= newest) ? [...files] : rest;
}

/**
 * Whether another file of the same time is newer than one of these and not newer than all: as one file they would hide
 * it or be hidden by it. Files of one flush have the same order. It happens after the clock was set back, and ends when
 * days have become old enough.
 */
function jumpsOverOthers(archive: ArchiveParts, files: readonly ArchiveFile[]): boolean {
  const ords = files.map((file) => file.ord);
  const oldest = Math.min(...ords);
  const newest = Math.max(...ords);
  return othersOfTheTime(archive, files).some(({ ord }) => ord > oldest && ord <= newest);
}

/** Files of the same readings and the same time that are not among these. */
function othersOfTheTime(archive: ArchiveParts, files: readonly ArchiveFile[]): ArchiveFile[] {
  const { layout } = files[0]!;
  // A file that is set aside may come back.
  return [...archive.view.files, ...archive.view.setAside].filter(
    (other) =>
      other.layout === layout &&
      other.kind !== 'rollup' &&
      !files.includes(other) &&
      files.some((file) => other.first <= file.last && other.last >= file.first),
  );
}

/**
 * Compacts what `groups` finds and computes dirty rollups. What fails is counted and left for the next time; the rest goes
 * on. To be called as maintenance.
 */
export async function compact(archive: ArchiveParts, now: number): Promise<{ compacted: number }> {
  await archive.health.bringBack();
  let compacted = 0;
  for (const group of groups(archive, now))
    await archive.health.isolated(`${group.files[0]!.layout} ${group.period}`, async () => {
      compacted += await compactGroup(archive, group);
    });
  await refreshRollups(archive);
  return { compacted };
}

/** Compares each file with its checksum of the time of writing, so that damage is not compacted into a good file. */
async function compactGroup(archive: ArchiveParts, { period, files }: Group): Promise<number> {
  const whole: ArchiveFile[] = [];
  for (const file of files) if (await archive.health.isWhole(file)) whole.push(file);
  // What the group lost may stand between the rest and other files.
  if (whole.length === 0 || (whole.length < files.length && jumpsOverOthers(archive, whole)))
    return 0;
  await compactFiles(archive, period, whole);
  return whole.length;
}

async function compactFiles(
  archive: ArchiveParts,
  period: string,
  files: readonly ArchiveFile[],
): Promise<void> {
  const { db, manifest, view } = archive;
  const number = files[0]!.layout;
  const profile = number < 0 ? '_events' : archive.layouts[number]!.profile;
  const path = `${ARCHIVE_FOLDER}/${profile}/${period}/${archive.takeFileNumber()}.parquet`;
  const sum = files.reduce((rows, file) => rows + file.rows, 0);
  const span = {
    first: Math.min(...files.map((file) => file.first)),
    last: Math.max(...files.map((file) => file.last)),
  };
  const { query, rows } =
    number < 0
      ? {
          query: `${eventsOnce([`SELECT device, ts, received, type, detail FROM ${fileList(archive.folder, files)}`])} ORDER BY ts, device, type, detail`,
          rows: null,
        }
      : await readings(archive, number, files, span);
  const print = await writeParquet(archive, query, { path, rows: rows ?? sum, lasting: true });
  const file: ArchiveFile = {
    path,
    kind: number < 0 ? 'events' : isMonth(period) ? 'month' : 'day',
    layout: number,
    period,
    ...span,
    rows: rows ?? sum,
    ord: Math.max(...files.map((one) => one.ord)),
    metrics: number < 0 ? 0 : archive.layouts[number]!.metrics.length,
    repeats: files.some((one) => one.repeats) && othersOfTheTime(archive, files).length > 0,
    ...print,
  };
  listOrDelete(archive, file, () => {
    for (const one of files) manifest.removeFile(one.path);
    manifest.addFile(file);
    db.setState(STATE_NEXT_GENERATION, archive.nextGeneration);
  });
  view.files = [...view.files.filter((one) => !files.includes(one)), file];
  unlinkLater(archive, files);
}

async function readings(
  archive: ArchiveParts,
  number: number,
  files: readonly ArchiveFile[],
  span: { first: number; last: number },
): Promise<{ query: string; rows: number }> {
  const layout = archive.layouts[number]!;
  const source: Source = {
    folder: archive.folder,
    metrics: [...layout.metrics],
    files,
    memtables: [],
    spans: [{ from: span.first, to: span.last + 1 }],
    wanted: layout.metrics.map((_, i) => i),
  };
  let rows = files.reduce((sum, file) => sum + file.rows, 0);
  if (mayRepeat(source)) {
    const counted = await archive.duck.query(
      `SELECT count(*)::DOUBLE FROM (${rowsOnce({ ...source, wanted: [] })})`,
      { queryClass: 'maintenance' },
    );
    rows = (counted.columns[0] as Float64Array)[0]!;
  }
  return { query: archiveRows(source), rows };
}

/** Deletes files whose whole time lies before; the hours they held are dirty then. To be called as maintenance. */
export async function retain(archive: ArchiveParts, before: number): Promise<{ files: number }> {
  const { db, manifest, view } = archive;
  const old = view.files.filter((file) => file.last < before);
  const oldAside = view.setAside.filter((file) => file.last < before);
  const hours: { layout: number; hour: number }[] = [];
  for (const file of old) {
    if (file.kind !== 'day' && file.kind !== 'month') continue;
    for (let hour = Math.floor(file.first / HOUR); hour * HOUR <= file.last; hour++)
      hours.push({ layout: file.layout, hour });
  }
  db.transaction(() => {
    for (const file of [...old, ...oldAside]) manifest.removeFile(file.path);
    for (const { layout, hour } of hours) manifest.addDirty(layout, hour);
  });
  view.files = view.files.filter((file) => !old.includes(file));
  for (const { layout, hour } of hours) view.addDirty(layout, hour);
  for (const layout of new Set(hours.map((one) => one.layout)))
    for (const device of archive.layouts[layout]?.devices.values() ?? [])
      archive.latest.forgetBefore(device, before);
  unlinkLater(archive, old);
  await archive.health.forget(oldAside);
  await refreshRollups(archive);
  return { files: old.length + oldAside.length };
}

/**
 * A consistent copy: the database as of one moment and hard links (or copies) of every file it lists. As maintenance
 * the list does not change meanwhile; commits go on.
 * @throws folder-not-empty, archive-unreadable
 */
export async function backupTo(archive: ArchiveParts, folder: string): Promise<void> {
  const { files, setAside } = archive.view;
  await archive.db.copyInto(folder);
  for (const file of files) {
    const target = join(folder, file.path);
    await mkdir(dirname(target), { recursive: true });
    try {
      await linkOrCopy(join(archive.folder, file.path), target);
    } catch (error) {
      // One file that is gone must not stop every backup from now on: the copy lacks it, and says so where it is opened.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (await archive.health.isWhole(file)) throw error;
    }
  }
  // What is left of files that are set aside may be of use, and whole ones come back where the copy is opened.
  for (const file of setAside) {
    const from = await pathOf(archive.folder, file);
    if (from === null) continue;
    const target = join(folder, file.path);
    await mkdir(dirname(target), { recursive: true });
    await linkOrCopy(from, `${target}${SET_ASIDE}`);
  }
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Archive files never change, so a second name is as good as a copy on the same disk. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    await copyFile(from, to);
    const copy = await open(to);
    await copy.sync().finally(() => copy.close());
  }
}
