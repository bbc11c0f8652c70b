/** The panel of a device's figures: one of them over the last days or hours, each value a way to what it was computed from. */
import { DAY, HOUR } from '@village/core/duration';
import type { Device, FigureDefinition, FigureItem } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatPercent, formatShort, formatValue } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, now, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Scroll } from '#kit/ui/page.tsx';
import { t } from './texts.ts';

const SHOWN = { day: 8, hour: 24 } as const;

/** Where a value of a figure is opened. */
const addressOf = (device: string, figure: string, at: number): string => {
  const asked = new URLSearchParams({ figure, at: new Date(at).toISOString() });
  return `/devices/${encodeURIComponent(device)}/figures?${asked}`;
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
  device,
  figure,
  items,
}: {
  device: Device;
  figure: FigureDefinition;
  items: readonly FigureItem[];
}) {
  const named = (at: number): string =>
    figure.span === 'day' ? formatShort(at).slice(0, 5) : formatShort(at);
  return (
    <Scroll label={say(figure.title)}>
      <table class="dense">
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            <th scope="col" class="right">
              {t('value')}
            </th>
            <th scope="col" class="right">
              {t('complete')}
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
                  href={addressOf(device.id, figure.figure, item.at)}
                  title={t('open')}
                  aria-label={t('open-of', { time: named(item.at) })}
                >
                  {named(item.at)}
                </a>
              </td>
              <td class="right number">
                {item.value === null ? '–' : formatValue(item.value)}{' '}
                <span class="unit">{item.value === null ? '' : figure.unit}</span>
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

function Chosen({ device, list }: { device: Device; list: readonly FigureDefinition[] }) {
  const ordered = [...list].sort(byWeight);
  const asked = query.value.get('figure');
  const figure = ordered.find((one) => one.figure === asked) ?? ordered[0];
  const hour = Math.ceil(now.value / HOUR) * HOUR;
  const load = useLoad(
    figure === undefined ? null : `figure ${device.id} ${figure.figure} ${hour}`,
    (signal) => {
      const { figure: id, span } = figure as FigureDefinition;
      const from = hour - SHOWN[span] * (span === 'day' ? DAY : HOUR);
      const iso = (at: number): string => new Date(at).toISOString();
      const asking = { figure: id, device: device.id, from: iso(from), to: iso(hour) };
      return client.call(calls.figures, { query: asking, signal });
    },
    300_000,
  );
  if (figure === undefined) return null;
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
      </div>
      {load.data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={5} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : (
        <div class={load.busy ? 'busy' : ''} aria-busy={load.busy}>
          <StaleNote error={load.error} retry={load.reload} />
          <Values device={device} figure={figure} items={load.data.items} />
        </div>
      )}
    </section>
  );
}

/** The panel; nothing for who may not see figures, and of a device that has none. */
export function Figures({ device }: { device: Device }) {
  const may = session.value != null && mayUse({ right: 'figures.read' }, session.value);
  const load = useLoad(may ? `figures of ${device.id}` : null, (signal) =>
    client.call(calls.figuresOf, { query: { device: device.id }, signal }),
  );
  if (load.data === undefined)
    return load.error === undefined ? null : <Failure error={load.error} retry={load.reload} />;
  return <Chosen device={device} list={load.data.items} />;
}
