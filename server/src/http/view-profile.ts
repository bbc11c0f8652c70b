/** How device types are told over HTTP; small, since the thread that checks profile files needs it too. */
import type * as api from '@village/api';
import { QUANTITIES, type Quantity } from '@village/core';
import { type DeviceProfile, protocolTitle, shownOrder } from '@village/device-profiles';

/** A device type, with what its metrics mean. */
export function viewProfile(profile: DeviceProfile): api.devices.Profile {
  const { id, revision, name, kind, protocol } = profile;
  return {
    id,
    revision,
    name,
    kind,
    protocol,
    protocolName: protocolTitle(profile),
    ...(profile.evidence === 'none' ? {} : { evidence: profile.evidence }),
    reportEvery: profile.reportEveryMs / 1000,
    silentAfter: profile.silentAfterMs / 1000,
    events: profile.events.map(({ channels, ...event }) => ({
      ...event,
      ...(channels === undefined ? {} : { channels: [...channels] }),
    })),
    metrics: shownOrder(profile.kind, profile.metrics).map((metric) => {
      const quantity: Quantity = QUANTITIES[metric.quantity];
      return {
        key: metric.key,
        quantity: metric.quantity,
        name: metric.name,
        unit: metric.unit,
        range: [...metric.range],
        ...(metric.states === undefined ? {} : { states: { ...metric.states } }),
        ...(metric.stateNames === undefined ? {} : { stateNames: { ...metric.stateNames } }),
        ...(metric.span === 'instant' ? {} : { span: metric.span, statistic: metric.statistic }),
        ...(quantity.total === true ? { total: true } : {}),
        ...(quantity.state === true ? { state: true } : {}),
        ...(metric.channel === undefined ? {} : { channel: metric.channel }),
      };
    }),
  };
}
