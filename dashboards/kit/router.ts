/** Addresses: the path names the page, the query its filters and times, so that a link reproduces the view. */
import { computed, signal } from '@preact/signals';

const read = (): { path: string; search: string } => ({
  path: window.location.pathname,
  search: window.location.search,
});

const place = signal(read());

/** The path of the address, without the query. */
export const path = computed(() => place.value.path);
/** The query of the address. */
export const query = computed(() => new URLSearchParams(place.value.search));

/** The present path with some parameters changed; null or empty takes one away. */
export function withQuery(changes: Record<string, string | number | null>): string {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes))
    if (value === null || value === '') next.delete(name);
    else next.set(name, String(value));
  const search = next.toString();
  return search === '' ? path.value : `${path.value}?${search}`;
}

/** Goes to an address of the console; `replace` leaves no step in the history (filters while typing). */
export function go(href: string, replace = false): void {
  const before = place.value.path;
  if (replace) window.history.replaceState(null, '', href);
  else window.history.pushState(null, '', href);
  place.value = read();
  if (place.value.path === before) return;
  window.scrollTo(0, 0);
  begin();
}

/** A new page is read from its beginning: what had the focus is gone with the old one. */
function begin(): void {
  document.getElementById('main')?.focus({ preventScroll: true });
}

/** Takes over clicks on links of the console and the browser's back and forward. */
export function startRouter(): void {
  window.addEventListener('popstate', () => {
    const before = place.value.path;
    place.value = read();
    if (place.value.path !== before) begin();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.hasAttribute('download') || link.target !== '') return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin || url.pathname.startsWith('/api/')) return;
    // In-page anchors (the skip link) stay the browser's.
    if (url.hash !== '' && url.pathname === window.location.pathname) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
}
