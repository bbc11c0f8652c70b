/** MQTT: devices that publish by themselves, or through a network server that speaks for many. */
import { OperationalError } from '@village/core';
import { encodeAll } from '@village/device-profiles';
import { isMqttFrame, MQTT } from '@village/device-profiles/mqtt';
import { duration, mqttUrl, options, text, whole } from '../../cli/flags.ts';
import type { CountyPlan, WireAddress } from '../../county/county-plan.ts';
import { hashText } from '../../county/noise.ts';
import { Uplink, type UplinkCounters } from '../../uplink/uplink.ts';
import type { Wire } from '../wire.ts';
import { keepSpeaking, Speaker } from './speaker.ts';

export interface MqttWireAddress extends WireAddress {
  readonly kind: typeof MQTT;
  /** The connection it speaks through: its own, or that of a network server. */
  readonly credential: string;
}

export type MqttWireCounters = UplinkCounters & {
  connected: number;
  waiting: number;
  /** Frames a device could not send nor keep, because it was starting again or out of its network server's reach. */
  unsent: number;
};

const DEVICE_QUEUE_MAX = 500;
const SERVER_QUEUE_MAX = 20_000;

export function isMqttAddress(address: WireAddress): address is MqttWireAddress {
  return address.kind === MQTT;
}

function openUplink(plan: CountyPlan, id: string, acknowledged?: (ms: number) => void): Uplink {
  const secret = plan.secrets.get(id);
  if (secret === undefined)
    throw new OperationalError('no-secret', `The plan has no secret for ${id}`);
  const server = id === plan.networkServer;
  return new Uplink({
    url: plan.mqttUrl,
    id,
    secret,
    windowMax: server ? 100 : 1,
    queueMax: server ? SERVER_QUEUE_MAX : DEVICE_QUEUE_MAX,
    reconnectMs: 1_000 + (hashText(`${plan.seed}/${id}/reconnect`) % 4_000),
    ...(acknowledged === undefined ? {} : { acknowledged }),
  });
}

function sum(uplinks: readonly Uplink[], speakers: readonly Speaker[]): MqttWireCounters {
  const all = {
    offered: 0,
    acknowledged: 0,
    dropped: 0,
    repeated: 0,
    connects: 0,
    faults: 0,
    connected: 0,
    waiting: 0,
    unsent: speakers.reduce((total, speaker) => total + speaker.unsent, 0),
  };
  for (const uplink of uplinks) {
    const { offered, acknowledged, dropped, repeated, connects, faults } = uplink.counters;
    all.offered += offered;
    all.acknowledged += acknowledged;
    all.dropped += dropped;
    all.repeated += repeated;
    all.connects += connects;
    all.faults += faults;
    all.connected += uplink.connected ? 1 : 0;
    all.waiting += uplink.waiting;
  }
  return all;
}

function faultsOf(uplinks: readonly Uplink[]): { message: string; connections: number }[] {
  const counts = new Map<string, number>();
  for (const { connected, lastFault } of uplinks)
    if (!connected && lastFault !== null) counts.set(lastFault, (counts.get(lastFault) ?? 0) + 1);
  return [...counts].map(([message, connections]) => ({ message, connections }));
}

export const mqttWire: Wire = {
  protocol: MQTT,
  polled: false,
  flags: ['secret', 'address', 'credential', 'every'],
  command: {
    name: 'device',
    usage: `  device --profile VENDOR/MODEL --id ID --secret SECRET [--mqtt URL] [--address NAME] [--credential ID]
         [--every 10s] [--options JSON]
      one MQTT device of any type`,
    single(flags) {
      const id = text(flags, 'id');
      const everyMs = duration(flags, 'every');
      const wire: MqttWireAddress = { kind: MQTT, credential: text(flags, 'credential', id) };
      return {
        profile: text(flags, 'profile'),
        id,
        seed: whole(flags, 'seed', 0, 2 ** 31, 1),
        address: text(flags, 'address', id),
        options: options(flags),
        ...(everyMs === undefined ? {} : { everyMs }),
        wire,
        mqttUrl: mqttUrl(flags),
        credential: { id: wire.credential, secret: text(flags, 'secret') },
      };
    },
  },
  addresses:
    () =>
    ({ id, gateway }): MqttWireAddress => ({ kind: MQTT, credential: gateway ?? id }),
  late(device, profile) {
    if (!isMqttAddress(device.wire)) throw new Error(`BUG: ${device.wire.kind} is not MQTT`);
    const { address, options } = device;
    return {
      credential: device.wire.credential,
      messages: (values, at) =>
        encodeAll(profile, values, { at, address, options }).filter(isMqttFrame),
    };
  },
  async play(devices, { plan, model, timer, signal, acknowledged }) {
    const speaking = devices.flatMap((device) =>
      isMqttAddress(device.wire) ? [{ device, credential: device.wire.credential }] : [],
    );
    for (const { credential } of speaking)
      if (!plan.secrets.has(credential))
        throw new OperationalError('no-secret', `The plan has no secret for ${credential}`);
    const uplinks = new Map<string, Uplink>();
    const loops: Promise<void>[] = [];
    const speakers = speaking.map(({ device, credential }) => {
      const uplink = uplinks.get(credential) ?? openUplink(plan, credential, acknowledged);
      uplinks.set(credential, uplink);
      const speaker = new Speaker(device, model, uplink, credential === device.id);
      loops.push(keepSpeaking(speaker, device, plan.seed, timer, signal));
      return speaker;
    });
    const all = [...uplinks.values()];
    return {
      counters: () => ({ ...sum(all, speakers) }),
      faults: () => faultsOf(all),
      async close() {
        await Promise.all(loops);
        await Promise.all(all.map((uplink) => uplink.close()));
      },
    };
  },
};
