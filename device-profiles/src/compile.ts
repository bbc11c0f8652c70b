/** From a sound profile file to a DeviceProfile with its compiled codecs, one for each combination of options in use. */

import { EARLIEST_MEASUREMENT, OperationalError } from '@village/core';
import { kindOf } from './channels/expand.ts';
import { isChannelOption } from './channels/named.ts';
import type { Codec } from './codec.ts';
import { describeMetric } from './metric/metric.ts';
import { defaultsOf, type Options, optionFaultsOf } from './options.ts';
import type { CompiledProtocol, Protocol } from './protocols/protocol.ts';
import type { EventFile, ProfileFile } from './schema/file.ts';
import type { DeviceKind, DeviceProfile, EventType, Evidence } from './types.ts';

/** What `DeviceProfile.rules` is, inside this workspace. */
export interface Rules {
  readonly file: ProfileFile;
  readonly protocol: Protocol;
  readonly compiled: CompiledProtocol;
  readonly defaults: Codec;
  readonly byText: Map<string, Codec>;
  readonly byObject: WeakMap<Options, Codec>;
}

/** Compiles a file that has no faults. */
export function compileProfile(
  file: ProfileFile,
  protocol: Protocol,
  source: DeviceProfile['source'] = { file: '', text: '' },
): DeviceProfile {
  const defaults = defaultsOf(file);
  const compiled = protocol.compile(file);
  const rules: Rules = {
    file,
    protocol,
    compiled,
    defaults: compiled.codec(defaults),
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
    address: file.address,
    metrics,
    metricIndex: new Map(metrics.map((metric, place) => [metric.key, place])),
    evidence: evidenceOf(file),
    events: file.events.map((event) => describeEvent(file, event)),
    ...protocol.intervals(file),
    earliest:
      file.earliestYear === undefined ? EARLIEST_MEASUREMENT : Date.UTC(file.earliestYear, 0, 1),
    tellsTime: compiled.tellsTime,
    options: defaults,
    source,
    rules,
  };
}

function describeEvent(file: ProfileFile, { type, name, channel }: EventFile): EventType {
  const known = Object.entries(kindOf(file, channel)?.known ?? {});
  const channels = known.map(([key, one]) => ({ key, name: one.name }));
  return { type, name, ...(channels.length === 0 ? {} : { channels }) };
}

/** By kind: what decides over fines and health is evidence, and so is what a camera has seen. */
const EVIDENT: Readonly<Partial<Record<DeviceKind, Evidence>>> = {
  'air-station': 'all',
  'sewage-monitor': 'all',
  'water-quality': 'all',
  camera: 'events',
};

function evidenceOf({ evidence, kind }: ProfileFile): Evidence {
  if (evidence === undefined) return EVIDENT[kind] ?? 'none';
  if (evidence === 'events') return 'events';
  return evidence ? 'all' : 'none';
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
  // What a device calls its channels is its own: such a codec is kept as long as the device's options are.
  const isShared = !Object.keys(options).some((name) => isChannelOption(rules.file, name));
  const codec = (isShared ? rules.byText.get(text) : undefined) ?? rules.compiled.codec(settled);
  if (isShared) rules.byText.set(text, codec);
  rules.byObject.set(options, codec);
  return codec;
}
