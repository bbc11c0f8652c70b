/** The module of jobs: their table, and who may look at it. */
import { jobs as api } from '@village/api';
import { formatCountyTime, formatTime } from '@village/core';
import { type Command, defineModule } from '../module.ts';
import { cursorOf, openCursor } from '../query.ts';
import { route } from '../route.ts';
import { type JobState, jobMigrations, listJobs } from './job-table.ts';

const timeOrNull = (at: number | null): string | null => (at === null ? null : formatTime(at));

const view = (job: JobState): api.Job => ({
  kind: job.kind,
  title: { ...job.title },
  nextAt: formatTime(job.nextAt),
  running: job.running,
  startedAt: timeOrNull(job.startedAt),
  endedAt: timeOrNull(job.endedAt),
  progress: job.progress === null ? null : { ...job.progress },
  lastError: job.lastError,
  failures: job.failures,
});

/** What runs by itself, as a table. */
const showJobs: Command = {
  name: 'jobs',
  help: 'what runs by itself, and how it went',
  run: ({ say, withRelational }) =>
    withRelational(async (relational) => {
      const jobs = await listJobs(relational, { limit: 1_000 });
      const width = Math.max(0, ...jobs.map(({ kind }) => kind.length));
      for (const job of jobs) {
        const { kind, title, nextAt, running, startedAt, progress, lastError } = job;
        const at = running
          ? `运行中 · running since ${formatCountyTime(startedAt ?? 0)}`
          : `下次 · next ${formatCountyTime(nextAt)}`;
        const far = progress === null ? '' : ` (${progress.done}/${progress.total})`;
        say(`${kind.padEnd(width)} ${title.zh} · ${title.en}\n  ${at}${far}`);
        if (lastError !== null) say(`  上次失败 · the last run failed: ${lastError}`);
      }
      return true;
    }),
};

export const jobsModule = defineModule({
  name: 'jobs',
  title: { zh: '定时任务', en: 'Jobs' },
  migrations: jobMigrations,
  rights: {
    'jobs.read': { title: { zh: '查看定时任务', en: 'See jobs' }, roles: ['admin'] },
  },
  commands: [showJobs],
  start: ({ relational }) => ({
    routes: [
      route(api.list, async ({ query }) => {
        const { limit = 1000, cursor } = query;
        const after = openCursor(cursor, ['string'])?.[0] as string | undefined;
        const found = await listJobs(relational, {
          limit: limit + 1,
          ...(after === undefined ? {} : { after }),
        });
        const items = found.slice(0, limit);
        const last = items.at(-1);
        const next = last === undefined || found.length <= limit ? null : cursorOf(last.kind);
        return { items: items.map(view), next };
      }),
    ],
  }),
});
