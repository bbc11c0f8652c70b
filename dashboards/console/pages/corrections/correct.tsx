/** Corrections of one device: the chart on which a span is marked, the form, and what was said before. */
import { useState } from 'preact/hooks';
import type { Correction, Device, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { Chart } from '#kit/chart/chart.tsx';
import { drawnAs, type Gap } from '#kit/chart/series.ts';
import { loadSeries } from '#kit/devices/series.ts';
import { formatMetric } from '#kit/format.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, now, profiles, profilesLoaded, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Crumbs, useTitle } from '#kit/ui/page.tsx';
import { Told } from '#kit/ui/told.tsx';
import { CorrectionForm } from './form.tsx';
import { Corrections, rangeWorded } from './list.tsx';
import { draftFor } from './proposal.ts';
import { t, word } from './texts.ts';
import './corrections.css';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Corrections of the device asked for at a time. */
const PAGE = 50;

/** The time that the address names, or the last 24 hours. */
function useRange(): Gap {
  const [present] = useState(() => Math.ceil(now.peek() / MINUTE_MS) * MINUTE_MS);
  const from = Date.parse(query.value.get('from') ?? '');
  const to = Date.parse(query.value.get('to') ?? '');
  return from < to ? { from, to } : { from: present - DAY_MS, to: present };
}

/** To the time before, after and around it, and to what is marked. */
function Times({ span }: { span: Gap | null }) {
  const { from, to } = useRange();
  const length = to - from;
  const at = (a: number, b: number): string =>
    withQuery({ from: new Date(a).toISOString(), to: new Date(b).toISOString() });
  const around = span === null ? 0 : Math.max(10 * MINUTE_MS, (span.to - span.from) / 4);
  return (
    <span class="correction-times">
      <a class="button" href={at(from - length, from)}>
        {t('earlier')}
      </a>
      {to < now.value && (
        <a class="button" href={at(to, to + length)}>
          {t('later')}
        </a>
      )}
      <a class="button" href={at(from - length, to + (to < now.value ? length : 0))}>
        {t('wider')}
      </a>
      {span !== null && span.from < span.to && (
        <a class="button" href={at(span.from - around, span.to + around)}>
          {t('to-marked')}
        </a>
      )}
    </span>
  );
}

/** Whole minutes, as the fields have them; what stands at the end belongs to the span. */
const minutes = (a: number, b: number): Gap => ({
  from: Math.floor(Math.min(a, b) / MINUTE_MS) * MINUTE_MS,
  to: Math.floor(Math.max(a, b) / MINUTE_MS) * MINUTE_MS + MINUTE_MS,
});

function Marking({
  device,
  metric,
  span,
  setSpan,
  marks,
  turn,
}: {
  device: Device;
  metric: Metric;
  span: Gap | null;
  setSpan: (span: Gap) => void;
  /** The reader may propose. */
  marks: boolean;
  /** Rises when something has been said. */
  turn: number;
}) {
  const range = useRange();
  const [start, setStart] = useState<number | null>(null);
  const reportEveryMs = (profiles.value.get(device.profile)?.reportEvery ?? 300) * 1000;
  const load = useLoad(
    `marking ${device.id} ${metric.key} ${range.from}-${range.to} ${turn}`,
    (signal) => loadSeries(device.id, metric, reportEveryMs, range, true, signal),
  );
  const pick = (at: number): void => {
    if (start === null) {
      setStart(at);
      setSpan(minutes(at, at));
    } else {
      setStart(null);
      setSpan(minutes(start, at));
    }
  };
  const series = load.data;
  if (series === undefined)
    return load.error === undefined ? (
      <div class="correction-wait">
        <Skeleton lines={5} />
      </div>
    ) : (
      <Failure error={load.error} retry={load.reload} />
    );
  const hint = !marks ? '' : start === null ? t('mark') : t('mark-end');
  const whole = (at: number): number => Math.floor(at / MINUTE_MS) * MINUTE_MS;
  const shown = rangeWorded(whole(range.from), whole(range.to));
  return (
    <>
      <StaleNote error={load.error} retry={load.reload} />
      {series.samples.length === 0 ? (
        <p class="correction-note muted">{t(marks ? 'no-data' : 'no-data-there')}</p>
      ) : (
        <Chart
          series={series}
          gaps={series.gaps}
          from={range.from}
          to={range.to}
          unit={word('unit', metric.unit)}
          stepped={drawnAs(metric) !== 'value'}
          whole={drawnAs(metric) === 'state'}
          format={(value) => formatMetric(metric, value)}
          summary={`${device.name} ${say(metric.name)} ${shown}. ${hint}`}
          marked={span}
          zoom={(from, to) => {
            setStart(null);
            if (marks) setSpan(minutes(from, to));
          }}
          {...(marks ? { pick } : {})}
        />
      )}
      <p class="correction-note small muted" role="status">
        <span class="number">{shown}</span> {hint}{' '}
        {series.received !== undefined && t('as-received')}
      </p>
    </>
  );
}

function Body({ device }: { device: Device }) {
  const metrics = profiles.value.get(device.profile)?.metrics ?? [];
  const asked = query.value.get('metric');
  const metric = metrics.find(({ key }) => key === asked) ?? metrics[0];
  const [span, setSpan] = useState<Gap | null>(() => draftFor(device.id)?.span ?? null);
  const [turn, setTurn] = useState(0);
  const [pages, setPages] = useState(1);
  const [told, setTold] = useState<string | null>(null);
  const reader = session.value;
  const proposes = reader != null && mayUse({ right: 'corrections.propose' }, reader);
  const list = useLoad(`corrections of ${device.id} ${turn} ${pages}`, (signal) =>
    allPages(
      (cursor) =>
        client.call(calls.corrections, {
          query: { device: device.id, limit: PAGE, cursor },
          signal,
        }),
      pages,
    ),
  );
  const changed = (what: string): void => {
    setTold(what);
    setTurn(turn + 1);
  };
  const made = (one: Correction): void => {
    setTold(t(one.state === 'waiting' ? 'made-waiting' : 'made-active', { id: one.id }));
    setSpan(null);
    setTurn(turn + 1);
  };
  return (
    <>
      {metric !== undefined && (
        <section class="panel" aria-label={t('metric')}>
          <div class="correction-bar">
            <label>
              {t('metric')}
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
            <Times span={span} />
          </div>
          <Marking
            device={device}
            metric={metric}
            span={span}
            setSpan={setSpan}
            marks={proposes}
            turn={turn}
          />
          {proposes && (
            <CorrectionForm
              device={device}
              metric={metric}
              span={span}
              setSpan={setSpan}
              made={made}
            />
          )}
        </section>
      )}
      <Told text={told} />
      <section class="panel" aria-labelledby="corrections-heading">
        <h2 id="corrections-heading">{t('of-device')}</h2>
        {list.data === undefined ? (
          list.error === undefined ? (
            <Skeleton lines={3} />
          ) : (
            <Failure error={list.error} retry={list.reload} />
          )
        ) : list.data.items.length === 0 ? (
          <Empty title={t('empty')} hint={t('intro')} />
        ) : (
          <>
            <Corrections items={list.data.items} showDevice={false} changed={changed} />
            {!list.data.complete && (
              <div class="list-foot">
                <button
                  type="button"
                  class="button"
                  aria-disabled={list.busy}
                  onClick={() => setPages(pages + 1)}
                >
                  {t('list.more')}
                </button>
              </div>
            )}
          </>
        )}
      </section>
    </>
  );
}

/** The page. */
export function Page({ id, title }: { id: string; title: string }) {
  const load = useLoad(`device ${id}`, (signal) =>
    client.call(calls.device, { params: { id }, signal }),
  );
  const device = load.data;
  useTitle(`${title} · ${device?.name ?? id}`);
  if (device === undefined || !profilesLoaded.value)
    return load.error === undefined ? (
      <Skeleton lines={10} />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  const places = [...device.path.filter(({ code }) => code !== device.area.code), device.area];
  return (
    <div class="page">
      <Crumbs
        places={places}
        above={{ href: `/devices/${encodeURIComponent(device.id)}`, name: device.name }}
        last={title}
      />
      <header class="page-head">
        <h1>
          {title} · {device.name}
        </h1>
        {device.retiredAt !== null && <span class="tag">{t('retired')}</span>}
      </header>
      <Body device={device} />
    </div>
  );
}
