/** The frame around every page: side rail on a desktop, bar at the bottom on a phone, the live mark on both. */
import type { ComponentChildren } from 'preact';
import { path } from '#kit/router.ts';
import { narrow, streamFault, streamState, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { isHere, type NavigationEntry } from '#kit/topics/routes.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { t } from './texts.ts';
import './shell.css';

interface LinksProps {
  readonly entries: readonly NavigationEntry[];
  /** The topic of the page shown; null when the address leads nowhere. */
  readonly topic: string | null;
}

function Links({ entries, topic }: LinksProps) {
  return (
    <ul>
      {entries.map((entry) => (
        <li key={entry.href}>
          <a href={entry.href} aria-current={isHere(entry, path.value, topic) ? 'page' : undefined}>
            <Icon name={entry.icon} size={20} />
            <span>{say(entry.title)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Whether what is on the page moves with the county. */
export function LiveMark() {
  const state = streamState.value;
  if (state === null) return null;
  return (
    <span
      class={`live live-${state}`}
      role="status"
      title={state === 'live' ? undefined : streamFault.value}
    >
      <span class="dot" />
      <span>
        {t(`live.${state}`)}
        {state === 'reconnecting' && <small>{t('live.explain')}</small>}
      </span>
    </span>
  );
}

function Brand() {
  return (
    <a class="brand" href="/">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <span>
        <b>{t('app.name')}</b>
        <small>{user.value ? say(user.value.area.name) : t('app.tagline')}</small>
      </span>
    </a>
  );
}

/** Navigation and page. */
export function Shell({ children, ...links }: LinksProps & { children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      {narrow.value ? (
        <header class="topbar">
          <Brand />
          <LiveMark />
        </header>
      ) : (
        <header class="rail">
          <Brand />
          <nav aria-label={t('navigation')}>
            <Links {...links} />
          </nav>
          <div class="rail-foot">
            <LiveMark />
            <span class="who">{user.value?.displayName}</span>
          </div>
        </header>
      )}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {narrow.value && (
        <nav class="bottombar" aria-label={t('navigation')}>
          <Links {...links} />
        </nav>
      )}
    </>
  );
}
