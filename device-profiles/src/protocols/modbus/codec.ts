/** Modbus frames of one profile: blocks of registers and bits to readings, and back. */
import { OperationalError } from '@village/core';
import type { ByteRange, Codec } from '../../codec.ts';
import {
  addRaw,
  closeReadings,
  compileMetric,
  compileQuality,
  type MetricRule,
  noteMissing,
  type OpenReading,
} from '../../metric/metric.ts';
import { toSignificant } from '../../metric/number.ts';
import { type Options, settle } from '../../options.ts';
import type { ProfileFile } from '../../schema/file.ts';
import { isModbusFrame, MODBUS, type ModbusFrame, type ModbusRead } from './frame.ts';
import {
  type Block,
  isBits,
  plan,
  REGISTER_COUNT,
  readRegisters,
  writeRegisters,
} from './registers.ts';
import { modbusOf, type RegisterFile, registersOf, type WordOrder } from './schema.ts';

type Blocks = Readonly<Record<string, Uint16Array | readonly boolean[]>>;
type OpenBlocks = Record<string, Uint16Array | boolean[]>;

/** A register, a run of registers or a bit in the blocks. */
interface RegisterRef {
  readonly block: string;
  readonly whole: boolean;
  /** Words of the block: the first, and how many. */
  readonly at: number;
  readonly count: number;
  /** Undefined when the block is missing from the frame. */
  read(blocks: Blocks): number | undefined;
  write(blocks: OpenBlocks, raw: number): void;
}

function compileRef(from: RegisterFile, options: Options, order: WordOrder): RegisterRef {
  const { block, type, bit } = from;
  const at = settle<number>(from.at, options) ?? 0;
  const own = settle<WordOrder>(from.wordOrder, options) ?? order;
  const whole = type !== 'float32' && type !== 'float64';
  if (type !== 'bit')
    return {
      block,
      whole,
      at,
      count: REGISTER_COUNT[type],
      read: (blocks) => {
        const words = blocks[block];
        return words instanceof Uint16Array ? readRegisters(words, at, type, own) : undefined;
      },
      write: (blocks, raw) => {
        const words = blocks[block];
        if (words instanceof Uint16Array) writeRegisters(words, at, type, own, raw);
      },
    };
  const mask = 1 << (bit ?? 0);
  return {
    block,
    whole,
    at,
    count: 1,
    read: (blocks) => {
      const words = blocks[block];
      if (words === undefined) return undefined;
      if (words instanceof Uint16Array) return ((words[at] as number) & mask) === 0 ? 0 : 1;
      return words[at] === true ? 1 : 0;
    },
    write: (blocks, raw) => {
      const words = blocks[block];
      if (words instanceof Uint16Array)
        words[at] = raw === 0 ? (words[at] as number) & ~mask : (words[at] as number) | mask;
      else if (words !== undefined) words[at] = raw !== 0;
    },
  };
}

function readRefs(refs: readonly RegisterRef[], blocks: Blocks): number | undefined {
  let sum = 0;
  for (const ref of refs) {
    const raw = ref.read(blocks);
    if (raw === undefined) return undefined;
    sum += raw;
  }
  // A whole number and its fraction: the sum carries binary noise that neither part has.
  return refs.length > 1 && !Number.isInteger(sum) && Number.isFinite(sum)
    ? toSignificant(sum, 15)
    : sum;
}

function writeRefs(refs: readonly RegisterRef[], blocks: OpenBlocks, raw: number): void {
  const [first, second] = refs;
  if (first === undefined) return;
  if (second === undefined) first.write(blocks, raw);
  else if (first.whole) {
    first.write(blocks, Math.trunc(raw));
    second.write(blocks, raw - Math.trunc(raw));
  } else {
    first.write(blocks, raw - Math.trunc(raw));
    second.write(blocks, Math.trunc(raw));
  }
}

