/** Backups: whether there is one, how old it is, and whether its list is whole. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DAY, formatTime } from '@village/core';
import { findBackups } from '../../modules/backup/found.ts';
import { both, type Check, fault, ok, warning } from '../finding.ts';

/** Age from which on somebody should see why no newer one was made. */
const OLD_NIGHTLY_MS = 2 * DAY;
const OLD_MS = 7 * DAY;

const MAKE = both(
  '在系统页备份，或设 backup.nightly: true 与另一磁盘上的 backup.folder',
  'make one on the system page, or set backup.nightly: true and backup.folder on another disk',
);

export const backups: Check = {
  name: 'backups',
  title: both('备份', 'backups'),
  run: async ({ config, now }) => {
    const { folder, nightly } = config.backup;
    if (!existsSync(join(config.data, 'time-series')))
      return [ok('backups', both('尚无数据', 'there is no data yet'))];
    const found = await findBackups(folder);
    const [broken] = found.filter((one) => one.fault !== null);
    if (broken !== undefined)
      return [
        fault(
          'backups',
          both(
            `${broken.folder} 不完整，不能恢复`,
            `${broken.folder} is not whole and can't be restored`,
          ),
          both('删除它并重新备份', 'delete it and make another'),
        ),
      ];
    const [newest] = found;
    if (newest === undefined)
      return [warning('backups', both(`没有备份：${folder}`, `there is none: ${folder}`), MAKE)];
    const days = Math.floor((now - newest.startedAt) / DAY);
    const told = both(
      `共 ${found.length} 个，最近 ${formatTime(newest.startedAt)}（${days} 天前）`,
      `${found.length}, the newest of ${formatTime(newest.startedAt)} (${days} days ago)`,
    );
    return now - newest.startedAt > (nightly ? OLD_NIGHTLY_MS : OLD_MS)
      ? [warning('backups', told, MAKE)]
      : [ok('backups', told)];
  },
};
