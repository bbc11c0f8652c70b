/**
 * Answers of Modbus TCP in a stream of bytes. The request says what its answer looks like, so that a wrong length, bytes left
 * over from before and half an answer cost only the request they belong to: the reader finds the next header by itself.
 */
import {
  byteCountOf,
  crc16,
  HEADER_BYTES,
  LENGTH_MAX,
  REFUSES,
  valuesOf,
} from '@village/device-profiles/modbus';
import {
  type AnswerReader,
  type Asked,
  type Findings,
  HELD_MAX,
  isFunctionOf,
  isUnitOf,
  type Oddity,
  OTHER_FRAMING,
  wrongCount,
  wrongUnit,
} from './answers.ts';

/** Header, unit, function, and the exception or the byte count. */
const SHORTEST = 9;
/** What is compared to find a header: all before the exception or the byte count. */
const COMPARED = 8;
const EMPTY = Buffer.alloc(0);

/** What a transaction number stands for that no request waits for. */
export type Past = 'never' | 'answered' | 'late';

export interface TcpReaderOptions<T extends Asked> {
  /** By transaction; what the findings settle is taken out of it. */
  readonly pending: ReadonlyMap<number, T>;
  past(transaction: number): Past;
}

export class TcpReader<T extends Asked> implements AnswerReader {
  readonly #options: TcpReaderOptions<T>;
  readonly #findings: Findings<T>;
  #held: Buffer = EMPTY;
  /** Places from the first on where no header was found, so that none is looked at again for each frame before it. */
  #searched = 0;

  constructor(options: TcpReaderOptions<T>, findings: Findings<T>) {
    this.#options = options;
    this.#findings = findings;
  }

  clear(): void {
    this.#drop(this.#held.length);
  }

  take(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    // Another request may wait now.
    this.#searched = 0;
    while (this.#next());
    // What is kept must not hold on to the block that the socket read into.
    if (this.#held.length > 0) this.#held = Buffer.from(this.#held);
  }

  remains(): Oddity | undefined {
    const held = this.#held;
    if (held.length === 0) return undefined;
    const [asked] = this.#options.pending.values();
    if (asked !== undefined && rtuLength(asked, held) !== null) return OTHER_FRAMING.tcp;
    return { code: 'answer-cut', message: `only ${held.length} bytes of the answer came` };
  }

  /** Takes one thing from what is held; false when there is no more to take now. */
  #next(): boolean {
    const held = this.#held;
    const { pending } = this.#options;
    if (pending.size === 0) {
      this.#drop(held.length);
      return false;
    }
    if (held.length < SHORTEST) return false;
    const asked = pending.get(held.readUInt16BE(0));
    if (asked === undefined || !this.#isPlausible(asked, 0)) return this.#foreign();
    return this.#own(asked);
  }

  #drop(bytes: number): void {
    if (bytes === 0) return;
    this.#findings.stray(bytes);
    this.#consume(bytes);
  }

  #consume(bytes: number): true {
    this.#held = this.#held.subarray(Math.min(bytes, this.#held.length));
    this.#searched = Math.max(0, this.#searched - bytes);
    return true;
  }

