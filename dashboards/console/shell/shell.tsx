/** The frame around every page: side rail on a desktop, bar at the bottom on a phone, the live mark on both. */
import type { ComponentChildren } from 'preact';
import { path } from '#kit/router.ts';
import { narrow, streamFault, streamState, THEMES, theme, user } from '#kit/state.ts';
import type { Key } from '#kit/text/dictionary.ts';
import { language, say, t } from '#kit/text/language.ts';
import { Icon, type IconName } from '#kit/ui/icon.tsx';

interface Entry {
  readonly href: string;
  readonly icon: IconName;
  readonly text: Extract<Key, `nav.${string}`>;
}

function entries(): Entry[] {
  const admin = user.value?.role === 'admin';
  return [
    { href: '/', icon: 'home', text: 'nav.overview' },
    { href: '/devices', icon: 'list', text: 'nav.devices' },
    ...(admin
      ? ([
          { href: '/quarantine', icon: 'inbox', text: 'nav.quarantine' },
          { href: '/system', icon: 'system', text: 'nav.system' },
        ] as const)
      : []),
    { href: '/settings', icon: 'settings', text: 'nav.settings' },
  ];
}

function isHere(href: string): boolean {
  const at = path.value;
  if (href === '/') return at === '/' || at.startsWith('/areas/');
  return at === href || at.startsWith(`${href}/`);
}

function Links() {
  return (
    <ul>
      {entries().map(({ href, icon, text }) => (
        <li key={href}>
          <a href={href} aria-current={isHere(href) ? 'page' : undefined}>
            <Icon name={icon} size={20} />
            <span>{t(text)}</span>
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

/** Chinese or English. */
export function LanguageSwitch() {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('settings.language')}</legend>
      {(['zh', 'en'] as const).map((code) => (
        <button
          key={code}
          type="button"
          lang={code === 'zh' ? 'zh-CN' : 'en'}
          aria-pressed={language.value === code}
          onClick={() => {
            language.value = code;
          }}
        >
          {code === 'zh' ? '中文' : 'English'}
        </button>
      ))}
    </fieldset>
  );
}

/** As the system, light or dark. */
export function ThemeSwitch() {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('settings.theme')}</legend>
      {THEMES.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={theme.value === name}
          onClick={() => {
            theme.value = name;
          }}
        >
          {t(`theme.${name}`)}
        </button>
      ))}
    </fieldset>
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
export function Shell({ children }: { children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      {narrow.value ? (
        <header class="topbar">
          <Brand />
          <LiveMark />
        </header>
      ) : (
        <header class="rail">
          <Brand />
          <nav aria-label={t('app.navigation')}>
            <Links />
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
        <nav class="bottombar" aria-label={t('app.navigation')}>
          <Links />
        </nav>
      )}
    </>
  );
}
