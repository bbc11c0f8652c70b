/** The module of backups: made when asked for and, when wanted, each night. */
import { system } from '@village/api';
import { formatTime, HOUR, SECOND } from '@village/core';
import { answer, defineModule, metricGroup, nightly, route } from '@village/platform';
import type { Needs, Tools } from '../needs.ts';
import { backUp, restoreFrom } from './commands.ts';
import { findBackups } from './found.ts';

/** Backups that are told of at once. */
const LISTED_MAX = 100;

export const backupModule = defineModule<Needs, Tools>({
  name: 'backup',
  title: { zh: '备份', en: 'Backups' },
  rights: {
    'backup.make': { title: { zh: '创建备份', en: 'Make backups' }, roles: ['admin'] },
  },
  commands: [backUp, restoreFrom],
  start: async ({ backups, relational, store, config, failed, log }) => {
    for (const name of await backups.unfinished())
      log.warn({ name }, 'a backup was not finished: the next one deletes what is left of it');
    return {
      routes: [
        route(system.backup, async ({ audited }) => {
          const { folder } = backups.start((error) => failed('backup', error));
          // The copy has begun and lies beside the database: the entry follows what it tells.
          await relational.audit.append(audited('backup', folder));
          return answer(202, { folder });
        }),
        route(system.backups, async () => {
          const { folder, nightly, keep } = config.backup;
          const found = await findBackups(folder, LISTED_MAX);
          const items = found.map(({ startedAt, of, ...one }) => ({
            ...one,
            startedAt: formatTime(startedAt),
            own: of === undefined ? null : of === store.id,
          }));
          return { folder, nightly, keep, items };
        }),
      ],
      jobs: config.backup.nightly
        ? [
            {
              kind: 'backup',
              title: { zh: '每夜备份', en: 'Nightly backup' },
              // An hour after the archive.
              schedule: nightly(HOUR),
              run: async () => {
                await backups.make();
              },
            },
          ]
        : [],
      metrics: [
        metricGroup(
          () => ({ ...backups.counters(), lastWhole: backups.lastWhole }),
          [
            {
              kind: 'counter',
              name: 'backups_total',
              help: 'Backups made',
              value: ({ made }) => made,
            },
            {
              kind: 'counter',
              name: 'backups_deleted_total',
              help: 'Old backups deleted',
              value: ({ deleted }) => deleted,
            },
            {
              kind: 'gauge',
              name: 'backup_last_success_timestamp_seconds',
              help: 'When the last whole backup was begun; 0 before the first since the start',
              value: ({ lastWhole }) => (lastWhole ?? 0) / SECOND,
            },
          ],
        ),
      ],
      close: () => backups.settled(),
    };
  },
});
