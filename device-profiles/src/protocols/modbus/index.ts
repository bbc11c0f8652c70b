/** Modbus: a gateway polls blocks of registers and bits. */
import { type Device, OperationalError } from '@village/core';
import { codecOf } from '../../compile.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { DeviceProfile } from '../../types.ts';
import { intervalsOf } from '../intervals.ts';
import type { Protocol } from '../protocol.ts';
import { checkModbus, checkModbusSource } from './check.ts';
import { compileModbus, type ModbusCodec } from './codec.ts';
import { exampleFrame } from './example.ts';
import { isModbusFrame, MODBUS, type ModbusFrame, type ModbusRead } from './frame.ts';
import { isBits } from './registers.ts';
import { modbusOf, modbusSection, register, registerSum } from './schema.ts';
import { template } from './template.ts';

export {
  isModbusFrame,
  MODBUS,
  type ModbusFrame,
  type ModbusRead,
  type ModbusTable,
} from './frame.ts';
export { assembleFrame } from './registers.ts';

/** A polled device sends at least this often what has not changed. */
const HEARTBEAT_MS = 600_000;

/** @throws frame-too-short when the bytes are not those of the blocks */
function frameFromBytes(file: ProfileFile, payload: Uint8Array, framing: string): ModbusFrame {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const known = modbusOf(file)?.blocks ?? {};
  const blocks: Record<string, Uint16Array | boolean[]> = {};
  let at = 0;
  for (const part of framing.split(' ').filter((word) => word !== '')) {
    const [, name = '', count = '0'] = /^(.+):(\d{1,6})$/.exec(part) ?? [];
    const block = Object.hasOwn(known, name) ? known[name] : undefined;
    const end = at + 2 * Number(count);
    if (block === undefined || end > bytes.length)
      throw new OperationalError('frame-too-short', `${part} is no block of these bytes`);
    const words = Uint16Array.from({ length: Number(count) }, (_, i) =>
      bytes.readUInt16BE(at + 2 * i),
    );
    blocks[name] = isBits(block.table) ? [...words].map((word) => word !== 0) : words;
    at = end;
  }
  if (at !== bytes.length)
    throw new OperationalError('frame-too-short', `${bytes.length - at} bytes are of no block`);
  return { protocol: MODBUS, blocks };
}

export const modbusProtocol: Protocol = {
  name: MODBUS,
  sections: { modbus: modbusSection },
  sources: [register, registerSum],
  template,
  intervals: (file) => intervalsOf(modbusOf(file), (everyMs) => Math.max(everyMs, HEARTBEAT_MS)),
  check: checkModbus,
  checkSource: checkModbusSource,
  compile: (file) => ({ codec: (options) => compileModbus(file, options) }),
  exampleFrame: (_profile, file, example, note) => exampleFrame(file, example, note),
  /** The words of all blocks in their order, high byte first as on the wire; a bit is a word too. */
  frameBytes(frame) {
    if (!isModbusFrame(frame)) return new Uint8Array();
    const words = Object.values(frame.blocks).flatMap((block) => [...block].map(Number));
    const bytes = Buffer.alloc(2 * words.length);
    for (const [i, word] of words.entries()) bytes.writeUInt16BE(word, 2 * i);
    return bytes;
  },
  /** The blocks in their order with the words of each: a device may refuse one, and answer more than was asked. */
  framing: (frame) =>
    isModbusFrame(frame)
      ? Object.entries(frame.blocks)
          .map(([name, block]) => `${name}:${block.length}`)
          .join(' ')
      : '',
  frameOf: frameFromBytes,
};

/** The requests that read everything the profile needs, fewest first by table and address. @throws bad-option */
export function planReads(
  profile: DeviceProfile,
  options?: Device['options'],
): readonly ModbusRead[] {
  return profile.protocol === MODBUS ? (codecOf(profile, options) as ModbusCodec).reads : [];
}
