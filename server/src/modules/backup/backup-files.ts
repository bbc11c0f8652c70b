/** The list of a backup's files with their checksums: what makes a copy whole, and lets a restore prove it. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { open, readdir, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OperationalError } from '@village/core';
import { z } from 'zod';

/** Written last: a folder without it is no backup. */
export const BACKUP_FILE = 'backup.json';

/** Paths are those of the stores and stay inside the folder, whoever wrote the list. */
const innerPath = z
  .string()
  .regex(/^(relational\.sqlite|time-series\/.+)$/)
  .refine((path) => !path.split('/').some((part) => part === '' || part === '.' || part === '..'));

const schema = z.strictObject({
  format: z.literal('digital-village-backup'),
  version: z.literal(1),
  createdAt: z.string(),
  /** Rises with each backup in a folder, whatever the clock says; 0 of those from before there was one. */
  number: z.number().int().min(0).default(0),
  /** Journal that it is of; absent in those from before that was said. */
  of: z.string().optional(),
  /** Where areas, devices, people and the audit log were; PostgreSQL has its own backups. */
  relational: z.enum(['sqlite', 'postgresql']),
  /** Where readings are kept for years when it is not in this backup: that engine has its own. */
  readings: z.literal('influxdb').optional(),
  files: z.array(
    z.strictObject({
      path: innerPath,
      bytes: z.number().int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

export type BackupList = z.infer<typeof schema>;
export type BackupEntry = BackupList['files'][number];

/** SHA-256 of a file, read in pieces so that others are served meanwhile. */
export async function checksum(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Every file below a folder with its size and checksum, by path. */
export async function listFiles(folder: string): Promise<BackupEntry[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: BackupEntry[] = [];
  for (const entry of found.filter((one) => one.isFile())) {
    const full = join(entry.parentPath, entry.name);
    const { size } = await stat(full);
    const path = relative(folder, full).split(sep).join('/');
    files.push({ path, bytes: size, sha256: await checksum(full) });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Makes what lies in a folder last through a power cut: every file, and the folders that name them. */
export async function syncAll(folder: string): Promise<void> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of found) await syncPath(join(entry.parentPath, entry.name));
  await syncPath(folder);
}

/** The same for one file, or for the names in one folder. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Writes the list of a folder into it, once all that it lists is durable, and durably. */
export async function writeList(
  folder: string,
  about: Pick<BackupList, 'createdAt' | 'number' | 'of' | 'relational' | 'readings'>,
): Promise<void> {
  await syncAll(folder);
  const list: BackupList = {
    format: 'digital-village-backup',
    version: 1,
    ...about,
    files: await listFiles(folder),
  };
  const path = join(folder, BACKUP_FILE);
  await writeFile(path, `${JSON.stringify(list, null, 1)}\n`);
  await syncPath(path);
  await syncPath(folder);
}

/** The list in a backup's folder. @throws not-a-backup */
export function readList(folder: string): BackupList {
  const bad = (why: string, cause?: unknown): never => {
    throw new OperationalError(
      'not-a-backup',
      `不是完整的备份 ${folder} · this is no whole backup: ${why}`,
      { cause },
    );
  };
  let text: string;
  try {
    text = readFileSync(join(folder, BACKUP_FILE), 'utf8');
  } catch (error) {
    return bad(`${BACKUP_FILE} can't be read (${(error as Error).message})`, error);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    return bad(`${BACKUP_FILE} is damaged or of another version`, error);
  }
}
