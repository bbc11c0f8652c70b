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
  refusePart,
} from '../../metric/metric.ts';
import { toSignificant } from '../../metric/number.ts';
import { type Options, settle } from '../../options.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { RefusedPart } from '../../types.ts';
import { absentIn } from './absent.ts';
import { byteOf, readPlaces } from './bytes.ts';
import { isModbusFrame, MODBUS, type ModbusFrame, type ModbusRead } from './frame.ts';
import { type Block, joinPlaces, plan } from './plan.ts';
import { isBits, REGISTER_COUNT, readRegisters, writeRegisters } from './registers.ts';
import { modbusOf, type RegisterFile, registersOf, type WordOrder } from './schema.ts';

type Blocks = Readonly<Record<string, Uint16Array | readonly boolean[]>>;
type OpenBlocks = Record<string, Uint16Array | boolean[]>;

/** The device has nothing there: what may be absent is. */
const REFUSED = 'device-refused';

/** A register, a run of registers or a bit in the blocks. */
interface RegisterRef {
  readonly block: string;
  readonly whole: boolean;
  /** Words of the block: the first, and how many. */
  readonly at: number;
  readonly count: number;
  /** What stands there when there is no value; may hold NaN. */
  readonly absent: ReadonlySet<number> | undefined;
  /** Undefined when the block is missing from the frame. The block is as long as the profile says. */
  read(blocks: Blocks): number | undefined;
  write(blocks: OpenBlocks, raw: number): void;
}

