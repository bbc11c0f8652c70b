/** The list beside the map: everything that the picture shows can be reached here, too. */
import type { Area } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { CountsBar, StateMark, totalOf } from '#kit/devices/marks.tsx';
import { Values } from '#kit/devices/rows.tsx';
import { formatCount } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import type { MapPoint, MapPoints } from '#kit/map/points.ts';
import type { TileArea } from '#kit/map/tiles.tsx';
import { withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Skeleton } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';

/** Rows of a list. */
export const LISTED_MAX = 100;

/** Several devices, each as a link that marks it on the map. */
export function PointList({
  points,
  indices,
  names,
  heading,
}: {
  points: MapPoints;
  indices: readonly number[];
  names: ReadonlyMap<string, Area>;
  heading: string;
}) {
  return (
    <ul class="map-list" aria-label={heading}>
      {indices.map((at) => {
        const point = points.items[at] as MapPoint;
        const area = names.get(point.area);
        return (
          <li key={point.id}>
            <a class="map-row" href={withQuery({ device: point.id })}>
              <span class="map-row-name">
                {point.name}
                {area !== undefined && <small class="muted">{say(area.name)}</small>}
              </span>
              <StateMark state={points.state(at)} />
            </a>
          </li>
        );
      })}
      {indices.length === LISTED_MAX && (
        <li class="muted small map-row">{t('found-more', { n: LISTED_MAX })}</li>
      )}
    </ul>
  );
}

/** The areas below, with their devices by state. */
export function AreaList({ areas, heading }: { areas: readonly TileArea[]; heading: string }) {
  // As wide as the longest that can come, so that no bar moves when counts change.
  const most = Math.max(0, ...areas.map(({ counts }) => totalOf(counts)));
  const figures = `${2 * formatCount(most).length + 1}ch`;
  return (
    <ul class="map-list" aria-label={heading}>
      {areas.map((area) => (
        <li key={area.code}>
          <a class="map-row" href={`/map?area=${area.code}`}>
            <span class="map-row-name">{say(area.name)}</span>
            <span class="map-row-bar">
              <CountsBar counts={area.counts} />
            </span>
            <span class="number" style={{ flexBasis: figures }}>
              {formatCount(area.counts.online)}/{formatCount(totalOf(area.counts))}
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

const REFRESH_MS = 15_000;

/** What it says now: first what people come for. */
function Latest({ id }: { id: string }) {
  const load = useLoad(
    `marked ${id}`,
    (signal) => client.call(calls.device, { params: { id }, signal }),
    REFRESH_MS,
  );
  if (load.data === undefined) return load.error === undefined ? <Skeleton lines={1} /> : null;
  return <Values device={load.data} />;
}

/** The device that is marked. */
export function MarkedCard({
  point,
  state,
  area,
}: {
  point: MapPoint;
  state: Parameters<typeof StateMark>[0]['state'];
  area: Area | undefined;
}) {
  return (
    <div class="map-marked">
      <b>{point.name}</b>
      <span class="muted small">
        {word('kind', point.kind)}
        {area !== undefined &&
          ` · ${area.path
            .slice(1)
            .map(({ name }) => say(name))
            .join(' › ')}`}
      </span>
      <StateMark state={state} />
      <Latest id={point.id} />
      <a class="button" href={`/devices/${encodeURIComponent(point.id)}`}>
        {t('to-device')}
        <Icon name="right" size={12} />
      </a>
    </div>
  );
}
