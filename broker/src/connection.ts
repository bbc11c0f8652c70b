/**
 * One client's socket. Reads packets off it under every limit, takes PUBLISH of QoS 0 and 1 itself, and passes the
 * rest (sessions, subscriptions, QoS 2) to aedes.
 */
import type { Socket } from 'node:net';
import type { BrokerState } from './broker-state.ts';
import { Channel } from './channel.ts';
import type { Publish, Session } from './contract.ts';
import { frameLength, headerLength, isClientPacket, PACKET, topicName } from './frame.ts';

/** Why a socket is not being read. */
const HOLD = { connecting: 1, full: 2, rate: 4, control: 8, drain: 16 } as const;

/** Unfinished packets in more pieces than this are joined, so that one byte a packet does not cost a buffer each. */
const PARTS_MAX = 64;
/** All a client may begin with (MQTT 3.1.1 §3.1). */
const CONNECT_BYTE = PACKET.connect << 4;
const NOTHING: Buffer = Buffer.alloc(0);

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export interface ConnectionEvents {
  /** The first packet is a CONNECT: aedes gets its stream. */
  connect(channel: Channel): void;
}

/** State of one client from accept to close. */
export class Connection<Who> {
  readonly address: string;
  session: Session<Who> | null = null;
  /** The name that was let in; empty before. */
  username = '';
  will: Will | null = null;
  keepaliveMs: number;
  closed = false;
  readonly #state: BrokerState<Who>;
  readonly #on: ConnectionEvents;
  readonly #socket: Socket;
  readonly #openedAt: number;
  #channel: Channel | null = null;
  #open = false;
  #disconnected = false;
  #hold = 0;
  /** Bytes read and not looked at because of a hold. */
  #held: Buffer = NOTHING;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #partsNeeded = 0;
  #topic = '';
  #topicBytes: Buffer = NOTHING;
  #tokens: number;
  #tokensAt: number;
  #acknowledgements: number[] = [];
  #received = true;
  #receivedAt: number;
  #drainSince = 0;

