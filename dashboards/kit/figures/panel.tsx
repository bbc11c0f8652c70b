/** The panel of the figures of a device or of an area: one of them over the last days or hours, each value a way to what it was computed from. */
import { BEIJING_OFFSET_MS, DAY, HOUR } from '@village/core/duration';
import type { FigureDefinition, FigureItem } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatPercent, formatShort, formatTime, formatValue } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, now, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Scroll } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';
import './figures.css';

/** How many are shown at a time. */
const SHOWN = { day: 8, hour: 24 } as const;
const LENGTH = { day: DAY, hour: HOUR } as const;

/** What figures are of. */
export type Owner = { readonly device: string } | { readonly area: string };

const keyOf = (owner: Owner): string =>
  'device' in owner
    ? `/devices/${encodeURIComponent(owner.device)}`
    : `/areas/${encodeURIComponent(owner.area)}`;

/** Where a value of a figure is opened. */
export const figureHref = (owner: Owner, figure: string, at: number): string => {
  const asked = new URLSearchParams({ figure, at: new Date(at).toISOString() });
  return `${keyOf(owner)}/figures?${asked}`;
};

function Notes({ item }: { item: FigureItem }) {
  return (
    <>
      {item.fault !== null && <span class="tag tag-bad">{t('fault')}</span>}
      {item.fault === null && item.value === null && item.closed && (
        <span class="muted">{t('too-little')}</span>
      )}
      {!item.closed && <span class="tag">{t('not-closed')}</span>}
      {item.corrections.length > 0 && <span class="tag">{t('corrected')}</span>}
      {item.previous !== null && <span class="tag">{t('changed')}</span>}
    </>
  );
}

function Values({
  owner,
  figure,
  items,
}: {
  owner: Owner;
  figure: FigureDefinition;
  items: readonly FigureItem[];
}) {
  const named = (at: number): string =>
    figure.span === 'day' ? formatTime(at).slice(0, 10) : formatShort(at);
  return (
    <Scroll label={say(figure.title)}>
      <table class="dense figures">
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            <th scope="col" class="right">
              {t('value')}
            </th>
            <th scope="col" class="right">
              {t('area' in owner ? 'stations' : 'complete')}
            </th>
            <th scope="col">{t('note')}</th>
          </tr>
        </thead>
        <tbody>
          {items.toReversed().map((item) => (
            <tr key={item.at}>
              <td class="number">
                <a
                  class="figure-open"
                  href={figureHref(owner, figure.figure, item.at)}
                  title={t('open')}
                  aria-label={t('open-of', { time: named(item.at) })}
                >
                  {named(item.at)}
                </a>
              </td>
              <td class="right number">
                {item.value === null ? '–' : formatValue(item.value)}{' '}
                <span class="unit">{item.value === null ? '' : word('unit', figure.unit)}</span>
              </td>
              <td class="right number">{formatPercent(item.completeness, 1)} %</td>
              <td>
                <span class="figure-notes">
                  <Notes item={item} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Figures of kept results first, then those of days. */
const byWeight = (a: FigureDefinition, b: FigureDefinition): number =>
  Number(b.keep === 'stored') - Number(a.keep === 'stored') ||
  Number(b.span === 'day') - Number(a.span === 'day');

/**
 * The end of what is shown: the present, or what the address names; whole spans back from it. Of an area the last that is over:
 * what goes on is computed from the readings of all its stations each time.
 */
function endShown({ span, of }: FigureDefinition): { end: number; past: boolean } {
  const length = LENGTH[span];
  // Days are those of Beijing.
  const whole = (at: number): number =>
    Math.ceil((at + BEIJING_OFFSET_MS) / length) * length - BEIJING_OFFSET_MS;
  const present = whole(now.value) - (of === 'area' ? length : 0);
  const asked = Date.parse(query.value.get('figuresTo') ?? '');
  const past = asked < present;
  return { end: past ? whole(asked) : present, past };
}

/** To what was before and after; the newest is where no time is named. */
function Steps({ figure, end, past }: { figure: FigureDefinition; end: number; past: boolean }) {
  const by = SHOWN[figure.span] * LENGTH[figure.span];
  const newest = now.value - (figure.of === 'area' ? LENGTH[figure.span] : 0);
  const to = (at: number): string =>
    withQuery({ figuresTo: at >= newest ? null : new Date(at).toISOString() });
  return (
    <span class="figure-steps">
      <a class="button" href={to(end - by)}>
        {t('figures-earlier')}
      </a>
      {past && (
        <a class="button" href={to(end + by)}>
          {t('figures-later')}
        </a>
      )}
    </span>
  );
}

function Chosen({ owner, list }: { owner: Owner; list: readonly FigureDefinition[] }) {
  const ordered = [...list].sort(byWeight);
  const asked = query.value.get('figure');
  const figure = ordered.find((one) => one.figure === asked) ?? ordered[0];
  const { end, past } = figure === undefined ? { end: 0, past: false } : endShown(figure);
  const load = useLoad(
    figure === undefined ? null : `figure ${keyOf(owner)} ${figure.figure} ${end}`,
    async (signal) => {
      const { figure: id, span } = figure as FigureDefinition;
      const from = end - SHOWN[span] * LENGTH[span];
      const iso = (at: number): string => new Date(at).toISOString();
      const asking = { figure: id, ...owner, from: iso(from), to: iso(end) };
      const { items } = await client.call(calls.figures, { query: asking, signal });
      // With what was asked for: a newer choice must not relabel the figures of the one before.
      return { items, figure: figure as FigureDefinition };
    },
    300_000,
  );
  if (figure === undefined) return null;
  // Figures of another choice do not stand under this one's name when the new ones can't be had.
  const old = load.error !== undefined && !load.busy && load.data?.figure.figure !== figure.figure;
  const shown = old ? undefined : load.data;
  return (
    <section class="panel" aria-labelledby="figures-heading">
      <div class="panel-head">
        <h2 id="figures-heading">{t('figures')}</h2>
        <label class="choice">
          <span class="hidden">{t('figure')}</span>
          <select
            value={figure.figure}
            onChange={(event) => go(withQuery({ figure: event.currentTarget.value }), true)}
          >
            {ordered.map((one) => (
              <option key={one.figure} value={one.figure}>
                {say(one.title)}
              </option>
            ))}
          </select>
        </label>
        <span class="muted small">
          {t(figure.keep === 'stored' ? 'stored' : 'computed')}
          {figure.standard !== null && <> · {t('by-standard', { standard: figure.standard.id })}</>}
        </span>
        <Steps figure={figure} end={end} past={past} />
      </div>
      {shown === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={5} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : (
        <div class={load.busy ? 'busy' : ''} aria-busy={load.busy}>
          <StaleNote error={load.error} retry={load.reload} />
          {shown.items.every((one) => one.completeness === 0 && one.fault === null) ? (
            <Empty icon="chart" title={t('figures-none')} hint={t('figures-none-hint')} />
          ) : (
            <Values owner={owner} figure={shown.figure} items={shown.items} />
          )}
        </div>
      )}
    </section>
  );
}

/** The panel; nothing for who may not see figures, and where there are none. */
export function Figures({ owner }: { owner: Owner }) {
  const may = session.value != null && mayUse({ right: 'figures.read' }, session.value);
  const load = useLoad(may ? `figures of ${keyOf(owner)}` : null, (signal) =>
    client.call(calls.figuresOf, { query: { ...owner }, signal }),
  );
  if (load.data === undefined)
    return load.error === undefined ? null : <Failure error={load.error} retry={load.reload} />;
  return <Chosen owner={owner} list={load.data.items} />;
}
