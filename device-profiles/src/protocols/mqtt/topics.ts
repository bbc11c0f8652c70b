/** Topics of MQTT profiles: which device a topic names, what to subscribe to, where a device publishes. */
import { bug, topics } from '@village/core';
import { rulesOf } from '../../compile.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { DeviceProfile } from '../../types.ts';
import type { CompiledProtocol } from '../protocol.ts';
import { MQTT } from './frame.ts';
import { mqttOf, pathsOf } from './schema.ts';
import {
  matchPattern,
  patternFilter,
  patternTopic,
  restTopic,
  type TopicPattern,
} from './topic.ts';

/** The topic of every native profile: it names the device, and the device's registration its profile. */
const NATIVE_TOPIC = topics.deviceReadings('{device}');

/** An MQTT file, compiled. */
export interface CompiledMqtt extends CompiledProtocol {
  readonly topic: TopicPattern;
  /** The payload is the standard reading object on `village/v1/devices/{id}/readings`. */
  readonly native: boolean;
  /** Other types publish to the same topic. */
  readonly shared: boolean;
}

/** The topic text of a file. */
export function topicTextOf(file: ProfileFile): string {
  const mqtt = mqttOf(file);
  return mqtt?.payload === 'native' ? NATIVE_TOPIC : (mqtt?.topic ?? '');
}

/** What a profile was compiled to; undefined when it speaks another protocol. */
export function compiledMqtt(profile: DeviceProfile): CompiledMqtt | undefined {
  return profile.protocol === MQTT ? (rulesOf(profile).compiled as CompiledMqtt) : undefined;
}

/** The topic that a profile claims for itself; undefined when it has none, or that of every native profile. */
export function claimedTopic(profile: DeviceProfile): TopicPattern | undefined {
  const compiled = compiledMqtt(profile);
  return compiled === undefined || compiled.native ? undefined : compiled.topic;
}

function topicPattern(profile: DeviceProfile): TopicPattern {
  return (
    compiledMqtt(profile)?.topic ??
    bug(`${profile.id} has no topics: it speaks ${profile.protocol}`)
  );
}

/** The address of the device that publishes to a topic, or undefined when it is none of this profile's. */
export function matchTopic(profile: DeviceProfile, topic: string): string | undefined {
  return matchPattern(topicPattern(profile), topic.split('/'))?.address;
}

/**
 * The filter to subscribe with. `{device+}` (an address of several levels) is not expressible in a filter: it becomes
 * one level, so subscribe by address for devices whose address has a slash.
 */
export function topicFilter(profile: DeviceProfile, address?: string): string {
  return patternFilter(topicPattern(profile), address);
}

/** A topic to which such a device publishes, for simulators. */
export function topicOf(profile: DeviceProfile, address: string): string {
  const first = rulesOf(profile).file.metrics.flatMap((metric) => pathsOf(metric))[0];
  const rest = first?.topic === undefined ? '' : restTopic(first.topic);
  return patternTopic(topicPattern(profile), address, rest);
}
