import { OperationalError, seededRandom } from '@village/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode, frameKept, locate } from '../../profile.ts';
import { parseProfile } from '../../schema/parse.ts';
import { profileOf } from '../../testing.ts';
import { isModbusFrame, MODBUS_TABLES, type ModbusRead } from './frame.ts';
import { planReads } from './index.ts';
import { assembleFrame, type Block, plan, type ReadResult, splitRead } from './plan.ts';
import { isBits, REGISTER_COUNT, readRegisters, writeRegisters } from './registers.ts';
import { WORD_ORDERS } from './schema.ts';

describe('word orders', () => {
  // 0x0A0B0C0D, A the most significant byte, as manuals write the four orders.
  it.each([
    ['ABCD', [0x0a0b, 0x0c0d]],
    ['CDAB', [0x0c0d, 0x0a0b]],
    ['BADC', [0x0b0a, 0x0d0c]],
    ['DCBA', [0x0d0c, 0x0b0a]],
  ] as const)('%s', (order, words) => {
    expect(readRegisters(Uint16Array.from(words), 0, 'uint32', order)).toBe(0x0a0b0c0d);
    const written = new Uint16Array(2);
    writeRegisters(written, 0, 'uint32', order, 0x0a0b0c0d);
    expect([...written]).toEqual(words);
  });

  it('reads back what it writes, in every order', () => {
    fc.assert(
      fc.property(fc.constantFrom(...WORD_ORDERS), fc.double({ noNaN: true }), (order, value) => {
        const words = new Uint16Array(6);
        writeRegisters(words, 1, 'float64', order, value);
        expect(readRegisters(words, 1, 'float64', order)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...WORD_ORDERS), fc.integer(), (order, value) => {
        const words = new Uint16Array(4);
        writeRegisters(words, 1, 'int32', order, value);
        expect(readRegisters(words, 1, 'int32', order)).toBe(value);
      }),
    );
  });

  it('stops at the limits of whole types', () => {
    const words = new Uint16Array(1);
    writeRegisters(words, 0, 'int16', 'ABCD', 40_000);
    expect(readRegisters(words, 0, 'int16', 'ABCD')).toBe(32_767);
    writeRegisters(words, 0, 'uint16', 'ABCD', -5);
    expect(readRegisters(words, 0, 'uint16', 'ABCD')).toBe(0);
    expect(REGISTER_COUNT.float64).toBe(4);
  });
});

const holding = (name: string, address: number, count: number, optional = false): Block => ({
  name,
  table: 'holding',
  address,
  count,
  optional,
});

describe('whole numbers of 64 bits', () => {
  it.each([
    ['ABCD', [0x0001, 0x0203, 0x0405, 0x0607]],
    ['CDAB', [0x0607, 0x0405, 0x0203, 0x0001]],
    ['BADC', [0x0100, 0x0302, 0x0504, 0x0706]],
    ['DCBA', [0x0706, 0x0504, 0x0302, 0x0100]],
  ] as const)('%s', (order, words) => {
    const value = 0x0001020304050607;
    expect(readRegisters(Uint16Array.from(words), 0, 'uint64', order)).toBe(value);
    const written = new Uint16Array(4);
    writeRegisters(written, 0, 'uint64', order, value);
    expect([...written]).toEqual(words);
  });

  it('of either sign, up to their limits and beyond what a double tells apart', () => {
    const read = (type: 'int64' | 'uint64', ...words: number[]): number =>
      readRegisters(Uint16Array.from(words), 0, type, 'ABCD');
    expect(read('int64', 0xffff, 0xffff, 0xffff, 0xfffe)).toBe(-2);
    expect(read('uint64', 0xffff, 0xffff, 0xffff, 0xffff)).toBe(2 ** 64);
    expect(read('int64', 0x8000, 0, 0, 0)).toBe(-(2 ** 63));
    const words = new Uint16Array(4);
    for (const [type, value, shown] of [
      ['int64', -1e300, '8000 0 0 0'],
      ['int64', 1e300, '7fff ffff ffff ffff'],
      ['uint64', -1, '0 0 0 0'],
      ['uint64', Number.POSITIVE_INFINITY, 'ffff ffff ffff ffff'],
      ['int64', Number.NaN, '0 0 0 0'],
      ['int64', -1.6, 'ffff ffff ffff fffe'],
    ] as const) {
      writeRegisters(words, 0, type, 'ABCD', value);
      expect([...words].map((word) => word.toString(16)).join(' ')).toBe(shown);
    }
  });
});

describe('plan', () => {
  it('joins neighbours whose gap is small, and only of one table', () => {
    const blocks = [
      holding('b', 10, 5),
      holding('a', 0, 4),
      holding('c', 40, 1),
      { ...holding('d', 5, 2), table: 'input' as const },
    ];
    expect(plan(blocks, { maxGap: 8 })).toMatchObject([
      {
        table: 'holding',
        address: 0,
        count: 15,
        parts: [
          { block: 'a', offset: 0, count: 4, at: 0 },
          { block: 'b', offset: 0, count: 5, at: 10 },
        ],
      },
      {
        table: 'holding',
        address: 40,
        count: 1,
        parts: [{ block: 'c', offset: 0, count: 1, at: 0 }],
      },
      { table: 'input', address: 5, count: 2, parts: [{ block: 'd', offset: 0, count: 2, at: 0 }] },
    ]);
  });

  it('joins only touching blocks with maxGap 0, and none with one request per block', () => {
    const blocks = [holding('a', 0, 4), holding('b', 4, 4), holding('c', 9, 1)];
    expect(plan(blocks, { maxGap: 0 }).map((read) => read.count)).toEqual([8, 1]);
    expect(plan(blocks, { maxGap: -1 }).map((read) => read.count)).toEqual([4, 4, 1]);
  });

  it('never lets a block that may be refused spoil one that is needed', () => {
    expect(plan([holding('a', 0, 4), holding('b', 4, 4, true)], { maxGap: 8 })).toHaveLength(2);
  });

  it('keeps to the limit of a device, and tears no value', () => {
    const block = {
      ...holding('a', 100, 20),
      values: [0, 4, 9, 13].map((at) => ({ at, count: 4 })),
    };
    const reads = plan([block], { maxGap: 8, registersMax: 8 });
    expect(reads.map(({ address, count }) => [address, count])).toEqual([
      [100, 8],
      [108, 5],
      [113, 7],
    ]);
    const bits = { ...holding('b', 0, 100), table: 'coil' as const };
    expect(plan([bits], { maxGap: 0, registersMax: 2 }).map(({ count }) => count)).toEqual([
      32, 32, 32, 4,
    ]);
  });

  it('splits a read at its widest gap, then in the middle, down to one value', () => {
    const [read] = plan(
      [
        { ...holding('a', 100, 2), values: [{ at: 0, count: 2 }] },
        { ...holding('b', 104, 8), values: [0, 1, 2, 4, 6].map((at) => ({ at, count: 1 })) },
      ],
      { maxGap: 8 },
    );
    const shape = (one: ModbusRead): unknown => {
      const halves = splitRead(one);
      return halves === null ? [one.address, one.count] : halves.map(shape);
    };
    expect(shape(read as ModbusRead)).toEqual([
      [100, 2],
      [
        [
          [104, 1],
          [
            [105, 1],
            [106, 1],
          ],
        ],
        [
          [108, 1],
          [110, 1],
        ],
      ],
    ]);
    const [, b] = splitRead(read as ModbusRead) ?? [];
    expect(b).toMatchObject({
      address: 104,
      count: 7,
      parts: [{ block: 'b', offset: 0, count: 7 }],
    });
  });

  it('reads what the blocks say through requests within the limits, whatever the blocks', () => {
    const block = fc.record({
      table: fc.constantFrom(...MODBUS_TABLES),
      address: fc.nat(3_000),
      count: fc.integer({ min: 1, max: 2_000 }),
      optional: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(block, { maxLength: 8 }),
        fc.integer({ min: -1, max: 124 }),
        (list, gap) => {
          const blocks: Block[] = list.map((one, i) => ({ name: `b${i}`, ...one }));
          const random = seededRandom(list.length);
          const words = Uint16Array.from({ length: 6_000 }, () => Math.floor(random() * 65_536));
          const reads = plan(blocks, { maxGap: gap });
          const answers = reads.map(({ table, address, count }) => {
            expect(count).toBeLessThanOrEqual(isBits(table) ? 2_000 : 125);
            const slice = words.slice(address, address + count);
            return isBits(table) ? [...slice].map((word) => word > 32_767) : slice;
          });
          const frame = assembleFrame(reads, answers);
          expect(Object.keys(isModbusFrame(frame) ? frame.blocks : {})).toHaveLength(blocks.length);
          for (const { name, table, address, count } of blocks) {
            const slice = words.slice(address, address + count);
            const got = isModbusFrame(frame) ? frame.blocks[name] : undefined;
            expect([...(got ?? [])]).toEqual(
              isBits(table) ? [...slice].map((word) => word > 32_767) : [...slice],
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

const refused = new OperationalError('device-refused', 'exception 2');

describe('assembleFrame', () => {
  it('refuses a short answer', () => {
    const reads = plan([holding('a', 0, 4)], { maxGap: 0 });
    expect(() => assembleFrame(reads, [new Uint16Array(3)])).toThrow(
      expect.objectContaining({ code: 'frame-too-short' }),
    );
  });

  it('leaves out blocks that the device refuses', () => {
    const reads = plan([holding('a', 0, 2), holding('b', 100, 2)], { maxGap: 0 });
    const frame = assembleFrame(reads, [new Uint16Array(2), refused]);
    expect(frame.protocol === 'modbus' ? Object.keys(frame.blocks) : []).toEqual(['a']);
  });

  it('says which places of a block were not read, and why', () => {
    const reads = plan([holding('a', 0, 130)], { maxGap: 0 });
    const frame = assembleFrame(reads, [new Uint16Array(125).fill(7), refused]);
    expect(frame.blocks['a']).toEqual(
      Uint16Array.from({ length: 130 }, (_, i) => (i < 125 ? 7 : 0)),
    );
    expect(frame.notRead).toEqual({
      a: [{ at: 125, count: 5, reason: 'device-refused', message: 'exception 2' }],
    });
  });
});

describe('the bytes of a frame that was not read whole', () => {
  const file = `
profile: test/bytes
revision: 1
name: { zh: 字节, en: Bytes }
kind: flow-meter
protocol: modbus
modbus:
  every: 10s
  blocks:
    w: { table: holding, address: 0, count: 12 }
    b: { table: coil, address: 0, count: 4 }
metrics:
${Array.from(
  { length: 6 },
  (_, i) =>
    `  - { key: m${i}, quantity: water.volume-total, name: { zh: m${i}, en: m${i} }, from: { block: w, at: ${2 * i}, type: uint32 }, range: [0, 4.3e+9], optional: true }`,
).join('\n')}
  - { key: on, quantity: device.running, from: { block: b, at: 3, type: bit }, optional: true }
examples:
  - name: whole
    frame: { w: "0000 0001 0000 0002 0000 0003 0000 0004 0000 0005 0000 0006", b: "0001" }
    readings: { m0: 1, m1: 2, m2: 3, m3: 4, m4: 5, m5: 6, on: 1 }
  - name: cut
    frame: { w: "0000" }
    error: frame-too-short
`;

  it('hold what was read, and tell where each value stands', () => {
    const { profile, faults } = parseProfile(file, 'bytes.yaml');
    if (profile === undefined) throw new Error(JSON.stringify(faults));
    const words = Uint16Array.from({ length: 12 }, (_, i) => 1_000 + i);
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4, 5]), fc.boolean(), (read, bits) => {
        const reads: ModbusRead[] = read.map((i) => ({
          table: 'holding',
          address: 2 * i,
          count: 2,
          values: [],
          parts: [{ block: 'w', length: 12, offset: 2 * i, count: 2, at: 0 }],
        }));
        const answers: ReadResult[] = read.map((i) => words.slice(2 * i, 2 * i + 2));
        reads.push(
          ...[0, 2].map(
            (offset): ModbusRead => ({
              table: 'coil',
              address: offset,
              count: 2,
              values: [],
              parts: [{ block: 'b', length: 4, offset, count: 2, at: 0 }],
            }),
          ),
        );
        answers.push(bits ? [true, true] : refused, [false, true]);
        const frame = assembleFrame(reads, answers);
        const { payload, framing } = frameKept(profile, frame);
        expect(payload).toHaveLength(4 * read.length + (bits ? 8 : 4));
        const { readings } = decode(profile, frame);
        expect(readings.map(({ metric }) => metric)).toEqual([...read.map((i) => `m${i}`), 'on']);
        for (const { metric, value, from, to } of locate(profile, payload, framing)) {
          const bytes = Buffer.from(payload.subarray(from, to));
          expect(to - from === 4 ? bytes.readUInt32BE(0) : bytes.readUInt16BE(0)).toBe(value);
          expect(value).toBe(readings.find((one) => one.metric === metric)?.value);
        }
        expect(locate(profile, payload, framing)).toHaveLength(readings.length);
      }),
    );
  });
});

describe('a poll of a profile', () => {
  it('goes from values over planned requests and back', () => {
    const profile = profileOf('chint/dtsu666');
    const values = Object.fromEntries(
      profile.metrics.map(({ key, range }) => [key, Math.min(range[1], 50) / 2]),
    );
    const frame = encode(profile, values, { at: 0, address: 'm' });
    const blocks = isModbusFrame(frame) ? frame.blocks : {};
    const reads = planReads(profile);
    const answers = reads.map((read) => {
      const words = new Uint16Array(read.count);
      for (const part of read.parts)
        words.set(
          (blocks[part.block] as Uint16Array).subarray(part.offset, part.offset + part.count),
          part.at,
        );
      return words;
    });
    const { readings } = decode(profile, assembleFrame(reads, answers));
    expect(Object.fromEntries(readings.map((one) => [one.metric, one.value]))).toEqual(values);
  });
});
