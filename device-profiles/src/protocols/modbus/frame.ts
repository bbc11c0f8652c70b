/** What a Modbus device says: blocks of registers or bits, and the requests that ask for them. */
import type { Frame } from '../../types.ts';

/** Name of the protocol, in profiles and frames. */
export const MODBUS = 'modbus';

export const MODBUS_TABLES = ['coil', 'discrete', 'holding', 'input'] as const;
export type ModbusTable = (typeof MODBUS_TABLES)[number];

/** A run of registers or bits. */
export interface Places {
  readonly at: number;
  readonly count: number;
}

/** Places of a block that a poll did not get; without a reason where nobody asked for them. */
export interface NotRead extends Places {
  readonly reason?: string;
  readonly message?: string;
}

/** The blocks of a profile by name. */
export interface ModbusFrame extends Frame {
  readonly protocol: typeof MODBUS;
  readonly blocks: Readonly<Record<string, Uint16Array | readonly boolean[]>>;
  /** By block, in order; what stands there in `blocks` was never said. Absent when all was read. */
  readonly notRead?: Readonly<Record<string, readonly NotRead[]>>;
}

export function isModbusFrame(frame: Frame): frame is ModbusFrame {
  return frame.protocol === MODBUS;
}

/** One Modbus request of at most 125 registers or 2,000 bits. */
export interface ModbusRead {
  readonly table: ModbusTable;
  readonly address: number;
  readonly count: number;
  /** What must come from one answer: the places of its values, in order. */
  readonly values: readonly Places[];
  /** Which blocks of the profile it covers, and where in its answer each starts. */
  readonly parts: readonly {
    readonly block: string;
    /** Places of the whole block. */
    readonly length: number;
    readonly offset: number;
    readonly count: number;
    readonly at: number;
  }[];
}
