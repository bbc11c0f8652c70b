/** Keeping the archive small and whole: merging files of closed days and months, deleting old ones, copying all of it. */
import { copyFile, link, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HOUR, OperationalError } from '@village/core';
import { setAside } from './ask.ts';
import type { Engine } from './engine.ts';
import {
  ARCHIVE_FOLDER,
  dayOf,
  fingerprint,
  isMonth,
  periodOf,
  unlinkLater,
  writeParquet,
} from './files.ts';
import { type ArchiveFile, LOG_FILE } from './log.ts';
import { refreshRollups } from './rollup.ts';
import { eventsOnce, STATE_NEXT_GENERATION } from './seal.ts';
import { archiveRows, fileList, mayRepeat, rowsOnce, type Source } from './sql.ts';

interface Group {
  readonly period: string;
  readonly files: ArchiveFile[];
}

/** The files that should be one, oldest first, with the period that it is for. */
function groups(engine: Engine, now: number): Group[] {
  const today = dayOf(now);
  const placeOf = (file: ArchiveFile): string =>
    isMonth(file.period) ? file.period : periodOf(file.first, now);
  const closed = engine.view.files.filter(
    (file) => file.kind !== 'rollup' && dayOf(file.last) < today,
  );
  const list: Group[] = [];
  for (const members of Map.groupBy(closed, (file) => `${file.layout} ${placeOf(file)}`).values()) {
    const period = placeOf(members[0]!);
    const files = isMonth(period) ? withoutFullParts(members, engine.settings.partRows) : members;
    const done = files.length === 0 || (files.length === 1 && files[0]!.period === period);
    if (!done && !jumpsOverOthers(engine, files)) list.push({ period, files });
  }
  return list;
}

/** Leaves full parts alone, unless something newer or older may hold another value of one of their rows. */
function withoutFullParts(files: readonly ArchiveFile[], partRows: number): ArchiveFile[] {
  const parts = files.filter((file) => file.rows >= partRows);
  const rest = files.filter((file) => file.rows < partRows);
  const newest = Math.max(...parts.map((file) => file.ord));
  return rest.some((file) => file.repeats || file.ord < newest) ? [...files] : rest;
}

/**
 * Whether another file of the same time is newer than one of these and older than another: as one file they would hide
 * it or be hidden by it. It happens after the clock was set back, and ends when days have become old enough.
 */
function jumpsOverOthers(engine: Engine, files: readonly ArchiveFile[]): boolean {
  const ords = files.map((file) => file.ord);
  const oldest = Math.min(...ords);
  const newest = Math.max(...ords);
  return othersOfTheTime(engine, files).some(({ ord }) => ord > oldest && ord < newest);
}

/** Files of the same readings and the same time that are not among these. */
function othersOfTheTime(engine: Engine, files: readonly ArchiveFile[]): ArchiveFile[] {
  const { layout } = files[0]!;
  return engine.view.files.filter(
    (other) =>
      other.layout === layout &&
      other.kind !== 'rollup' &&
      !files.includes(other) &&
      files.some((file) => other.first <= file.last && other.last >= file.first),
  );
}

/** Merges what `groups` finds and computes dirty rollups. To be called as maintenance. */
export async function merge(engine: Engine, now: number): Promise<{ merged: number }> {
  let merged = 0;
  for (const { period, files } of groups(engine, now)) {
    const whole: ArchiveFile[] = [];
    for (const file of files) if (await isSound(engine, file)) whole.push(file);
    if (whole.length === 0) continue;
    await mergeFiles(engine, period, whole);
    merged += whole.length;
  }
  await refreshRollups(engine);
  return { merged };
}

/** Compares with the checksum of the time of writing, so that damage is not merged into a good file. */
async function isSound(engine: Engine, file: ArchiveFile): Promise<boolean> {
  const { bytes, crc } = await fingerprint(join(engine.folder, file.path));
  if (bytes === file.bytes && crc === file.crc) return true;
  await setAside(engine, file, 'The checksum does not match.');
  return false;
}

