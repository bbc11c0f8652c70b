/** What stands in the place of content: waiting, nothing there, failure, and content that is older than it should be. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../api/client.ts';
import { t } from '../text/language.ts';
import { Icon, type IconName } from './icon.tsx';

/** Grey lines where content will be, shown only if it takes longer than a blink. */
export function Skeleton({ lines = 6, label }: { lines?: number; label?: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div
      class={shown ? 'skeleton shown' : 'skeleton'}
      role="status"
      aria-label={label ?? t('wait.loading')}
    >
      {Array.from({ length: lines }, (_, index) => index + 1).map((line) => (
        <div key={line} />
      ))}
    </div>
  );
}

/** Nothing is here: why, and what to do next. */
export function Empty({
  icon = 'empty',
  title,
  hint,
  children,
}: {
  icon?: IconName;
  title: string;
  hint?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="notice">
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {hint !== undefined && <p>{hint}</p>}
      {children}
    </div>
  );
}

/** What happened, in people's words. */
export function explain(error: ApiError): string {
  const minutes = Math.ceil((error.retryAfterSeconds ?? 0) / 60);
  if (error.code === 'account-locked') return t('error.account-locked');
  if (error.status === 423)
    return minutes > 0 ? t('error.locked-minutes', { n: minutes }) : t('error.locked');
  const byCode = {
    network: 'error.network',
    timeout: 'error.timeout',
    'bad-answer': 'error.bad-answer',
    'wrong-credentials': 'error.wrong-credentials',
    'transaction-timeout': 'error.undone',
  } as const;
  if (Object.hasOwn(byCode, error.code)) return t(byCode[error.code as keyof typeof byCode]);
  if (error.code === 'busy') return t('error.others', { n: error.retryAfterSeconds ?? 5 });
  if (error.status === 403) return t('error.forbidden');
  if (error.status === 408) return t('error.slow');
  if (error.status === 404) return t('error.missing');
  if (error.status === 429) return t('error.busy');
  return error.status >= 400 && error.status < 500 ? t('error.request') : t('error.server');
}

/** A page (`whole`) or panel that could not be had: what happened, what may help. */
export function Failure({
  error,
  retry,
  whole = false,
}: {
  error: ApiError;
  retry: () => void;
  whole?: boolean;
}) {
  const Heading = whole ? 'h1' : 'h2';
  const final = error.status === 403 || error.status === 404;
  const title =
    error.status === 403
      ? 'error.forbidden-title'
      : error.status === 404
        ? 'error.missing-title'
        : 'error.title';
  return (
    <div class="notice" role="alert">
      <Icon name={error.status === 403 ? 'lock' : 'warning'} size={28} />
      <Heading>{t(title)}</Heading>
      <p>{explain(error)}</p>
      {!final && error.message !== '' && (
        <p class="muted small">{t('error.detail', { detail: error.message.slice(0, 200) })}</p>
      )}
      {final ? (
        // Another load of the page: what the server lets its reader see may have changed meanwhile.
        <a class="button" href="/" target="_self">
          {t('error.home')}
        </a>
      ) : (
        <button type="button" class="button" onClick={retry}>
          {t('error.retry')}
        </button>
      )}
    </div>
  );
}

/** Above content that could not be refreshed. */
export function StaleNote({ error, retry }: { error: ApiError | undefined; retry: () => void }) {
  if (error === undefined) return null;
  return (
    <div class="stale-note" role="alert">
      <Icon name="warning" />
      <span>
        {t('error.stale')} · {explain(error)}
      </span>
      <button type="button" class="link" onClick={retry}>
        {t('error.retry')}
      </button>
    </div>
  );
}
