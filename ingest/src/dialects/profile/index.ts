/**
 * Devices that speak in their own way: the topic pattern of a profile names the device by its address, and the profile
 * decodes the payload.
 */
import type { Device } from '@village/core';
import { decode, frameKept } from '@village/device-profiles';
import { MQTT, type MqttFrame, TopicIndex, type TopicOwner } from '@village/device-profiles/mqtt';
import type { Registry } from '@village/registry';
import type { KeptFrame } from '../../pipeline/kept-frames.ts';
import { rejectParts } from '../../pipeline/refused-parts.ts';
import { refuse, TOP } from '../../pipeline/shape.ts';
import { type DialectFactory, dialect } from '../dialect.ts';

/** The registered device that a topic names; where several profiles share the topic, the one it is of. */
function deviceOf(registry: Registry, owner: TopicOwner): Device | undefined {
  for (const profile of owner.profiles) {
    const device = registry.byAddress(profile.id, owner.address);
    if (device !== undefined) return device;
  }
  return undefined;
}

export const profileDialect: DialectFactory = dialect<TopicOwner>(
  ({ registry, profiles, rows }) => {
    const index = new TopicIndex(profiles.values());
    return {
      name: 'profile',
      filters: index.filters,
      route: (topic) => (topic.startsWith('village/') ? undefined : index.find(topic)),
      speaker(owner) {
        const device = deviceOf(registry, owner);
        return device === undefined ? undefined : { kind: 'device', id: device.id };
      },
      mayPublish(principal, owner) {
        // A network server may bring devices that are not registered yet: they are rejected under their name.
        if (principal.kind === 'gateway' || principal.kind === 'topic') return true;
        return deviceOf(registry, owner)?.id === principal.id;
      },
      maySubscribe: () => false,
      take(owner, payload, context, reject) {
        const device = deviceOf(registry, owner);
        if (device === undefined)
          refuse(
            'unknown-device',
            'topic',
            `no ${owner.profile.id} with address ${owner.address.slice(0, 64)} is registered`,
          );
        const registered = rows.deviceFor(device.id, context, TOP);
        const frame: MqttFrame = { protocol: MQTT, topic: context.topic, payload };
        const decoded = decode(registered.profile, frame, { options: device.options });
        const content = (): string => payload.toString('latin1');
        const kept = (): KeptFrame => frameKept(registered.profile, frame);
        const at = rows.putDecoded(registered, decoded, context, content, kept);
        rejectParts(registered, decoded, at, kept, reject);
      },
    };
  },
);
