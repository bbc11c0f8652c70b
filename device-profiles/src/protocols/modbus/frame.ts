/** What a Modbus device says: blocks of registers or bits, and the requests that ask for them. */
import type { Frame } from '../../types.ts';

/** Name of the protocol, in profiles and frames. */
export const MODBUS = 'modbus';

export const MODBUS_TABLES = ['coil', 'discrete', 'holding', 'input'] as const;
export type ModbusTable = (typeof MODBUS_TABLES)[number];

/** The blocks of a profile by name. */
export interface ModbusFrame extends Frame {
  readonly protocol: typeof MODBUS;
  readonly blocks: Readonly<Record<string, Uint16Array | readonly boolean[]>>;
}

export function isModbusFrame(frame: Frame): frame is ModbusFrame {
  return frame.protocol === MODBUS;
}

/** One Modbus request of at most 125 registers or 2,000 bits. */
export interface ModbusRead {
  readonly table: ModbusTable;
  readonly address: number;
  readonly count: number;
  /** Which blocks of the profile it covers, and where in its answer each starts. */
  readonly parts: readonly {
    readonly block: string;
    readonly offset: number;
    readonly count: number;
    readonly at: number;
  }[];
}
