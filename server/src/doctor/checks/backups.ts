/** Backups: whether there is one, how old it is, and whether its list is whole. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DAY, formatCountyTime } from '@village/core';
import { findBackups } from '../../modules/backup/found.ts';
import { backupRoom } from '../../modules/backup/room.ts';
import {
  both,
  type Check,
  type Finding,
  fault,
  megabytes,
  ok,
  type Patient,
  warning,
} from '../finding.ts';
import { nearest, reserveOf } from './disk.ts';
import { unusable } from './permissions.ts';

/** Age from which on somebody should see why no newer one was made. */
const OLD_NIGHTLY_MS = 2 * DAY;
const OLD_MS = 7 * DAY;

const MAKE = both(
  '在系统页备份，或设 backup.nightly: true 与另一磁盘上的 backup.folder',
  'make one on the system page, or set backup.nightly: true and backup.folder on another disk',
);

const diskOf = (folder: string): number => statSync(nearest(folder)).dev;

/** Told where a folder of their own was named for them and lies on the disk of the data: often its disk is not mounted. */
function sameDisk({ config }: Patient): Finding[] {
  const { folder } = config.backup;
  if (!config.origin.keys.has('backup.folder') || diskOf(folder) !== diskOf(config.data)) return [];
  return [
    warning(
      'backups',
      both(
        `${folder} 与数据在同一块盘上，盘坏则两者都丢`,
        `${folder} is on the disk of the data: both are lost with it`,
      ),
      both(
        '检查备份盘是否已挂载（findmnt），或把 backup.folder 设到另一块盘',
        'see whether the disk for backups is mounted (findmnt), or set backup.folder to another disk',
      ),
    ),
  ];
}

/** Told where the disk has room for readings and none for another backup: that too little is left for them is told of the disk. */
async function crowded(patient: Patient): Promise<Finding[]> {
  const { data, backup } = patient.config;
  const folder = nearest(backup.folder);
  const room = { folder, data, diskReserveBytes: reserveOf(patient) };
  const { needed, free, sameDisk } = await backupRoom(room);
  if (free >= needed || (sameDisk && free <= 0)) return [];
  const [want, have] = [megabytes(needed), megabytes(Math.max(0, free))];
  return [
    warning(
      'backups',
      both(
        `${folder} 放不下下一个备份：约需 ${want}，可用 ${have}`,
        `${folder} has no room for the next one: about ${want} are needed, ${have} are free`,
      ),
      both(
        '删除旧备份、设 backup.keep 少留几个，或把 backup.folder 设到更大的盘',
        'delete old ones, keep fewer with backup.keep, or set backup.folder to a larger disk',
      ),
    ),
  ];
}

async function made({ config, now }: Patient): Promise<Finding> {
  const { folder, nightly } = config.backup;
  const found = await findBackups(folder);
  const [broken] = found.filter((one) => one.fault !== null);
  if (broken !== undefined)
    return fault(
      'backups',
      both(
        `${broken.folder} 不完整，不能恢复`,
        `${broken.folder} is not whole and can't be restored`,
      ),
      both('删除它并重新备份', 'delete it and make another'),
    );
  const [newest] = found;
  if (newest === undefined)
    return warning('backups', both(`没有备份：${folder}`, `there is none: ${folder}`), MAKE);
  const days = Math.floor((now - newest.startedAt) / DAY);
  const told = both(
    `共 ${found.length} 个，最近 ${formatCountyTime(newest.startedAt)}（${days} 天前）`,
    `${found.length}, the newest of ${formatCountyTime(newest.startedAt)} (${days} days ago)`,
  );
  return now - newest.startedAt > (nightly ? OLD_NIGHTLY_MS : OLD_MS)
    ? warning('backups', told, MAKE)
    : ok('backups', told);
}

export const backups: Check = {
  name: 'backups',
  title: both('备份', 'backups'),
  run: async (patient) => {
    const { config } = patient;
    const shut = unusable('backups', config.backup.folder, 'backup.folder');
    if (shut !== null && config.origin.keys.has('backup.folder')) return [shut];
    if (!existsSync(join(config.data, 'time-series')))
      return [ok('backups', both('尚无数据', 'there is no data yet'))];
    return [...sameDisk(patient), ...(await crowded(patient)), await made(patient)];
  },
};
