/** How areas, devices and values are told over HTTP. */
import type * as api from '@village/api';
import { type ClockOffset, formatTime, parseTime } from '@village/core';
import type { GatewayState, NotTakenPart, NotTakenTopic } from '@village/ingest';
import type { AsReceived, CorrectedLatest } from '@village/platform';
import {
  type AreaNode,
  areaRefOf,
  type DeviceEntry,
  type Directory,
  type Ended,
} from '@village/registry';
import type { Account, AccountState } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import type { Static } from 'typebox';
import type { NewestValues } from '../modules/needs.ts';

const timeOrNull = (at: number | null): string | null => (at === null ? null : formatTime(at));

/** When and why the service of something ended; nothing while it is in service. */
export const viewEnd = ({ retiredAt, retiredReason }: Ended): Static<typeof api.shapes.End> =>
  retiredAt === null
    ? {}
    : {
        retiredAt: formatTime(retiredAt),
        ...(retiredReason === null ? {} : { retiredReason }),
      };

/** An area with its line of parents and the counts of its devices. */
export function viewArea(node: AreaNode): api.areas.Area {
  const { code, level, name, parent } = node.area;
  return {
    ...{ code, level, name, parent, path: node.line.map(areaRefOf), counts: { ...node.counts } },
    ...viewEnd(node.area),
  };
}

/** What was received of a reading that corrections speak of. */
export const viewReceived = ({
  device,
  at,
  value,
  quality,
  statements,
}: AsReceived): Static<typeof api.shapes.AsReceived> => ({
  ...{ device, at: formatTime(at), value, quality },
  corrections: [...statements],
});

function viewValues(latest: readonly CorrectedLatest[]): Record<string, api.devices.Value> {
  return Object.fromEntries(
    latest.map(({ metric, value, at, receivedAt, quality, received }) => [
      metric,
      {
        ...{ value, at: formatTime(at), receivedAt: formatTime(receivedAt), quality },
        ...(received === undefined ? {} : { received: viewReceived(received) }),
      },
    ]),
  );
}

/** The client id that a credential is bound to; nothing where it is bound to none. */
export const viewBound = (
  bound: { readonly clientId: string; readonly boundAt: number } | null,
): Pick<api.devices.Device, 'clientId'> =>
  bound === null
    ? {}
    : { clientId: { clientId: bound.clientId, boundAt: formatTime(bound.boundAt) } };

/** A device's state and newest values; the state is that of the moment at which the values are. */
export function viewLatest(entry: DeviceEntry, newest: NewestValues): api.devices.Latest {
  const values = viewValues(newest.latest(entry));
  return {
    device: entry.device.id,
    state: entry.state,
    lastSeenAt: timeOrNull(entry.lastSeenAt),
    values,
  };
}

/** A device with everything that lists and its own page show. */
export function viewDevice(entry: DeviceEntry, newest: NewestValues): api.devices.Device {
  const { id, name, profile, gateway, address, longitude, latitude, clock } = entry.device;
  const { state, lastSeenAt, values } = viewLatest(entry, newest);
  return {
    id,
    name,
    profile,
    kind: entry.profile.kind,
    area: areaRefOf(entry.node),
    path: entry.node.line.map(areaRefOf),
    gateway,
    address,
    longitude,
    latitude,
    ...(clock === 'keep' ? {} : { clockUse: clock }),
    ...viewEnd(entry),
    state,
    lastSeenAt,
    values,
  };
}

const tenths = (ms: number): number => Math.round(ms / 100) / 10;

/** How far a device's clock is off. */
export const viewClock = ({ offset, drift, since }: ClockOffset): api.devices.DeviceClock => ({
  offset: tenths(offset),
  drift: drift === null ? null : tenths(drift),
  since: formatTime(since),
});

/** Parts of frames that were not taken. */
export function viewRefusedPart({
  cause,
  metric,
  place,
  count,
  firstAt,
  lastAt,
}: NotTakenPart): api.devices.Refusal {
  return {
    topic: null,
    cause: cause ?? 'further',
    ...(metric === null ? {} : { metric }),
    ...(place === '' ? {} : { place }),
    count,
    firstAt: formatTime(firstAt),
    lastAt: formatTime(lastAt),
  };
}

/** Parts of frames that a gateway refused, of one device where one is asked for. */
export function viewRefusedByGateway(
  refused: GatewayState['refused'] | undefined,
  device?: string,
): (api.devices.Refusal & { device: string })[] {
  return (refused ?? [])
    .filter((one) => device === undefined || one.device === device)
    .map(({ device: of, reason, metric, place, count, firstAt, lastAt }) => ({
      device: of,
      topic: null,
      cause: reason,
      ...(metric === null ? {} : { metric }),
      ...(place === '' ? {} : { place }),
      count,
      firstAt: formatTime(parseTime(firstAt)),
      lastAt: formatTime(parseTime(lastAt)),
    }));
}

/** Messages of one topic that were not taken. */
export function viewRefusal({
  topic,
  cause,
  count,
  firstAt,
  lastAt,
}: NotTakenTopic): api.devices.Refusal {
  return { topic, cause, count, firstAt: formatTime(firstAt), lastAt: formatTime(lastAt) };
}

/** A person; an area that is gone from the directory keeps its code as name. */
export function viewUser(directory: Directory, account: Account): api.users.User {
  const { name, displayName, role, area } = account;
  const node = directory.area(area, area);
  const place = node === undefined ? { code: area, name: { zh: area, en: area } } : areaRefOf(node);
  return { name, displayName, role, area: place };
}

/** An account for those who manage accounts; `lockedOutMs` is how long it is locked for wrong passwords. */
export const viewPerson = (
  directory: Directory,
  account: AccountState,
  { now, lockedOutMs }: { readonly now: number; readonly lockedOutMs: number },
): api.users.Person => ({
  ...viewUser(directory, account),
  revision: account.revision,
  lastSignInAt: timeOrNull(account.lastSignInAt),
  lockedAt: timeOrNull(account.lockedAt),
  lockedOutUntil: lockedOutMs > 0 ? formatTime(now + lockedOutMs) : null,
  passwordToChange: account.passwordToChange,
});

/** A gateway's sequence numbers as JSON tells them. */
export function sequencesOf(
  store: Pick<TimeSeriesStore, 'sequences'>,
  gateway: string,
): api.shapes.SequenceStates {
  return store.sequences(gateway).map(({ epoch, highest, gaps }) => ({
    epoch,
    highest,
    gaps: gaps.map(([from, to]) => [from, to]),
  }));
}
