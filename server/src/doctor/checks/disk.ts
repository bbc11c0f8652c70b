/** The disk of the data folder: room against the log's reserve, and what a commit waits for. */
import { randomBytes } from 'node:crypto';
import { existsSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  both,
  type Check,
  fault,
  megabytes,
  ok,
  type Patient,
  reasonOf,
  warning,
} from '../finding.ts';

const MEGABYTE = 1024 * 1024;

/** The folder, or the nearest above it that is there. */
export function nearest(folder: string): string {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

export const reserveOf = ({ config }: Patient): number =>
  config.store.diskReserveMegabytes * MEGABYTE;

export const room: Check = {
  name: 'disk-room',
  title: both('磁盘空间', 'room on disk'),
  run: (patient) => {
    const place = nearest(patient.config.data);
    const { bavail, bsize, files, ffree } = statfsSync(place);
    const free = bavail * bsize;
    const reserve = reserveOf(patient);
    const found = both(
      `可用 ${megabytes(free)}，预留 ${megabytes(reserve)}：${place}`,
      `${megabytes(free)} free, ${megabytes(reserve)} in reserve: ${place}`,
    );
    const advice = both(
      '删除旧文件或加磁盘；也可设 store.retention 缩短保存期',
      'delete old files or add a disk; store.retention keeps less',
    );
    if (files > 0 && ffree === 0)
      return [
        fault('disk-room', both(`索引节点已用完：${place}`, `no inode is left: ${place}`), advice),
      ];
    if (free < reserve)
      return [
        fault(
          'disk-room',
          both(`${found.zh}，已停止接收数据`, `${found.en}, nothing is taken in`),
          advice,
        ),
      ];
    if (free < 2 * reserve)
      return [
        warning(
          'disk-room',
          both(`${found.zh}，备份与导出已停止`, `${found.en}, backups and exports have stopped`),
          advice,
        ),
      ];
    return [ok('disk-room', found)];
  },
};

/** How often a page is written and synced; the middle one counts. */
const SYNCS = 15;
const PAGE = 32_768;
/** A commit that waits longer makes devices wait. */
const SLOW_MS = 100;

/** Milliseconds of each write of a page with its sync, in a file that is gone afterwards. */
async function syncTimes(folder: string): Promise<number[]> {
  const path = join(folder, `.doctor-${process.pid}`);
  const handle = await open(path, 'wx', 0o600);
  try {
    const times: number[] = [];
    const page = randomBytes(PAGE);
    for (let n = 0; n < SYNCS; n++) {
      const began = performance.now();
      await handle.write(page, 0, PAGE, n * PAGE);
      await handle.datasync();
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
  } finally {
    await handle.close();
    await rm(path, { force: true });
  }
}

export const speed: Check = {
  name: 'disk-write',
  title: both('磁盘写入', 'writing to disk'),
  run: async ({ config }) => {
    if (!existsSync(config.data))
      return [ok('disk-write', both('数据文件夹尚未建立', 'there is no data folder yet'))];
    let times: number[];
    try {
      times = await syncTimes(config.data);
    } catch (error) {
      return [
        fault(
          'disk-write',
          both(`无法写入：${reasonOf(error)}`, `can't be written: ${reasonOf(error)}`),
          both(
            '检查磁盘是否已满、只读或权限不符',
            'see whether the disk is full, mounted read-only or closed to this account',
          ),
        ),
      ];
    }
    const middle = times[Math.floor(times.length / 2)] as number;
    const [mid, most] = [middle, times.at(-1) as number].map((ms) => ms.toFixed(1));
    const found = both(
      `fsync 中位数 ${mid} ms，最长 ${most} ms`,
      `fsync ${mid} ms in the middle, ${most} ms at most`,
    );
    return middle > SLOW_MS
      ? [
          warning(
            'disk-write',
            found,
            both(
              '改用 SSD，或检查磁盘健康 smartctl',
              'use an SSD, or look at its health with smartctl',
            ),
          ),
        ]
      : [ok('disk-write', found)];
  },
};
