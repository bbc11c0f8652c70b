/** Whole numbers as bytes: of any size that a double holds, small ones in one byte. */
import { OperationalError } from '@village/core';

/** Whole numbers up to here stay exact when they are doubled. */
const EXACT_MAX = Number.MAX_SAFE_INTEGER / 4;
/** A number of so many bytes may be larger. */
const LARGE_BYTES = 8;

export class NumberWriter {
  #buffer = Buffer.alloc(1024);
  #at = 0;

  /** Negative ones too: 0, −1, 1, −2 … */
  put(value: number): void {
    if (this.#at + 10 > this.#buffer.length)
      this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#buffer.length)]);
    if (Math.abs(value) > EXACT_MAX) this.#putLarge(BigInt(value));
    else this.#put(value);
  }

  #put(value: number): void {
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  #putLarge(value: bigint): void {
    let rest = value < 0n ? -value * 2n - 1n : value * 2n;
    while (rest >= 128n) {
      this.#buffer[this.#at++] = Number(rest % 128n) + 128;
      rest /= 128n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

export class NumberReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /** @throws frames-damaged at the end */
  next(): number {
    const from = this.#at;
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw blockDamaged();
      value += (byte % 128) * weight;
      if (byte < 128) break;
    }
    if (this.#at - from >= LARGE_BYTES) return this.#large(from);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #large(from: number): number {
    let value = 0n;
    for (let at = this.#at - 1; at >= from; at--)
      value = value * 128n + BigInt(this.#buffer[at]! % 128);
    return Number(value % 2n === 0n ? value / 2n : -(value + 1n) / 2n);
  }
}

export const blockDamaged = (): OperationalError =>
  new OperationalError('frames-damaged', 'A block of frames is not as it was written.');
