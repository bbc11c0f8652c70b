/** `npm run serve -- restore <folder>`: a backup into an empty data folder, each file proved by its checksum. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperationalError } from '@village/core';
import { prepareData } from '../../config/faults-at-start.ts';
import { type BackupEntry, type BackupList, checksum, readList } from './backup-files.ts';

/** In a data folder while it is being restored: no server starts on a half of one. */
export const RESTORING = 'restoring';

export interface RestoreOptions {
  readonly backup: string;
  /** The data folder; must be empty or missing. */
  readonly data: string;
  /** Whether the server is configured for PostgreSQL. */
  readonly postgres: boolean;
  /** Bytes done, of all. */
  readonly progress?: (done: number, total: number) => void;
}

const refuse = (code: string, message: string, cause?: unknown): never => {
  throw new OperationalError(code, message, { cause });
};

/** Throws unless the file is as it was when the backup was made. */
async function prove(path: string, entry: BackupEntry): Promise<void> {
  const damaged = (zh: string, en: string, cause?: unknown): never =>
    refuse(
      'backup-damaged',
      `备份${zh}，未恢复任何内容：${path} · the backup ${en}, nothing was restored`,
      cause,
    );
  try {
    const found = await stat(path);
    // What is no file may never end.
    const whole = found.isFile() && found.size === entry.bytes;
    if (whole && (await checksum(path)) === entry.sha256) return;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') damaged('已损坏', 'is damaged: the file is missing', error);
    damaged('无法读取', `can't be read: ${message}`, error);
  }
  damaged('已损坏', 'is damaged: the checksum is another');
}

function checkTarget({ data, postgres }: RestoreOptions, list: BackupList): void {
  checkRestored(data);
  if (existsSync(data)) checkEmpty(data, readdirSync(data));
  if (postgres && list.relational === 'sqlite')
    refuse(
      'other-database',
      '备份含 SQLite 数据，而配置为 PostgreSQL · the backup holds areas, devices and people as SQLite, but the ' +
        'configuration names PostgreSQL: take `relational` out of it for the restore',
    );
}

function checkEmpty(data: string, found: readonly string[]): void {
  if (found.length > 0)
    refuse(
      'data-not-empty',
      `数据文件夹不为空，请改设 VILLAGE_DATA 或移走其内容：${data} · the data folder is not empty: set VILLAGE_DATA ` +
        'to another one, or move what is in it away',
    );
}

/**
 * Marks the folder, in which something may have been made since it was looked at: a server that was started meanwhile either finds
 * the mark or is found.
 */
function begin({ backup, data }: RestoreOptions): void {
  prepareData(data);
  try {
    writeFileSync(join(data, RESTORING), `${backup}\n`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') checkRestored(data);
    throw error;
  }
  try {
    checkEmpty(
      data,
      readdirSync(data).filter((name) => name !== RESTORING),
    );
  } catch (error) {
    rmSync(join(data, RESTORING));
    throw error;
  }
}

/** @throws no-room before anything is written */
async function checkRoom(data: string, { files }: BackupList): Promise<void> {
  let folder = data;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const [want, have] = [Math.ceil(bytes / 1e6), Math.floor(free / 1e6)];
  refuse(
    'no-room',
    `磁盘空间不足，需要 ${want} MB，可用 ${have} MB：${data} · the disk has no room: ${want} MB are needed, ${have} MB are ` +
      'free; nothing was restored',
  );
}

async function copy(from: string, target: string, entry: BackupEntry): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(from, target);
  await sync(target, 'r+');
  const { size } = await stat(target);
  if (size !== entry.bytes || (await checksum(target)) !== entry.sha256)
    throw new Error(`${target} is not what was written: the disk can't be relied on`);
}

async function sync(path: string, flags = 'r'): Promise<void> {
  const handle = await open(path, flags);
  await handle.sync().finally(() => handle.close());
}

/** Takes away what a restore wrote, the mark last. */
async function clear(data: string, { files }: BackupList): Promise<void> {
  for (const name of new Set(files.map(({ path }) => path.split('/')[0] as string)))
    await rm(join(data, name), { recursive: true, force: true });
  await rm(join(data, RESTORING), { force: true });
}

/**
 * Restores and returns what was in the backup. Everything is proved before anything is written, and each copy again after; where
 * one can't be written, what was is taken away.
 * @throws not-a-backup backup-damaged data-not-empty other-database restore-unfinished no-room data-unusable restore-failed
 */
export async function restore(options: RestoreOptions): Promise<BackupList> {
  const { backup, data, progress } = options;
  const list = readList(backup);
  checkTarget(options, list);
  await checkRoom(data, list);
  const total = 2 * list.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const told = ({ bytes }: BackupEntry): void => {
    done += bytes;
    progress?.(done, total);
  };
  for (const entry of list.files) {
    await prove(join(backup, entry.path), entry);
    told(entry);
  }
  begin(options);
  try {
    for (const entry of list.files) {
      await copy(join(backup, entry.path), join(data, entry.path), entry);
      told(entry);
    }
    for (const folder of foldersOf(list)) await sync(join(data, folder));
  } catch (error) {
    const cleared = await clear(data, list).then(
      () => true,
      () => false,
    );
    const [zh, en] = cleared
      ? ['已删除写入的内容', 'what it wrote was taken away']
      : ['请清空数据文件夹', 'empty the data folder'];
    const { message } = error as Error;
    refuse('restore-failed', `恢复失败，${zh}：${message} · the restore failed, ${en}`, error);
  }
  rmSync(join(data, RESTORING));
  await sync(data);
  return list;
}

/** Every folder that files of a backup lie in, the data folder among them. */
function foldersOf({ files }: BackupList): Set<string> {
  const folders = new Set<string>(['.']);
  for (const { path } of files)
    for (let at = dirname(path); !folders.has(at); at = dirname(at)) folders.add(at);
  return folders;
}

/** Refuses a data folder that a restore has left half done or is still at work in. @throws restore-unfinished */
export function checkRestored(data: string): void {
  if (existsSync(join(data, RESTORING)))
    refuse(
      'restore-unfinished',
      `数据文件夹恢复未完成，请等待其结束；已中断的请清空后重新恢复：${data} · a restore into this data folder is not finished: ` +
        'wait for its end; if it was interrupted, empty the folder and restore again',
    );
}
