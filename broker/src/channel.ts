/** The stream that aedes takes for a socket: control packets in, its answers out. */
import { Duplex } from 'node:stream';

/** What a channel asks of the connection it belongs to. */
export interface ChannelOwner {
  /** Writes one piece to the socket. */
  answer(bytes: Buffer): void;
  /** aedes has read what was pushed and takes more. */
  controlTaken(): void;
  /** aedes has given the client up. */
  channelClosed(): void;
}

/**
 * Writing never waits: what the client leaves unread is bounded by the connection, which closes it. So one client that
 * stops reading can't hold up deliveries to others, and no answer is torn by an acknowledgement in between.
 */
export class Channel extends Duplex {
  readonly owner: ChannelOwner;

  constructor(owner: ChannelOwner) {
    super({ allowHalfOpen: false, decodeStrings: true });
    this.owner = owner;
  }

  override _read(): void {
    this.owner.controlTaken();
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.owner.answer(chunk);
    callback();
  }

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.owner.answer(Buffer.concat(chunks.map((one) => one.chunk)));
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.owner.channelClosed();
    callback(error);
  }
}

export interface ConnectionEvents {
  /** The first packet is a CONNECT: aedes gets its stream. */
  connect(channel: Channel): void;
}
