/** What a correction would change, before and after. */
import type { CorrectionPreview, Device, Metric } from '#kit/api/answers.ts';
import { formatCount, formatExact, formatMetric, formatTime, formatValue } from '#kit/format.ts';
import { profiles } from '#kit/state.ts';
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

interface Side {
  readonly value: number | null;
  /** How much of what it is made of is there, as it is told. */
  readonly share: string;
}

const plain = (value: number | null): string => (value === null ? '–' : formatValue(value));
const count = (n: number): string => (n === 0 ? t('none') : formatCount(n));
/** Of an area: values of its stations that are there, of how many. */
const stations = ({ valid, expected }: { valid: number; expected: number }): string =>
  `${formatCount(valid)}/${formatCount(expected)}`;
const percent = (share: number): string => `${formatValue(share * 100)}\u00a0%`;

/** Figures, each of each device or area a table of its own; what is told of completeness only where it differs. */
function FigureTables({
  changes,
  definitions,
  more,
}: {
  changes: readonly {
    readonly figure: string;
    /** Of what else than of the device itself; empty when of it. */
    readonly of: string;
    readonly at: number;
    readonly before: Side;
    readonly after: Side;
  }[];
  definitions: CorrectionPreview['definitions'];
  more: number;
}) {
  const tables = [...Map.groupBy(changes, (one) => `${one.of} ${one.figure}`)];
  const rest = tables.slice(TABLES).reduce((sum, [, list]) => sum + list.length, more);
  return (
    <>
      {tables.slice(0, TABLES).map(([key, list]) => {
        const definition = definitions.find(({ figure }) => figure === list[0]?.figure);
        const title = definition === undefined ? t('figures') : say(definition.title);
        const of = list[0]?.of ?? '';
        return (
          <Table
            key={key}
            title={of === '' ? title : `${title} · ${of}`}
            unit={definition?.unit ?? ''}
            rows={list.map(({ at, before, after }) => {
              const told = before.share !== after.share;
              const side = ({ value, share }: Side): string =>
                told ? `${plain(value)} (${share})` : plain(value);
              return [
                definition?.span === 'day'
                  ? formatTime(at).slice(0, 10)
                  : shortTime(at).slice(0, 11),
                side(before),
                side(after),
              ];
            })}
          />
        );
      })}
      {rest > 0 && <p class="muted small">{t('more-figures', { n: formatCount(rest) })}</p>}
    </>
  );
}

const within = (value: number, low: number, high: number): boolean => low <= value && value <= high;

/** Whether some cell of the tables is a dash or has a share in brackets. */
function needsLegend({ samples, figures, areas }: CorrectionPreview): boolean {
  return (
    samples.some(({ before, after }) => before === null || after === null) ||
    figures.some(
      ({ before, after, completeness }) =>
        before === null || after === null || completeness.before !== completeness.after,
    ) ||
    areas.some(
      ({ before, after }) =>
        before.value === null || after.value === null || stations(before) !== stations(after),
    )
  );
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
  const beyond = metrics.filter(({ key, range: [low, high] }) =>
    seen.samples.some(
      ({ device: id, metric, after }) =>
        id === device.id && metric === key && after !== null && !within(after.value, low, high),
    ),
  );
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
      <p>
        {t('counts', {
          figures: count(seen.figures.length + seen.more.figures),
          areas: count(seen.areas.length + seen.more.areas),
          reports: count(seen.reports.length),
        })}
      </p>
      {beyond.map((metric) => (
        <p key={metric.key} class="form-error">
          {t('out-of-range', {
            metric: say(metric.name),
            from: formatExact(metric.range[0]),
            to: formatExact(metric.range[1]),
            unit: word('unit', metric.unit),
          })}
        </p>
      ))}
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
        <FigureTables
          changes={seen.figures.map(({ figure, device: id, at, before, after, completeness }) => ({
            ...{ figure, of: id === device.id ? '' : id, at },
            before: { value: before, share: percent(completeness.before) },
            after: { value: after, share: percent(completeness.after) },
          }))}
          definitions={seen.definitions}
          more={seen.more.figures}
        />
      </div>
      {(seen.areas.length > 0 || seen.unseen.areas > 0) && (
        <>
          <h2>{t('areas')}</h2>
          <div class="changes">
            <FigureTables
              changes={seen.areas.map(({ figure, area, at, before, after }) => ({
                ...{ figure, of: say(area.name), at },
                before: { value: before.value, share: stations(before) },
                after: { value: after.value, share: stations(after) },
              }))}
              definitions={seen.definitions}
              more={seen.more.areas}
            />
          </div>
        </>
      )}
      {seen.unseen.days > 0 && (
        <p class="muted small">{t('unseen-days', { n: formatCount(seen.unseen.days) })}</p>
      )}
      {seen.unseen.areas > 0 && (
        <p class="muted small">{t('unseen-areas', { n: formatCount(seen.unseen.areas) })}</p>
      )}
      {needsLegend(seen) && <p class="muted small">{t('legend')}</p>}
    </section>
  );
}