  /** Whether the bytes there can begin the answer to a request whose transaction number stands there. */
  #isPlausible(asked: T, at: number): boolean {
    const held = this.#held;
    const unit = held[at + 6] === asked.unit;
    const code = isFunctionOf(asked, held[at + 7] ?? 0);
    // Of transaction, protocol, unit and function no more than one may be wrong.
    return held.readUInt16BE(at + 2) === 0 ? unit || code : unit && code;
  }

  /** Where the next header stands, from a place on; one that is right in all its parts. */
  #findHeader(from: number, to: number, but?: T): number | undefined {
    const held = this.#held;
    const { pending } = this.#options;
    for (let at = from; at + COMPARED <= Math.min(to, held.length); at++) {
      const asked = pending.get(held.readUInt16BE(at));
      if (asked === undefined || asked === but || held.readUInt16BE(at + 2) !== 0) continue;
      const isUnit = isUnitOf(asked, held[at + 6] ?? 0);
      if (isUnit && isFunctionOf(asked, held[at + 7] ?? 0)) return at;
    }
    return undefined;
  }

  /**
   * Where another answer begins within the bytes that this one would have: that of another request, or one that is late or
   * comes twice. Registers that look so are most improbable, and cost a refusal.
   */
  #headerWithin(asked: T, end: number): number | undefined {
    const held = this.#held;
    const { pending } = this.#options;
    if (pending.size > 1) {
      const other = this.#findHeader(SHORTEST, Math.min(end, held.length) + COMPARED - 1, asked);
      if (other !== undefined && other < end) return other;
    }
    for (let at = SHORTEST; at < end && at + SHORTEST <= held.length; at++) {
      if (held[at + 2] !== 0 || held[at + 3] !== 0 || held[at + 4] !== 0) continue;
      const code = held[at + 7] ?? 0;
      const said = held[at + 8] ?? 0;
      const isRefusal = (code & REFUSES) !== 0;
      if (held[at + 5] !== (isRefusal ? 3 : 3 + said) || said === 0) continue;
      // Of one that was asked before, by its number, or of this unit under any number.
      const known = this.#options.past(held.readUInt16BE(at)) !== 'never';
      const own = held[at + 6] === asked.unit && isFunctionOf(asked, code);
      if (known ? own || isOther(held[at + 6] ?? 0, code, said) : own && !isRefusal) return at;
    }
    return undefined;
  }

  /** A frame under the transaction number of a request. */
  #own(asked: T): boolean {
    const held = this.#held;
    const length = held.readUInt16BE(4);
    const unit = held[6] ?? 0;
    const code = held[7] ?? 0;
    if (held.readUInt16BE(2) !== 0)
      return this.#refuse(asked, length, foreignProtocol(held.readUInt16BE(2)));
    if (!isFunctionOf(asked, code))
      return this.#refuse(asked, length, {
        code: 'answer-malformed',
        message: `the answer is of function ${code}`,
      });
    if (!isUnitOf(asked, unit)) return this.#refuse(asked, length, wrongUnit(asked, unit));
    if (unit !== asked.unit) this.#findings.accepted('unit');
    if ((code & REFUSES) !== 0) {
      // There is nothing in it that could be wrong with a value: its length is not looked at.
      if (length !== 3) this.#findings.accepted('length');
      this.#consume(SHORTEST);
      this.#findings.exception(asked, held[8] ?? 0);
      return true;
    }
    return this.#values(asked, length);
  }

  #values(asked: T, length: number): boolean {
    const held = this.#held;
    const { accept } = asked;
    const bytes = byteCountOf(asked.read);
    const said = held[8] ?? 0;
    const end = SHORTEST + bytes;
    if (said !== bytes && !(accept.has('byte-count') && length === 3 + bytes))
      return this.#refuse(asked, length, wrongCount(asked, said));
    const other = this.#headerWithin(asked, end);
    if (other !== undefined) {
      this.#consume(other);
      this.#findings.fault(asked, {
        code: 'answer-cut',
        message: `only ${other} bytes of the answer came before another one`,
      });
      return true;
    }
    if (held.length < end) return false;
    const values = valuesOf(asked.read, held, SHORTEST);
    this.#consume(end);
    if (length === 3 + bytes) {
      if (said !== bytes) this.#findings.accepted('byte-count');
      this.#findings.values(asked, values);
    } else if (accept.has('length')) {
      this.#findings.accepted('length');
      this.#findings.values(asked, values);
    } else
      this.#findings.fault(asked, {
        code: 'length-wrong',
        message: `the header says ${length} bytes, the answer has ${3 + bytes}`,
      });
    return true;
  }

  /** The answer to a request that is of no use. */
  #refuse(asked: T, length: number, oddity: Oddity): true {
    this.#consume(length >= 3 && length <= LENGTH_MAX ? HEADER_BYTES + length : SHORTEST);
    this.#findings.fault(asked, oddity);
    return true;
  }

  /** What stands first is under the transaction number of no request. */
  #foreign(): boolean {
    const held = this.#held;
    const header = this.#findHeader(Math.max(1, this.#searched), held.length);
    if (header !== undefined) {
      this.#drop(header);
      return true;
    }
    this.#searched = held.length - COMPARED + 1;
    const [oldest] = this.#options.pending.values();
    if (oldest === undefined) return false;
    const rtu = rtuLength(oldest, held);
    if (rtu !== null) return this.#otherFraming(oldest, rtu);
    const length = held.readUInt16BE(4);
    const code = (held[7] ?? 0) & ~REFUSES;
    if (length < 3 || length > LENGTH_MAX || code < 1 || code > 4) {
      this.#findings.hint(oldest, garbage);
      this.#drop(held.length - COMPARED);
      return false;
    }
    if (held.length < HEADER_BYTES + length) return false;
    this.#stranger(oldest, length);
    return true;
  }

  #otherFraming(asked: T, length: number): boolean {
    if (this.#held.length < length) return false;
    if (crc16(this.#held.subarray(0, length)) !== 0) {
      this.#findings.hint(asked, garbage);
      this.#drop(length);
      return true;
    }
    this.#consume(length);
    this.#findings.fault(asked, OTHER_FRAMING.tcp);
    return true;
  }

  /** A whole frame under a number that nobody waits for: late, twice, or an answer with a wrong number. */
  #stranger(oldest: T, length: number): void {
    const held = this.#held;
    const transaction = held.readUInt16BE(0);
    const protocol = held.readUInt16BE(2);
    const past = this.#options.past(transaction);
    const isAnswer = isUnitOf(oldest, held[6] ?? 0) && isFunctionOf(oldest, held[7] ?? 0);
    if (protocol !== 0) this.#findings.hint(oldest, foreignProtocol(protocol));
    else if (past === 'late') this.#findings.hint(oldest, tooLate);
    else if (past === 'never' && isAnswer && oldest.accept.has('transaction')) {
      // From here on it is an answer like any other.
      this.#findings.accepted('transaction');
      this.#held = Buffer.from(held);
      this.#held.writeUInt16BE(oldest.transaction, 0);
      return;
    } else this.#findings.hint(oldest, wrongTransaction(transaction, oldest.transaction));
    this.#drop(HEADER_BYTES + length);
  }
}

