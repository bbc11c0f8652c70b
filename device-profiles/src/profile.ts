/** What the rest of the product does with a profile whatever its protocol: decode, encode, options. */
import { bug, type Device, type Label, OperationalError } from '@village/core';
import { unknownKey } from './channels/unknown.ts';
import type {
  ByteRange,
  DecodeContext,
  Decoder,
  EncodeContext,
  LocatedDetail,
  LocatedField,
} from './codec.ts';
import { codecOf, rulesOf } from './compile.ts';
import { optionFaultsOf } from './options.ts';
import type { SampleMessage } from './protocols/protocol.ts';
import type { Decoded, DeviceProfile, Frame } from './types.ts';

/**
 * What a frame says, in canonical units. Pure.
 * @throws bad-option device-mismatch event-too-large frame-too-short payload-not-an-object payload-not-bytes
 * payload-not-json payload-too-large time-unreadable topic-mismatch unknown-channel unknown-metric unknown-quality
 * unknown-record unknown-state value-missing value-not-a-number value-repeated wrong-protocol
 */
export function decode<F extends Frame>(
  profile: DeviceProfile,
  frame: F,
  context: DecodeContext = {},
): Decoded {
  return codecOf(profile, context.options).decode(frame, context);
}

/**
 * A decoder for one session with a device: from its connection to the end of it. It remembers what came before where the
 * protocol needs that; elsewhere it is the profile's one codec. @throws bad-option
 */
export function openDecoder(profile: DeviceProfile, options?: Device['options']): Decoder {
  const codec = codecOf(profile, options);
  return codec.open?.() ?? codec;
}

/** The bytes of a frame as they came, to be shown to people and kept as evidence. */
export function frameBytes(profile: DeviceProfile, frame: Frame): Uint8Array {
  return rulesOf(profile).protocol.frameBytes(frame);
}

/** Whether what a frame said makes it one to be kept. */
export function isEvidence(
  { evidence }: Pick<DeviceProfile, 'evidence'>,
  { readings, events }: Pick<Decoded, 'readings' | 'events'>,
): boolean {
  if (evidence === 'none') return false;
  return events.length > 0 || (evidence === 'all' && readings.length > 0);
}

/** A frame as it is kept: its bytes, and what must be known besides to read them. */
export function frameKept(
  profile: DeviceProfile,
  frame: Frame,
): { readonly payload: Uint8Array; readonly framing: string } {
  const { protocol } = rulesOf(profile);
  return { payload: protocol.frameBytes(frame), framing: protocol.framing?.(frame) ?? '' };
}

/**
 * What a frame that was kept says by this profile. @throws as decode; wrong-protocol also where frames are kept and not
 * opened
 */
export function decodeKept(
  profile: DeviceProfile,
  payload: Uint8Array,
  framing: string,
  context: DecodeContext = {},
): Decoded {
  const { protocol, file } = rulesOf(profile);
  const frame = protocol.frameOf?.(file, payload, framing);
  if (frame === undefined)
    throw new OperationalError('wrong-protocol', `frames of ${profile.protocol} are not opened`);
  return decode(profile, frame, context);
}

/**
 * Which bytes of a frame that was kept gave which value, in the order of the bytes; none where the protocol can't tell.
 * @throws as decode
 */
export function locate(
  profile: DeviceProfile,
  payload: Uint8Array,
  framing: string,
  options?: Device['options'],
): LocatedField[] {
  const { protocol, file } = rulesOf(profile);
  const codec = codecOf(profile, options);
  if (protocol.frameOf === undefined || codec.locate === undefined) return [];
  const frame = protocol.frameOf(file, payload, framing);
  const { readings } = codec.decode(frame, {});
  const ranges = codec.locate(frame);
  return readings
    .flatMap(({ metric, value }) =>
      joined(ranges.get(metric) ?? []).map((range) => ({ metric, value, ...range })),
    )
    .sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Which bytes of such a frame say which detail of an event, in the order of the bytes. @throws as decode */
export function locateEvents(
  profile: DeviceProfile,
  payload: Uint8Array,
  framing: string,
  options?: Device['options'],
): LocatedDetail[] {
  const { protocol, file } = rulesOf(profile);
  const codec = codecOf(profile, options);
  const details =
    protocol.frameOf && codec.locateEvents?.(protocol.frameOf(file, payload, framing));
  return (details ?? []).toSorted((a, b) => a.from - b.from || a.to - b.to);
}

/** Ranges in order, those that touch as one. */
function joined(ranges: readonly ByteRange[]): ByteRange[] {
  const out: ByteRange[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last !== undefined && from <= last.to)
      out[out.length - 1] = { from: last.from, to: Math.max(last.to, to) };
    else out.push({ from, to });
  }
  return out;
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

/** Why a value under a key that the profile does not have is refused: of a channel that is not listed, or of nothing known. */
export function unknownMetric(profile: DeviceProfile, key: string): string {
  const bases = profile.metrics.flatMap(({ channel }) => channel?.base ?? []);
  return unknownKey(new Set(bases), key);
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

/** What people call the protocol that it speaks. */
export const protocolTitle = (profile: DeviceProfile): string => rulesOf(profile).protocol.title;

/** Names of its options, as people read them. */
export function optionNames(profile: DeviceProfile): Readonly<Record<string, Label>> {
  const { options } = rulesOf(profile).file;
  return Object.fromEntries(Object.entries(options).map(([key, { name }]) => [key, name]));
}

/**
 * A message such as a device of this type publishes, with the values of an example; null when devices of this type don't publish
 * themselves: a gateway or a network server speaks for them.
 */
export function sampleMessage(
  profile: DeviceProfile,
  context: EncodeContext,
): SampleMessage | null {
  const { protocol, file } = rulesOf(profile);
  return protocol.sample?.(profile, file, context) ?? null;
}

/** Whether two texts of a profile decode alike: comments and examples make no difference. */
export function sameMeaning(one: DeviceProfile, other: DeviceProfile): boolean {
  const meaning = (profile: DeviceProfile): string => {
    const { examples, ...rules } = rulesOf(profile).file;
    return JSON.stringify(rules);
  };
  return meaning(one) === meaning(other);
}
