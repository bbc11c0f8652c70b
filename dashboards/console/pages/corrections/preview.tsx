/** What a correction would change, before and after. */
import type { CorrectionPreview, Metric } from '#kit/api/answers.ts';
import { formatCount, formatMetric, formatTime } from '#kit/format.ts';
import { t, word } from './texts.ts';

const ROWS = 12;

type Cell = CorrectionPreview['samples'][number]['before'];

/** Metrics by key, to word their values. */
export type Metrics = ReadonlyMap<string, Metric>;

function worded(metrics: Metrics, key: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const metric = metrics.get(key);
  return metric === undefined ? String(value) : formatMetric(metric, value);
}

const plain = (value: number | null): string =>
  value === null ? '–' : String(Number(value.toPrecision(6)));

function Table({
  title,
  rows,
}: {
  title: string;
  rows: readonly (readonly [time: string, before: string, after: string])[];
}) {
  if (rows.length === 0) return null;
  return (
    <div class="change">
      <h2>{title}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            <th scope="col">{t('before')}</th>
            <th scope="col">{t('after')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([time, before, after]) => (
            <tr key={`${time} ${before}`}>
              <td class="number">{time}</td>
              <td class="number">{before}</td>
              <td class="number">{after}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The preview. */
export function Preview({ seen, metrics }: { seen: CorrectionPreview; metrics: Metrics }) {
  const cell = (key: string, one: Cell): string =>
    one === null
      ? '–'
      : worded(metrics, key, one.value) +
        (one.quality === 'good' ? '' : ` · ${word('quality', one.quality)}`);
  const many = new Set(seen.samples.map(({ device, metric }) => `${device} ${metric}`)).size > 1;
  const label = (one: { device: string; metric: string; at: number }): string =>
    many ? `${formatTime(one.at)} ${one.device} ${one.metric}` : formatTime(one.at);
  const means = (list: CorrectionPreview['days']): [string, string, string][] =>
    list
      .slice(0, ROWS)
      .map((one) => [
        label(one),
        worded(metrics, one.metric, one.before?.get('avg')),
        worded(metrics, one.metric, one.after?.get('avg')),
      ]);
  return (
    <section class="change-list" aria-live="polite">
      {seen.contradicts !== null && (
        <p class="form-error" role="alert">
          {t('contradicts', { id: seen.contradicts })}
        </p>
      )}
      <p>
        {t('changes', { n: formatCount(seen.readings), changed: formatCount(seen.changed) })}
        {!seen.complete && ` ${t('partial')}`}
      </p>
      {seen.secondPerson && <p class="notice-line">{t('second-person')}</p>}
      <div class="changes">
        <Table
          title={t('readings')}
          rows={seen.samples
            .slice(0, ROWS)
            .map((one) => [label(one), cell(one.metric, one.before), cell(one.metric, one.after)])}
        />
        <Table title={t('hours')} rows={means(seen.hours)} />
        <Table title={t('days')} rows={means(seen.days)} />
        <Table
          title={t('figures')}
          rows={seen.figures
            .slice(0, ROWS)
            .map(({ at, figure, before, after }) => [
              `${formatTime(at)} ${figure}`,
              plain(before),
              plain(after),
            ])}
        />
      </div>
      <p class="muted small">
        {t('figures')}: {seen.figures.length === 0 ? t('none') : formatCount(seen.figures.length)} ·{' '}
        {t('reports')}: {seen.reports.length === 0 ? t('none') : seen.reports.length}
      </p>
    </section>
  );
}
