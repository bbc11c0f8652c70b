/** What of a client is read past since it is larger than is taken: messages, and wills of its CONNECT. */
import { type WithoutWill, withoutWill } from './large-will.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class ReadPast {
  /** Bytes still to come of it. */
  left = 0;
  /** Topic of a will that was read past. */
  will: string | null = null;
  /** What goes before the rest of a CONNECT without its will. */
  #shortened: Buffer = NOTHING;

  /** How many of these bytes belong to it. */
  take(available: number): number {
    const passed = Math.min(this.left, available);
    this.left -= passed;
    return passed;
  }

  /** A CONNECT that is too large begins here; null when it is no will that makes it so. */
  beginWill(bytes: Buffer, length: number, most: number): WithoutWill | null {
    const short = withoutWill(bytes, length, most);
    if (short === null || 'needed' in short) return short;
    this.will = short.topic;
    this.left = short.willEnd;
    this.#shortened = short.begin;
    return short;
  }

  /** With what is left of a CONNECT before them, once its will is read past; otherwise the bytes themselves. */
  joined(bytes: Buffer): Buffer {
    if (this.left > 0 || this.#shortened.length === 0) return bytes;
    const joined = Buffer.concat([this.#shortened, bytes]);
    this.#shortened = NOTHING;
    return joined;
  }
}
