/** One area at a glance: how its devices are, how the areas below are, what was measured last. */
import { useRef, useState } from 'preact/hooks';
import {
  type Area,
  type Counts,
  type Device,
  type Overview as OverviewAnswer,
  STATES,
} from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { CountsBar, CountTiles, totalOf } from '#kit/devices/marks.tsx';
import { mergeLatest } from '#kit/devices/merge.ts';
import { NoDevices } from '#kit/devices/none.tsx';
import { DeviceRows } from '#kit/devices/rows.tsx';
import { Figures } from '#kit/figures/panel.tsx';
import { formatCount, formatPercent, formatTime, formatValue } from '#kit/format.ts';
import { Reason } from '#kit/forms/reason.tsx';
import { type Load, useLive, useLoad } from '#kit/load.ts';
import { ThemeSwitch, TileMap, type TileTheme } from '#kit/map/tiles.tsx';
import { PropertiesPanel } from '#kit/properties/panel.tsx';
import { mayUse } from '#kit/session.ts';
import { client, narrow, now, session, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, Crumbs, useTitle } from '#kit/ui/page.tsx';
import { FirstSteps, isNew } from './first-steps.tsx';
import { t, word } from './texts.ts';
import './overview.css';

/** Asked anew this often; states and values of the devices shown come live besides. */
const REFRESH_MS = 15_000;
/** And after a change of the counts at most this often. */
const COUNTS_MS = 5_000;
const RECENT = 12;
const VILLAGE = 100;
/** Of each kind of device, before the reader asks for all. */
const QUANTITIES_SHOWN = 4;

type AreaRow = OverviewAnswer['areas'][number];

