/** Registers that say "no value" by a number: what a profile lists as `absent` gives no reading, and only what can stand there may be listed. */
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../../compile.ts';
import { decode } from '../../profile.ts';
import { parseProfile } from '../../schema/parse.ts';
import { catalog } from '../../testing.ts';
import type { ModbusFrame } from './frame.ts';
import { isBits } from './registers.ts';
import { modbusOf, type RegisterType, registersOf, type WordOrder } from './schema.ts';

/** A profile of one metric, whose range takes in all that its registers can hold. */
function textOf(from: string, absent: string, order: WordOrder = 'ABCD', more = ''): string {
  return `
profile: test/absent
revision: 1
name: { zh: 无值, en: No value }
kind: flow-meter
protocol: modbus
modbus:
  every: 10s
  wordOrder: ${order}
  blocks:
    w: { table: holding, address: 0, count: 4 }
metrics:
  - { key: total, quantity: water.volume-total, from: ${from}, scale: 0.1, range: [-1.0e+300, 1.0e+300], optional: true${absent}${more} }
examples:
  - { name: whole, frame: { w: "0000 0000 0000 0000" }, readings: { total: 0 } }
  - { name: cut, frame: { w: "" }, error: frame-too-short }
`;
}

const at0 = (type: string): string => `{ block: w, at: 0, type: ${type} }`;

function profileOf(text: string) {
  const { profile, faults } = parseProfile(text, 'test/absent.yaml');
  if (profile === undefined) throw new Error(JSON.stringify(faults));
  return profile;
}

const faultsOf = (text: string): string[] =>
  parseProfile(text, 'test/absent.yaml').faults.map(({ path, message }) => `${path}: ${message}`);

const frameOf = (words: string): ModbusFrame => ({
  protocol: 'modbus',
  blocks: { w: Uint16Array.from(words.split(' ').map((word) => Number.parseInt(word, 16))) },
});

describe('registers that mean "no value"', () => {
  it.each([
    ['uint16', '[0xFFFF]', 'ABCD', 'FFFF 0000 0000 0000'],
    ['int16', '[0x7FFF, -32768]', 'ABCD', '7FFF 0000 0000 0000'],
    ['int16', '[0x7FFF, -32768]', 'ABCD', '8000 0000 0000 0000'],
    ['uint32', '[0xFFFFFFFF]', 'CDAB', 'FFFF FFFF 0000 0000'],
    ['int32', '[-2147483648]', 'CDAB', '0000 8000 0000 0000'],
    ['uint64', '[0xFFFFFFFFFFFFFFFF]', 'ABCD', 'FFFF FFFF FFFF FFFF'],
    ['int64', '[0x7FFFFFFFFFFFFFFF]', 'DCBA', 'FFFF FFFF FFFF FF7F'],
    // FLT_MAX as manuals print it, longer than a float can tell apart.
    ['float32', '[3.402823466e+38]', 'ABCD', '7F7F FFFF 0000 0000'],
    ['float32', '[-9999.9]', 'ABCD', 'C61C 3F9A 0000 0000'],
    ['float32', '[nan]', 'ABCD', '7FC0 0000 0000 0000'],
    ['float64', '[1.7976931348623157e+308]', 'ABCD', '7FEF FFFF FFFF FFFF'],
  ] as const)('%s %s %s: %s', (type, absent, order, words) => {
    const told = decode(profileOf(textOf(at0(type), `, absent: ${absent}`, order)), frameOf(words));
    expect({ readings: told.readings, refused: told.refused }).toEqual({
      readings: [],
      refused: [],
    });
  });

  it('of a sum, what either of its places holds', () => {
    const from = '{ sum: [{ block: w, at: 0, type: int32 }, { block: w, at: 2, type: float32 }] }';
    const profile = profileOf(textOf(from, ', absent: [0x7FFFFFFF, 3.4028235e+38, nan]'));
    const saidBy = (words: string) =>
      decode(profile, frameOf(words)).readings.map(({ value }) => value);
    expect(saidBy('7FFF FFFF 3F00 0000')).toEqual([]);
    expect(saidBy('0000 0005 7F7F FFFF')).toEqual([]);
    expect(saidBy('0000 0005 7FC0 0000')).toEqual([]);
    expect(saidBy('0000 0005 3F00 0000')).toEqual([0.55]);
  });

  it.each([
    ['int16', '[0xFFFF]', 'int16 holds -32768 to 32767: the bits of 65535 are -1 there'],
    ['int16', '[0x8000]', 'the bits of 32768 are -32768 there'],
    ['uint16', '[-1]', 'the bits of -1 are 65535 there'],
    ['uint16', '[65536]', 'uint16 holds 0 to 65535'],
    ['uint16', '[6553.5]', 'before `scale`'],
    ['uint32', '[nan]', 'only a float'],
    ['int32', '[0xFFFFFFFF]', 'the bits of 4294967295 are -1 there'],
    ['float32', '[1.0e+39]', 'no float32'],
    ['uint16', '[0xFFFF, 65535]', 'stands twice'],
  ])('%s: %s is refused', (type, absent, part) => {
    expect(faultsOf(textOf(at0(type), `, absent: ${absent}`)).join('\n')).toContain(part);
  });

  it('refuses 0 for a sum, whose fraction it may be', () => {
    const from = '{ sum: [{ block: w, at: 0, type: int32 }, { block: w, at: 2, type: float32 }] }';
    expect(faultsOf(textOf(from, ', absent: [0]')).join('\n')).toContain('0 of a sum');
  });

  it('refuses bits, and what is one of the states', () => {
    const state = (from: string, absent: string): string =>
      textOf(from, absent)
        .replace('water.volume-total', 'device.running')
        .replace('scale: 0.1, range: [-1.0e+300, 1.0e+300]', 'states: { stopped: 0, running: 1 }');
    expect(faultsOf(state(at0('uint16'), ', absent: [0xFFFF]'))).toEqual([]);
    expect(faultsOf(state(at0('uint16'), ', absent: [1]')).join('\n')).toContain(
      'is the state running',
    );
    expect(
      faultsOf(state('{ block: w, at: 0, type: bit, bit: 0 }', ', absent: [1]')).join('\n'),
    ).toContain('a bit');
  });
});

