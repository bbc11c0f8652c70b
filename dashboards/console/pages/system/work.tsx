/** What runs by itself, and how far behind the log those are who read it. */
import type { Job, System } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatBytes, formatCount, formatPercent } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Failure } from '#kit/ui/notices.tsx';
import { Age } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';

const REFRESH_MS = 15_000;

function JobLine({ job }: { job: Job }) {
  const { title, running, progress, endedAt, nextAt, lastError, failures } = job;
  return (
    <li>
      <span>
        <b>{say(title)}</b>
      </span>
      <span class="muted">
        {running ? (
          progress === null || progress.total === 0 ? (
            t('job-running')
          ) : (
            t('job-progress', { percent: formatPercent(progress.done, progress.total) })
          )
        ) : endedAt === null ? (
          t('job-never')
        ) : (
          <>
            {t('job-ended')} <Age at={endedAt} />
          </>
        )}
        {!running && (
          <>
            {' · '}
            {t('job-next')} <Age at={nextAt} />
          </>
        )}
      </span>
      {lastError !== null && (
        <span class="text-offline">
          {t('job-failed', { n: formatCount(failures), reason: lastError })}
        </span>
      )}
    </li>
  );
}

export function Jobs() {
  const load = useLoad(
    'jobs',
    (signal) => client.call(calls.jobs, { query: { limit: 100 }, signal }),
    REFRESH_MS,
  );
  if (load.data === undefined)
    return load.error === undefined ? null : <Failure error={load.error} retry={load.reload} />;
  return (
    <section class="panel" aria-labelledby="jobs-heading">
      <h2 id="jobs-heading">{t('jobs')}</h2>
      <ul class="lines">
        {load.data.items.map((job) => (
          <JobLine key={job.kind} job={job} />
        ))}
      </ul>
    </section>
  );
}

/** Bytes that wait for a reader from which on somebody should look. */
const FAR_BEHIND = 1024 * 1024 * 1024;

/** The readers of the journal, the slowest first. */
export function Readers({ store }: { store: System['store'] }) {
  const lags = store.get('readerLag');
  if (typeof lags !== 'object' || lags === null) return null;
  const readers = Object.entries(lags as Record<string, unknown>)
    .filter((one): one is [string, number] => typeof one[1] === 'number')
    .sort((a, b) => b[1] - a[1]);
  const cutOff = store.get('readersCutOff');
  return (
    <section class="panel" aria-labelledby="readers-heading">
      <h2 id="readers-heading">{t('readers')}</h2>
      <p class="muted pad-x">{t('readers-hint')}</p>
      <dl class="counters">
        {readers.map(([name, bytes]) => (
          <div key={name} class={bytes > FAR_BEHIND ? 'text-late' : ''}>
            <dt class="muted">{word('reader', name)}</dt>
            <dd class="number">{bytes === 0 ? t('caught-up') : formatBytes(bytes)}</dd>
          </div>
        ))}
        {typeof cutOff === 'number' && cutOff > 0 && (
          <div class="text-offline">
            <dt class="muted">{t('cut-off')}</dt>
            <dd class="number">{formatCount(cutOff)}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}
