/**
 * Flushing: the rows of a closed generation become archive files, then one transaction lists the files and declares the
 * log rows dead. A crash at any point leaves either the log rows or the files in force, never both.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BEIJING_OFFSET_MS, DAY } from '@village/core';
import { STATE_SEALED_UP_TO } from '../../../journal/snapshot.ts';
import { QueryFailure } from '../duck/duck.ts';
import type { Generation, Memtable } from '../memtable.ts';
import type { ArchiveParts } from '../parts.ts';
import { archiveRows, mayRepeat, rowsOnce, type Source } from '../query/sql.ts';
import type { Span } from '../view.ts';
import { ARCHIVE_FOLDER, isMonth, listedOrDeleted, periodOf, writeParquet } from './files.ts';
import type { ArchiveFile } from './manifest.ts';

export const STATE_NEXT_GENERATION = 'next-generation';

/** Closes the open generation when it holds anything; not while a closed one waits, so that failing flushes gather none. */
function rotate(archive: ArchiveParts): void {
  const { view } = archive;
  if (view.generations.length > 1 || archive.takenUpTo === archive.sealedUpTo) return;
  view.open.sealedUpTo = archive.takenUpTo;
  view.open.newestAt = archive.newestAt.slice();
  archive.beginGeneration();
}

/** Flushes all that was taken, oldest first. To be called as maintenance. */
export async function flush(archive: ArchiveParts): Promise<{ rows: number; files: number }> {
  const sum = { rows: 0, files: 0 };
  const flushClosed = async (): Promise<void> => {
    for (const generation of archive.view.generations.slice(0, -1)) {
      sum.files += await flushGeneration(archive, generation);
      sum.rows += generation.rows;
    }
  };
  try {
    await flushClosed();
    rotate(archive);
    await flushClosed();
  } catch (error) {
    archive.totals.flushFailures++;
    throw error;
  }
  return sum;
}

async function flushGeneration(archive: ArchiveParts, generation: Generation): Promise<number> {
  const written: ArchiveFile[] = [];
  return listedOrDeleted(archive, written, () => writeAndList(archive, generation, written));
}

/** Notes in `written` each file that it has made. */
async function writeAndList(
  archive: ArchiveParts,
  generation: Generation,
  written: ArchiveFile[],
): Promise<number> {
  for (const [layout, tables] of Map.groupBy(generation.tables, (table) => table.layout))
    await flushLayout(archive, generation, { number: layout, tables }, written);
  if (generation.events > 0) await flushEvents(archive, generation, written);
  const hours = generation.tables.flatMap((table) =>
    [...table.hours].map((hour) => ({ layout: table.layout, hour })),
  );
  const { db, manifest, view, unitsOf, savedUnitsOf } = archive;
  const moved = [...unitsOf.keys()].filter((device) => unitsOf[device] !== savedUnitsOf[device]);
  db.transaction(() => {
    for (const file of written) manifest.addFile(file);
    for (const { layout, hour } of hours) manifest.addDirty(layout, hour);
    for (const device of moved) manifest.setDeviceUnits(device, unitsOf[device]!);
    db.setState(STATE_NEXT_GENERATION, archive.nextGeneration);
    db.setState(STATE_SEALED_UP_TO, generation.sealedUpTo);
  });
  for (const device of moved) savedUnitsOf[device] = unitsOf[device]!;
  view.files = [...view.files, ...written];
  view.generations = view.generations.filter((one) => one !== generation);
  for (const { layout, hour } of hours) view.addDirty(layout, hour);
  const names = generation.tables.map((table) => table.name);
  archive.pins.retire(() =>
    archive.duck.send({ kind: 'drop', tables: [...names, generation.eventsName] }),
  );
  archive.totals.flushes++;
  archive.totals.rowsFlushed += generation.rows;
  archive.sealedUpTo = generation.sealedUpTo;
  archive.newestAtSealed = generation.newestAt;
  archive.host.durable(generation.sealedUpTo);
  return written.length;
}

/** The periods that a query's rows fall into, with how many and when. */
async function periods(
  archive: ArchiveParts,
  rows: string,
): Promise<{ period: string; rows: number; first: number; last: number }[]> {
  const { columns, rows: days } = await archive.duck.query(
    `SELECT count(*)::DOUBLE, min(ts)::DOUBLE, max(ts)::DOUBLE FROM (${rows}) GROUP BY (ts + ${BEIJING_OFFSET_MS}) // ${DAY}`,
    { queryClass: 'maintenance' },
  );
  const [counts, firsts, lasts] = columns as Float64Array[];
  const now = archive.settings.timer.now();
  const byPeriod = new Map<string, { period: string; rows: number; first: number; last: number }>();
  for (let day = 0; day < days; day++) {
    const period = periodOf(firsts![day]!, now);
    const known = byPeriod.get(period);
    const first = firsts![day]!;
    const last = lasts![day]!;
    if (known === undefined) byPeriod.set(period, { period, rows: counts![day]!, first, last });
    else {
      known.rows += counts![day]!;
      known.first = Math.min(known.first, first);
      known.last = Math.max(known.last, last);
    }
  }
  return [...byPeriod.values()].sort((a, b) => a.first - b.first);
}

