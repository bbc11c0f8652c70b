/** An area on a map: tiles or positions, states live, search, and a list beside it. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { totalOf } from '#kit/devices/marks.tsx';
import { NoDevices } from '#kit/devices/none.tsx';
import { formatCount } from '#kit/format.ts';
import { useLive, useLoad } from '#kit/load.ts';
import { MapCanvas, MapNote, summaryOf } from '#kit/map/canvas.tsx';
import type { MapLabel } from '#kit/map/draw.ts';
import {
  stepOf,
  THEMES,
  ThemeSwitch,
  type TileArea,
  TileMap,
  type TileTheme,
} from '#kit/map/tiles.tsx';
import { go, query, withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { client, session, user } from '#kit/state.ts';
import { language, say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Crumbs, useTitle } from '#kit/ui/page.tsx';
import { type LivePoints, type Shapes, useAreaNames, useLivePoints, useShapes } from './data.ts';
import { AreaList, LISTED_MAX, MarkedCard, PointList } from './side.tsx';
import { t } from './texts.ts';
import './map.css';

const REFRESH_MS = 15_000;
/** After a change of the counts the tiles are asked anew, this often at most. */
const COUNTS_MS = 3_000;
const TYPING_PAUSE_MS = 200;
const AREAS_FOUND = 20;
const FILLS = ['--map-none', '--map-few', '--map-some', '--map-many'] as const;

type ViewName = 'tiles' | 'points';

const themeNow = (): TileTheme =>
  THEMES.find((one) => one === query.value.get('colour')) ?? 'offline';

function ViewSwitch({ view }: { view: ViewName }) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('views')}</legend>
      {(['tiles', 'points'] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === view}
          onClick={() => go(withQuery({ view: one }), true)}
        >
          {t(`view.${one}`)}
        </button>
      ))}
    </fieldset>
  );
}

function Search() {
  const [typed, setTyped] = useState(query.value.get('q') ?? '');
  useEffect(() => {
    if (typed.trim() === (query.value.get('q') ?? '')) return;
    const timer = setTimeout(
      () => go(withQuery({ q: typed.trim(), device: null }), true),
      TYPING_PAUSE_MS,
    );
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class="map-search">
      <span class="hidden">{t('find')}</span>
      <Icon name="search" />
      <input
        id="map-search"
        type="search"
        placeholder={t('find')}
        value={typed}
        maxLength={100}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setTyped('');
        }}
      />
    </label>
  );
}

/** Names of villages stand where their devices are, those of many devices first. */
function useLabels(
  { points, loading }: LivePoints,
  names: ReturnType<typeof useAreaNames>,
): MapLabel[] {
  const spoken = language.value;
  return useMemo(() => {
    return points.middles().flatMap(({ area: code, longitude, latitude }) => {
      const area = names.get(code);
      return area?.level === 'village' ? [{ text: say(area.name), longitude, latitude }] : [];
    });
  }, [points, loading, names, spoken]);
}

interface SideProps {
  readonly live: LivePoints;
  readonly names: ReturnType<typeof useAreaNames>;
  readonly areas: readonly TileArea[];
  readonly several: readonly string[];
}

