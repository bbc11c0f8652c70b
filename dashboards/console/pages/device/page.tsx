/** One device: what it says now, what it said before, what is missing. */
import { useMemo, useState } from 'preact/hooks';
import type { Device, DeviceHistory, LatestChange, Metric, Profile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { drawnAs, trend } from '#kit/chart/series.ts';
import { heardChannels } from '#kit/devices/channels.ts';
import { ClientIdNotice, clientIdFacts } from '#kit/devices/client-id/notice.tsx';
import { ClockNotice, clockFacts } from '#kit/devices/clock.tsx';
import { Figure, StateMark } from '#kit/devices/marks.tsx';
import { mergeLatest } from '#kit/devices/merge.ts';
import { Refusals } from '#kit/devices/refusals/refusals.tsx';
import { Figures } from '#kit/figures/panel.tsx';
import { formatSpan, formatTime } from '#kit/format.ts';
import { Reason } from '#kit/forms/reason.tsx';
import { useLive, useLoad } from '#kit/load.ts';
import { PropertiesPanel } from '#kit/properties/panel.tsx';
import { query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, now, profiles, profilesLoaded, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, Crumbs, useTitle } from '#kit/ui/page.tsx';
import { Administer, Reinstate } from './administer/buttons.tsx';
import { ClockChoice } from './clock-use.tsx';
import { loadRecent } from './data.ts';
import { FramePanel } from './frame/panel.tsx';
import { History } from './history.tsx';
import { Installations } from './installations/panel.tsx';
import { Replace } from './replace/dialog.tsx';
import { t, word } from './texts.ts';
import './device.css';

function Spark({ points }: { points: readonly (readonly [number, number])[] }) {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return <div class="spark" />;
  const values = points.map(([, value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const path = points
    .map(([at, value], index) => {
      const x = ((at - first[0]) / Math.max(1, last[0] - first[0])) * 100;
      const y = high === low ? 12 : 22 - ((value - low) / (high - low)) * 20;
      return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

const trendWords = {
  rising: 'trend-up',
  falling: 'trend-down',
  flat: 'trend-flat',
} as const;

function Tile({
  device,
  metric,
  points,
  chosen,
}: {
  device: Device;
  metric: Metric;
  points: readonly (readonly [number, number])[];
  chosen: boolean;
}) {
  const value = device.values.get(metric.key);
  const kind = drawnAs(metric);
  const going = trend(points.map(([, one]) => one));
  return (
    <a
      class="tile metric"
      href={withQuery({ metric: metric.key })}
      aria-current={chosen ? 'true' : undefined}
    >
      <span class="tile-label muted">{say(metric.name)}</span>
      {value === undefined ? (
        <span class="figure muted">–</span>
      ) : (
        <Figure metric={metric} value={value} profile={profiles.value.get(device.profile)} />
      )}
      <span class="tile-foot small muted">
        {value !== undefined && <Age at={value.at} />}
        {kind === 'value' && points.length >= 6 && (
          <span class="trend">
            <Icon name={going} size={14} />
            {t(trendWords[going])}
          </span>
        )}
      </span>
      {kind !== 'state' && <Spark points={points} />}
    </a>
  );
}

const holdsRegistry = (): boolean =>
  session.value != null && mayUse({ right: 'devices.import' }, session.value);

/** Whether the reader may change its registration. */
const mayRegister = ({ retiredAt }: Device): boolean => retiredAt === null && holdsRegistry();

/** What may be done with its registration, for who may, and the way to its secret and what connects it. */
function Registration({ device, changed }: { device: Device; changed: () => void }) {
  if (!mayRegister(device)) return null;
  return (
    <>
      <Administer device={device} changed={changed} />
      <a class="button" href={`/devices/${encodeURIComponent(device.id)}/connect`}>
        {t('connect')}
      </a>
    </>
  );
}

function Facts({
  device,
  profile,
  replaced,
}: {
  device: Device;
  profile: Profile | undefined;
  replaced: () => void;
}) {
  const facts: [string, string][] = [
    [t('device.id'), device.id],
    [t('device.kind'), word('kind', device.kind)],
    [
      t('device.profile'),
      profile === undefined ? device.profile : `${say(profile.name)} (${device.profile})`,
    ],
    [t('device.gateway'), device.gateway ?? t('device.direct')],
    ...(device.address === '' || device.address === device.id
      ? []
      : ([[t('address'), device.address]] as [string, string][])),
    ...(profile === undefined
      ? []
      : ([
          [t('protocol'), profile.protocolName],
          [t('report-every'), formatSpan(profile.reportEvery * 1000)],
        ] as [string, string][])),
    ...clientIdFacts(device),
    ...clockFacts(device.clock),
    ...(device.longitude === null || device.latitude === null
      ? []
      : ([[t('coordinates'), `${device.longitude.toFixed(5)}, ${device.latitude.toFixed(5)}`]] as [
          string,
          string,
        ][])),
  ];
  return (
    <section class="panel" aria-labelledby="about-heading">
      <div class="facts-head">
        <h2 id="about-heading">{t('about')}</h2>
        <div class="facts-actions">
          <Replace device={device} replaced={replaced} />
          <Registration device={device} changed={replaced} />
        </div>
      </div>
      <dl class="facts">
        {facts.map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
        <div>
          <dt>{word('clock-use', 'label')}</dt>
          <dd>
            <ClockChoice device={device} changed={replaced} />
          </dd>
        </div>
      </dl>
    </section>
  );
}

/** A metric that no profile of the device knows: named by its key. */
const unknownMetric = (key: string): Metric => ({
  key,
  quantity: '',
  name: { zh: key, en: key },
  unit: '',
  range: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  states: null,
  stateNames: null,
  span: null,
  statistic: null,
  total: false,
  state: false,
  channel: null,
});

/** Metrics of the present profile, then what else there are values of. */
function useMetrics(
  device: Device,
  profile: Profile | undefined,
  history: DeviceHistory | undefined,
): Metric[] {
  const known = profile?.metrics ?? [];
  const keys = new Set(known.map((metric) => metric.key));
  const others = [...device.values.keys()].filter((key) => !keys.has(key));
  // They are of the equipment that stood here before: its profile names them.
  const former = (history?.installations ?? [])
    .toReversed()
    .flatMap((one) => profiles.value.get(one.profile)?.metrics ?? []);
  return [
    ...heardChannels(known, device.values),
    ...others.map((key) => former.find((metric) => metric.key === key) ?? unknownMetric(key)),
  ];
}

/** Messages of stations are there for each reading, those of cameras for events: only when one was asked for. */
const showsFrames = (profile: Profile | undefined): boolean =>
  profile?.evidence === 'all' ||
  (profile?.evidence === 'events' && query.value.get('frame') !== null);

function Body({
  device,
  change,
  corrected,
  reload,
}: {
  device: Device;
  change: LatestChange | null;
  /** How often other corrections have come to hold since the page was opened. */
  corrected: number;
  reload: () => void;
}) {
  const profile = profiles.value.get(device.profile);
  const history = useLoad(`history ${device.id}`, (signal) =>
    client.call(calls.deviceHistory, { params: { id: device.id }, signal }),
  );
  const metrics = useMetrics(device, profile, history.data);
  const reportEveryMs = (profile?.reportEvery ?? 300) * 1000;
  const recent = useLoad(
    `recent ${device.id} ${profile?.id} ${corrected}`,
    (signal) => loadRecent(device, reportEveryMs, now.peek(), signal),
    300_000,
  );
  const asked = query.value.get('metric');
  const chosen =
    metrics.find((metric) => metric.key === asked) ??
    metrics.find((metric) => device.values.has(metric.key)) ??
    metrics[0];
  return (
    <>
      <section aria-label={t('values')} class="tiles metrics">
        {metrics.map((metric) => (
          <Tile
            key={metric.key}
            device={device}
            metric={metric}
            points={recent.data?.get(metric.key) ?? []}
            chosen={metric === chosen}
          />
        ))}
      </section>
      {device.lastSeenAt === null && device.values.size === 0 ? (
        <section class="panel">
          <Empty title={t('no-values')} hint={t('no-values-hint')} />
        </section>
      ) : null}
      {chosen !== undefined && device.values.size > 0 && (
        <History
          device={device}
          metric={chosen}
          metrics={metrics}
          reportEveryMs={reportEveryMs}
          change={change}
          corrected={corrected}
        />
      )}
      {chosen !== undefined && showsFrames(profile) && (
        <FramePanel device={device} metrics={metrics} metric={chosen} />
      )}
      <Figures owner={{ device: device.id }} />
      <Facts
        device={device}
        profile={profile}
        replaced={() => {
          reload();
          history.reload();
        }}
      />
      <PropertiesPanel owner={{ device: device.id }} may={mayRegister(device)} />
      <Installations history={history.data} />
    </>
  );
}

/** The page. */
export function Page({ id }: { id: string }) {
  const load = useLoad(
    `device ${id}`,
    (signal) => client.call(calls.device, { params: { id }, signal }),
    60_000,
  );
  const [change, setChange] = useState<LatestChange | null>(null);
  const [corrected, setCorrected] = useState(0);
  // What has left the reader's area is theirs to see no longer: what was shown of it goes too.
  const gone = load.error?.status === 404 || load.error?.status === 403;
  const followed = load.data?.retiredAt === null && !gone;
  const again = (): void => {
    setCorrected((before) => before + 1);
    load.reload();
  };
  useLive(followed ? { device: id } : null, {
    latest: (items) => {
      const own = items.find((item) => item.device === id);
      if (own === undefined) return;
      setChange(own);
      load.patch((device) => mergeLatest([device], [own])[0] ?? device);
    },
    corrected: (devices) => {
      if (devices.has(id)) again();
    },
    recovered: again,
  });
  const device = load.data;
  useTitle(device?.name ?? id);
  const places = useMemo(
    () =>
      device === undefined
        ? []
        : [...device.path.filter((place) => place.code !== device.area.code), device.area],
    [device],
  );
  if (device === undefined || gone || !profilesLoaded.value)
    return load.error === undefined ? (
      <Skeleton lines={10} />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  return (
    <div class="page">
      <Crumbs places={places} last={device.name} />
      <header class="page-head">
        <h1>{device.name}</h1>
        {device.retiredAt === null ? (
          <StateMark state={device.state} />
        ) : (
          <span class="tag">{t('retired')}</span>
        )}
        <span class="muted">
          {word('kind', device.kind)}
          {device.lastSeenAt !== null && (
            <>
              {' · '}
              {t('device.last-seen')} <Age at={device.lastSeenAt} />
              <span class="number"> · {formatTime(device.lastSeenAt)}</span>
            </>
          )}
        </span>
      </header>
      <StaleNote error={load.error} retry={load.reload} />
      {device.retiredAt !== null && (
        <>
          <p class="muted">
            {t('retired-hint', { time: formatTime(device.retiredAt) })} <Reason of={device} />
          </p>
          {holdsRegistry() && (
            <p>
              <Reinstate device={device} changed={load.reload} />
            </p>
          )}
        </>
      )}
      {device.retiredAt === null && <ClockNotice clock={device.clock} />}
      {device.retiredAt === null && <ClientIdNotice of={device} released={load.reload} />}
      <Refusals refusals={device.refusals} />
      <Body device={device} change={change} corrected={corrected} reload={load.reload} />
    </div>
  );
}