function compileRef(
  from: RegisterFile,
  options: Options,
  order: WordOrder,
  absent: RegisterRef['absent'],
): RegisterRef {
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
      absent,
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
    absent,
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

/** The raw number of a metric; undefined when a block of it is missing, or a place of it says that there is none. */
function readRefs(refs: readonly RegisterRef[], blocks: Blocks): number | undefined {
  let sum = 0;
  for (const ref of refs) {
    const raw = ref.read(blocks);
    if (raw === undefined || ref.absent?.has(raw) === true) return undefined;
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

/** What a simulated device says that has no value. */
function writeAbsent(refs: readonly RegisterRef[], blocks: OpenBlocks): void {
  const ref = refs.find(({ absent }) => absent !== undefined);
  const [first] = ref?.absent ?? [];
  if (first !== undefined) ref?.write(blocks, first);
}

/** Blocks as the planner wants them. */
export function blocksOf(file: ProfileFile): Block[] {
  return Object.entries(modbusOf(file)?.blocks ?? {}).map(([name, block]) => ({
    name,
    ...block,
    address: block.address ?? 0,
    optional: file.metrics.every(
      (metric) => metric.optional || registersOf(metric).every((from) => from.block !== name),
    ),
  }));
}

/** The blocks of a frame that are shorter than they must be, with how. @throws wrong-protocol */
function shortBlocks(
  blocks: readonly Block[],
  frame: Blocks,
): ReadonlyMap<string, OperationalError> {
  let short = NONE_SHORT;
  for (const block of blocks) {
    const values = Object.hasOwn(frame, block.name) ? frame[block.name] : undefined;
    if (values === undefined) continue;
    if (values instanceof Uint16Array === isBits(block.table))
      throw new OperationalError('wrong-protocol', `block ${block.name} is of another kind`);
    if (values.length >= block.count) continue;
    const what = `block ${block.name}: ${values.length} values of ${block.count}`;
    short = new Map([...short, [block.name, new OperationalError('frame-too-short', what)]]);
  }
  return short;
}

const NONE_SHORT: ReadonlyMap<string, OperationalError> = new Map();

/** The registers of a metric as a person finds them in the device's manual. */
function placeOf(blocks: readonly Block[], refs: readonly RegisterRef[]): string {
  return refs
    .map((ref) => {
      const block = blocks.find(({ name }) => name === ref.block);
      const from = (block?.address ?? 0) + ref.at;
      const to = from + ref.count - 1;
      return `${block?.table} ${from === to ? from : `${from}–${to}`}`;
    })
    .join(' + ');
}

interface Compiled {
  readonly rule: MetricRule;
  readonly refs: readonly RegisterRef[];
  /** Its registers, to be told to people. */
  readonly place: string;
}

/** A codec that also knows what to ask the device for. */
export interface ModbusCodec extends Codec {
  plan(registersMax?: number): readonly ModbusRead[];
}

/** Compiles the Modbus side of a profile. */
export function compileModbus(file: ProfileFile, options: Options): ModbusCodec {
  const order = settle<WordOrder>(modbusOf(file)?.wordOrder, options) ?? 'ABCD';
  const blocks = blocksOf(file);
  const metrics: Compiled[] = file.metrics.map((metric) => {
    const rule = compileMetric(metric, options);
    const refs = registersOf(metric).map((from) =>
      compileRef(from, options, order, absentIn(metric, from)),
    );
    return { rule, refs, place: placeOf(blocks, refs) };
  });
  const quality = compileQuality(file);
  const planned = planner(file, blocks, metrics);
  return {
    plan: planned,
    decode(frame) {
      if (!isModbusFrame(frame))
        throw new OperationalError('wrong-protocol', `${file.profile} speaks Modbus`);
      const short = shortBlocks(blocks, frame.blocks);
      const readings: OpenReading[] = [];
      const refused: RefusedPart[] = [];
      for (const { rule, refs, place } of metrics) {
        try {
          for (const { block } of refs) {
            const fault = short.get(block);
            if (fault !== undefined) throw fault;
          }
          if (frame.notRead !== undefined && isNotRead(rule, refs, frame.notRead)) continue;
          const raw = readRefs(refs, frame.blocks);
          if (raw === undefined) noteMissing(rule);
          else addRaw(readings, rule, raw);
        } catch (error) {
          refusePart(refused, error, place, rule.key);
        }
      }
      return { at: null, readings: closeReadings(readings, quality), events: [], refused };
    },
    locate: (frame) => (isModbusFrame(frame) ? locateRegisters(metrics, frame) : new Map()),
    encode: (values) => [encodeBlocks(blocks, metrics, values)],
  };
}

/** Plans the requests of a profile; the plan without a limit is made once. */
function planner(
  file: ProfileFile,
  blocks: readonly Block[],
  metrics: readonly Compiled[],
): ModbusCodec['plan'] {
  const section = modbusOf(file);
  // What answers nothing but a whole block is never asked for a part of one.
  const isWhole = section?.oneRequestPerBlock === true;
  const refs = metrics.flatMap((metric) => metric.refs);
  const withValues = blocks.map((block) => ({
    ...block,
    values: isWhole
      ? [{ at: 0, count: block.count }]
      : joinPlaces(refs.filter((ref) => ref.block === block.name)),
  }));
  const maxGap = isWhole ? -1 : (section?.maxGap ?? 0);
  const unlimited = plan(withValues, { maxGap });
  return (registersMax) =>
    registersMax === undefined ? unlimited : plan(withValues, { maxGap, registersMax });
}

/**
 * Whether a poll did not get a metric that may be absent, since the device has none.
 * @throws the reason why there is no value of another
 */
function isNotRead(
  rule: MetricRule,
  refs: readonly RegisterRef[],
  notRead: NonNullable<ModbusFrame['notRead']>,
): boolean {
  for (const ref of refs) {
    const gap = notRead[ref.block]?.find(
      ({ at, count }) => at < ref.at + ref.count && ref.at < at + count,
    );
    if (gap === undefined) continue;
    if (rule.optional && (gap.reason ?? REFUSED) === REFUSED) return true;
    throw new OperationalError(
      gap.reason ?? 'value-missing',
      `${rule.key}: ${gap.message ?? 'was not read'}`,
    );
  }
  return false;
}

/** Two bytes a word, the blocks one after the other. */
function locateRegisters(
  metrics: readonly Compiled[],
  { blocks, notRead }: ModbusFrame,
): Map<string, readonly ByteRange[]> {
  const starts = new Map<string, number>();
  let start = 0;
  for (const [name, block] of Object.entries(blocks)) {
    starts.set(name, start);
    for (const { count } of readPlaces(block.length, notRead?.[name])) start += 2 * count;
  }
  return new Map(
    metrics.map(({ rule, refs }) => [
      rule.key,
      refs.flatMap((ref) => {
        const begin = starts.get(ref.block);
        const length = blocks[ref.block]?.length ?? 0;
        const from = byteOf(ref, length, notRead?.[ref.block]);
        if (begin === undefined || from === undefined) return [];
        return [{ from: begin + from, to: begin + from + 2 * ref.count }];
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
  for (const { rule, refs } of metrics) {
    const value = Object.hasOwn(values, rule.key) ? values[rule.key] : undefined;
    if (value !== undefined) writeRefs(refs, open, rule.scaling.toRaw(value));
    else writeAbsent(refs, open);
  }
  return { protocol: MODBUS, blocks: open };
}