/** What the address asks for: a device, what was found, several in one place, or what lies below. */
function Side({ live, names, areas, several }: SideProps) {
  const { points, revision } = live;
  const asked = query.value.get('q') ?? '';
  const device = query.value.get('device');
  const found = useMemo(
    () => (asked === '' ? [] : points.find(asked, LISTED_MAX)),
    [asked, points, live.loading],
  );
  const places = useMemo(() => {
    const wanted = asked.toLowerCase();
    if (wanted === '') return [];
    return [...names.values()]
      .filter(({ name }) => [name.zh, name.en].some((text) => text.toLowerCase().includes(wanted)))
      .slice(0, AREAS_FOUND);
  }, [asked, names]);
  const marked = points.indexOf(device);
  const point = points.items[marked];
  const own = areas.length > 0 ? null : (query.value.get('area') ?? '');
  const inVillage = useMemo(
    () => (own === null ? [] : [...points.items.slice(0, LISTED_MAX).keys()]),
    [own, points, live.loading],
  );
  const here = several.flatMap((id) => {
    const at = points.indexOf(id);
    return at < 0 ? [] : [at];
  });
  const listed = { points, names, revision };
  return (
    <aside class="map-side panel" aria-label={t('areas')}>
      <Search />
      {point !== undefined && (
        <MarkedCard
          key={point.id}
          point={point}
          state={points.state(marked)}
          area={names.get(point.area)}
        />
      )}
      {asked !== '' ? (
        <>
          <h2>{t('found')}</h2>
          {places.length > 0 && <AreaList areas={places} heading={t('areas')} />}
          {found.length > 0 && <PointList {...listed} indices={found} heading={t('found')} />}
          {places.length + found.length === 0 && <p class="muted pad">{t('found-none')}</p>}
        </>
      ) : here.length > 0 ? (
        <>
          <h2>{t('here')}</h2>
          <PointList {...listed} indices={here.slice(0, LISTED_MAX)} heading={t('here')} />
        </>
      ) : areas.length > 0 ? (
        <AreaList areas={areas} heading={t('areas')} />
      ) : (
        <PointList {...listed} indices={inVillage} heading={t('found')} />
      )}
    </aside>
  );
}

/** What is shown of an area, asked for and kept up to date. */
function usePlace(code: string) {
  const asked = useRef(0);
  const area = useLoad(`area ${code}`, (signal) =>
    client.call(calls.area, { params: { code }, signal }),
  );
  const overview = useLoad(
    `map overview ${code}`,
    (signal) => client.call(calls.overview, { query: { area: code }, signal }),
    REFRESH_MS,
  );
  const live = useLivePoints(code);
  useLive(area.data === undefined ? null : { area: code }, {
    latest: live.apply,
    counts: () => {
      const at = performance.now();
      if (at - asked.current < COUNTS_MS) return;
      asked.current = at;
      overview.reload();
    },
    recovered: () => {
      overview.reload();
      live.reload();
    },
  });
  return { area, overview, live, ground: useShapes(code) };
}

const mayRegister = (): boolean =>
  session.value != null && mayUse({ right: 'devices.import' }, session.value);

/** That no device has a position, and what gives it one. */
function NoPositions({ code }: { code: string }) {
  return (
    <Empty title={t('no-positions')} hint={t('no-positions-hint')}>
      <a class="button" href={`/devices?area=${code}`}>
        {t('to-devices')}
      </a>
      {mayRegister() && (
        <a class="button" href="/import">
          {t('to-import')}
        </a>
      )}
    </Empty>
  );
}

interface PictureProps {
  readonly title: string;
  readonly name: string;
  readonly code: string;
  readonly areas: readonly TileArea[];
  /** Devices, with a position or without. */
  readonly total: number;
  readonly live: LivePoints;
  readonly names: ReturnType<typeof useAreaNames>;
  readonly ground: Shapes;
  readonly onSeveral: (ids: readonly string[]) => void;
}

/** Positions, on the ground where it is known. */
function Positions({ name, code, areas, live, names, ground, onSeveral }: PictureProps) {
  const labels = useLabels(live, names);
  const theme = themeNow();
  const fill = useMemo(() => {
    const counts = new Map(areas.map((one) => [one.code, one.counts]));
    return (shape: string): string => {
      const known = counts.get(shape);
      return known === undefined ? '' : (FILLS[stepOf(known, theme)] ?? '');
    };
  }, [areas, theme]);
  const count = live.points.items.length;
  // What to do about it stands below.
  if (count === 0 && ground.shapes.length === 0 && !live.loading) return null;
  return (
    <>
      <MapCanvas
        key={code}
        summary={summaryOf(name, count)}
        points={live.points}
        revision={live.revision}
        shapes={ground.shapes}
        labels={labels}
        fill={fill}
        marked={query.value.get('device')}
        onDevice={(device) => go(withQuery({ device, view: 'points' }), true)}
        onArea={(one) => {
          if (one !== code) go(`/map?area=${one}&view=points`);
        }}
        onSeveral={onSeveral}
      />
      <MapNote shapes={ground.shapes.length} reviews={ground.reviews} />
    </>
  );
}

