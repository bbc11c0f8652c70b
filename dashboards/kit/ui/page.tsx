/** Parts of any page: its title, the way to it, ages, menus and long tables. */

import { computed } from '@preact/signals';
import type { Label } from '@village/core';
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { AreaRef } from '../api/answers.ts';
import { formatAge, formatTime } from '../format.ts';
import { now, user } from '../state.ts';
import { say, t } from '../text/language.ts';
import { Icon } from './icon.tsx';

/** Puts the page's title on the window. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title]);
}

/**
 * County › township › village, and the device that a page is about (`above`); nothing on the page that lies above all. What
 * is above the reader's own area is no link.
 */
export function Crumbs({
  places,
  above,
  last,
}: {
  places: readonly AreaRef[];
  above?: { readonly href: string; readonly name: string };
  last: Label | string;
}) {
  if (places.length === 0) return null;
  const own = user.value?.area.code;
  const from = places.findIndex((place) => place.code === own);
  return (
    <nav class="crumbs" aria-label={t('app.place')}>
      <ol>
        {places.map((place, index) => (
          <li key={place.code}>
            {from >= 0 && index >= from ? (
              <a href={`/areas/${place.code}`}>{say(place.name)}</a>
            ) : (
              <span>{say(place.name)}</span>
            )}
            <Icon name="right" size={12} />
          </li>
        ))}
        {above !== undefined && (
          <li>
            <a href={above.href}>{above.name}</a>
            <Icon name="right" size={12} />
          </li>
        )}
        <li aria-current="page">{typeof last === 'string' ? last : say(last)}</li>
      </ol>
    </nav>
  );
}

/** How long ago, with the exact time on hover and for screen readers. */
export function Age({ at }: { at: number | null }) {
  // A signal of its own: when time moves on, only the words that change are written, however many ages the page has.
  const age = useMemo(
    () => computed(() => (at === null ? t('age.never') : formatAge(at, now.value))),
    [at],
  );
  if (at === null) return <span class="muted">{age}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatTime(at)}>
      {age}
    </time>
  );
}

/** A `details` that Escape and a click elsewhere fold up again. */
export function useFolding(): RefObject<HTMLDetailsElement> {
  const folding = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const fold = (event: Event): void => {
      const details = folding.current;
      if (details?.open !== true) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== 'Escape') return;
        details.querySelector('summary')?.focus();
      } else if (event.target instanceof Node && details.contains(event.target)) return;
      details.open = false;
    };
    document.addEventListener('keydown', fold);
    document.addEventListener('pointerdown', fold);
    return () => {
      document.removeEventListener('keydown', fold);
      document.removeEventListener('pointerdown', fold);
    };
  }, []);
  return folding;
}

/** A button that unfolds a small panel. */
export function Menu({
  label,
  chosen = false,
  children,
}: {
  label: ComponentChildren;
  chosen?: boolean;
  children: ComponentChildren;
}) {
  const menu = useFolding();
  return (
    <details class="menu" ref={menu}>
      <summary class={chosen ? 'button chosen' : 'button'}>{label}</summary>
      {children}
    </details>
  );
}

/** A long table in a window of its own; the keyboard reaches and scrolls it. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <section
      class="table-wrap table-scroll"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: not every browser lets the keyboard scroll what has no focus
      tabIndex={0}
    >
      {children}
    </section>
  );
}
