/** The disk that a backup takes: on the log's own disk it stays well away from the room that the log needs. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '@village/core';

export interface RoomOptions {
  /** Folder of all backups; it is there. */
  readonly folder: string;
  /** The data folder. */
  readonly data: string;
  /** Free disk below which nothing is acknowledged. */
  readonly diskReserveBytes: number;
}

/** What is copied of the store of readings. The archive's files are only linked where the backup is on the same disk. */
const COPIED = /^(log\.sqlite|frames\/)/;
const LINKED = /\.parquet$/;

export interface BackupRoom {
  readonly sameDisk: boolean;
  /** Bytes that a backup takes, and that it may take. */
  readonly needed: number;
  readonly free: number;
}

export async function backupRoom({
  folder,
  data,
  diskReserveBytes,
}: RoomOptions): Promise<BackupRoom> {
  const sameDisk = (await stat(folder)).dev === (await stat(data)).dev;
  const needed = await bytesOf(
    data,
    (path) => COPIED.test(path) || (!sameDisk && LINKED.test(path)),
  );
  const { bavail, bsize } = await statfs(folder);
  // The log stops at its reserve: backups stop well before.
  const free = bavail * bsize - (sameDisk ? 2 * diskReserveBytes : 0);
  return { sameDisk, needed, free };
}

/** @throws no-room */
export async function checkRoom(options: RoomOptions): Promise<void> {
  const { folder } = options;
  const { sameDisk, needed, free } = await backupRoom(options);
  if (free >= needed) return;
  const [want, have] = [Math.ceil(needed / 1e6), Math.floor(Math.max(0, free) / 1e6)];
  throw new OperationalError(
    'no-room',
    `磁盘空间不足，备份约需 ${want} MB，可用 ${have} MB：${folder} · the disk has no room for a backup: about ${want} MB are ` +
      `needed, ${have} MB are free${sameDisk ? ' beside what readings need' : ''}`,
  );
}

/** Bytes of the relational store's file and of those files of the other that are copied. */
async function bytesOf(data: string, isCopied: (path: string) => boolean): Promise<number> {
  const folder = join(data, 'time-series');
  const found = await readdir(folder, { recursive: true });
  const copied = found.filter(isCopied).map((path) => join(folder, path));
  let bytes = 0;
  for (const path of [join(data, 'relational.sqlite'), ...copied])
    bytes += await stat(path).then(
      ({ size }) => size,
      // With PostgreSQL, or deleted meanwhile.
      () => 0,
    );
  return bytes;
}
