/** Every example of every profile with one part of it made bad or taken away: the rest is taken as before, and what is lost is told. */
import { OperationalError } from '@village/core';
import { describe, expect, it } from 'vitest';
import { rulesOf } from './compile.ts';
import { decode } from './profile.ts';
import type { ModbusFrame } from './protocols/modbus/frame.ts';
import type { MqttFrame } from './protocols/mqtt/frame.ts';
import { catalog } from './testing.ts';
import type { Decoded, DeviceProfile, Frame } from './types.ts';

/** What stands instead of a value in a message; `RAW` is a number too large for one, undefined takes the field away. */
const BAD = ['NaN', 'ajar?', '', null, true, {}, [], 'RAW', undefined] as const;
/** Halves of floats that are no number or infinite, and all bits set. */
const WORDS = [0x7fc0, 0x7f80, 0xff80, 0xffff];

/** Where no characters are no fault: a payload of no bytes, and the name of a source that has none. */
const EMPTY: ReadonlySet<string> = new Set(['data', 'Source/Source', 'Source/Rule']);

interface Variant {
  readonly name: string;
  readonly frame: Frame;
  /** Nothing stands there any more, so that what may be absent is not told. */
  readonly absent: boolean;
}

type Path = readonly string[];

function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

/** The message with another value at a path. */
function changed(message: object, path: Path, value: unknown): string {
  const copy = structuredClone(message) as Record<string, unknown>;
  const last = path.at(-1) as string;
  const at = path.slice(0, -1).reduce((inner, key) => inner[key] as typeof inner, copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return JSON.stringify(copy).replace('"RAW"', '1e999');
}

function messageVariants(frame: MqttFrame): Variant[] {
  const text = Buffer.from(frame.payload).toString();
  if (!text.startsWith('{')) return [];
  const message = JSON.parse(text) as object;
  return leavesOf(message).flatMap((path) =>
    BAD.map((value) => ({
      name: `/${path.join('/')} = ${value === undefined ? 'gone' : JSON.stringify(value)}`,
      frame: { ...frame, payload: Buffer.from(changed(message, path, value)) },
      absent: value === undefined || value === null || (value === '' && EMPTY.has(path.join('/'))),
    })),
  );
}

function registerVariants(frame: ModbusFrame): Variant[] {
  return Object.entries(frame.blocks).flatMap(([block, words]) => {
    if (!(words instanceof Uint16Array)) return [];
    return [...words.keys()].flatMap((index) =>
      WORDS.map((word) => ({
        name: `${block}[${index}] = ${word.toString(16)}`,
        frame: { ...frame, blocks: { ...frame.blocks, [block]: words.with(index, word) } },
        absent: false,
      })),
    );
  });
}

const valuesOf = ({ readings }: Decoded): Map<string, number> =>
  new Map(readings.map(({ metric, value }) => [metric, value]));

/** What is wrong with how a frame with one bad part was taken. */
function faultsOf(
  profile: DeviceProfile,
  { name, frame, absent }: Variant,
  before: Map<string, number>,
  context: object,
): string[] {
  let decoded: Decoded;
  try {
    decoded = decode(profile, frame, context);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    // Without a time that can be read, nobody knows of when all of it is.
    return error.code === 'time-unreadable' ? [] : [`${name}: refused whole, ${error.code}`];
  }
  const { refused = [] } = decoded;
  const after = valuesOf(decoded);
  const optional = new Set(profile.metrics.filter((one) => one.optional).map(({ key }) => key));
  const lost = [...before.keys()].filter((key) => !after.has(key));
  const untold = lost.filter(
    (key) =>
      !(absent && (optional.has(key) || frame.protocol === 'mqtt')) &&
      !refused.some(({ metric }) => metric === key || metric === null),
  );
  const others = [...before].filter(
    ([key, value]) => after.has(key) && !Object.is(after.get(key), value),
  );
  // Records in bytes stand or fall with the field that holds them.
  const most = name.startsWith('/data ') ? before.size : 1;
  return [
    ...untold.map((key) => `${name}: ${key} is lost and nobody is told`),
    ...[...after].filter(([, value]) => !Number.isFinite(value)).map(([key]) => `${name}: ${key}`),
    ...refused.filter(({ place }) => place === '').map(({ reason }) => `${name}: ${reason} where?`),
    ...(lost.length + others.length > most ? [`${name}: ${lost} lost, ${others} changed`] : []),
  ];
}

describe.each([...catalog.profiles.values()].map((profile) => [profile.id, profile] as const))(
  '%s',
  (_id, profile) => {
    const { file, protocol } = rulesOf(profile);
    const examples = file.examples.filter(({ error }) => error === undefined);

    it.each(examples)('$name: one bad part costs itself', (example) => {
      const frame = protocol.exampleFrame(profile, file, example, () => undefined);
      if (frame === undefined) throw new Error('the example has no frame');
      const context = example.options === undefined ? {} : { options: example.options };
      const before = valuesOf(decode(profile, frame, context));
      const variants =
        frame.protocol === 'modbus'
          ? registerVariants(frame as ModbusFrame)
          : messageVariants(frame as MqttFrame);
      expect(variants.flatMap((one) => faultsOf(profile, one, before, context))).toEqual([]);
    });
  },
);