  constructor(
    state: BrokerState<Who>,
    socket: Socket,
    address: string,
    on: ConnectionEvents,
    now: number,
  ) {
    this.#state = state;
    this.#on = on;
    this.#socket = socket;
    this.address = address;
    this.#openedAt = now;
    this.#receivedAt = now;
    this.#tokensAt = now;
    this.#tokens = 2 * state.limits.messagesPerSecond;
    this.keepaliveMs = state.limits.keepaliveMaxSeconds * 1000;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.close('socket-error', error));
    socket.on('close', () => this.closeNow());
    socket.on('drain', () => {
      this.#drainSince = 0;
      this.#release(HOLD.drain);
    });
  }

  /** CONNACK is on its way: messages may come. */
  opened(): void {
    if (this.closed) return;
    this.#open = true;
    this.#state.connects++;
    if (this.session !== null) this.#state.notify('connected', this.session);
    this.#release(HOLD.connecting);
  }

  /** Counts the cause and closes; what was written still goes out. */
  close(cause: string, error?: Error): void {
    if (this.closed) return;
    this.#state.count(cause);
    if (cause !== 'socket-error')
      this.#state.log('info', `connection closed: ${cause}`, {
        address: this.address,
        clientId: this.session?.clientId,
        reason: error?.message,
      });
    this.closeNow();
  }

  /** Closes without counting; idempotent. */
  closeNow(): void {
    if (this.closed) return;
    this.closed = true;
    const state = this.#state;
    state.connections.delete(this);
    state.throttled.delete(this);
    state.partialBytes -= this.#partsBytes;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#held = NOTHING;
    this.#socket.destroySoon();
    this.#channel?.destroy();
    const session = this.session;
    if (session !== null) state.left(session, this);
    if (session === null || !this.#open) return;
    this.#publishWill(session);
    state.notify('disconnected', session);
  }

  /**
   * Ends a session whose rights were taken away, and counts the reason. What is in flight is stored and gets no
   * acknowledgement; what the client does not read holds nothing up; its will, which it gave with those rights, is dropped.
   */
  revoke(reason: string): void {
    if (this.will !== null) this.#state.count('will-revoked');
    this.will = null;
    this.close(reason);
    this.#socket.destroy();
  }

  /** Called about once a second: closes what is silent, stuck or never said CONNECT. */
  check(now: number): void {
    const limits = this.#state.limits;
    if (this.#received || this.#hold !== 0) {
      this.#received = false;
      this.#receivedAt = now;
    }
    if (!this.#open) {
      if (now - this.#openedAt > limits.connectTimeoutMs) this.close('connect-timeout');
    } else if (now - this.#receivedAt > this.keepaliveMs * 1.5) this.close('keepalive');
    if (this.#drainSince > 0 && now - this.#drainSince > limits.drainTimeoutMs) {
      this.close('drain-timeout');
      this.#socket.destroy();
    }
  }

  /** Gives tokens for the time gone by, and reads on when there are any. */
  refill(now: number): boolean {
    const rate = this.#state.limits.messagesPerSecond;
    this.#tokens = Math.min(2 * rate, this.#tokens + ((now - this.#tokensAt) * rate) / 1000);
    this.#tokensAt = now;
    if (this.#tokens < 1) return false;
    this.#release(HOLD.rate);
    return true;
  }

  /** There is room again for messages of this client. */
  resume(): void {
    this.#release(HOLD.full);
  }

  /** Writes the acknowledgements that became due in this tick as one piece; returns how many. */
  sendAcknowledgements(): number {
    const ids = this.#acknowledgements;
    const count = ids.length;
    if (this.closed || count === 0) return 0;
    const bytes = Buffer.allocUnsafe(4 * count);
    let at = 0;
    for (const id of ids) {
      bytes[at] = 0x40;
      bytes[at + 1] = 2;
      bytes[at + 2] = id >> 8;
      bytes[at + 3] = id & 0xff;
      at += 4;
    }
    ids.length = 0;
    this.answer(bytes);
    return count;
  }

  answer(bytes: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (this.#socket.write(bytes) || this.closed) return;
    if (this.#socket.writableLength > this.#state.limits.unreadBytesMax) {
      this.close('unread');
      this.#socket.destroy();
      return;
    }
    if (this.#drainSince === 0) this.#drainSince = performance.now();
    this.#holdBack(HOLD.drain);
  }

  controlTaken(): void {
    this.#release(HOLD.control);
  }

  channelClosed(): void {
    this.closeNow();
  }

  #publishWill(session: Session<Who>): void {
    const will = this.will;
    const state = this.#state;
    this.will = null;
    if (will === null || this.#disconnected || state.closing) return;
    if (!state.mayPublish(session, will.topic)) {
      state.count('acl-will');
      return;
    }
    state.publish({ session, ...will, dup: false, retain: will.retain, will: true }, (error) => {
      if (error !== undefined) {
        state.count('will-lost');
        state.log('warn', 'will was not taken', {
          clientId: session.clientId,
          reason: error.message,
        });
      }
    });
  }

  #holdBack(why: number): void {
    if (this.#hold === 0) this.#socket.pause();
    this.#hold |= why;
  }

  #release(why: number): void {
    if ((this.#hold & why) === 0 || this.closed) return;
    this.#hold &= ~why;
    if (this.#hold !== 0) return;
    const held = this.#held;
    this.#held = NOTHING;
    if (held.length > 0) this.#split(held);
    if (this.#hold === 0 && !this.closed) this.#socket.resume();
  }

  #read(chunk: Buffer): void {
    if (this.closed) return;
    this.#received = true;
    if (this.#hold !== 0) {
      this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
      return;
    }
    if (this.#partsBytes === 0) {
      this.#split(chunk);
      return;
    }
    this.#keep(chunk);
    if (this.closed || this.#partsBytes < this.#partsNeeded) return;
    const joined = Buffer.concat(this.#parts, this.#partsBytes);
    this.#state.partialBytes -= this.#partsBytes;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#split(joined);
  }

  /** Takes every whole packet; keeps a copy of the piece of the last one. */
  #split(bytes: Buffer): void {
    const limits = this.#state.limits;
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      if (this.#hold !== 0) {
        this.#held = bytes.subarray(at);
        return;
      }
      const length = frameLength(bytes, at, end);
      const lengthMax = this.#open ? limits.packetBytes : limits.packetBytesBeforeConnect;
      const stranger = !this.#open && bytes[at] !== CONNECT_BYTE;
      if (stranger || length < 0 || length > lengthMax) {
        this.close(length > lengthMax && !stranger ? 'packet-too-large' : 'protocol');
        return;
      }
      if (length === 0 || at + length > end) {
        this.#partsNeeded = length === 0 ? end - at + 1 : length;
        this.#keep(Buffer.from(bytes.subarray(at)));
        return;
      }
      if (!this.#packet(bytes, at, length)) continue;
      if (this.closed) return;
      at += length;
    }
  }

  #keep(piece: Buffer): void {
    this.#parts.push(piece);
    this.#partsBytes += piece.length;
    this.#state.partialBytes += piece.length;
    if (this.#parts.length > PARTS_MAX)
      this.#parts = [Buffer.concat(this.#parts, this.#partsBytes)];
    if (this.#state.partialBytes > this.#state.limits.partialBytesMax) this.close('partial-bytes');
  }

  /** Takes one whole packet; false when it must wait, and a hold says why. */
  #packet(bytes: Buffer, at: number, length: number): boolean {
    const type = (bytes[at] ?? 0) >> 4;
    if (!this.#open) {
      this.#connect(bytes.subarray(at, at + length));
      return true;
    }
    if (type === PACKET.publish) {
      if (!this.#mayTake()) return false;
      this.#tokens--;
      if (((bytes[at] ?? 0) & 6) !== 4) {
        const fault = this.#publish(bytes, at, length);
        if (fault !== null) this.close(fault);
        return true;
      }
    } else if (!isClientPacket(type) || type === PACKET.connect) {
      this.close('protocol');
      return true;
    }
    if (type === PACKET.disconnect) this.#disconnected = true;
    if (this.#channel?.push(bytes.subarray(at, at + length)) === false)
      this.#holdBack(HOLD.control);
    return true;
  }

  #connect(packet: Buffer): void {
    this.#holdBack(HOLD.connecting);
    this.#channel = new Channel(this);
    this.#on.connect(this.#channel);
    this.#channel.push(packet);
  }

  #mayTake(): boolean {
    if (this.#tokens < 1 && !this.refill(performance.now())) {
      this.#holdBack(HOLD.rate);
      this.#state.throttled.add(this);
      return false;
    }
    if (this.#state.full()) {
      this.#holdBack(HOLD.full);
      this.#state.wait(this);
      return false;
    }
    return true;
  }

  /** PUBLISH of QoS 0 or 1 (MQTT 3.1.1 §3.3); says why the connection must be closed, or null. */
  #publish(bytes: Buffer, at: number, length: number): string | null {
    const flags = bytes[at] ?? 0;
    const qos = ((flags >> 1) & 3) as 0 | 1 | 3;
    const end = at + length;
    let next = at + headerLength(bytes, at);
    const topicEnd = next + 2 + (((bytes[next] ?? 0) << 8) | (bytes[next + 1] ?? 0));
    if (qos === 3 || next + 2 > end || topicEnd + (qos === 1 ? 2 : 0) > end) return 'protocol';
    const topic = this.#topicOf(bytes, next + 2, topicEnd);
    if (topic === null) return 'bad-topic';
    next = topicEnd;
    let id = 0;
    if (qos === 1) {
      id = ((bytes[next] ?? 0) << 8) | (bytes[next + 1] ?? 0);
      if (id === 0) return 'protocol';
      next += 2;
    }
    const state = this.#state;
    const session = this.session;
    if (session === null) throw new Error('BUG: open connection without a session');
    if (!state.mayPublish(session, topic)) return 'acl-publish';
    const message: Publish<Who> = {
      session,
      topic,
      payload: bytes.subarray(next, end),
      qos,
      dup: (flags & 8) !== 0,
      retain: (flags & 1) !== 0,
      will: false,
    };
    state.publish(message, (error) => {
      if (this.closed) return;
      if (error !== undefined) this.close('publish-refused', error);
      else if (id !== 0 && this.#acknowledgements.push(id) === 1) state.toAcknowledge(this);
    });
    return null;
  }

  /** The topic of these bytes; most clients say the same one each time, so the last is kept. */
  #topicOf(bytes: Buffer, start: number, end: number): string | null {
    const last = this.#topicBytes;
    const length = end - start;
    if (last.length === length && length > 0) {
      let i = 0;
      while (i < length && last[i] === bytes[start + i]) i++;
      if (i === length) return this.#topic;
    }
    const copy = Buffer.from(bytes.subarray(start, end));
    const topic = topicName(copy, this.#state.limits.topicLevels);
    if (topic === null) return null;
    this.#topicBytes = copy;
    this.#topic = topic;
    return topic;
  }
}
