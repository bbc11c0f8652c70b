/** Devices as a dense table on a desktop and as cards on a phone; the list and the overview share it. */
import type { ComponentChildren } from 'preact';
import type { Device } from '../api/answers.ts';
import { metricOf, narrow, profiles } from '../state.ts';
import { say, t, word } from '../text/language.ts';
import { Age } from '../ui/page.tsx';
import { Figure, StateMark } from './marks.tsx';
import './devices.css';

/** Columns that may be hidden; state and name always stay. */
export const COLUMNS = ['kind', 'place', 'profile', 'gateway', 'values', 'last-seen'] as const;
export type Column = (typeof COLUMNS)[number];

/** Where a device stands below an area: township · village, or the village alone on its township's page. */
export function placeOf(device: Device, below: string): string {
  const line = [...device.path.filter((place) => place.code !== device.area.code), device.area];
  const from = line.findIndex((place) => place.code === below);
  return line
    .slice(Math.min(from + 1, line.length - 1))
    .map((place) => say(place.name))
    .join(' · ');
}

const VALUES_SHOWN = 3;

/** Its first values: what people come for. */
export function Values({ device }: { device: Device }) {
  const profile = profiles.value.get(device.profile);
  const order = profile?.metrics ?? [];
  const keys = order.map((metric) => metric.key).filter((key) => device.values.has(key));
  if (keys.length === 0) return <span class="muted">–</span>;
  return (
    <span class="values">
      {keys.slice(0, VALUES_SHOWN).map((key) => {
        const metric = metricOf(device.profile, key);
        const value = device.values.get(key);
        return value === undefined ? null : (
          <span key={key} class="value">
            <span class="value-name" title={metric === undefined ? key : say(metric.name)}>
              {metric === undefined ? key : say(metric.name)}
            </span>
            <Figure metric={metric} value={value} profile={profile} />
          </span>
        );
      })}
    </span>
  );
}

function Name({ device }: { device: Device }) {
  return (
    <a class="row-link device-name" href={`/devices/${encodeURIComponent(device.id)}`}>
      <span>{device.name}</span>
      <small class="muted">{device.id}</small>
    </a>
  );
}

function cell(column: Column, device: Device, below: string): ComponentChildren {
  switch (column) {
    case 'kind':
      return word('kind', device.kind);
    case 'place':
      return placeOf(device, below);
    case 'profile': {
      const profile = profiles.value.get(device.profile);
      return profile === undefined ? device.profile : say(profile.name);
    }
    case 'gateway':
      return device.gateway ?? t('device.direct');
    case 'values':
      return <Values device={device} />;
    case 'last-seen':
      return <Age at={device.lastSeenAt} />;
  }
}

function Card({ device, below }: { device: Device; below: string }) {
  return (
    <li>
      <a class="card" href={`/devices/${encodeURIComponent(device.id)}`}>
        <span class="card-head">
          <b>{device.name}</b>
          <StateMark state={device.state} />
        </span>
        <span class="muted small card-line">
          <span>
            {word('kind', device.kind)} · {placeOf(device, below)}
          </span>
          <Age at={device.lastSeenAt} />
        </span>
        <Values device={device} />
      </a>
    </li>
  );
}

/** A row is drawn again when its own device has changed, or the columns: not because others came or changed. */
function Row({
  device,
  below,
  columns,
}: {
  device: Device;
  below: string;
  columns: readonly Column[];
}) {
  return (
    <tr>
      <td>
        <StateMark state={device.state} />
      </td>
      <th scope="row">
        <Name device={device} />
      </th>
      {columns.map((column) => (
        <td key={column} class={`col-${column}`}>
          {cell(column, device, below)}
        </td>
      ))}
    </tr>
  );
}

export interface Sorting {
  /** The list's `sort` parameter. */
  readonly by: string;
  readonly href: (by: string) => string;
}

const sortable: Partial<Record<Column | 'state' | 'name', string>> = {
  state: 'state',
  name: 'name',
  'last-seen': 'lastSeenAt',
};

function Head({
  column,
  sorting,
}: {
  column: Column | 'state' | 'name';
  sorting: Sorting | undefined;
}) {
  const key = sortable[column];
  if (sorting === undefined || key === undefined)
    return <th scope="col">{t(`device.${column}`)}</th>;
  const up = sorting.by === key;
  const down = sorting.by === `-${key}`;
  return (
    <th scope="col" aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <a class="sort" href={sorting.href(up ? `-${key}` : key)}>
        {t(`device.${column}`)}
        <span aria-hidden="true">{up ? '↑' : down ? '↓' : '↕'}</span>
      </a>
    </th>
  );
}

/** How wide the columns are beside each other: by their kind and not by what arrives, so that nothing moves when it does. */
const WIDTHS: Record<Column | 'state' | 'name', number> = {
  state: 14,
  name: 22,
  kind: 12,
  place: 16,
  profile: 17,
  gateway: 9,
  values: 34,
  'last-seen': 10,
};

/** The rows. With `sorting` the heads of some columns are links that sort; places are told from `below` on. */
export function DeviceRows({
  devices,
  label,
  below,
  columns,
  sorting,
}: {
  devices: readonly Device[];
  label: string;
  below: string;
  columns: readonly Column[];
  sorting?: Sorting;
}) {
  if (narrow.value)
    return (
      <ul class="cards" aria-label={label}>
        {devices.map((device) => (
          <Card key={device.id} device={device} below={below} />
        ))}
      </ul>
    );
  const shown = ['state', 'name', ...columns] as const;
  const sum = shown.reduce((all, column) => all + WIDTHS[column], 0);
  return (
    <div class="table-wrap">
      <table class="dense even" aria-label={label}>
        <colgroup>
          {shown.map((column) => (
            <col key={column} width={`${(100 * WIDTHS[column]) / sum}%`} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {shown.map((column) => (
              <Head key={column} column={column} sorting={sorting} />
            ))}
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => (
            <Row key={device.id} device={device} below={below} columns={columns} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
