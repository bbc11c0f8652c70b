/** Whole numbers as bytes: of any size that a double holds, small ones in one byte. */
import { OperationalError } from '@village/core';

export class NumberWriter {
  #buffer = Buffer.alloc(1024);
  #at = 0;

  /** Negative ones too: 0, −1, 1, −2 … */
  put(value: number): void {
    if (this.#at + 10 > this.#buffer.length)
      this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#buffer.length)]);
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
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
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw blockDamaged();
      value += (byte % 128) * weight;
      if (byte < 128) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

export const blockDamaged = (): OperationalError =>
  new OperationalError('frames-damaged', 'A block of frames is not as it was written.');
