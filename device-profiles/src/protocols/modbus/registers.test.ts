import { seededRandom } from '@village/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../profile.ts';
import { profileOf } from '../../testing.ts';
import { isModbusFrame, MODBUS_TABLES } from './frame.ts';
import { planReads } from './index.ts';
import {
  assembleFrame,
  type Block,
  isBits,
  plan,
  REGISTER_COUNT,
  readRegisters,
  writeRegisters,
} from './registers.ts';
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

describe('plan', () => {
  it('joins neighbours whose gap is small, and only of one table', () => {
    const blocks = [
      holding('b', 10, 5),
      holding('a', 0, 4),
      holding('c', 40, 1),
      { ...holding('d', 5, 2), table: 'input' as const },
    ];
    expect(plan(blocks, 8)).toEqual([
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
    expect(plan(blocks, 0).map((read) => read.count)).toEqual([8, 1]);
    expect(plan(blocks, -1).map((read) => read.count)).toEqual([4, 4, 1]);
  });

  it('never lets a block that may be refused spoil one that is needed', () => {
    expect(plan([holding('a', 0, 4), holding('b', 4, 4, true)], 8)).toHaveLength(2);
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
          const reads = plan(blocks, gap);
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

describe('assembleFrame', () => {
  it('refuses a short answer', () => {
    const reads = plan([holding('a', 0, 4)], 0);
    expect(() => assembleFrame(reads, [new Uint16Array(3)])).toThrow(
      expect.objectContaining({ code: 'frame-too-short' }),
    );
  });

  it('leaves out blocks that the device refuses', () => {
    const reads = plan([holding('a', 0, 2), holding('b', 100, 2)], 0);
    const frame = assembleFrame(reads, [new Uint16Array(2), undefined]);
    expect(frame.protocol === 'modbus' ? Object.keys(frame.blocks) : []).toEqual(['a']);
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
