/**
 * Cuts a client's WebSocket messages (RFC 6455 §5) into messages of what has come. The library keeps a message until it is
 * whole, and MQTT does not ask where one ends (MQTT 3.1.1 §6), so that large ones need no memory and can be read past.
 */

import { TokenBucket } from '../token-bucket.ts';

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8 } as const;
const FIN = 0x80;
const MASKED = 0x80;
/** Above the opcode, below FIN: bits of extensions, of which there are none. The library refuses them. */
const RESERVED = 0x70;
const NOTHING: Buffer = Buffer.alloc(0);
/** An empty text message, which MQTT forbids, and a continuation of nothing, which WebSocket does. */
const TEXT: Buffer = Buffer.from([FIN | OPCODE.text, MASKED, 0, 0, 0, 0]);
const STRAY: Buffer = Buffer.from([FIN, MASKED, 0, 0, 0, 0]);

/** Frames that carry nothing of MQTT: pings, pongs and empty ones. Clients ping every few seconds at most. */
const IDLE_PER_SECOND = 50;

export class WebSocketFrames {
  readonly #give: (frame: Buffer) => void;
  readonly #flooded: () => void;
  readonly #idle: TokenBucket;
  /** Begin of a frame whose head, or that is short and, is not all here. */
  #head: Buffer = NOTHING;
  /** First byte of the pieces of the frame that is under way. */
  #first = 0;
  #mask: Buffer = NOTHING;
  /** Bytes of its payload still to come, and how many came. */
  #left = 0;
  #at = 0;
  /** First byte of the message that is under way; 0 when none is. */
  #message = 0;
  /** Nothing that comes is looked at any more. */
  #over = false;

  /**
   * `give` gets whole frames, each a message of its own where it is no control frame. `flooded` is called once when frames
   * that carry nothing come faster than anybody needs; nothing is given after it.
   */
  constructor(give: (frame: Buffer) => void, flooded: () => void = () => undefined) {
    this.#give = give;
    this.#flooded = flooded;
    this.#idle = new TokenBucket(IDLE_PER_SECOND, performance.now());
  }

  take(chunk: Buffer): void {
    if (this.#over) return;
    let bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    this.#head = NOTHING;
    while (bytes.length > 0 && !this.#over) {
      if (this.#left > 0) {
        const piece = bytes.subarray(0, Math.min(this.#left, bytes.length));
        this.#piece(piece);
        bytes = bytes.subarray(piece.length);
        continue;
      }
      const taken = this.#begin(bytes);
      if (taken === 0) {
        // It is at most a head or a control frame, and the chunk is to be let go.
        this.#head = Buffer.from(bytes);
        return;
      }
      bytes = bytes.subarray(taken);
    }
  }

  /** Takes the head of a frame, and a control frame as a whole; 0 when it is not all there. */
  #begin(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const [first = 0, second = 0] = bytes;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const masked = (second & MASKED) !== 0;
    const head = 2 + lengthBytes + (masked ? 4 : 0);
    const opcode = first & 15;
    // What the library ends the connection for is shown to it as it is; of a control frame all is.
    const refused = !masked || (first & RESERVED) !== 0;
    if (opcode > OPCODE.binary || refused) {
      const none = refused || opcode < OPCODE.close || lengthBytes > 0;
      const whole = none ? Math.min(head, bytes.length) : head + short;
      if (bytes.length < whole) return 0;
      if (!none && !this.#mayIdle()) return bytes.length;
      this.#over = none || opcode === OPCODE.close;
      this.#give(bytes.subarray(0, whole));
      return whole;
    }
    if (bytes.length < head) return 0;
    const length =
      lengthBytes === 8
        ? Number(bytes.readBigUInt64BE(2))
        : short === 126
          ? bytes.readUInt16BE(2)
          : short;
    const continues = opcode === OPCODE.continuation;
    if (continues !== this.#message > 0 || length > Number.MAX_SAFE_INTEGER)
      return this.#refuse(STRAY, bytes);
    if (opcode === OPCODE.text) return this.#refuse(TEXT, bytes);
    if (length === 0 && !this.#mayIdle()) return bytes.length;
    if (!continues) this.#message = FIN | opcode;
    this.#first = this.#message;
    if ((first & FIN) !== 0) this.#message = 0;
    this.#mask = Buffer.from(bytes.subarray(head - 4, head));
    this.#left = length;
    this.#at = 0;
    return head;
  }

  /** Whether one more frame without anything in it is gone into. */
  #mayIdle(): boolean {
    if (this.#idle.any || this.#idle.refill(performance.now())) {
      this.#idle.take(1);
      return true;
    }
    this.#over = true;
    this.#flooded();
    return false;
  }

  /** Shows the library what it ends the connection for. */
  #refuse(frame: Buffer, bytes: Buffer): number {
    this.#over = true;
    this.#give(frame);
    return bytes.length;
  }

  /** Gives a piece of a payload as a frame; its mask begins where the piece does. */
  #piece(piece: Buffer): void {
    const { length } = piece;
    const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const frame = Buffer.allocUnsafe(2 + extended + 4 + length);
    frame[0] = this.#first;
    frame[1] = MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127);
    if (extended === 2) frame.writeUInt16BE(length, 2);
    if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
    for (let i = 0; i < 4; i++) frame[2 + extended + i] = this.#mask[(this.#at + i) & 3]!;
    piece.copy(frame, 2 + extended + 4);
    this.#left -= length;
    this.#at = (this.#at + length) & 3;
    this.#give(frame);
  }
}
