/** The frame around every page: side rail on a desktop, bar at the bottom on a phone, the live mark on both. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { path } from '#kit/router.ts';
import { narrow, streamFault, streamState, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { isHere, type NavigationEntry } from '#kit/topics/routes.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { useFolding } from '#kit/ui/page.tsx';
import { t } from './texts.ts';
import './shell.css';

/** A wider bar than this would have targets too narrow for a thumb and words that are cut. */
const BAR_ENTRIES_MAX = 5;

interface LinksProps {
  readonly entries: readonly NavigationEntry[];
  /** The topic of the page shown; null when the address leads nowhere. */
  readonly topic: string | null;
}

function Entry({ entry, here }: { entry: NavigationEntry; here: boolean }) {
  return (
    <li>
      <a href={entry.href} aria-current={here ? 'page' : undefined}>
        <Icon name={entry.icon} size={20} />
        <span>{say(entry.title)}</span>
      </a>
    </li>
  );
}

function Links({ entries, topic }: LinksProps) {
  return (
    <>
      {entries.map((entry) => (
        <Entry key={entry.href} entry={entry} here={isHere(entry, path.value, topic)} />
      ))}
    </>
  );
}

/** What the bar at the bottom has no room for. */
function MoreLinks({ entries, topic }: LinksProps) {
  const menu = useFolding();
  useEffect(() => {
    if (menu.current !== null) menu.current.open = false;
  }, [path.value]);
  const here = entries.some((entry) => isHere(entry, path.value, topic));
  return (
    <li>
      <details ref={menu}>
        <summary class={here ? 'here' : undefined}>
          <Icon name="more" size={20} />
          <span>{t('more')}</span>
        </summary>
        <ul>
          <Links entries={entries} topic={topic} />
        </ul>
      </details>
    </li>
  );
}

/** On a phone: as many entries as a thumb can tell apart, the rest behind the last of them. */
function BottomBar({ entries, topic }: LinksProps) {
  const whole = entries.length <= BAR_ENTRIES_MAX;
  const shown = whole ? entries : entries.slice(0, BAR_ENTRIES_MAX - 1);
  return (
    <nav class="bottombar" aria-label={t('navigation')}>
      <ul>
        <Links entries={shown} topic={topic} />
        {!whole && <MoreLinks entries={entries.slice(shown.length)} topic={topic} />}
      </ul>
    </nav>
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
            <ul>
              <Links {...links} />
            </ul>
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
      {narrow.value && <BottomBar {...links} />}
    </>
  );
}