async function flushLayout(
  archive: ArchiveParts,
  generation: Generation,
  { number, tables }: { readonly number: number; readonly tables: readonly Memtable[] },
  written: ArchiveFile[],
): Promise<void> {
  const layout = archive.layouts[number]!;
  const whole: Source = {
    folder: archive.folder,
    metrics: [...layout.metrics],
    files: [],
    memtables: tables,
    spans: [
      {
        from: Math.min(...tables.map((table) => table.first)),
        to: Math.max(...tables.map((table) => table.last)) + 1,
      },
    ],
    wanted: layout.metrics.map((_, i) => i),
  };
  const late = mayRepeat(whole);
  const distinct = !late || !(await repeatsItself(archive, whole));
  for (const { period, rows, first, last } of await periods(
    archive,
    rowsOnce({ ...whole, wanted: [], distinct }),
  )) {
    const path = `${ARCHIVE_FOLDER}/${layout.profile}/${period}/${generation.number}.parquet`;
    // Periods are made of whole days, so that their spans don't overlap.
    const source: Source = { ...whole, distinct, spans: [{ from: first, to: last + 1 }] };
    const print = await writeParquet(archive, archiveRows(source), { path, rows });
    written.push({
      path,
      kind: isMonth(period) ? 'month' : 'day',
      layout: number,
      period,
      first,
      last,
      rows,
      ord: tables.at(-1)!.serial,
      metrics: whole.metrics.length,
      repeats: late && (await repeatsOlder(archive, source, { from: first, to: last + 1 })),
      ...print,
    });
  }
}

async function repeatsItself(archive: ArchiveParts, source: Source): Promise<boolean> {
  const late = lateSpan(source.memtables);
  const rows = rowsOnce({ ...source, wanted: [], distinct: true, spans: [late] });
  const { rows: found } = await archive.duck.query(
    `SELECT 1::DOUBLE FROM (${rows}) GROUP BY dev, ts HAVING count(*) > 1 LIMIT 1`,
    { queryClass: 'maintenance' },
  );
  return found > 0;
}

function lateSpan(tables: readonly Memtable[]): Span {
  return {
    from: Math.min(...tables.map((table) => table.lateFirst)),
    to: Math.max(...tables.map((table) => table.lateLast)) + 1,
  };
}

/**
 * Whether rows about to be archived repeat a (device, time) of a file that is already there. True where the older files can't
 * be read: a flush must not wait for them, and queries then look twice.
 */
async function repeatsOlder(archive: ArchiveParts, source: Source, span: Span): Promise<boolean> {
  const late = lateSpan(source.memtables);
  const spans = [{ from: Math.max(span.from, late.from), to: Math.min(span.to, late.to) }];
  const layout = source.memtables[0]!.layout;
  if (spans[0]!.from >= spans[0]!.to) return false;
  const files = archive.view.dataFiles(layout, spans);
  if (files.length === 0) return archive.view.setAsideIn(layout, spans).length > 0;
  const plain: Source = { ...source, wanted: [], distinct: true, spans };
  try {
    const { rows } = await archive.duck.query(
      `SELECT 1::DOUBLE FROM (${rowsOnce(plain)}) AS fresh
     SEMI JOIN (${rowsOnce({ ...plain, memtables: [], files })}) AS old ON fresh.dev = old.dev AND fresh.ts = old.ts LIMIT 1`,
      { queryClass: 'maintenance' },
    );
    return rows > 0 || archive.view.setAsideIn(layout, spans).length > 0;
  } catch (error) {
    if (error instanceof QueryFailure) return true;
    throw error;
  }
}

/** Events with the same device, time, type and detail are one event, first received when the first of them was. */
export function eventsOnce(parts: readonly string[]): string {
  return `SELECT device, ts, min(received) AS received, type, detail FROM (${parts.join(' UNION ALL ')})
    GROUP BY device, ts, type, detail`;
}

async function flushEvents(
  archive: ArchiveParts,
  generation: Generation,
  written: ArchiveFile[],
): Promise<void> {
  const table = `SELECT device, ts, received, type, detail FROM ${generation.eventsName}`;
  for (const { period, first, last, rows } of await periods(archive, eventsOnce([table]))) {
    const path = `${ARCHIVE_FOLDER}/_events/${period}/${generation.number}.parquet`;
    const query = `${eventsOnce([`${table} WHERE ts >= ${first} AND ts <= ${last}`])} ORDER BY ts, device, type, detail`;
    const print = await writeParquet(archive, query, { path, rows });
    written.push({
      path,
      kind: 'events',
      layout: -1,
      period,
      first,
      last,
      rows,
      ord: generation.number,
      metrics: 0,
      repeats: false,
      ...print,
    });
  }
}

/** The dictionary of device numbers, so that any tool can read the archive. */
export async function writeDictionary(archive: ArchiveParts): Promise<void> {
  const path = `${ARCHIVE_FOLDER}/devices.parquet`;
  archive.sendNames();
  const query = 'SELECT dev, id, profile FROM devices ORDER BY dev';
  await rm(join(archive.folder, `${path}.tmp`), { force: true });
  await writeParquet(archive, query, { path, rows: archive.names.devices });
}
