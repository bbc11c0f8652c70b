/**
 * Writes readings as one file, part by part: no statement sorts more than fits its memory, the disk gets no more than its pace,
 * and between two parts others have their turn.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { OperationalError, type Timer } from '@village/core';
import type { ViewQueries } from '@village/platform';
import type { ExportQuery, TimeSeriesStore } from '@village/store/time-series';
import { type Pace, PacedFile, UNSYNCED_MAX } from './pace.ts';
import { type Part, Parts } from './parts.ts';

/** Rows of a part, by the estimate, and bytes by its file: one that grows beyond is made again in halves. */
const PART_ROWS = 100_000;
const PART_BYTES_MAX = 64 * 1024 * 1024;
/** How often is looked how long a file has grown that the archive writes, ms. */
const LOOK_MS = 100;
const PIECE = 1024 * 1024;
const LINE_END = 10;

export type Format = 'csv' | 'parquet';

/** What a file is made with. */
export interface Workshop {
  readonly timer: Timer;
  readonly pace: Pace;
  readonly joinParquet: TimeSeriesStore['joinParquet'];
}

/** A file to be written. */
export interface Writing {
  readonly path: string;
  readonly format: Format;
  readonly queries: Pick<ViewQueries, 'exportTo'>;
  readonly query: Pick<ExportQuery, 'devices' | 'metrics' | 'from' | 'to' | 'words'>;
  /** About how many rows a part has. */
  readonly rows: (part: Part) => number;
  /** What a CSV file begins with. */
  readonly mark: string;
  /** A file that grows beyond is given up. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
  /** Runs the work on a part when it is its turn. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Told after each part how many of the estimated rows are done, and what lies on the disk. */
  readonly progress: (done: { readonly rows: number; readonly bytes: number }) => Promise<void>;
}

const tooLarge = (bytesMax: number): OperationalError =>
  new OperationalError(
    'export-too-large',
    `the file has more than ${Math.round(bytesMax / 1e6)} MB: ask for less time, fewer devices or single metrics`,
  );

const unwritable = (cause: unknown): OperationalError =>
  new OperationalError('query-failed', 'The file can not be written.', { cause });

/** Whether the disk was full, whoever wrote to it. */
const isFull = (error: unknown): boolean =>
  error instanceof Error &&
  ((error as NodeJS.ErrnoException).code === 'ENOSPC' ||
    /no space left on device/i.test(error.message) ||
    isFull(error.cause));

const noRoomLeft = (cause: unknown): OperationalError =>
  new OperationalError('no-room', 'the disk was full while the file was made: have room made', {
    cause,
  });

const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => null))?.size ?? 0;

/** Looks at a file that is being written until `over`; `look` is told of its size. */
async function watch(
  path: string,
  timer: Timer,
  over: AbortSignal,
  look: (bytes: number) => Promise<void> | void,
): Promise<void> {
  for (;;) {
    await timer.sleep(LOOK_MS, over);
    await look(await sizeOf(path));
  }
}

/** Runs work that writes a file, and looks at the file meanwhile. */
async function watched<T>(
  path: string,
  timer: Timer,
  look: (bytes: number) => Promise<void> | void,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  // It ends when the work has, which tells what failed.
  const watching = watch(path, timer, over.signal, look).catch(() => undefined);
  try {
    return await work();
  } finally {
    over.abort();
    await watching;
  }
}

/** Adds a part's file to the whole; heads of later ones are left out. */
async function appendFile(whole: PacedFile, path: string, hasHead: boolean): Promise<void> {
  const part = await open(path);
  try {
    const buffer = Buffer.alloc(PIECE);
    let inHead = hasHead;
    for (;;) {
      const { bytesRead } = await part.read(buffer, 0, PIECE);
      if (bytesRead === 0) return;
      const read = buffer.subarray(0, bytesRead);
      // No name of a column holds a line's end.
      const end = inHead ? read.indexOf(LINE_END) : -1;
      if (inHead && end < 0) continue;
      inHead = false;
      await whole.append(read.subarray(end + 1));
    }
  } finally {
    await part.close();
  }
}

