/** What the whole console shares: who is signed in, the time, the theme, the client. Filled by main.tsx. */
import { computed, effect, signal } from '@preact/signals';
import type { Metric, Profile, User } from './api/answers.ts';
import { type Client, createClient } from './api/client.ts';
import type { StreamState } from './api/stream.ts';
import { upload } from './api/upload.ts';
import type { Session } from './session.ts';
import { language } from './text/language.ts';

/** Undefined until the server has said who is signed in; null when nobody is. */
export const session = signal<(Session & { readonly user: User }) | null | undefined>(undefined);
/** Who is signed in, as `session` says. */
export const user = computed(() => session.value?.user ?? null);
/** True when a session ended by itself: the page waits as it is, with what was typed, beneath the sign-in. */
export const sessionEnded = signal(false);

/** The present as the server sees it, ms; moves every few seconds and carries all ages on the page with it. */
export const now = signal(0);

/** Server's clock less this machine's: a PC with a wrong clock must not age the county's data. */
let clockOffsetMs = 0;
/** Moves `now` on. */
export function tick(): void {
  now.value = Date.now() + clockOffsetMs;
}

/** Device profiles by id; loaded once after sign-in. */
export const profiles = signal<ReadonlyMap<string, Profile>>(new Map());
/** Whether they are here: what depends on a profile's metrics and intervals waits for them. */
export const profilesLoaded = signal(false);
/** What a profile says of a metric, if it is known. */
export function metricOf(profile: string, key: string): Metric | undefined {
  return profiles.value.get(profile)?.metrics.find((metric) => metric.key === key);
}

/** How the line for live events stands; null while no page follows any. */
export const streamState = signal<StreamState | null>(null);

/** Why that line broke last. */
export const streamFault = signal('');

export const client: Client = createClient({
  fetch: (input, init) => window.fetch(input, init),
  upload,
  timeoutMs: 15_000,
  signedOut: () => {
    if (user.value === null) session.value = null;
    else sessionEnded.value = true;
  },
  serverTime: (at) => {
    // The header counts whole seconds and has travelled: below two seconds the difference means nothing.
    const offset = at - Date.now();
    clockOffsetMs = Math.abs(offset) < 2000 ? 0 : offset;
  },
});

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export const theme = signal<Theme>('auto');

const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(prefersDark.matches);
const printQuery = window.matchMedia('print');
/** Paper is white, whatever the screen is. */
const printing = signal(printQuery.matches);
/** Whether the page is dark now; charts draw themselves anew when it changes. */
export const dark = computed(
  () => !printing.value && (theme.value === 'dark' || (theme.value === 'auto' && systemDark.value)),
);

const narrowQuery = window.matchMedia('(max-width: 959px)');
/** Phone layout: one column, cards for tables, bar at the bottom. */
export const narrow = signal(narrowQuery.matches);

/** Remembers a choice on this machine; a browser that forbids storage simply forgets it. */
export function remember(name: string, value: string): void {
  if (storage !== null) storage.setItem(name, value);
}
/** What was remembered, or null. */
export function recall(name: string): string | null {
  return storage?.getItem(name) ?? null;
}
const storage = openStorage();
function openStorage(): Storage | null {
  try {
    return window.localStorage;
  } catch (error) {
    // Reading the property itself throws SecurityError where cookies are blocked.
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** Restores language and theme, and keeps the document in step with them. */
export function startPreferences(): void {
  if (recall('language') === 'en') language.value = 'en';
  const remembered = THEMES.find((name) => name === recall('theme'));
  if (remembered !== undefined) theme.value = remembered;
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
    remember('language', language.value);
  });
  effect(() => {
    document.documentElement.dataset['theme'] = dark.value ? 'dark' : 'light';
    remember('theme', theme.value);
  });
  prefersDark.addEventListener('change', (event) => {
    systemDark.value = event.matches;
  });
  printQuery.addEventListener('change', (event) => {
    printing.value = event.matches;
  });
  narrowQuery.addEventListener('change', (event) => {
    narrow.value = event.matches;
  });
}