function AreaTable({ areas, heading }: { areas: readonly AreaRow[]; heading: string }) {
  return (
    <div class="table-wrap">
      <table class="dense areas">
        <thead>
          <tr>
            <th scope="col">{t('area')}</th>
            <th scope="col" class="wide-bar">
              {t('share')}
            </th>
            <th scope="col" class="right">
              {t('total')}
            </th>
            {STATES.map((state) => (
              <th scope="col" key={state} class="right">
                {t(`state.${state}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody aria-label={heading}>
          {areas.map((area) => (
            <tr key={area.code}>
              <th scope="row">
                <a class="row-link" href={`/areas/${area.code}`}>
                  {say(area.name)}
                </a>
              </th>
              <td class="wide-bar">
                <CountsBar counts={area.counts} />
              </td>
              <td class="right number">{formatCount(totalOf(area.counts))}</td>
              {STATES.map((state) => (
                <td
                  key={state}
                  class={`right number ${area.counts[state] === 0 ? 'zero' : `text-${state}`}`}
                >
                  {formatCount(area.counts[state])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AreaCards({ areas }: { areas: readonly AreaRow[] }) {
  return (
    <ul class="cards">
      {areas.map((area) => (
        <li key={area.code}>
          <a class="card" href={`/areas/${area.code}`}>
            <span class="card-head">
              <b>{say(area.name)}</b>
              <span class="muted small">
                {t('devices-n', { n: formatCount(totalOf(area.counts)) })}
              </span>
            </span>
            <CountsBar counts={area.counts} />
            <span class="card-states">
              {STATES.filter((state) => area.counts[state] > 0).map((state) => (
                <span key={state} class={`state state-${state}`}>
                  <Icon name={state} size={14} />
                  {t(`state.${state}`)} <span class="number">{area.counts[state]}</span>
                </span>
              ))}
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

type QuantityRow = OverviewAnswer['quantities'][number];

function QuantityLine({ quantity, most }: { quantity: QuantityRow; most: number }) {
  return (
    <li>
      <span class="quantity-name">
        {say(quantity.name)}
        {quantity.devices < most && (
          <small class="muted">{t('devices-n', { n: formatCount(quantity.devices) })}</small>
        )}
      </span>
      <span class="quantity-value">
        <b class="number">{formatValue(quantity.avg)}</b>
        {quantity.unit !== '' && <span class="unit">{word('unit', quantity.unit)}</span>}
        {quantity.min < quantity.max && (
          <small class="muted number">
            {formatValue(quantity.min)} – {formatValue(quantity.max)}
          </small>
        )}
      </span>
    </li>
  );
}

/** One kind of device: what its devices online measure now. */
function KindQuantities({
  kind,
  area,
  quantities,
}: {
  kind: string;
  area: string;
  quantities: readonly QuantityRow[];
}) {
  const [all, setAll] = useState(false);
  // A button in the place of a single line would save none.
  const whole = all || quantities.length <= QUANTITIES_SHOWN + 1;
  const shown = whole ? quantities : quantities.slice(0, QUANTITIES_SHOWN);
  const most = Math.max(...quantities.map(({ devices }) => devices));
  const id = `kind-${kind}`;
  return (
    <section class="kind" aria-labelledby={id}>
      <h3 id={id}>
        <a class="kind-link" href={`/devices?area=${area}&kind=${kind}`}>
          {word('kind', kind)}
        </a>
        <small class="kind-count muted number">
          {t('devices-online', { n: formatCount(most) })}
        </small>
      </h3>
      <ul class="quantities">
        {shown.map((quantity) => (
          <QuantityLine key={quantity.quantity} quantity={quantity} most={most} />
        ))}
      </ul>
      {shown.length < quantities.length && (
        <button type="button" class="link more-lines" onClick={() => setAll(true)}>
          {t('more-quantities', { n: quantities.length - shown.length })}
        </button>
      )}
    </section>
  );
}

function Tiles({ counts, rate, area }: { counts: Counts; rate: number; area: string }) {
  return (
    <section class="tiles" aria-label={t('share')}>
      <CountTiles counts={counts} area={area} />
      <div class="tile tile-rate">
        <span class="muted tile-label">
          <Icon name="pulse" />
          {t('rate')}
        </span>
        <b class="big number">{formatCount(rate)}</b>
      </div>
    </section>
  );
}

function AreaPanel({ areas, level }: { areas: readonly AreaRow[]; level: string }) {
  const heading = level === 'county' ? t('townships') : t('villages');
  return (
    <section class="panel" aria-labelledby="areas-heading">
      <h2 id="areas-heading">
        {heading}
        <span class="muted number">{areas.length}</span>
      </h2>
      {areas.length === 0 ? (
        <p class="muted pad">{t('no-areas')}</p>
      ) : narrow.value ? (
        <AreaCards areas={areas} />
      ) : (
        <AreaTable areas={areas} heading={heading} />
      )}
    </section>
  );
}

/** The county as tiles; each leads to its township. */
function MapPanel({ areas }: { areas: readonly AreaRow[] }) {
  const [theme, setTheme] = useState<TileTheme>('offline');
  return (
    <section class="panel map-panel" aria-labelledby="map-heading">
      <div class="panel-head">
        <h2 id="map-heading">{t('map')}</h2>
        <ThemeSwitch theme={theme} choose={setTheme} />
      </div>
      <TileMap areas={areas} theme={theme} href={(code) => `/areas/${code}`} />
      <a class="map-more" href="/map">
        {t('to-map')}
        <Icon name="right" size={12} />
      </a>
    </section>
  );
}

function QuantityPanel({ quantities, area }: { quantities: readonly QuantityRow[]; area: string }) {
  const kinds = [...Map.groupBy(quantities, ({ kind }) => kind)];
  return (
    <section class="panel" aria-labelledby="quantities-heading">
      <h2 id="quantities-heading">{t('quantities')}</h2>
      <p class="muted small under-heading">
        {quantities.length === 0 ? t('no-quantities') : t('quantities-note')}
      </p>
      {kinds.map(([kind, rows]) => (
        <KindQuantities key={kind} kind={kind} area={area} quantities={rows} />
      ))}
    </section>
  );
}

function DevicePanel({
  load,
  village,
  total,
  code,
}: {
  load: Load<readonly Device[]>;
  village: boolean;
  total: number;
  code: string;
}) {
  return (
    <section class="panel" aria-labelledby="recent-heading">
      <h2 id="recent-heading">
        {village ? t('devices') : t('recent')}
        <a class="more" href={`/devices?area=${code}`}>
          {t('all-devices', { n: formatCount(total) })}
          <Icon name="right" size={12} />
        </a>
      </h2>
      {load.data !== undefined ? (
        <DeviceRows
          devices={load.data}
          label={village ? t('devices') : t('recent')}
          below={code}
          columns={village ? ['kind', 'values', 'last-seen'] : ['place', 'values', 'last-seen']}
        />
      ) : load.error !== undefined ? (
        <Failure error={load.error} retry={load.reload} />
      ) : (
        <Skeleton lines={4} />
      )}
    </section>
  );
}

/** Whether the reader may bring the first device of their own area. */
const mayLead = ({ code, level }: Pick<Area, 'code' | 'level'>): boolean =>
  code === user.value?.area.code &&
  level !== 'village' &&
  session.value != null &&
  mayUse({ right: 'devices.import' }, session.value);

function RetiredNote({ area }: { area: Area }) {
  const { retiredAt } = area;
  if (retiredAt === null) return null;
  return (
    <p class="muted">
      <span class="tag">{t('retired')}</span> {t('retired-hint', { time: formatTime(retiredAt) })}{' '}
      <Reason of={area} />
    </p>
  );
}

/** An area without devices: the way to the first one; of a retired area what was computed of it. */
const NothingHere = ({ area: { code, retiredAt } }: { area: Area }) =>
  retiredAt === null ? <NoDevices area={code} /> : <Figures key={code} owner={{ area: code }} />;

const mayDescribe = (): boolean =>
  session.value != null && mayUse({ right: 'areas.import' }, session.value);

/** The page of a county, township or village; the reader's own area when the address names none. */
export function Page({ code: asked, title }: PageProps & { code?: string }) {
  const code = asked ?? user.value?.area.code ?? '';
  const loadedAt = useRef(0);
  const [liveTally, setLiveTally] = useState<Counts | null>(null);
  const area = useLoad(`area ${code}`, (signal) =>
    client.call(calls.area, { params: { code }, signal }),
  );
  const overview = useLoad(
    `overview ${code}`,
    async (signal) => {
      const answer = await client.call(calls.overview, { query: { area: code }, signal });
      loadedAt.current = now.peek();
      setLiveTally(null);
      return answer;
    },
    REFRESH_MS,
  );
  const village = area.data?.level === 'village';
  const county = area.data?.level === 'county';
  const devices = useLoad<readonly Device[]>(
    area.data === undefined ? null : `devices ${code}`,
    async (signal) => {
      const query = village
        ? { sort: 'name', limit: VILLAGE }
        : { sort: '-lastSeenAt', limit: RECENT };
      return (await client.call(calls.devices, { query: { area: code, ...query }, signal })).items;
    },
  );
  useLive(area.data === undefined ? null : { area: code }, {
    latest: (items) => devices.patch((shown) => mergeLatest(shown, items)),
    counts: (counts) => {
      setLiveTally(counts);
      // The tiles follow what the line tells of, not each second of it.
      if (now.peek() - loadedAt.current > COUNTS_MS) overview.reload();
    },
    corrected: (ids) => {
      overview.reload();
      if (devices.data?.some(({ id }) => ids.has(id))) devices.reload();
    },
    recovered: () => {
      overview.reload();
      devices.reload();
    },
  });
  useTitle(area.data === undefined ? title : say(area.data.name));

  const error =
    area.data === undefined ? area.error : overview.data === undefined ? overview.error : undefined;
  if (error !== undefined)
    return (
      <Failure
        whole
        error={error}
        retry={area.data === undefined ? area.reload : overview.reload}
      />
    );
  if (area.data === undefined || overview.data === undefined) return <Skeleton lines={10} />;
  const counts = liveTally ?? overview.data.counts;
  const total = totalOf(counts);
  const leads = isNew(counts) && mayLead(area.data);
  return (
    <div class="page">
      <Crumbs
        places={area.data.path.filter((place) => place.code !== code)}
        last={area.data.name}
      />
      <header class="page-head">
        <h1>{say(area.data.name)}</h1>
        <span class="muted">
          {total > 0 && <>{t('online-share', { n: formatPercent(counts.online, total) })} · </>}
          {t('updated')} <Age at={loadedAt.current} />
        </span>
      </header>
      <RetiredNote area={area.data} />
      <StaleNote error={overview.error} retry={overview.reload} />
      {!(leads && total === 0) && (
        <Tiles counts={counts} rate={overview.data.readingsPerMinute} area={code} />
      )}
      {leads && (
        <FirstSteps
          areas={overview.data.areas.length}
          counts={counts}
          device={devices.data?.[0]?.id}
        />
      )}
      {total === 0 ? (
        !leads && <NothingHere area={area.data} />
      ) : (
        <div class={village ? 'columns columns-two' : county ? 'columns columns-map' : 'columns'}>
          {!village && <AreaPanel areas={overview.data.areas} level={area.data.level} />}
          <div class="values-panel">
            {county && overview.data.areas.length > 0 && <MapPanel areas={overview.data.areas} />}
            <QuantityPanel quantities={overview.data.quantities} area={code} />
          </div>
          <DevicePanel load={devices} village={village} total={total} code={code} />
          <Figures key={code} owner={{ area: code }} />
        </div>
      )}
      {asked !== undefined && <PropertiesPanel owner={{ area: code }} may={mayDescribe()} />}
    </div>
  );
}