async function mergeFiles(
  engine: Engine,
  period: string,
  files: readonly ArchiveFile[],
): Promise<void> {
  const { log, view } = engine;
  const number = files[0]!.layout;
  const profile = number < 0 ? '_events' : engine.layouts[number]!.profile;
  const path = `${ARCHIVE_FOLDER}/${profile}/${period}/${engine.takeFileNumber()}.parquet`;
  const sum = files.reduce((rows, file) => rows + file.rows, 0);
  const span = {
    first: Math.min(...files.map((file) => file.first)),
    last: Math.max(...files.map((file) => file.last)),
  };
  const { query, rows } =
    number < 0
      ? {
          query: `${eventsOnce([`SELECT device, ts, received, type, detail FROM ${fileList(engine.folder, files)}`])} ORDER BY ts, device, type, detail`,
          rows: null,
        }
      : await readings(engine, number, files, span);
  const print = await writeParquet(engine, query, { path, rows: rows ?? sum, lasting: true });
  const file: ArchiveFile = {
    path,
    kind: number < 0 ? 'events' : isMonth(period) ? 'month' : 'day',
    layout: number,
    period,
    ...span,
    rows: rows ?? sum,
    ord: Math.max(...files.map((one) => one.ord)),
    metrics: number < 0 ? 0 : engine.layouts[number]!.metrics.length,
    repeats: files.some((one) => one.repeats) && othersOfTheTime(engine, files).length > 0,
    ...print,
  };
  log.transaction(() => {
    for (const one of files) log.removeFile(one.path);
    log.addFile(file);
    log.setState(STATE_NEXT_GENERATION, engine.nextGeneration);
  });
  view.files = [...view.files.filter((one) => !files.includes(one)), file];
  unlinkLater(engine, files);
}

async function readings(
  engine: Engine,
  number: number,
  files: readonly ArchiveFile[],
  span: { first: number; last: number },
): Promise<{ query: string; rows: number }> {
  const layout = engine.layouts[number]!;
  const source: Source = {
    folder: engine.folder,
    metrics: [...layout.metrics],
    files,
    hot: [],
    spans: [{ from: span.first, to: span.last + 1 }],
    wanted: layout.metrics.map((_, i) => i),
  };
  let rows = files.reduce((sum, file) => sum + file.rows, 0);
  if (mayRepeat(source)) {
    const counted = await engine.duck.query(
      `SELECT count(*)::DOUBLE FROM (${rowsOnce({ ...source, wanted: [] })})`,
      { lane: 'maintenance' },
    );
    rows = (counted.columns[0] as Float64Array)[0]!;
  }
  return { query: archiveRows(source), rows };
}

/** Deletes files whose whole time lies before; the hours they held are dirty then. To be called as maintenance. */
export async function retain(engine: Engine, before: number): Promise<{ files: number }> {
  const { log, view } = engine;
  const old = view.files.filter((file) => file.last < before);
  const hours: { layout: number; hour: number }[] = [];
  for (const file of old) {
    if (file.kind !== 'day' && file.kind !== 'month') continue;
    for (let hour = Math.floor(file.first / HOUR); hour * HOUR <= file.last; hour++)
      hours.push({ layout: file.layout, hour });
  }
  log.transaction(() => {
    for (const file of old) log.removeFile(file.path);
    for (const { layout, hour } of hours) log.addDirty(layout, hour);
  });
  view.files = view.files.filter((file) => !old.includes(file));
  for (const { layout, hour } of hours) view.addDirty(layout, hour);
  for (const layout of new Set(hours.map((one) => one.layout)))
    for (const device of engine.layouts[layout]?.devices.values() ?? [])
      engine.latest.forgetBefore(device, before);
  unlinkLater(engine, old);
  await refreshRollups(engine);
  return { files: old.length };
}

/**
 * A consistent copy: the database as of one moment and hard links (or copies) of every file it lists. As maintenance
 * the list does not change meanwhile; commits go on.
 * @throws folder-not-empty
 */
export async function backupTo(engine: Engine, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0)
    throw new OperationalError('folder-not-empty', `${folder} is not empty.`);
  const paths = engine.view.files.map((file) => file.path);
  await engine.log.copyTo(join(folder, LOG_FILE));
  for (const path of paths) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await linkOrCopy(join(engine.folder, path), target);
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
  }
}
