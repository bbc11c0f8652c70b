/** Examples of MQTT profiles: a payload, and its topic where it matters. */
import type { Note } from '../../check/note.ts';
import type { ExampleFile } from '../../schema/file.ts';
import type { DeviceProfile } from '../../types.ts';
import { MQTT, type MqttFrame } from './frame.ts';
import { matchTopic, topicOf } from './topics.ts';

const EXAMPLE_ADDRESS = 'example';

/** The frame of an example; undefined, with its faults noted, when it is none. */
export function exampleFrame(
  profile: DeviceProfile,
  example: ExampleFile,
  note: Note,
): MqttFrame | undefined {
  const {
    topic = topicOf(profile, example.device ?? EXAMPLE_ADDRESS),
    payload,
    ...rest
  } = example.frame;
  for (const key of Object.keys(rest)) note(['frame', key], 'must be topic or payload');
  if (payload === undefined) note(['frame'], 'payload is missing');
  if (payload === undefined || Object.keys(rest).length > 0) return undefined;
  const address = matchTopic(profile, topic);
  if (address === undefined) note(['frame', 'topic'], 'does not match mqtt.topic');
  else if (example.device !== undefined && address !== example.device)
    note(['device'], `the topic says ${address}`);
  return { protocol: MQTT, topic, payload: Buffer.from(payload) };
}
