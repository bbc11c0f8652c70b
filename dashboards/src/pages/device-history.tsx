/** The device's past: chart or table of one metric over a chosen time, completeness, gaps, events. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Completeness, Device, LatestChange, Metric } from '../api/answers.ts';
import * as answers from '../api/answers.ts';
import { Chart } from '../chart/chart.tsx';
import { drawnAs, type Series, scale, summarize } from '../chart/series.ts';
import {
  formatMetric,
  formatShort,
  formatSpan,
  formatTime,
  fromField,
  toField,
} from '../format.ts';
import { type Load, useLoad } from '../load.ts';
import { go, query, withQuery } from '../router.ts';
import { client, now } from '../state.ts';
import { say, t, word } from '../text/language.ts';
import { Icon } from '../ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '../ui/parts.tsx';
import { CompletenessPanel } from './device-completeness.tsx';
import {
  completenessAddress,
  currentRange,
  eventsAddress,
  exportAddress,
  loadSeries,
  RANGES,
  type TimeRange,
} from './device-data.ts';

const REFRESH_MS = 60_000;
const TABLE_STEP = 100;

function RangePicker({ range }: { range: TimeRange }) {
  const [wrong, setWrong] = useState(false);
  function apply(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const from = fromField(String(form.get('from') ?? ''));
    const to = fromField(String(form.get('to') ?? ''));
    setWrong(!(from < to));
    if (from < to)
      go(
        withQuery({
          range: null,
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
        }),
      );
  }
  return (
    <div class="ranges">
      <fieldset class="segments">
        <legend class="hidden">{t('device.range')}</legend>
        {(Object.keys(RANGES) as (keyof typeof RANGES)[]).map((name) => (
          <a
            key={name}
            href={withQuery({ range: name, from: null, to: null })}
            aria-current={range.name === name ? 'true' : undefined}
          >
            {formatSpan(RANGES[name])}
          </a>
        ))}
      </fieldset>
      <details class="menu" key={`${range.name} ${range.name === 'custom' ? range.from : ''}`}>
        <summary class={range.name === 'custom' ? 'button chosen' : 'button'}>
          {range.name === 'custom'
            ? `${formatShort(range.from)} – ${formatShort(range.to)}`
            : t('device.custom')}
          <Icon name="down" size={12} />
        </summary>
        <form class="menu-body" onSubmit={apply}>
          <label>
            {t('device.from')}
            <input type="datetime-local" name="from" defaultValue={toField(range.from)} />
          </label>
          <label>
            {t('device.to')}
            <input type="datetime-local" name="to" defaultValue={toField(range.to)} />
          </label>
          {wrong && (
            <p class="form-error" role="alert">
              {t('device.range-wrong')}
            </p>
          )}
          <button type="submit" class="button primary">
            {t('device.apply')}
          </button>
        </form>
      </details>
    </div>
  );
}

/** The chart in one sentence. */
function describe(series: Series, metric: Metric): string {
  const sum = summarize(series);
  if (sum === null) return t('device.no-range');
  const unit = metric.unit === '' ? '' : ` ${metric.unit}`;
  const say1 = (value: number): string => `${formatMetric(metric, value)}${unit}`;
  const common = { metric: say(metric.name), count: sum.count, gaps: series.gaps.length };
  const kind = drawnAs(metric);
  if (kind === 'state') return t('device.summary-state', common);
  if (kind === 'total')
    return t('device.summary-total', { ...common, first: say1(sum.first), last: say1(sum.last) });
  return t('device.summary', {
    ...common,
    avg: say1(sum.avg),
    min: say1(sum.min),
    max: say1(sum.max),
    maxAt: formatShort(sum.maxAt),
    bad: sum.doubtful,
  });
}

