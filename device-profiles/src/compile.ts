/** From a sound profile file to a DeviceProfile with its compiled codecs, one for each combination of options in use. */
import { bug, OperationalError, parseDuration } from '@village/core';
import type { Codec } from './codec.ts';
import { describeMetric } from './metric/metric.ts';
import { defaultsOf, type Options, optionFaultsOf } from './options.ts';
import { compileModbus } from './protocols/modbus/codec.ts';
import { compileJson } from './protocols/mqtt/json-codec.ts';
import { compileNative, NATIVE_TOPIC } from './protocols/mqtt/native-codec.ts';
import { parsePattern, type TopicPattern } from './protocols/mqtt/topic.ts';
import type { ProfileFile } from './schema/file.ts';
import type { DeviceProfile } from './types.ts';

/** What `DeviceProfile.rules` is, inside this workspace. */
export interface Rules {
  readonly file: ProfileFile;
  /** Undefined for Modbus. */
  readonly topic: TopicPattern | undefined;
  readonly defaults: Codec;
  readonly byText: Map<string, Codec>;
  readonly byObject: WeakMap<Options, Codec>;
}

const HEARTBEAT_MS = 600_000;

/** The three intervals of a profile, ms. */
export function intervalsOf(file: ProfileFile): {
  everyMs: number;
  reportEveryMs: number;
  silentAfterMs: number;
} {
  const section = file.protocol === 'modbus' ? file.modbus : file.mqtt;
  const everyMs = parseDuration(section?.every ?? '');
  const reportEveryMs =
    section?.reportEvery === undefined
      ? file.protocol === 'modbus'
        ? Math.max(everyMs, HEARTBEAT_MS)
        : everyMs
      : parseDuration(section.reportEvery);
  const silentAfterMs =
    section?.silentAfter === undefined ? 3 * reportEveryMs : parseDuration(section.silentAfter);
  return { everyMs, reportEveryMs, silentAfterMs };
}

/** The topic text of an MQTT profile. */
export function topicTextOf(file: ProfileFile): string {
  return file.mqtt?.payload === 'native' ? NATIVE_TOPIC : (file.mqtt?.topic ?? '');
}

function compileCodec(file: ProfileFile, topic: TopicPattern | undefined, options: Options): Codec {
  if (file.protocol === 'modbus') return compileModbus(file, options);
  if (file.mqtt === undefined || topic === undefined) return bug('an MQTT profile without topic');
  if (file.mqtt.payload === 'native') return compileNative(file, file.mqtt, options);
  return compileJson(file, file.mqtt, topic, options);
}

/** Compiles a file that has no faults. */
export function compileProfile(file: ProfileFile): DeviceProfile {
  const topic = file.protocol === 'mqtt' ? parsePattern(topicTextOf(file)).pattern : undefined;
  const defaults = defaultsOf(file);
  const rules: Rules = {
    file,
    topic,
    defaults: compileCodec(file, topic, defaults),
    byText: new Map(),
    byObject: new WeakMap(),
  };
  const metrics = file.metrics.map(describeMetric);
  return {
    id: file.profile,
    revision: file.revision,
    name: file.name,
    kind: file.kind,
    protocol: file.protocol,
    metrics,
    metricIndex: new Map(metrics.map((metric, place) => [metric.key, place])),
    events: file.events.map(({ type, name }) => ({ type, name })),
    ...intervalsOf(file),
    options: defaults,
    rules,
  };
}

/** The rules of a profile that this workspace compiled. */
export function rulesOf(profile: DeviceProfile): Rules {
  return profile.rules as Rules;
}

/** The codec for a device's options; cached by the object and by its values. @throws bad-option */
export function codecOf(profile: DeviceProfile, options: Options | undefined): Codec {
  const rules = profile.rules as Rules;
  if (options === undefined) return rules.defaults;
  const known = rules.byObject.get(options);
  if (known !== undefined) return known;
  const faults = optionFaultsOf(rules.file, options);
  if (faults.length > 0) throw new OperationalError('bad-option', faults.join('; '));
  const settled = { ...profile.options, ...options };
  const text = JSON.stringify(Object.keys(profile.options).map((name) => settled[name]));
  let codec = rules.byText.get(text);
  if (codec === undefined) {
    codec = compileCodec(rules.file, rules.topic, settled);
    rules.byText.set(text, codec);
  }
  rules.byObject.set(options, codec);
  return codec;
}
