/** The begin of a packet that is not whole yet, counted against what unfinished packets of all clients may hold. */

/** More pieces than this are joined, so that one byte at a time does not cost a buffer each. */
const PARTS_MAX = 64;

export class Unfinished {
  bytes = 0;
  readonly #all: { partialBytes: number };
  #parts: Buffer[] = [];
  #needed = 0;

  constructor(all: { partialBytes: number }) {
    this.#all = all;
  }

  /** Keeps a copy of the begin of a packet, of which so many bytes are needed. */
  begin(piece: Buffer, needed: number): void {
    this.#needed = needed;
    this.add(Buffer.from(piece));
  }

  /** Whether what is needed is here. */
  add(piece: Buffer): boolean {
    this.#parts.push(piece);
    this.bytes += piece.length;
    this.#all.partialBytes += piece.length;
    if (this.#parts.length > PARTS_MAX) this.#parts = [Buffer.concat(this.#parts, this.bytes)];
    return this.bytes >= this.#needed;
  }

  /** All of it, which is kept no longer. */
  take(): Buffer {
    const joined = Buffer.concat(this.#parts, this.bytes);
    this.#all.partialBytes -= this.bytes;
    this.#parts = [];
    this.bytes = 0;
    return joined;
  }
}
