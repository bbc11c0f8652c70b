/** The device's past: chart or table of one metric over a chosen time, completeness, gaps, events. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Completeness, Correction, Device, LatestChange, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { Chart } from '#kit/chart/chart.tsx';
import {
  appendSample,
  drawnAs,
  type Gap,
  type Series,
  scale,
  shadedGaps,
  summarize,
} from '#kit/chart/series.ts';
import { loadSeries, spanOf } from '#kit/devices/series.ts';
import { ExportDialog } from '#kit/exports/dialog.tsx';
import { formatCount, formatMetric, formatShort, formatSpan, formatTime } from '#kit/format.ts';
import { type Load, useLoad } from '#kit/load.ts';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, now, profiles, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { CompletenessPanel } from './completeness.tsx';
import { currentRange, RANGES, type TimeRange } from './data.ts';
import { Events } from './events.tsx';
import { goToRange, RangePicker } from './range.tsx';
import { SampleTable } from './samples.tsx';
import { t, word } from './texts.ts';

const REFRESH_MS = 60_000;

/** What is shown, with what it was asked for: a newer choice must not relabel the figures of the one before. */
interface Shown {
  readonly series: Series;
  readonly metric: Metric;
  readonly range: TimeRange;
}

/** The chart in one sentence. */
function describe({ series, metric }: Shown, gaps: readonly Gap[]): string {
  const sum = summarize(series);
  if (sum === null) return t('no-range');
  const unit = metric.unit === '' ? '' : ` ${word('unit', metric.unit)}`;
  const say1 = (value: number): string => `${formatMetric(metric, value)}${unit}`;
  const common = { metric: say(metric.name), count: sum.count, gaps: gaps.length };
  const kind = drawnAs(metric);
  const figures =
    kind === 'state'
      ? t('summary-state', common)
      : kind === 'total'
        ? t('summary-total', { ...common, first: say1(sum.first), last: say1(sum.last) })
        : t('summary', {
            ...common,
            avg: say1(sum.avg),
            min: say1(sum.min),
            max: say1(sum.max),
            maxAt: formatShort(sum.maxAt),
          });
  if (sum.doubtful.size === 0) return figures;
  const words = [...sum.doubtful].map(([name, n]) => `${word('quality', name)} ${formatCount(n)}`);
  return figures + t('summary-bad', { words: words.join(', ') });
}

function Legend({ shown, gaps }: { shown: Shown; gaps: readonly Gap[] }) {
  const { series, metric } = shown;
  const outside = scale(series)?.outside ?? 0;
  const doubtful = series.samples.some((sample) => sample.quality !== 'good');
  return (
    <p class="legend small muted">
      <span>
        {series.everyMs === null ? t('raw') : t('bucket', { every: formatSpan(series.everyMs) })}
      </span>
      {series.everyMs !== null && drawnAs(metric) === 'value' && (
        <span>
          <i class="key key-band" />
          {t('band')}
        </span>
      )}
      {gaps.length > 0 && (
        <span>
          <i class="key key-gap" />
          {t('gap')}
        </span>
      )}
      {series.received !== undefined && (
        <span>
          <i class="key key-received" />
          {t('as-received')}
        </span>
      )}
      {doubtful && (
        <span>
          <i class="key key-bad" />
          {t('bad')}
        </span>
      )}
      {outside > 0 && <span>{t('off-scale', { n: outside })}</span>}
    </p>
  );
}

/** Nothing to draw: why, and the way to the last there was. */
function NoData({ lastSeenAt, range }: { lastSeenAt: number | null; range: TimeRange }) {
  if (lastSeenAt === null || lastSeenAt >= range.from)
    return <Empty icon="chart" title={t('no-range')} hint={t('no-range-hint')} />;
  return (
    <Empty
      icon="chart"
      title={t('no-range')}
      hint={t('last-data', { time: formatTime(lastSeenAt) })}
    >
      <button
        type="button"
        class="button"
        onClick={() => goToRange(lastSeenAt - RANGES['24h'], lastSeenAt + 60_000)}
      >
        {t('to-last')}
      </button>
    </Empty>
  );
}