/** Gives parts one after the other to `take`, each as a file of its own. */
async function eachPart(
  { timer }: Workshop,
  { path, format, queries, query, rows: weigh, signal, turn }: Writing,
  take: (file: string, number: number, rows: number) => Promise<void>,
  done: (estimated: number) => Promise<void>,
): Promise<number> {
  const { devices, from, to, ...more } = query;
  const parts = new Parts({ devices: [...devices].sort(), from, to }, weigh, PART_ROWS);
  let all = 0;
  let estimated = 0;
  let number = 0;
  for (let next = parts.next(); next !== null; next = parts.next()) {
    const { part } = next;
    const file = `${path}.${number}`;
    const long = new AbortController();
    const stop = AbortSignal.any([signal, long.signal]);
    const look = (bytes: number): void => {
      if (bytes > PART_BYTES_MAX) long.abort();
    };
    const made = await turn(() =>
      watched(file, timer, look, () => queries.exportTo(file, format, { ...part, ...more }, stop)),
    ).catch(async (error: unknown) => {
      await rm(file, { force: true });
      // An estimate that was too low: the halves have it right, or theirs.
      if (signal.aborted || !long.signal.aborted || !parts.putBack(part)) throw error;
      return null;
    });
    if (made === null) continue;
    all += made.rows;
    try {
      await take(file, number++, made.rows);
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    estimated += next.rows;
    await done(estimated);
  }
  return all;
}

async function writeCsv(workshop: Workshop, writing: Writing, file: FileHandle): Promise<number> {
  const { mark, bytesMax, signal, progress } = writing;
  const whole = new PacedFile(file, workshop.pace, signal);
  await whole.append(Buffer.from(mark));
  const rows = await eachPart(
    workshop,
    writing,
    async (path, number) => {
      await appendFile(whole, path, number > 0);
      await rm(path, { force: true });
      if (whole.bytes > bytesMax) throw tooLarge(bytesMax);
    },
    (estimated) => progress({ rows: estimated, bytes: whole.bytes }),
  );
  await whole.sync();
  return rows;
}

/** Parts lie beside each other until all are there, and are then made one file. */
async function writeParquet(workshop: Workshop, writing: Writing): Promise<number> {
  const { timer, pace, joinParquet } = workshop;
  const { path, bytesMax, signal, progress } = writing;
  if (joinParquet === undefined)
    throw new OperationalError('format-not-offered', 'the archive exports CSV alone');
  const kept: string[] = [];
  let bytes = 0;
  try {
    const rows = await eachPart(
      workshop,
      writing,
      async (file, number, rows) => {
        if (rows === 0 && number > 0) return rm(file, { force: true });
        kept.push(file);
        const size = await syncedSize(file);
        bytes += size;
        if (bytes > bytesMax) throw tooLarge(bytesMax);
        await pace.take(size, signal);
      },
      (estimated) => progress({ rows: estimated, bytes: 2 * bytes }),
    );
    if (kept.length === 1) await rename(kept[0]!, path);
    else {
      let synced = 0;
      const look = async (size: number): Promise<void> => {
        if (size - synced < UNSYNCED_MAX) return;
        synced = await syncedSize(path);
      };
      await watched(path, timer, look, () => joinParquet(kept, path, signal));
      await syncedSize(path);
    }
    return rows;
  } finally {
    for (const file of kept) await rm(file, { force: true });
  }
}

/** The size of a file of which nothing is left unwritten. */
async function syncedSize(path: string): Promise<number> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/**
 * Writes the file; nothing of it is left when it can't be.
 * @throws export-too-large, no-room, format-not-offered, query-failed, and what the archive and `progress` throw
 */
export async function writeExport(
  workshop: Workshop,
  writing: Writing,
): Promise<{ rows: number; bytes: number }> {
  const { path, format } = writing;
  try {
    let rows: number;
    if (format === 'parquet') rows = await writeParquet(workshop, writing);
    else {
      const file = await open(path, 'wx').catch((cause: unknown) => {
        throw unwritable(cause);
      });
      rows = await writeCsv(workshop, writing, file).finally(() => file.close());
    }
    return { rows, bytes: await sizeOf(path) };
  } catch (error) {
    await rm(path, { force: true });
    throw isFull(error) ? noRoomLeft(error) : error;
  }
}
