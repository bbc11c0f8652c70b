/** Backups on the command line: one of a stopped server, and one brought back. */
import { resolve } from 'node:path';
import { OperationalError } from '@village/core';
import type { Command } from '@village/platform';
import { SingleBar } from 'cli-progress';
import type { Tools } from '../needs.ts';
import { type BackupOptions, Backups } from './backups.ts';
import { restore } from './restore.ts';

/** A backup of a server that does not run; one that runs is asked over HTTP. */
export const backUp: Command<Tools> = {
  name: 'backup',
  help: 'of a stopped server; a running one: POST /api/v1/system/backup',
  run: async ({ config, timer, say, withStores, withReadings }) => {
    const make = (stores: Pick<BackupOptions, 'relational' | 'store'>): Promise<string> => {
      const { folder, keep } = config.backup;
      const backups = new Backups({ folder, data: config.data, keep, clock: timer.now, ...stores });
      return backups.make();
    };
    // PostgreSQL has backups of its own: whether it is there is nothing to ours.
    const none = { backup: () => Promise.resolve(false) };
    const folder = await (config.relational === undefined
      ? withStores(make)
      : withReadings((store) => make({ store, relational: none })));
    say(`已备份 · backed up: ${folder}`);
    if (config.relational !== undefined)
      say(
        '区域、设备、用户在 PostgreSQL 中，请用 pg_dump 备份 · back up areas, devices and people with pg_dump',
      );
    return true;
  },
};

/** Brings a backup back and says what is still to do. */
export const restoreFrom: Command<Tools> = {
  name: 'restore',
  operands: 'FOLDER',
  help: 'into an empty VILLAGE_DATA',
  run: async ({ config, say }, [folder]) => {
    if (folder === undefined)
      throw new OperationalError(
        'bad-arguments',
        '请写明备份文件夹 · restore needs the folder of a backup',
      );
    const bar = process.stderr.isTTY
      ? new SingleBar({ format: '{bar} {percentage}% | {eta_formatted}', stream: process.stderr })
      : null;
    bar?.start(1, 0);
    try {
      const list = await restore({
        backup: resolve(folder),
        data: config.data,
        postgres: config.relational !== undefined,
        progress: (done, total) => {
          bar?.setTotal(total);
          bar?.update(done);
        },
      });
      bar?.stop();
      say(`已恢复 ${list.createdAt} 的备份 · restored, ${list.files.length} files: ${config.data}`);
      if (list.relational === 'postgresql')
        say(
          '区域、设备、用户在 PostgreSQL 中，请用 pg_restore 恢复 · restore areas, devices and people with pg_restore',
        );
      if (list.readings === 'influxdb')
        say(
          '历史数据在 InfluxDB 中，请用 influxd restore 恢复 · restore what was archived with influxd restore',
        );
    } finally {
      bar?.stop();
    }
    return true;
  },
};
