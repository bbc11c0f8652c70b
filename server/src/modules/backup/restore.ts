/** `npm run serve -- restore <folder>`: a backup into an empty data folder, each file proved by its checksum. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperationalError } from '@village/core';
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

const refuse = (code: string, message: string): never => {
  throw new OperationalError(code, message);
};

/** Throws unless the file is as it was when the backup was made. */
async function prove(path: string, entry: BackupEntry): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => -1,
  );
  if (size === entry.bytes && (await checksum(path)) === entry.sha256) return;
  refuse(
    'backup-damaged',
    `备份已损坏，未恢复任何内容：${path} · the backup is damaged, nothing was restored: ${
      size < 0 ? 'the file is missing' : 'its checksum is another'
    }`,
  );
}

function checkTarget({ data, postgres }: RestoreOptions, list: BackupList): void {
  if (existsSync(data) && readdirSync(data).length > 0)
    refuse(
      'data-not-empty',
      `数据文件夹不为空，请改设 VILLAGE_DATA 或移走其内容：${data} · the data folder is not empty: set VILLAGE_DATA ` +
        'to another one, or move what is in it away',
    );
  if (postgres && list.relational === 'sqlite')
    refuse(
      'other-database',
      '备份含 SQLite 数据，而配置为 PostgreSQL · the backup holds areas, devices and people as SQLite, but the ' +
        'configuration names PostgreSQL: take `relational` out of it for the restore',
    );
}

/**
 * Restores and returns what was in the backup. Everything is proved before anything is written, and each copy again after.
 * @throws not-a-backup backup-damaged data-not-empty other-database
 */
export async function restore(options: RestoreOptions): Promise<BackupList> {
  const { backup, data, progress } = options;
  const list = readList(backup);
  checkTarget(options, list);
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
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, RESTORING), `${backup}\n`);
  for (const entry of list.files) {
    const target = join(data, entry.path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(backup, entry.path), target);
    const copy = await open(target, 'r+');
    await copy.sync().finally(() => copy.close());
    await prove(target, entry);
    told(entry);
  }
  rmSync(join(data, RESTORING));
  return list;
}

/** Refuses a data folder that a restore left half done. @throws restore-unfinished */
export function checkRestored(data: string): void {
  if (existsSync(join(data, RESTORING)))
    refuse(
      'restore-unfinished',
      `恢复被中断，请清空后重新恢复：${data} · a restore into this data folder was interrupted: empty it and restore again`,
    );
}
