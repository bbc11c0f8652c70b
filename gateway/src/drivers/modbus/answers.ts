/** What the other side of a Modbus connection says, as the readers of its two framings report it. */
import {
  byteCountOf,
  type Framing,
  FUNCTION_OF,
  type ModbusValues,
  REFUSES,
  type ReadPdu,
} from '@village/device-profiles/modbus';

/** What devices get wrong and a configuration may accept, where the answer can be told all the same. */
export const LIES = ['transaction', 'length', 'byte-count', 'unit'] as const;
export type Lie = (typeof LIES)[number];

/** A request that waits for its answer. */
export interface Asked {
  readonly transaction: number;
  readonly unit: number;
  readonly read: ReadPdu;
  readonly accept: ReadonlySet<Lie>;
}

/** Codes of what is wrong with an answer. */
export type AnswerFault =
  | 'device-silent'
  | 'answer-malformed'
  | 'answer-cut'
  | 'length-wrong'
  | 'transaction-wrong'
  | 'unit-wrong'
  | 'protocol-foreign'
  | 'framing-other';

export interface Oddity {
  readonly code: AnswerFault;
  readonly message: string;
}

/** Where a reader puts what it found. */
export interface Findings<T extends Asked> {
  values(asked: T, values: ModbusValues): void;
  exception(asked: T, exception: number): void;
  /** It is the answer to this request, and it is of no use. */
  fault(asked: T, oddity: Oddity): void;
  /** Something came that is not taken for an answer: the request waits on, and this is why if none comes. */
  hint(asked: T, oddity: Oddity): void;
  /** A lie that was accepted. */
  accepted(lie: Lie): void;
  /** Bytes that belong to no answer. */
  stray(bytes: number): void;
}

export interface AnswerReader {
  /** Takes what came. */
  take(bytes: Buffer): void;
  /** What is known of an answer that has not come whole; undefined when nothing of it came. */
  remains(): Oddity | undefined;
  /** Forgets what came. */
  clear(): void;
}

/** What is told where answers come in the other framing than the one that was configured. */
export const OTHER_FRAMING: Readonly<Record<Framing, Oddity>> = {
  tcp: {
    code: 'framing-other',
    message: 'answers come as on a serial line, without the header of Modbus TCP (framing: rtu)',
  },
  rtu: {
    code: 'framing-other',
    message: 'answers come with the header of Modbus TCP (framing: tcp)',
  },
};

/** How much is kept of what can't be understood yet: more than any frame. */
export const HELD_MAX = 600;

/** Whether a function is the one asked for, or its refusal. */
export function isFunctionOf({ read }: Asked, code: number): boolean {
  return (code & ~REFUSES) === FUNCTION_OF[read.table];
}

/** Whether an answer may come from this unit. Units 0 and 255 mean the device itself, which may have a number of its own. */
export function isUnitOf({ unit, accept }: Asked, answered: number): boolean {
  return answered === unit || unit === 0 || unit === 255 || accept.has('unit');
}

export function wrongUnit(asked: Asked, answered: number): Oddity {
  return {
    code: 'unit-wrong',
    message: `the answer is of unit ${answered}, not ${asked.unit}`,
  };
}

export function wrongCount({ read }: Asked, bytes: number): Oddity {
  return {
    code: 'answer-malformed',
    message: `the answer holds ${bytes} bytes of values, not ${byteCountOf(read)}`,
  };
}
