/**
 * Answers as on a serial line, which a transparent converter passes on: unit, function, values, checksum. There is no
 * transaction number, so that one request is under way at a time and what came before it is thrown away.
 */
import {
  byteCountOf,
  crc16,
  FUNCTION_OF,
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

/** Unit, function, exception and checksum. */
const SHORTEST = 5;
const EMPTY = Buffer.alloc(0);

export class RtuReader<T extends Asked> implements AnswerReader {
  readonly #pending: ReadonlyMap<number, T>;
  readonly #findings: Findings<T>;
  #held: Buffer = EMPTY;

  constructor(pending: ReadonlyMap<number, T>, findings: Findings<T>) {
    this.#pending = pending;
    this.#findings = findings;
  }

  clear(): void {
    if (this.#held.length > 0) this.#findings.stray(this.#held.length);
    this.#held = EMPTY;
  }

  take(bytes: Buffer): void {
    const [asked] = this.#pending.values();
    this.#held = Buffer.concat([this.#held, bytes]);
    if (asked === undefined) {
      this.clear();
      return;
    }
    if (this.#held.length > HELD_MAX) {
      this.#findings.stray(this.#held.length - HELD_MAX);
      this.#held = this.#held.subarray(-HELD_MAX);
    }
    for (let at = 0; at + SHORTEST <= this.#held.length; at++) {
      const length = this.#lengthAt(at);
      if (length === null || at + length > this.#held.length) continue;
      const frame = this.#held.subarray(at, at + length);
      if (crc16(frame) !== 0) continue;
      if (at > 0) this.#findings.stray(at);
      this.#held = this.#held.subarray(at + length);
      this.#frame(asked, frame);
      return;
    }
  }

  remains(): Oddity | undefined {
    const held = this.#held;
    const [asked] = this.#pending.values();
    if (held.length === 0 || asked === undefined) return undefined;
    const whole = SHORTEST + byteCountOf(asked.read);
    if (held.length >= 8 && held.readUInt16BE(2) === 0 && held[6] === asked.unit)
      return OTHER_FRAMING.rtu;
    return held.length < whole
      ? { code: 'answer-cut', message: `only ${held.length} bytes of the answer came` }
      : { code: 'answer-malformed', message: 'the checksum of the answer is wrong' };
  }

  /** Length of the frame that would begin there. */
  #lengthAt(at: number): number | null {
    const code = this.#held[at + 1] ?? 0;
    const known = code & ~REFUSES;
    if (known < FUNCTION_OF.coil || known > FUNCTION_OF.input) return null;
    return (code & REFUSES) !== 0 ? SHORTEST : SHORTEST + (this.#held[at + 2] ?? 0);
  }

  #frame(asked: T, frame: Buffer): void {
    const [unit = 0, code = 0, said = 0] = frame;
    if (!isUnitOf(asked, unit)) this.#findings.fault(asked, wrongUnit(asked, unit));
    else if (!isFunctionOf(asked, code))
      this.#findings.fault(asked, {
        code: 'answer-malformed',
        message: `the answer is of function ${code}`,
      });
    else if ((code & REFUSES) !== 0) this.#findings.exception(asked, said);
    else if (said !== byteCountOf(asked.read)) this.#findings.fault(asked, wrongCount(asked, said));
    else this.#findings.values(asked, valuesOf(asked.read, frame, 3));
  }
}
