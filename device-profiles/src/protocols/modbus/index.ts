/** Modbus: a gateway polls blocks of registers and bits. */
import type { Device } from '@village/core';
import { codecOf } from '../../compile.ts';
import type { DeviceProfile } from '../../types.ts';
import { intervalsOf } from '../intervals.ts';
import type { Protocol } from '../protocol.ts';
import { bytesOfFrame, frameOfBytes, framingOf } from './bytes.ts';
import { checkChannel, expandBlocks, inChannel } from './channels.ts';
import { checkModbus, checkModbusSource } from './check.ts';
import { blocksOf, compileModbus, type ModbusCodec } from './codec.ts';
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
  type NotRead,
  type Places,
} from './frame.ts';
export { assembleFrame, type ReadResult, splitRead } from './plan.ts';
export { REGISTERS_MAX } from './registers.ts';
export {
  answerPdu,
  byteCountOf,
  crc16,
  EXCEPTION,
  exceptionPdu,
  FRAMINGS,
  type Framing,
  FUNCTION_OF,
  HEADER_BYTES,
  LENGTH_MAX,
  type ModbusValues,
  REFUSES,
  type ReadPdu,
  readOf,
  requestPdu,
  rtuFrame,
  tcpFrame,
  valuesOf,
} from './wire.ts';

/** A polled device sends at least this often what has not changed. */
const HEARTBEAT_MS = 600_000;

export const modbusProtocol: Protocol = {
  name: MODBUS,
  title: 'Modbus',
  sections: { modbus: modbusSection },
  sources: [register, registerSum],
  template,
  intervals: (file) => intervalsOf(modbusOf(file), (everyMs) => Math.max(everyMs, HEARTBEAT_MS)),
  check: checkModbus,
  checkChannel,
  inChannel,
  expand: expandBlocks,
  checkSource: checkModbusSource,
  compile: (file) => ({ tellsTime: false, codec: (options) => compileModbus(file, options) }),
  exampleFrame: (_profile, file, example, note) => exampleFrame(file, example, note),
  frameBytes: (frame) => (isModbusFrame(frame) ? bytesOfFrame(frame) : new Uint8Array()),
  framing: (frame) => (isModbusFrame(frame) ? framingOf(frame) : ''),
  frameOf: (file, bytes, framing) => frameOfBytes(blocksOf(file), bytes, framing),
};

/**
 * The requests that read everything the profile needs, fewest first by table and address; none asks for more registers than
 * `registersMax` (for bits sixteen times as many). @throws bad-option
 */
export function planReads(
  profile: DeviceProfile,
  options?: Device['options'],
  registersMax?: number,
): readonly ModbusRead[] {
  return profile.protocol === MODBUS
    ? (codecOf(profile, options) as ModbusCodec).plan(registersMax)
    : [];
}
