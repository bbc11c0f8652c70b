/** MQTT: devices publish JSON, binary payloads that a network server wraps in JSON, or our own reading object. */
import { bug } from '@village/core';
import type { Options } from '../../options.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { DeviceProfile } from '../../types.ts';
import { intervalsOf } from '../intervals.ts';
import type { Claim, Protocol } from '../protocol.ts';
import { checkChannel } from './channels/check.ts';
import { inChannel } from './channels/placeholder.ts';
import { checkMqtt, checkMqttSource } from './check.ts';
import { exampleFrame } from './example.ts';
import { isMqttFrame, MQTT, type MqttFrame } from './frame.ts';
import { compileJson } from './json-codec.ts';
import { compileNative } from './native-codec.ts';
import { sampleOf } from './sample.ts';
import {
  channelList,
  channelPlaces,
  field,
  mqttOf,
  mqttSection,
  path,
  paths,
  tlvSection,
} from './schema.ts';
import { template } from './template.ts';
import { covers, parsePattern } from './topic.ts';
import { type CompiledMqtt, claimedTopic, compiledMqtt, topicTextOf } from './topics.ts';

export { parseDeviceJson } from './device-json.ts';
export { isMqttFrame, MQTT, type MqttFrame } from './frame.ts';
export { listPositions } from './json-positions.ts';
export { isReadKey, locateEvent, locateReading } from './native-codec.ts';
export { type RepeatedKey, repeatedFault, repeatedKeys } from './repeated-keys.ts';
export { TopicIndex, type TopicOwner } from './topic-index.ts';
export { matchTopic, topicFilter, topicOf } from './topics.ts';

function compile(file: ProfileFile): CompiledMqtt {
  const mqtt = mqttOf(file);
  const topic = parsePattern(topicTextOf(file)).pattern;
  if (mqtt === undefined || topic === undefined) return bug('an MQTT profile without topic');
  const native = mqtt.payload === 'native';
  const codec = (options: Options) =>
    native ? compileNative(file, mqtt, options) : compileJson(file, mqtt, topic, options);
  const tellsTime = native || mqtt.time !== undefined;
  return { topic, native, shared: mqtt.sharedTopic, tellsTime, codec };
}

function claim(profile: DeviceProfile) {
  const topic = claimedTopic(profile);
  return topic && { text: topic.text, shared: compiledMqtt(profile)?.shared === true };
}

/** Two profiles may claim the same topic only when both say so. */
function conflict(profile: DeviceProfile, other: Claim) {
  const [own, theirs] = [claimedTopic(profile), parsePattern(other.text).pattern];
  if (own === undefined || theirs === undefined) return undefined;
  if (compiledMqtt(profile)?.shared === true && other.shared) return undefined;
  if (!covers(own, theirs) && !covers(theirs, own)) return undefined;
  return {
    path: 'mqtt.topic',
    message: `${other.id} claims the same topic; if both may, each must say sharedTopic: true`,
  };
}

export const mqttProtocol: Protocol = {
  name: MQTT,
  title: 'MQTT',
  sections: { mqtt: mqttSection, tlv: tlvSection },
  sources: [path, field, paths],
  channelSources: [channelPlaces, channelList],
  template,
  intervals: (file) => intervalsOf(mqttOf(file), (everyMs) => everyMs),
  check: checkMqtt,
  checkChannel,
  inChannel,
  checkSource: checkMqttSource,
  compile,
  claim,
  conflict,
  exampleFrame: (profile, _file, example, note) => exampleFrame(profile, example, note),
  frameBytes: (frame) => (isMqttFrame(frame) ? frame.payload : new Uint8Array()),
  framing: (frame) => (isMqttFrame(frame) ? frame.topic : ''),
  sample: (profile, file, context) => sampleOf(profile, file, context),
  frameOf: (_file, payload, topic): MqttFrame => ({ protocol: MQTT, topic, payload }),
};