/** The view that the address asks for; tiles where there are no borders, positions where nothing lies below. */
function viewOf(areas: readonly TileArea[], ground: Shapes): ViewName {
  if (areas.length === 0 || query.value.get('device') !== null) return 'points';
  const chosen = query.value.get('view');
  if (chosen === 'tiles' || chosen === 'points') return chosen;
  return ground.shapes.length > 0 ? 'points' : 'tiles';
}

function Picture(props: PictureProps) {
  const { title, code, areas, total, live, ground } = props;
  const located = live.loading || live.points.items.length > 0;
  const theme = themeNow();
  const view = viewOf(areas, ground);
  return (
    <section class="panel map-panel" aria-label={title}>
      {areas.length > 0 && (
        <div class="panel-head">
          <ViewSwitch view={view} />
          {(view === 'tiles' || ground.shapes.length > 0) && (
            <ThemeSwitch theme={theme} choose={(colour) => go(withQuery({ colour }), true)} />
          )}
        </div>
      )}
      {view === 'tiles' ? (
        <TileMap areas={areas} theme={theme} href={(one) => `/map?area=${one}`} />
      ) : (
        <Positions {...props} />
      )}
      {total === 0 ? (
        <NoDevices area={code} />
      ) : (
        !located && live.error === undefined && <NoPositions code={code} />
      )}
    </section>
  );
}

/** The map of the reader's own area, or of the one that the address names. */
export function Page({ title }: PageProps) {
  const own = user.value?.area.code ?? '';
  const code = query.value.get('area') ?? own;
  const [several, setSeveral] = useState<readonly string[]>([]);
  const { area, overview, live, ground } = usePlace(code);
  const names = useAreaNames(own);
  useEffect(() => setSeveral([]), [code]);
  const name = area.data === undefined ? title : say(area.data.name);
  useTitle(`${title} · ${name}`);
  const failed = area.data === undefined ? area : overview.data === undefined ? overview : null;
  if (failed?.error !== undefined)
    return <Failure whole error={failed.error} retry={failed.reload} />;
  if (area.data === undefined || overview.data === undefined || !ground.here)
    return <Skeleton lines={10} />;
  const { areas, counts } = overview.data;
  const total = totalOf(counts);
  const count = live.points.items.length;
  const stale = live.error === undefined ? overview : live;
  return (
    <div class="page">
      <Crumbs
        places={area.data.path.filter((place) => place.code !== code)}
        last={area.data.name}
      />
      <header class="page-head">
        <h1>{name}</h1>
        <span class="muted number">
          {live.loading
            ? t('loading', { n: formatCount(count) })
            : t('located', { n: formatCount(total), m: formatCount(count) })}
        </span>
        <div class="actions">
          {code !== own && (
            <a class="button" href={withQuery({ area: null, device: null })}>
              {t('all')}
            </a>
          )}
          {session.value != null && mayUse({ right: 'areas.import' }, session.value) && (
            <a class="button" href="/map/borders">
              {t('to-borders')}
            </a>
          )}
          <a class="button" href={`/areas/${code}`}>
            {t('to-area')}
          </a>
        </div>
      </header>
      <StaleNote error={stale.error} retry={stale.reload} />
      <div class="map-columns">
        <Picture
          {...{ title, name, code, areas, total, live, names }}
          ground={ground.data}
          onSeveral={setSeveral}
        />
        <Side live={live} names={names} areas={areas} several={several} />
      </div>
    </div>
  );
}
