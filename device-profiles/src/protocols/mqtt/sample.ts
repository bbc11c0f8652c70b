/** A message such as a device publishes itself, with the values of the profile's first good example, for people who connect one. */
import { OperationalError } from '@village/core';
import type { EncodeContext } from '../../codec.ts';
import { codecOf } from '../../compile.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { DeviceProfile } from '../../types.ts';
import type { SampleMessage } from '../protocol.ts';
import { isMqttFrame } from './frame.ts';
import { mqttOf } from './schema.ts';
import { isOfDevice, patternTopic } from './topic.ts';
import { compiledMqtt } from './topics.ts';

/** Values of the first example that is wholly good. */
function exampleValues({ examples }: ProfileFile): Record<string, number> {
  const good = examples.find(
    ({ readings = {}, error, partial }) =>
      error === undefined && !partial && Object.keys(readings).length > 0,
  );
  return Object.fromEntries(
    Object.entries(good?.readings ?? {}).map(([key, said]) => [
      key,
      typeof said === 'number' ? said : said.value,
    ]),
  );
}

/** Of a device that makes topics of its own below an address that it was given, that address and all before it. */
function prefixOf(profile: DeviceProfile, address: string): string | null {
  const topic = compiledMqtt(profile)?.topic;
  if (topic?.hasRest !== true) return null;
  const levels = topic.levels.slice(0, topic.levels.findIndex(isOfDevice) + 1);
  return patternTopic({ ...topic, levels, hasRest: false }, address, '');
}

/** Null for binary payloads, which a network server wraps and brings. */
export function sampleOf(
  profile: DeviceProfile,
  file: ProfileFile,
  context: EncodeContext,
): SampleMessage | null {
  if (mqttOf(file)?.payload === 'tlv') return null;
  try {
    const [frame] = codecOf(profile, context.options).encode(exampleValues(file), context);
    if (frame === undefined || !isMqttFrame(frame)) return null;
    return {
      topic: frame.topic,
      payload: Buffer.from(frame.payload).toString('utf8'),
      prefix: prefixOf(profile, context.address),
    };
  } catch (error) {
    // Options that a later revision of the profile no longer takes.
    if (error instanceof OperationalError) return null;
    throw error;
  }
}