/** What instruments send where there is no value, by what is read from the registers. */
const FULL_SCALE: Readonly<Record<RegisterType, readonly string[]>> = {
  bit: [],
  uint16: ['FFFF'],
  int16: ['7FFF', '8000'],
  uint32: ['FFFF FFFF'],
  int32: ['7FFF FFFF', '8000 0000'],
  uint64: ['FFFF FFFF FFFF FFFF'],
  int64: ['7FFF FFFF FFFF FFFF', '8000 0000 0000 0000'],
  float32: ['7F7F FFFF', 'FF7F FFFF', '7FC0 0000', '7F80 0000', 'FFFF FFFF'],
  float64: ['7FEF FFFF FFFF FFFF', '7FF8 0000 0000 0000'],
};

/** The words as they stand in registers of that order. */
function inOrder(words: string, order: WordOrder): number[] {
  const bytes = Buffer.from(words.replaceAll(' ', ''), 'hex');
  const single = bytes.length === 2;
  if (!single && (order === 'BADC' || order === 'DCBA')) bytes.swap16();
  const all = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(2 * i));
  return order === 'CDAB' || order === 'DCBA' ? all.reverse() : all;
}

describe('the built-in catalogue', () => {
  it('takes no register at full scale for a good value', () => {
    const good: string[] = [];
    let tried = 0;
    for (const profile of catalog.profiles.values()) {
      const { file } = rulesOf(profile);
      const section = modbusOf(file);
      if (section === undefined) continue;
      const settled = <T extends string | number>(one: T | { option: string }): T =>
        typeof one === 'object' ? (file.options[one.option]?.default as T) : one;
      const places = file.metrics.flatMap((metric) =>
        registersOf(metric).flatMap((from) =>
          FULL_SCALE[from.type].map((words) => ({ metric, from, words })),
        ),
      );
      for (const { metric, from, words } of places) {
        const order = settled<WordOrder>(from.wordOrder ?? section.wordOrder);
        const blocks = Object.fromEntries(
          Object.entries(section.blocks).map(([name, { table, count }]) => {
            if (isBits(table)) return [name, new Array<boolean>(count).fill(false)];
            const block = new Uint16Array(count);
            if (name === from.block) block.set(inOrder(words, order), settled<number>(from.at));
            return [name, block];
          }),
        );
        const { readings } = decode(profile, { protocol: 'modbus', blocks } as ModbusFrame);
        const reading = readings.find((one) => one.metric === metric.key);
        if (reading?.quality === 'good')
          good.push(`${profile.id} ${metric.key} ${words}: ${reading.value}`);
        tried++;
      }
    }
    expect(good).toEqual([]);
    expect(tried).toBeGreaterThan(50);
  });
});
