/** Modbus: a gateway polls blocks of registers and bits. */
import type { Device } from '@village/core';
import { codecOf } from '../../compile.ts';
import type { DeviceProfile } from '../../types.ts';
import { intervalsOf } from '../intervals.ts';
import type { Protocol } from '../protocol.ts';
import { checkModbus, checkModbusSource } from './check.ts';
import { compileModbus, type ModbusCodec } from './codec.ts';
import { exampleFrame } from './example.ts';
import { isModbusFrame, MODBUS, type ModbusRead } from './frame.ts';
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
};

/** The requests that read everything the profile needs, fewest first by table and address. @throws bad-option */
export function planReads(
  profile: DeviceProfile,
  options?: Device['options'],
): readonly ModbusRead[] {
  return profile.protocol === MODBUS ? (codecOf(profile, options) as ModbusCodec).reads : [];
}
