/** What a correction would change, before and after. */
import type { CorrectionPreview, Device, FigureDefinition, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount, formatExact, formatMetric, formatTime, formatValue } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, profiles, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t, word } from './texts.ts';

/** Rows of a table, and tables of figures. */
const ROWS = 12;
const TABLES = 8;

type Cell = CorrectionPreview['samples'][number]['before'];
type Bucket = CorrectionPreview['days'][number];
type Row = readonly [time: string, before: string, after: string];

function Table({ title, unit, rows }: { title: string; unit: string; rows: readonly Row[] }) {
  if (rows.length === 0) return null;
  return (
    <div class="change">
      <table>
        <caption>
          {title}
          {unit !== '' && <span class="unit">{word('unit', unit)}</span>}
        </caption>
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            <th scope="col" class="right">
              {t('before')}
            </th>
            <th scope="col" class="right">
              {t('after')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map(([time, before, after], index) => (
            <tr key={index}>
              <td class="number">{time}</td>
              <td class="right number">{before}</td>
              <td class="right number">{after}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && <p class="muted small">{t('first-rows', { n: ROWS })}</p>}
    </div>
  );
}

const shortTime = (at: number): string => formatTime(at).slice(5);

/** Readings or means of one metric, each metric of each device a table of its own. */
function ofMetrics<T extends { device: string; metric: string }>(
  items: readonly T[],
  row: (one: T, metric: Metric | undefined) => Row,
  { device, metrics, title }: { device: string; metrics: readonly Metric[]; title: string },
) {
  return [...Map.groupBy(items, (one) => `${one.device} ${one.metric}`)].map(([key, list]) => {
    const [first] = list;
    const metric = metrics.find((one) => one.key === first?.metric);
    const name = metric === undefined ? first?.metric : say(metric.name);
    const other = first !== undefined && first.device !== device ? ` · ${first.device}` : '';
    return (
      <Table
        key={key}
        title={`${title} · ${name}${other}`}
        unit={metric?.unit ?? ''}
        rows={list.map((one) => row(one, metric))}
      />
    );
  });
}

function FigureTables({
  figures,
  known,
  device,
}: {
  figures: CorrectionPreview['figures'];
  known: readonly FigureDefinition[];
  device: string;
}) {
  const plain = (value: number | null): string => (value === null ? '–' : formatValue(value));
  const stored = (id: string): number =>
    Number(known.find(({ figure }) => figure === id)?.keep === 'stored');
  const tables = [...Map.groupBy(figures, (one) => `${one.device} ${one.figure}`)].sort(
    ([, [a]], [, [b]]) => stored(b?.figure ?? '') - stored(a?.figure ?? ''),
  );
  return (
    <>
      {tables.slice(0, TABLES).map(([key, list]) => {
        const definition = known.find(({ figure }) => figure === list[0]?.figure);
        const title = definition === undefined ? t('figures') : say(definition.title);
        const other = list[0]?.device === device ? '' : ` · ${list[0]?.device}`;
        return (
          <Table
            key={key}
            title={`${title}${other}`}
            unit={definition?.unit ?? ''}
            rows={list.map(({ at, before, after }) => [
              definition?.span === 'day' ? formatTime(at).slice(0, 10) : shortTime(at).slice(0, 11),
              plain(before),
              plain(after),
            ])}
          />
        );
      })}
      {tables.length > TABLES && (
        <p class="muted small">{t('more-figures', { n: tables.length - TABLES })}</p>
      )}
    </>
  );
}

/** Names of the figures of the device, for who may see them; undefined until they are known. */
function useFigures(device: string): readonly FigureDefinition[] | undefined {
  const may = session.value != null && mayUse({ right: 'figures.read' }, session.value);
  const load = useLoad(may ? `figures of ${device}` : null, (signal) =>
    client.call(calls.figuresOf, { query: { device }, signal }),
  );
  return may && load.error === undefined ? load.data?.items : [];
}

/** The preview. */
export function Preview({
  seen,
  device,
  own = null,
}: {
  seen: CorrectionPreview;
  device: Pick<Device, 'id'> & { readonly profile: string | null };
  /** Its number, of one that waits. */
  own?: number | null;
}) {
  const known = useFigures(device.id);
  const metrics = profiles.value.get(device.profile ?? '')?.metrics ?? [];
  const exact = (metric: Metric | undefined, value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : formatMetric(metric, value, formatExact);
  const cell = (metric: Metric | undefined, one: Cell): string =>
    one === null
      ? '–'
      : exact(metric, one.value) +
        (one.quality === 'good' ? '' : ` · ${word('quality', one.quality)}`);
  const average = (values: Bucket['before'], metric: Metric | undefined): string => {
    const value = values?.get('avg') ?? null;
    return value === null ? '–' : formatMetric(metric, value);
  };
  const mean = (one: Bucket, metric: Metric | undefined): Row => [
    shortTime(one.at).slice(0, 11),
    average(one.before, metric),
    average(one.after, metric),
  ];
  // Figures say the same of hours and days, and by which rule; means alone stand where there are none.
  const means = seen.figures.length === 0 ? [seen.hours, seen.days] : [];
  return (
    <section class="change-list" aria-live="polite" aria-label={t('preview')}>
      {seen.contradicts !== null && seen.contradicts !== own && (
        <p class="form-error" role="alert">
          {t('contradicts', { id: seen.contradicts })}
        </p>
      )}
      <p>
        {seen.changed === 0
          ? t('changes-none', { n: formatCount(seen.readings) })
          : t('changes', { n: formatCount(seen.readings), changed: formatCount(seen.changed) })}
        {!seen.complete && ` ${t('partial')}`}
      </p>
      {seen.secondPerson && <p class="notice-line">{t('second-person')}</p>}
      <div class="changes">
        {ofMetrics(
          seen.samples,
          (one, metric) => [shortTime(one.at), cell(metric, one.before), cell(metric, one.after)],
          { device: device.id, metrics, title: t('readings') },
        )}
        {means.map((list, index) =>
          ofMetrics(list, mean, {
            device: device.id,
            metrics,
            title: t(index === 0 ? 'hours' : 'days'),
          }),
        )}
        {known !== undefined && (
          <FigureTables figures={seen.figures} known={known} device={device.id} />
        )}
      </div>
      <p class="muted small">
        {t('counts', {
          figures: seen.figures.length === 0 ? t('none') : formatCount(seen.figures.length),
          reports: seen.reports.length === 0 ? t('none') : formatCount(seen.reports.length),
        })}
      </p>
    </section>
  );
}
