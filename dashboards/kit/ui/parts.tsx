/** Small parts every page is made of: states, ages, counts, breadcrumbs, waiting, emptiness and failure. */
import type { DeviceState, Label } from '@village/core';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  type AreaRef,
  type Counts,
  type Metric,
  type Profile,
  STATES,
  type Value,
} from '../api/answers.ts';
import type { ApiError } from '../api/client.ts';
import { formatAge, formatCount, formatMetric, formatTime } from '../format.ts';
import { now, user } from '../state.ts';
import { type PlainKey, say, t, word } from '../text/language.ts';
import { Icon, type IconName } from './icon.tsx';

/** A device's state: icon, word and colour say the same thing. */
export function StateMark({ state }: { state: DeviceState }) {
  return (
    <span class={`state state-${state}`}>
      <Icon name={state} />
      {t(`state.${state}`)}
    </span>
  );
}

/** How long ago, with the exact time on hover and for screen readers. */
export function Age({ at }: { at: number | null }) {
  if (at === null) return <span class="muted">{t('age.never')}</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={formatTime(at)}>
      {formatAge(at, now.value)}
    </time>
  );
}

/** All devices of some counts. */
export function totalOf(counts: Counts): number {
  return STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** The states of an area's devices as one bar; the figures stand beside it, so it is decoration. */
export function CountsBar({ counts }: { counts: Counts }) {
  const total = totalOf(counts);
  let at = 0;
  return (
    <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="bar-track" width="100" height="6" />
      {total > 0 &&
        STATES.map((state) => {
          const width = (counts[state] / total) * 100;
          const x = at;
          at += width;
          return width === 0 ? null : (
            <rect key={state} class={`fill-${state}`} x={x} width={width} height="6" />
          );
        })}
    </svg>
  );
}

/**
 * A value with its unit, and in words what is wrong with it if something is; greyed when it is older than its device may be
 * silent.
 */
export function Figure({
  metric,
  value,
  profile,
}: {
  metric: Metric | undefined;
  value: Value;
  profile: Profile | undefined;
}) {
  const stale = now.value - value.at > (profile?.silentAfter ?? 86_400) * 1000;
  return (
    <span class={stale ? 'figure stale' : 'figure'}>
      <b class="number">{formatMetric(metric, value.value)}</b>
      {metric?.unit ? <span class="unit">{word('unit', metric.unit)}</span> : null}
      {value.quality !== 'good' && (
        <span class="quality">
          <Icon name="warning" size={12} />
          {word('quality', value.quality)}
        </span>
      )}
    </span>
  );
}

/** County › township › village. What lies above the reader's own area is text and no link. */
export function Crumbs({ places, last }: { places: readonly AreaRef[]; last: Label | string }) {
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
        <li aria-current="page">{typeof last === 'string' ? last : say(last)}</li>
      </ol>
    </nav>
  );
}

/** A button that unfolds a small panel; Escape and a click elsewhere fold it up again. */
export function Menu({
  label,
  chosen = false,
  children,
}: {
  label: ComponentChildren;
  chosen?: boolean;
  children: ComponentChildren;
}) {
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const fold = (event: Event): void => {
      const details = menu.current;
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

/** Puts the page's title on the window. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title]);
}

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
  if (error.status === 423)
    return minutes > 0 ? t('error.locked-minutes', { n: minutes }) : t('error.locked');
  const byCode: Record<string, PlainKey> = {
    network: 'error.network',
    timeout: 'error.timeout',
    'bad-answer': 'error.bad-answer',
    'wrong-credentials': 'error.wrong-credentials',
  };
  const known = Object.hasOwn(byCode, error.code) ? byCode[error.code] : undefined;
  if (known !== undefined) return t(known);
  if (error.status === 403) return t('error.forbidden');
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
        <a class="button" href="/">
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

/** The four counts as links to the lists behind them. */
export function CountTiles({ counts, area }: { counts: Counts; area: string }) {
  return (
    <>
      {STATES.map((state) => (
        <a key={state} class="tile" href={`/devices?area=${area}&state=${state}`}>
          <span class={`state state-${state}`}>
            <Icon name={state} />
            {t(`state.${state}`)}
          </span>
          <b class="big number">{formatCount(counts[state])}</b>
        </a>
      ))}
    </>
  );
}
