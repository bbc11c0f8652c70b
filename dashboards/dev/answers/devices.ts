/** Devices as the fixture tells them. */
import type * as api from '@village/api';
import type { FixtureDevice } from '../county.ts';
import { iso, pathOf } from './places.ts';

const values = (device: FixtureDevice): api.devices.Device['values'] =>
  Object.fromEntries(
    Object.entries(device.values).map(([key, value]) => [
      key,
      { ...value, at: iso(value.at), receivedAt: iso(value.receivedAt) },
    ]),
  );

export const shown = (device: FixtureDevice): api.devices.Device => ({
  id: device.id,
  name: device.name,
  profile: device.profile.id,
  kind: device.profile.kind,
  area: { code: device.area.code, name: device.area.name },
  path: pathOf(device.area),
  gateway: device.profile.protocol === 'modbus' ? 'gateway-01' : null,
  address: device.id,
  longitude: device.longitude,
  latitude: device.latitude,
  ...(device.retiredAt === undefined ? {} : { retiredAt: iso(device.retiredAt) }),
  ...(device.retiredReason === undefined ? {} : { retiredReason: device.retiredReason }),
  state: device.state,
  lastSeenAt: device.lastSeenAt === null ? null : iso(device.lastSeenAt),
  values: values(device),
});

/** Every tenth device is set to publish where it may not. */
export const refusals = (device: FixtureDevice): Pick<api.devices.Device, 'refusals'> =>
  !device.id.endsWith('7')
    ? {}
    : {
        refusals: [
          {
            topic: `site/${device.id}/onvif-ej/RuleEngine/LineDetector/Crossed`,
            cause: 'acl-publish',
            count: 1_240,
            firstAt: iso(device.since),
            lastAt: iso(device.lastSeenAt ?? device.since),
          },
        ],
      };

/** Every tenth device is bound to a client id, and another one was tried. */
export const clientIdOf = (
  device: FixtureDevice,
  released: ReadonlySet<string>,
): Pick<api.devices.Device, 'clientId' | 'refusals'> =>
  !device.id.endsWith('8') || released.has(device.id)
    ? {}
    : {
        clientId: { clientId: `dtu-${device.id}`, boundAt: iso(device.since) },
        refusals: [
          {
            topic: 'mqttjs_5f2a91c0',
            cause: 'client-id-bound',
            count: 12,
            firstAt: iso(device.since),
            lastAt: iso(device.lastSeenAt ?? device.since),
          },
        ],
      };

/** Every tenth device has a clock that was set to another zone. */
export const clock = (device: FixtureDevice): Pick<api.devices.Device, 'clock'> =>
  device.lastSeenAt === null
    ? {}
    : {
        clock: {
          offset: device.id.endsWith('7') ? -28_800 : -0.3,
          drift: device.id.endsWith('7') ? -1.5 : null,
          since: iso(device.since),
        },
      };

/** The equipment that stands and stood there: of another type before where it has values of that, and what a page has said. */
export const installations = (
  device: FixtureDevice,
  replaced: readonly api.devices.Installation[],
): api.devices.History => {
  const known = [device.former, device.profile].filter((one) => one !== undefined);
  const all = [
    ...known.map(({ id }) => ({
      serial: null,
      profile: id,
      address: device.id,
      since: iso(device.since),
      by: 'admin',
      reason: null,
    })),
    ...replaced,
  ];
  return {
    installations: all.map((one, n) => ({ ...one, until: all[n + 1]?.since ?? null })),
    areas: [{ area: device.area.code, since: null, by: 'admin' }],
  };
};