function Trend({
  load,
  completeness,
  lastSeenAt,
  asTable,
  framed,
}: {
  load: Load<Shown>;
  lastSeenAt: number | null;
  completeness: Completeness | undefined;
  asTable: boolean;
  framed: boolean;
}) {
  const shown = load.data;
  if (shown === undefined)
    return load.error === undefined ? (
      <div class="chart-wait">
        <Skeleton lines={5} />
      </div>
    ) : (
      <Failure error={load.error} retry={load.reload} />
    );
  const { series, metric, range } = shown;
  const newest = series.samples.at(-1);
  if (newest === undefined) return <NoData lastSeenAt={lastSeenAt} range={range} />;
  const gaps = shadedGaps(series, completeness?.gaps);
  const summary = describe(shown, gaps);
  return (
    <div class={load.busy ? 'busy' : ''} aria-busy={load.busy}>
      <StaleNote error={load.error} retry={load.reload} />
      {asTable ? (
        <SampleTable series={series} metric={metric} framed={framed} />
      ) : (
        <Chart
          series={series}
          gaps={gaps}
          from={range.from}
          to={Math.max(range.to, newest.at)}
          unit={word('unit', metric.unit)}
          stepped={drawnAs(metric) !== 'value'}
          whole={drawnAs(metric) === 'state'}
          format={(value) => formatMetric(metric, value)}
          summary={summary}
          zoom={goToRange}
        />
      )}
      <Legend shown={shown} gaps={gaps} />
      <p class="summary small">{summary}</p>
    </div>
  );
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
      <h2>{t('chart')}</h2>
      <label class="choice">
        <span class="hidden">{t('metric')}</span>
        <select
          value={metric.key}
          onChange={(event) => go(withQuery({ metric: event.currentTarget.value }))}
        >
          {metrics.map((one) => (
            <option key={one.key} value={one.key}>
              {say(one.name)}
              {one.unit === '' ? '' : ` (${word('unit', one.unit)})`}
            </option>
          ))}
        </select>
      </label>
      <a class="button" href={withQuery({ view: asTable ? null : 'table' })}>
        <Icon name={asTable ? 'chart' : 'table'} />
        {asTable ? t('as-chart') : t('as-table')}
      </a>
      {children}
    </div>
  );
}

/** Puts values that come live at the end of the series, while it reaches up to the present. */
function useLiveSamples(
  load: Load<Shown>,
  change: LatestChange | null,
  reportEveryMs: number,
): void {
  useEffect(() => {
    if (change === null) return;
    load.patch((shown) => {
      const value = change.values.get(shown.metric.key);
      if (value === undefined || shown.range.name === 'custom') return shown;
      const { at, quality, receivedAt } = value;
      const sample = {
        at,
        value: value.value,
        min: null,
        max: null,
        quality,
        lane: 'live',
        receivedAt,
      };
      const series = appendSample(shown.series, sample, reportEveryMs);
      return series === shown.series ? shown : { ...shown, series };
    });
  }, [change]);
}

const isoOf = (at: number): string => new Date(at).toISOString();

/** Corrections of the device that hold; undefined until they are known, and for those who may not see them. */
function useCorrections(device: string, turn: number): readonly Correction[] | undefined {
  const reader = session.value;
  const may = reader != null && mayUse({ right: 'corrections.read' }, reader);
  const load = useLoad(may ? `corrections ${device} ${turn}` : null, (signal) =>
    client.call(calls.corrections, { query: { device, state: 'active', limit: 1000 }, signal }),
  );
  return load.data?.items;
}

/** Everything below the figures. The range moves with the clock once a minute, so that its end stays the present. */
export function History({
  device,
  metric,
  metrics,
  reportEveryMs,
  change,
  corrected: turn,
}: {
  device: Device;
  metric: Metric;
  metrics: readonly Metric[];
  reportEveryMs: number;
  change: LatestChange | null;
  /** Rises when other corrections hold. */
  corrected: number;
}) {
  const minute = Math.ceil(now.value / 60_000) * 60_000;
  const range = currentRange(minute);
  const rangeKey = range.name === 'custom' ? `${range.from}-${range.to}` : range.name;
  const refresh = range.name === 'custom' ? undefined : REFRESH_MS;
  const corrections = useCorrections(device.id, turn);
  const corrected = (corrections ?? []).some(
    (one) =>
      (one.metric ?? metric.key) === metric.key && one.from < range.to && one.to > range.from,
  );
  const load = useLoad<Shown>(
    `series ${device.id} ${metric.key} ${rangeKey} ${reportEveryMs} ${corrected} ${turn}`,
    async (signal) => ({
      series: await loadSeries(device.id, metric, reportEveryMs, range, corrected, signal),
      metric,
      range,
    }),
    refresh,
  );
  useLiveSamples(load, change, reportEveryMs);
  const completeness = useLoad<Completeness>(
    `completeness ${device.id} ${rangeKey} ${turn}`,
    (signal) => client.call(calls.completeness, { query: spanOf(device.id, range), signal }),
    refresh,
  );
  const asTable = query.value.get('view') === 'table';
  return (
    <>
      <section class="panel" aria-label={t('chart')}>
        <Heading metrics={metrics} metric={metric} asTable={asTable}>
          <RangePicker range={range} />
        </Heading>
        <Trend
          load={load}
          completeness={completeness.data}
          lastSeenAt={device.lastSeenAt}
          asTable={asTable}
          framed={profiles.value.get(device.profile)?.evidence === 'all'}
        />
        <div class="panel-foot">
          {corrections !== undefined && (
            <a
              class="button"
              href={`/corrections/devices/${encodeURIComponent(device.id)}?metric=${encodeURIComponent(metric.key)}&from=${isoOf(range.from)}&to=${isoOf(range.to)}`}
            >
              {corrections.length === 0
                ? t('correct')
                : t('corrections', { n: corrections.length })}
            </a>
          )}
          <ExportDialog
            exported={{
              ...{ name: device.name, of: { device: device.id } },
              ...{ from: range.from, to: range.to },
            }}
          />
        </div>
      </section>
      <CompletenessPanel load={completeness} range={range} />
      <Events device={device} range={range} rangeKey={rangeKey} refreshMs={refresh} />
    </>
  );
}
