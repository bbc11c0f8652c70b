/** The data folder: whether this account can use it, whether others can, and whether all in it belongs to one account. */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { RESTORING } from '../../modules/backup/restore.ts';
import {
  both,
  type Check,
  type Finding,
  fault,
  megabytes,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';
import { nearest, reserveOf } from './disk.ts';

const OTHERS_WRITE = 0o002;
const OTHERS_READ = 0o005;
const OWNER_READS_AND_WRITES = 0o600;
/** Entries looked at; what is wrong with one is wrong with many. */
const LOOKED_AT_MAX = 20_000;

/** What keeps this account from using a folder that is there or is to be made. */
export function unusable(name: string, folder: string, setting: string): Finding | null {
  const place = nearest(folder);
  if (!statSync(place).isDirectory())
    return fault(
      name,
      both(`${place} 不是文件夹`, `${place} is no folder`),
      both(`改设 ${setting} 或移走该文件`, `set ${setting}, or move that file away`),
    );
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
      ? fault(
          name,
          both(`${place} 所在的磁盘只读`, `${place} is on a disk that is mounted read-only`),
          both(
            '检查磁盘（dmesg、fsck），再以可写方式挂载：mount -o remount,rw',
            'look at the disk (dmesg, fsck), then mount it for writing: mount -o remount,rw',
          ),
        )
      : fault(
          name,
          both(`本账户无权使用 ${place}`, `this account can't use ${place} (${reasonOf(error)})`),
          both(
            '以运行服务的账户诊断，或用 chown 把文件夹交给它',
            'ask as the account that runs the server, or give the folder to it with chown',
          ),
        );
  }
}

export const folder: Check = {
  name: 'data-folder',
  title: both('数据文件夹', 'data folder'),
  run: ({ config: { data } }) => {
    const found = unusable('data-folder', data, 'VILLAGE_DATA');
    if (found !== null) return [found];
    if (!existsSync(data))
      return [ok('data-folder', both(`首次启动时建立 ${data}`, `the first start makes ${data}`))];
    if (existsSync(join(data, RESTORING)))
      return [
        fault(
          'data-folder',
          both(`恢复未完成：${data}`, `a restore is not finished: ${data}`),
          both(
            '等待其结束；已中断的请清空后重新恢复',
            'wait for its end; if it was interrupted, empty the folder and restore again',
          ),
        ),
      ];
    const { mode } = statSync(data);
    const close = both(`chmod o= ${data}`, `chmod o= ${data}`);
    if ((mode & OTHERS_WRITE) !== 0)
      return [
        fault(
          'data-folder',
          both(`任何账户都能写入 ${data}`, `every account can write ${data}`),
          close,
        ),
      ];
    if ((mode & OTHERS_READ) !== 0)
      return [
        warning(
          'data-folder',
          both(`任何账户都能读取 ${data}`, `every account can read ${data}`),
          close,
        ),
      ];
    return [ok('data-folder', both(data, data))];
  },
};

/** That an own disk of the exports has less room than they leave; of the disk of the data it is told there. */
function crowded(patient: Patient, place: string, data: string): Finding | null {
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const kept = 2 * reserveOf(patient);
  if (free >= kept || statSync(place).dev === statSync(data).dev) return null;
  return warning(
    'exports-folder',
    both(
      `${place} 可用 ${megabytes(free)}，少于 ${megabytes(kept)}，导出已停止`,
      `${place} has ${megabytes(free)} free, less than ${megabytes(kept)}: exports have stopped`,
    ),
    both(
      '清理该磁盘，或把 exports.folder 设到更大的盘',
      'delete what is not needed there, or set exports.folder to a larger disk',
    ),
  );
}

export const exportsFolder: Check = {
  name: 'exports-folder',
  title: both('导出文件夹', 'folder of exports'),
  run: (patient) => {
    const { exports, origin, data } = patient.config;
    // Otherwise it is in the data folder.
    if (!origin.keys.has('exports.folder'))
      return [ok('exports-folder', both('在数据文件夹内', 'in the data folder'))];
    const { folder: place } = exports;
    return [
      unusable('exports-folder', place, 'exports.folder') ??
        crowded(patient, nearest(place), nearest(data)) ??
        ok('exports-folder', both(place, place)),
    ];
  },
};

/** The first entry that `wrong` says something of, and how many there are. */
async function firstWrong(
  place: string,
  wrong: (stats: Stats) => boolean,
): Promise<{ path: string; count: number } | null> {
  let first: string | null = null;
  let count = 0;
  let looked = 0;
  try {
    for await (const entry of await opendir(place, { recursive: true })) {
      if (++looked > LOOKED_AT_MAX) break;
      const path = join(entry.parentPath, entry.name);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined || !wrong(stats)) continue;
      count++;
      first ??= path;
    }
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    // A folder that is closed to us; what lies beyond it is not looked at.
    if (code !== 'EACCES' || path === undefined) throw error;
    count++;
    first ??= path;
  }
  return first === null ? null : { path: first, count };
}

export const owner: Check = {
  name: 'data-owner',
  title: both('数据文件归属', 'owner of the data'),
  run: async ({ config: { data } }) => {
    if (!existsSync(data))
      return [ok('data-owner', both('数据文件夹尚未建立', 'there is no data folder yet'))];
    const { uid } = statSync(data);
    const found = await firstWrong(
      data,
      (stats) =>
        stats.uid !== uid ||
        (stats.isFile() && (stats.mode & OWNER_READS_AND_WRITES) !== OWNER_READS_AND_WRITES),
    );
    if (found === null)
      return [ok('data-owner', both('全部属于同一账户', 'all belongs to one account'))];
    return [
      fault(
        'data-owner',
        both(
          `${found.count} 个文件不属于数据文件夹的账户或不可读写：${found.path}`,
          `${found.count} files are not of the folder's account or closed to it: ${found.path}`,
        ),
        both(
          `停止服务后 chown -R ${uid} ${data} && chmod -R u+rwX ${data}`,
          `stop the server, then chown -R ${uid} ${data} && chmod -R u+rwX ${data}`,
        ),
      ),
    ];
  },
};
