/**
 * One client's socket. Reads packets off it under every limit, takes what the client publishes itself, and passes the
 * rest (CONNECT, subscriptions, pings) to aedes.
 */
import type { Socket } from 'node:net';
import { ANSWER, type Answer, Answers } from './answers.ts';
import type { BrokerState } from './broker-state.ts';
import { Channel } from './channel.ts';
import type { Publish, Session } from './contract.ts';
import { connectFault, isWellFormed, packetId } from './control-packets.ts';
import { frameLength, isClientPacket, PACKET } from './frame.ts';
import { PublishPacket } from './publish-packet.ts';
import { Qos2 } from './qos2.ts';

/** Why a socket is not being read. */
const HOLD = { connecting: 1, full: 2, rate: 4, control: 8, drain: 16 } as const;

/** Unfinished packets in more pieces than this are joined, so that one byte a packet does not cost a buffer each. */
const PARTS_MAX = 64;
/** All a client may begin with (MQTT 3.1.1 §3.1). */
const CONNECT_BYTE = PACKET.connect << 4;
const NOTHING: Buffer = Buffer.alloc(0);
/** CONNACK 1, "unacceptable protocol version" (MQTT 3.1.1 §3.1.2.2). */
const OTHER_VERSION: Buffer = Buffer.from([0x20, 2, 0, 1]);
/** After so long without a byte the kernel asks whether the other side is still there, ms. */
const TCP_KEEPALIVE_MS = 60_000;

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
  /** What the client calls itself. */
  clientId = '';
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
  readonly #message = new PublishPacket();
  #tokens: number;
  #tokensAt: number;
  readonly #answers = new Answers();
  readonly #qos2 = new Qos2();
  #received = true;
  #receivedAt: number;
  #drainSince = 0;
  /** The socket is closed, and what had been read is still being taken. */
  #gone = false;

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
    // Finds out who has vanished, whatever long keep-alive was agreed.
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {
      if (!this.closed) state.count('socket-error');
    });
    socket.on('close', () => this.#socketClosed());
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
    this.#state.sparing.say('info', `connection closed: ${cause}`, {
      ...this.#about(),
      ...(error === undefined ? {} : { reason: error.message }),
    });
    this.closeNow();
  }

  /** The client's CONNECT is refused. */
  refused(cause: string, username: string | undefined): void {
    this.#state.count(cause);
    this.#state.sparing.say('info', `sign-in refused: ${cause}`, {
      ...this.#about(),
      ...(username === undefined ? {} : { username }),
    });
  }

  /** Who it is, for the log: the name that was let in, the address before. */
  #about(): { subject: string; address: string; clientId: string } {
    const subject = this.username === '' ? this.address : this.username;
    return { subject, address: this.address, clientId: this.clientId };
  }

  /** Closes without counting; idempotent. */
  closeNow(): void {
    if (this.closed) return;
    this.closed = true;
    const state = this.#state;
    state.connections.delete(this);
    state.throttled.delete(this);
    state.partialBytes -= this.#partsBytes + (this.#gone ? this.#held.length : 0);
    this.#parts = [];
    this.#partsBytes = 0;
    this.#loseHeld();
    this.#socket.destroySoon();
    this.#channel?.destroy();
    const session = this.session;
    if (session !== null) state.left(this);
    if (session === null || !this.#open) return;
    this.#publishWill(session);
    if (!this.#gone) state.notify('disconnected', session);
  }

  /**
   * What was read and is held back is taken as its turn comes, and a DISCONNECT in it too: a client that says all it has to
   * say and leaves loses nothing, and leaves no will behind (MQTT-3.14.4-3).
   */
  #socketClosed(): void {
    if (this.closed) return;
    const { session } = this;
    if (session === null || !this.#open || this.#hold === 0 || this.#held.length === 0) {
      this.closeNow();
      return;
    }
    const state = this.#state;
    this.#gone = true;
    state.partialBytes += this.#held.length;
    this.#channel?.destroy();
    state.socketClosed(this);
    state.notify('disconnected', session);
    // Nobody waits for what aedes and the socket would have to say.
    this.#release(HOLD.drain | HOLD.control);
    if (state.partialBytes > state.limits.partialBytesMax) this.close('partial-bytes');
  }

  /** Counts the messages that were read and are given up. */
  #loseHeld(): void {
    const held = this.#held;
    this.#held = NOTHING;
    let at = 0;
    let lost = 0;
    while (at < held.length) {
      const length = frameLength(held, at, held.length);
      if (length <= 0 || at + length > held.length) break;
      if (held[at]! >> 4 === PACKET.publish) lost++;
      at += length;
    }
    if (lost > 0) this.#state.count('held-lost', lost);
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
    if (this.#gone) return;
    if (!this.#open) {
      if (now - this.#openedAt > limits.connectTimeoutMs) this.close('connect-timeout');
    } else if (now - this.#receivedAt > this.keepaliveMs * 1.5) this.close('keepalive');
    if (this.#drainSince > 0 && now - this.#drainSince > limits.drainTimeoutMs) {
      this.close('drain-timeout');
      this.#socket.destroy();
    }
  }

  /** When it was last heard, on the clock of `check`. */
  get heardAt(): number {
    return this.#receivedAt;
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

  /** Writes the answers that became due in this tick as one piece; returns how many messages they acknowledge. */
  sendAcknowledgements(): number {
    if (this.closed || this.#gone) return 0;
    const due = this.#answers.take();
    if (due === null) return 0;
    this.answer(due.bytes);
    return due.acknowledged;
  }

  #answerSoon(answer: Answer, id: number): void {
    if (this.#answers.add(answer, id, false)) this.#state.toAcknowledge(this);
    this.#state.planAcknowledging();
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
    if (!this.#gone) this.closeNow();
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
    if (this.#hold === 0 && !this.#gone) this.#socket.pause();
    this.#hold |= why;
  }

  #release(why: number): void {
    if ((this.#hold & why) === 0 || this.closed) return;
    this.#hold &= ~why;
    if (this.#hold !== 0) return;
    const held = this.#held;
    if (this.#gone) this.#state.partialBytes -= held.length;
    this.#held = NOTHING;
    if (held.length > 0) this.#split(held);
    if (this.closed) return;
    if (this.#gone) this.#state.partialBytes += this.#held.length;
    if (this.#hold !== 0) return;
    if (this.#gone) this.closeNow();
    else this.#socket.resume();
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
      const fault = this.#publish(bytes, at, length);
      if (fault !== null) this.close(fault);
      return true;
    }
    const packet = bytes.subarray(at, at + length);
    if (!isClientPacket(type) || type === PACKET.connect || !isWellFormed(packet))
      this.close('protocol');
    else if (type === PACKET.pubrel) {
      const id = packetId(packet);
      this.#qos2.release(id);
      this.#answerSoon(ANSWER.pubcomp, id);
    } else if (type === PACKET.pubrec) {
      // Nothing is sent at QoS 2, so this is of a session that is over; its other half is ended here.
      this.#answerSoon(ANSWER.pubrel, packetId(packet));
    } else if (type === PACKET.disconnect) this.#disconnect();
    else if (type !== PACKET.pubcomp && !this.#gone && this.#channel?.push(packet) === false)
      this.#holdBack(HOLD.control);
    return true;
  }

  /** What comes after a DISCONNECT is nobody's (MQTT 3.1.1 §3.14.4). */
  #disconnect(): void {
    this.#disconnected = true;
    this.#state.acknowledged += this.sendAcknowledgements();
    this.closeNow();
  }

  #connect(packet: Buffer): void {
    const fault = connectFault(packet);
    if (fault !== null) {
      if (fault === 'version') this.answer(OTHER_VERSION);
      this.close(fault === 'version' ? 'protocol-version' : 'protocol');
      return;
    }
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

  /** Takes a PUBLISH; says why the connection must be closed, or null. */
  #publish(bytes: Buffer, at: number, length: number): string | null {
    const read = this.#message;
    const fault = read.read(bytes, at, length);
    if (fault !== null) return fault;
    const { topic, qos, id } = read;
    const session = this.session;
    if (session === null) throw new Error('BUG: open connection without a session');
    const state = this.#state;
    if (qos === 2) {
      const before = this.#qos2.take(id);
      if (before === 'received') this.#answerSoon(ANSWER.pubrec, id);
      if (before !== 'new') return null;
    }
    const tooDeep = read.levels > state.limits.topicLevels;
    const isForUs = !tooDeep && state.mayPublish(session, topic);
    if (isForUs === null) return 'publish-refused';
    if (!isForUs) {
      // A client that keeps what was not acknowledged would come back with it again and again, and never get to what is behind.
      state.ignore(session, topic, tooDeep ? 'topic-levels' : 'acl-publish');
      this.#acknowledge(qos, id);
      state.planAcknowledging();
      return null;
    }
    const message: Publish<Who> = {
      session,
      topic,
      payload: bytes.subarray(read.payloadAt, at + length),
      qos,
      dup: read.dup,
      retain: read.retain,
      will: false,
    };
    state.publish(message, (error) => {
      if (this.closed) return;
      if (error !== undefined) this.close('publish-refused', error);
      else this.#acknowledge(qos, id);
    });
    return null;
  }

  /** The message's acknowledgement goes out at the end of the tick in which something is done. */
  #acknowledge(qos: 0 | 1 | 2, id: number): void {
    if (qos === 2) this.#qos2.done(id);
    if (qos === 0) return;
    if (this.#answers.add(qos === 1 ? ANSWER.puback : ANSWER.pubrec, id, true))
      this.#state.toAcknowledge(this);
  }
}
