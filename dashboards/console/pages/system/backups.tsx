/** Backups: making one, those that there are, and how one is brought back. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { System } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatBytes, formatCount, formatTime } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { explain, Failure } from '#kit/ui/notices.tsx';
import { Age } from '#kit/ui/page.tsx';
import { t } from './texts.ts';

/** The button, and what became of the last backup since the server started. */
export function Backup({
  last,
  reload,
  children,
}: {
  last: System['backup'];
  reload: () => void;
  /** What stands before the button. */
  children: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const running = busy || last?.state === 'running';
  async function start(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      await client.call(calls.backup, {});
      reload();
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  const failure =
    error !== null
      ? explain(error)
      : last?.state === 'failed'
        ? t('backup-failed', { time: formatTime(last.startedAt) })
        : null;
  return (
    <span class="actions">
      <span role="status" class="small muted">
        {last?.state === 'done' && t('backed-up', { folder: last.folder })}
      </span>
      {failure !== null && (
        <span class="form-error" role="alert">
          {failure}
        </span>
      )}
      {children}
      <button type="button" class="button" disabled={running} onClick={() => void start()}>
        {running ? t('backing-up') : t('backup')}
      </button>
    </span>
  );
}

/** One changes when a backup ends: then the list is read anew. */
const keyOf = (last: System['backup']): string => `${last?.folder} ${last?.state}`;

/** Those that there are, newest first. */
export function Backups({ last }: { last: System['backup'] }) {
  const load = useLoad(`backups ${keyOf(last)}`, (signal) =>
    client.call(calls.backups, { signal }),
  );
  if (load.data === undefined)
    return load.error === undefined ? null : <Failure error={load.error} retry={load.reload} />;
  const { folder, nightly, keep, items } = load.data;
  return (
    <section class="panel" aria-labelledby="backups-heading">
      <h2 id="backups-heading">{t('backups')}</h2>
      <p class="muted pad-x">
        {t(nightly ? 'backups-nightly' : 'backups-by-hand', { folder, keep })}
      </p>
      {items.length === 0 ? (
        <p class="pad-x text-late">{t('no-backups')}</p>
      ) : (
        <ul class="lines">
          {items.map(({ folder: place, startedAt, bytes, files, own, fault }) => (
            <li key={place}>
              <span>
                <b class="number">{formatTime(startedAt)}</b>{' '}
                <span class="muted small">
                  <Age at={startedAt} />
                </span>
              </span>
              <span class="muted small path">{place}</span>
              {fault === null ? (
                <span class="number">
                  {formatBytes(bytes)} · {t('files', { n: formatCount(files) })}
                  {own === false && ` · ${t('of-another')}`}
                </span>
              ) : (
                <span class="text-offline">{t('not-whole')}</span>
              )}
            </li>
          ))}
        </ul>
      )}
      <details class="how">
        <summary>{t('how-to-restore')}</summary>
        <p>{t('restore-hint')}</p>
        <pre>
          <code>
            {`VILLAGE_DATA=/var/lib/village-new npm run serve -- restore ${
              items.find(({ fault }) => fault === null)?.folder ?? folder
            }`}
          </code>
        </pre>
      </details>
    </section>
  );
}
