/** What the rest of the product does with a profile: decode, encode, plan its reads, know its topics. */
import { bug, type Device } from '@village/core';
import type { DecodeContext, EncodeContext } from './codec.ts';
import { codecOf, rulesOf } from './compile.ts';
import { optionFaultsOf } from './options.ts';
import { pathsOf, restTopic } from './protocols/mqtt/json-codec.ts';
import {
  matchPattern,
  patternFilter,
  patternTopic,
  type TopicPattern,
} from './protocols/mqtt/topic.ts';
import type { Decoded, DeviceProfile, Frame, ModbusRead } from './types.ts';

/**
 * What a frame says, in canonical units. Pure.
 * @throws bad-option device-mismatch event-too-large frame-too-short payload-not-an-object payload-not-bytes
 * payload-not-json payload-too-large time-unreadable topic-mismatch unknown-metric unknown-quality unknown-record
 * unknown-state value-missing value-not-a-number wrong-protocol
 */
export function decode(profile: DeviceProfile, frame: Frame, context: DecodeContext = {}): Decoded {
  return codecOf(profile, context.options).decode(frame, context);
}

/**
 * The frames in which a device would say these values (canonical units), for simulators: one, or one for each topic
 * when the device has a topic for each matter. Values that the wire can't hold stop at its limits. Unknown keys are
 * left out. @throws bad-option
 */
export function encodeAll(
  profile: DeviceProfile,
  values: Readonly<Record<string, number>>,
  context: EncodeContext,
): Frame[] {
  return codecOf(profile, context.options).encode(values, context);
}

/** As encodeAll, for values that one frame holds: always so with Modbus, native and single-topic profiles. */
export function encode(
  profile: DeviceProfile,
  values: Readonly<Record<string, number>>,
  context: EncodeContext,
): Frame {
  const [frame, ...more] = encodeAll(profile, values, context);
  if (frame === undefined || more.length > 0)
    return bug(`${profile.id} says these values in ${more.length + 1} frames: use encodeAll`);
  return frame;
}

/** The requests that read everything the profile needs, fewest first by table and address. @throws bad-option */
export function planReads(
  profile: DeviceProfile,
  options?: Device['options'],
): readonly ModbusRead[] {
  return codecOf(profile, options).reads;
}

/** What is wrong with options set on a device of this type, as sentences. */
export function optionFaults(profile: DeviceProfile, options: Device['options']): string[] {
  return optionFaultsOf(rulesOf(profile).file, options);
}

/** Every value that each option may take. */
export function optionValues(
  profile: DeviceProfile,
): Readonly<Record<string, readonly (string | number | boolean)[]>> {
  const { options } = rulesOf(profile).file;
  return Object.fromEntries(Object.entries(options).map(([name, { values }]) => [name, values]));
}

/** Whether the profile's payload is the standard reading object on `village/v1/devices/{id}/readings`. */
export function isNative(profile: DeviceProfile): boolean {
  return rulesOf(profile).file.mqtt?.payload === 'native';
}

function topicPattern(profile: DeviceProfile): TopicPattern {
  return (
    rulesOf(profile).topic ?? bug(`${profile.id} has no topics: it speaks ${profile.protocol}`)
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