function SampleTable({ series, metric }: { series: Series; metric: Metric }) {
  const [shown, setShown] = useState(TABLE_STEP);
  const rows = series.samples.toReversed();
  const buckets = series.everyMs !== null;
  const heads = buckets
    ? (['time', 'value', 'minimum', 'maximum'] as const)
    : (['time', 'value', 'quality', 'lane', 'received'] as const);
  const figure = (value: number | null): string =>
    value === null ? '–' : formatMetric(metric, value);
  return (
    <div class="table-wrap table-scroll">
      <table class="dense">
        <thead>
          <tr>
            {heads.map((name) => (
              <th scope="col" key={name}>
                {t(`device.${name}`)}
                {name === 'value' && metric.unit !== '' && <span class="unit">{metric.unit}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((sample) => (
            <tr key={sample.at}>
              <td class="number">{formatTime(sample.at)}</td>
              <td class="number">{figure(sample.value)}</td>
              {buckets ? (
                <>
                  <td class="number">{figure(sample.min)}</td>
                  <td class="number">{figure(sample.max)}</td>
                </>
              ) : (
                <>
                  <td class={sample.quality === 'good' ? 'muted' : 'text-offline'}>
                    {word('quality', sample.quality)}
                  </td>
                  <td class="muted">{word('lane', sample.lane)}</td>
                  <td class="muted number">
                    {sample.receivedAt === null ? '–' : formatTime(sample.receivedAt)}
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + TABLE_STEP)}>
          {t('devices.more')}
        </button>
      )}
    </div>
  );
}

function Legend({ series, metric }: { series: Series; metric: Metric }) {
  const outside = scale(series)?.outside ?? 0;
  const doubtful = series.samples.some((sample) => sample.quality !== 'good');
  return (
    <p class="legend small muted">
      <span>
        {series.everyMs === null
          ? t('device.raw')
          : t('device.bucket', { every: formatSpan(series.everyMs) })}
      </span>
      {series.everyMs !== null && drawnAs(metric) === 'value' && (
        <span>
          <i class="key key-band" />
          {t('device.band')}
        </span>
      )}
      {series.gaps.length > 0 && (
        <span>
          <i class="key key-gap" />
          {t('device.gap')}
        </span>
      )}
      {doubtful && (
        <span>
          <i class="key key-bad" />
          {t('device.bad')}
        </span>
      )}
      {outside > 0 && <span>{t('device.off-scale', { n: outside })}</span>}
    </p>
  );
}

function Trend({
  load,
  metric,
  range,
  asTable,
}: {
  load: Load<Series>;
  metric: Metric;
  range: TimeRange;
  asTable: boolean;
}) {
  const series = load.data;
  if (series === undefined)
    return load.error === undefined ? (
      <div class="chart-wait">
        <Skeleton lines={5} />
      </div>
    ) : (
      <Failure error={load.error} retry={load.reload} />
    );
  if (series.samples.length === 0)
    return <Empty icon="chart" title={t('device.no-range')} hint={t('device.no-range-hint')} />;
  const summary = describe(series, metric);
  return (
    <div class={load.busy ? 'busy' : ''}>
      <StaleNote error={load.error} retry={load.reload} />
      {asTable ? (
        <SampleTable series={series} metric={metric} />
      ) : (
        <Chart
          series={series}
          from={range.from}
          to={range.to}
          unit={metric.unit}
          stepped={drawnAs(metric) !== 'value'}
          whole={drawnAs(metric) === 'state'}
          format={(value) => formatMetric(metric, value)}
          summary={summary}
          zoom={(from, to) =>
            go(
              withQuery({
                range: null,
                from: new Date(from).toISOString(),
                to: new Date(to).toISOString(),
              }),
            )
          }
        />
      )}
      <Legend series={series} metric={metric} />
      <p class="summary small">{summary}</p>
    </div>
  );
}

/** The series with a live value put at its end, while raw readings up to now are shown. */
function withLive(
  series: Series | undefined,
  change: LatestChange | null,
  metric: Metric,
  reportEveryMs: number,
): Series | undefined {
  const value = change?.values.get(metric.key);
  const last = series?.samples.at(-1);
  if (
    series === undefined ||
    series.everyMs !== null ||
    value === undefined ||
    last === undefined ||
    value.at <= last.at
  )
    return series;
  const sample = {
    at: value.at,
    value: value.value,
    min: null,
    max: null,
    quality: value.quality,
    lane: 'live',
    receivedAt: value.receivedAt,
  };
  const gap = value.at - last.at > reportEveryMs * 2.2 ? [{ from: last.at, to: value.at }] : [];
  return { ...series, samples: [...series.samples, sample], gaps: [...series.gaps, ...gap] };
}

function Heading({
  metrics,
  metric,
  asTable,
  children,
}: {
  metrics: readonly Metric[];
  metric: Metric;
  asTable: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class="panel-head">
      <h2>{t('device.chart')}</h2>
      <label class="choice">
        <span class="hidden">{t('device.metric')}</span>
        <select
          value={metric.key}
          onChange={(event) => go(withQuery({ metric: event.currentTarget.value }))}
        >
          {metrics.map((one) => (
            <option key={one.key} value={one.key}>
              {say(one.name)}
              {one.unit === '' ? '' : ` (${one.unit})`}
            </option>
          ))}
        </select>
      </label>
      {children}
      <a class="button" href={withQuery({ view: asTable ? null : 'table' })}>
        <Icon name={asTable ? 'chart' : 'table'} />
        {asTable ? t('device.as-chart') : t('device.as-table')}
      </a>
    </div>
  );
}

function Events({
  device,
  range,
  rangeKey,
}: {
  device: Device;
  range: TimeRange;
  rangeKey: string;
}) {
  const load = useLoad(
    `events ${device.id} ${rangeKey}`,
    (signal) => client.ask(eventsAddress(device.id, range), answers.events, { signal }),
    REFRESH_MS,
  );
  return (
    <section class="panel" aria-labelledby="events-heading">
      <h2 id="events-heading">{t('device.events')}</h2>
      {load.data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={3} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : load.data.items.length === 0 ? (
        <p class="muted pad">{t('device.no-events')}</p>
      ) : (
        <ol class="events">
          {load.data.items.map((event) => (
            <li key={`${event.at} ${event.type}`}>
              <time class="muted number" dateTime={new Date(event.at).toISOString()}>
                {formatTime(event.at)}
              </time>
              <b>{word('event', event.type)}</b>
              <code>{JSON.stringify(event.detail)}</code>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** Everything below the figures. The range moves with the clock once a minute, so that its end stays the present. */
export function History({
  device,
  metric,
  metrics,
  reportEveryMs,
  change,
}: {
  device: Device;
  metric: Metric;
  metrics: readonly Metric[];
  reportEveryMs: number;
  change: LatestChange | null;
}) {
  const minute = Math.ceil(now.value / 60_000) * 60_000;
  const range = currentRange(minute);
  const rangeKey = range.name === 'custom' ? `${range.from}-${range.to}` : range.name;
  const refresh = range.name === 'custom' ? undefined : REFRESH_MS;
  const load = useLoad(
    `series ${device.id} ${metric.key} ${rangeKey} ${reportEveryMs}`,
    (signal) => loadSeries(device.id, metric, reportEveryMs, range, signal),
    refresh,
  );
  const completeness = useLoad<Completeness>(
    `completeness ${device.id} ${rangeKey}`,
    (signal) => client.ask(completenessAddress(device.id, range), answers.completeness, { signal }),
    refresh,
  );
  const asTable = query.value.get('view') === 'table';
  const live =
    range.name === 'custom' ? load.data : withLive(load.data, change, metric, reportEveryMs);
  return (
    <>
      <section class="panel" aria-label={t('device.chart')}>
        <Heading metrics={metrics} metric={metric} asTable={asTable}>
          <RangePicker range={range} />
        </Heading>
        <Trend load={{ ...load, data: live }} metric={metric} range={range} asTable={asTable} />
        <p class="panel-foot">
          {(['csv', 'parquet'] as const).map((format) => (
            <a key={format} class="button" href={exportAddress(device.id, format, range)} download>
              <Icon name="download" />
              {t(`device.export-${format}`)}
            </a>
          ))}
        </p>
      </section>
      <CompletenessPanel load={completeness} />
      <Events device={device} range={range} rangeKey={rangeKey} />
    </>
  );
}
