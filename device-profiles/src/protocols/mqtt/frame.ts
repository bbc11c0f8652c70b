/** What an MQTT device says: a payload on a topic. */
import { OperationalError } from '@village/core';
import type { Frame } from '../../types.ts';

/** Name of the protocol, in profiles and frames. */
export const MQTT = 'mqtt';

export interface MqttFrame extends Frame {
  readonly protocol: typeof MQTT;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export function isMqttFrame(frame: Frame): frame is MqttFrame {
  return frame.protocol === MQTT;
}

/** @throws wrong-protocol */
export function mqttFrame(frame: Frame, profile: string): MqttFrame {
  if (isMqttFrame(frame)) return frame;
  throw new OperationalError('wrong-protocol', `${profile} speaks MQTT`);
}