/** Blocks as the planner wants them. */
export function blocksOf(file: ProfileFile): Block[] {
  return Object.entries(modbusOf(file)?.blocks ?? {}).map(([name, block]) => ({
    name,
    ...block,
    optional: file.metrics.every(
      (metric) => metric.optional || registersOf(metric).every((from) => from.block !== name),
    ),
  }));
}

function checkBlocks(blocks: readonly Block[], frame: Blocks): void {
  for (const block of blocks) {
    const values = Object.hasOwn(frame, block.name) ? frame[block.name] : undefined;
    if (values === undefined) continue;
    if (values instanceof Uint16Array === isBits(block.table))
      throw new OperationalError('wrong-protocol', `block ${block.name} is of another kind`);
    if (values.length < block.count)
      throw new OperationalError(
        'frame-too-short',
        `block ${block.name}: ${values.length} values of ${block.count}`,
      );
  }
}

interface Compiled {
  readonly rule: MetricRule;
  readonly refs: readonly RegisterRef[];
  /** Written when a simulated device has no value. */
  readonly sentinel: number | undefined;
}

/** A codec that also knows what to ask the device for. */
export interface ModbusCodec extends Codec {
  readonly reads: readonly ModbusRead[];
}

/** Compiles the Modbus side of a profile. */
export function compileModbus(file: ProfileFile, options: Options): ModbusCodec {
  const order = settle<WordOrder>(modbusOf(file)?.wordOrder, options) ?? 'ABCD';
  const blocks = blocksOf(file);
  const metrics: Compiled[] = file.metrics.map((metric) => {
    const rule = compileMetric(metric, options);
    return {
      rule,
      refs: registersOf(metric).map((from) => compileRef(from, options, order)),
      sentinel: rule.absent?.values().next().value,
    };
  });
  const quality = compileQuality(file);
  const gap = modbusOf(file)?.oneRequestPerBlock === true ? -1 : (modbusOf(file)?.maxGap ?? 0);
  return {
    reads: plan(blocks, gap),
    decode(frame) {
      if (!isModbusFrame(frame))
        throw new OperationalError('wrong-protocol', `${file.profile} speaks Modbus`);
      checkBlocks(blocks, frame.blocks);
      const readings: OpenReading[] = [];
      for (const { rule, refs } of metrics) {
        const raw = readRefs(refs, frame.blocks);
        if (raw === undefined) noteMissing(rule);
        else addRaw(readings, rule, raw);
      }
      return { at: null, readings: closeReadings(readings, quality), events: [] };
    },
    locate: (frame) => (isModbusFrame(frame) ? locateRegisters(metrics, frame.blocks) : new Map()),
    encode: (values) => [encodeBlocks(blocks, metrics, values)],
  };
}

/** Two bytes a word, the blocks one after the other. */
function locateRegisters(
  metrics: readonly Compiled[],
  blocks: Blocks,
): Map<string, readonly ByteRange[]> {
  const starts = new Map<string, number>();
  let start = 0;
  for (const [name, block] of Object.entries(blocks)) {
    starts.set(name, start);
    start += 2 * block.length;
  }
  return new Map(
    metrics.map(({ rule, refs }) => [
      rule.key,
      refs.flatMap(({ block, at, count }) => {
        const begin = starts.get(block);
        if (begin === undefined) return [];
        return [{ from: begin + 2 * at, to: begin + 2 * (at + count) }];
      }),
    ]),
  );
}

function encodeBlocks(
  blocks: readonly Block[],
  metrics: readonly Compiled[],
  values: Readonly<Record<string, number>>,
): ModbusFrame {
  const open: OpenBlocks = {};
  for (const { name, table, count } of blocks)
    open[name] = isBits(table)
      ? Array.from({ length: count }, () => false)
      : new Uint16Array(count);
  for (const { rule, refs, sentinel } of metrics) {
    const value = Object.hasOwn(values, rule.key) ? values[rule.key] : undefined;
    if (value !== undefined) writeRefs(refs, open, rule.scaling.toRaw(value));
    else if (sentinel !== undefined) writeRefs(refs, open, sentinel);
  }
  return { protocol: MODBUS, blocks: open };
}