/** Whether unit, function and byte count can be those of an answer to another unit. */
function isOther(unit: number, code: number, said: number): boolean {
  const known = code & ~REFUSES;
  if (unit === 0 || known < 1 || known > 4) return false;
  return (code & REFUSES) !== 0 || known <= 2 || said % 2 === 0;
}

const garbage: Oddity = { code: 'answer-malformed', message: 'what came is no Modbus TCP' };

const tooLate: Oddity = {
  code: 'device-silent',
  message: 'no answer in time; that to an earlier request came after its time-out',
};

function wrongTransaction(got: number, asked: number): Oddity {
  return {
    code: 'transaction-wrong',
    message: `answers come under transaction number ${got} instead of ${asked}`,
  };
}

function foreignProtocol(protocol: number): Oddity {
  return {
    code: 'protocol-foreign',
    message: `the answer is of protocol ${protocol}, and Modbus is 0`,
  };
}

/** Length of the frame of a serial line that the bytes begin as the answer to a request; null when they don't. */
function rtuLength(asked: Asked, held: Buffer): number | null {
  const code = held[1] ?? 0;
  if (held.length < 3 || held[0] !== asked.unit || !isFunctionOf(asked, code)) return null;
  if ((code & REFUSES) !== 0) return 5;
  const bytes = byteCountOf(asked.read);
  return held[2] === bytes && 5 + bytes <= HELD_MAX ? 5 + bytes : null;
}
