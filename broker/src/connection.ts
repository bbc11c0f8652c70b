/**
 * One client's socket. Reads packets off it under every limit, takes what the client publishes itself, and passes the
 * rest (CONNECT, subscriptions, pings) to aedes.
 */
import { Acknowledging } from './acknowledging.ts';
import { OTHER_VERSION } from './answers.ts';
import type { BrokerState } from './broker-state.ts';
import { Channel, type ConnectionEvents } from './channel.ts';
import { type Caller, type ClientSocket, closeSoon, type Will } from './client-socket.ts';
import { type ConnectFacts, connectFacts, connectFault } from './connect-packet.ts';
import type { IgnoredCause, Publish, Session } from './contract.ts';
import { costOf, FILTERS_MAX, filtersIn, isOfClient, nothingGranted } from './control-packets.ts';
import { frameLength, PACKET, publishesIn, strangerCause } from './frame.ts';
import { PublishPacket, publishHeadLength } from './publish-packet.ts';
import { ReadPast } from './read-past.ts';
import { TokenBucket } from './token-bucket.ts';
import { Unfinished } from './unfinished.ts';

/** Why a socket is not being read. */
const HOLD = { connecting: 1, full: 2, rate: 4, control: 8, drain: 16 } as const;

const NOTHING: Buffer = Buffer.alloc(0);
/** After so long without a byte the kernel asks whether the other side is still there, ms. */
const TCP_KEEPALIVE_MS = 60_000;

/** State of one client from accept to close. */
export class Connection<Who> {
  readonly address: string;
  readonly certificate: Caller['certificate'];
  session: Session<Who> | null = null;
  /** The name that was let in; empty before. */
  username = '';
  /** What the client calls itself. */
  clientId = '';
  will: Will | null = null;
  /** Of its CONNECT; null before. */
  facts: ConnectFacts | null = null;
  keepaliveMs: number;
  closed = false;
  readonly past = new ReadPast();
  readonly #state: BrokerState<Who>;
  readonly #on: ConnectionEvents;
  readonly #socket: ClientSocket;
  readonly #openedAt: number;
  #channel: Channel | null = null;
  #open = false;
  #disconnected = false;
  #hold = 0;
  /** Bytes read and not looked at because of a hold. */
  #held: Buffer = NOTHING;
  readonly #begun: Unfinished;
  readonly #message = new PublishPacket();
  readonly #tokens: TokenBucket;
  readonly #acknowledging: Acknowledging<Who>;
  #received = true;
  #receivedAt: number;
  #drainSince = 0;
  /** The socket is closed, and what had been read is still being taken. */
  #gone = false;

  constructor(
    state: BrokerState<Who>,
    socket: ClientSocket,
    { address, certificate }: Caller,
    on: ConnectionEvents,
    now: number,
  ) {
    this.#state = state;
    this.#on = on;
    this.#socket = socket;
    this.address = address;
    this.certificate = certificate;
    this.#openedAt = now;
    this.#receivedAt = now;
    this.#begun = new Unfinished(state);
    this.#acknowledging = new Acknowledging(state, this);
    this.#tokens = new TokenBucket(state.limits.messagesPerSecond, now);
    this.keepaliveMs = state.limits.keepaliveMaxSeconds * 1000;
    socket.setNoDelay(true);
    // Finds out who has vanished, whatever long keep-alive was agreed.
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => {
      // A WebSocket says what its client has done wrong.
      const { cause } = error;
      if (typeof cause === 'string') this.close(cause);
      else if (!this.closed) state.count('socket-error');
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
      ...this.about(),
      ...(error === undefined ? {} : { reason: error.message }),
    });
    this.closeNow();
  }

  /** Who it is, for the log: the name that was let in, the address before. */
  about(): { subject: string; address: string; clientId: string } {
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
    this.#begun.take();
    if (this.#gone) state.partialBytes -= this.#held.length;
    this.#loseHeld();
    closeSoon(this.#socket, state.limits.drainTimeoutMs);
    this.#channel?.destroy();
    const session = this.session;
    if (session !== null) state.left(this);
    if (session === null || !this.#open) return;
    const { will } = this;
    this.will = null;
    if (will !== null && !this.#disconnected && !state.closing) state.publishWill(session, will);
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
    this.#limitPartial();
  }

  /** Counts the messages that were read and are given up. */
  #loseHeld(): void {
    const lost = publishesIn(this.#held, this.past.left);
    this.#held = NOTHING;
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
    if (this.certificate !== null && now > this.certificate.until) {
      this.close('certificate-expired');
      return;
    }
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
    if (!this.#tokens.refill(now)) return false;
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
    const due = this.#acknowledging.take();
    if (due === null) return 0;
    this.answer(due.bytes);
    return due.acknowledged;
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
    if (this.#begun.bytes === 0) {
      this.#split(chunk);
      return;
    }
    const isWhole = this.#begun.add(chunk);
    this.#limitPartial();
    if (!this.closed && isWhole) this.#split(this.#begun.take());
  }

  /** Takes every whole packet; keeps a copy of the piece of the last one. */
  #split(all: Buffer): void {
    const limits = this.#state.limits;
    const bytes = this.past.joined(all.subarray(this.#pass(all.length)));
    const end = bytes.length;
    let at = 0;
    while (at < end) {
      if (this.#hold !== 0) {
        this.#held = bytes.subarray(at);
        return;
      }
      const length = frameLength(bytes, at, end);
      const lengthMax = this.#open ? limits.packetBytes : limits.packetBytesBeforeConnect;
      const stranger = this.#open ? null : strangerCause(bytes, at);
      if (this.#open && length > lengthMax && bytes[at]! >> 4 === PACKET.publish) {
        const head = publishHeadLength(bytes, at, end);
        if (at + head > end) {
          this.#keep(bytes.subarray(at), head);
          return;
        }
        if (!this.#passOver(bytes, at, length)) continue;
        if (this.closed) return;
        at += this.#pass(end - at);
        continue;
      }
      if (!this.#open && stranger === null && length > lengthMax) {
        const short = this.past.beginWill(bytes.subarray(at), length, lengthMax);
        if (short !== null) {
          if ('needed' in short) this.#keep(bytes.subarray(at), short.needed);
          else this.#split(bytes.subarray(at));
          return;
        }
      }
      if (stranger !== null || length < 0 || length > lengthMax) {
        this.close(stranger ?? (length < 0 ? 'protocol' : 'packet-too-large'));
        return;
      }
      if (length === 0 || at + length > end) {
        this.#keep(bytes.subarray(at), length === 0 ? end - at + 1 : length);
        return;
      }
      if (!this.#packet(bytes, at, length)) continue;
      if (this.closed) return;
      at += length;
    }
  }

  #keep(begin: Buffer, needed: number): void {
    this.#begun.begin(begin, needed);
    this.#limitPartial();
  }

  #limitPartial(): void {
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
      this.#tokens.take(1);
      const fault = this.#publish(bytes, at, length);
      if (fault !== null) this.close(fault);
      return true;
    }
    const packet = bytes.subarray(at, at + length);
    if (!isOfClient(packet, this.facts?.isOld === true)) this.close('protocol');
    else if (type === PACKET.disconnect) this.#disconnect();
    else return this.#control(packet, type);
    return true;
  }

  /** Takes any other packet; false when it must wait. It costs its client of its rate: a flood would else hold up all others. */
  #control(packet: Buffer, type: number): boolean {
    const filters = filtersIn(packet);
    if (!this.#acknowledging.isPaid(type, packet)) {
      if (!this.#hasTokens()) return false;
      this.#tokens.take(costOf(filters));
    }
    if (filters > FILTERS_MAX) this.#refuseFilters(packet, type, filters);
    else if (!this.#acknowledging.takePart(type, packet) && !this.#gone)
      if (this.#channel?.push(packet) === false) this.#holdBack(HOLD.control);
    return true;
  }

  /** So many at once would take longer than others can wait. What was never granted can't be given up. */
  #refuseFilters(packet: Buffer, type: number, filters: number): void {
    this.#state.count('filters', filters);
    this.#state.sparing.say('info', 'too many filters at once', { ...this.about(), filters });
    if (type !== PACKET.subscribe) this.closeNow();
    else if (!this.#gone) this.answer(nothingGranted(packet, filters));
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
    this.facts = connectFacts(packet);
    this.#holdBack(HOLD.connecting);
    this.#channel = new Channel(this);
    this.#on.connect(this.#channel);
    this.#channel.push(packet);
  }

  /** Whether its rate allows one more packet; when not, it is held back until it does. */
  #hasTokens(): boolean {
    if (this.#tokens.any || this.refill(performance.now())) return true;
    this.#holdBack(HOLD.rate);
    this.#state.throttled.add(this);
    return false;
  }

  #mayTake(): boolean {
    if (!this.#hasTokens()) return false;
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
    if (!this.#acknowledging.isNew(read)) return null;
    const { topic, qos, id } = read;
    const session = this.#owner();
    const state = this.#state;
    const tooDeep = read.levels > state.limits.topicLevels;
    const isForUs = !tooDeep && state.mayPublish(session, topic);
    if (isForUs === null) return 'publish-refused';
    if (!isForUs) {
      this.#ignore(tooDeep ? 'topic-levels' : 'acl-publish');
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
      else this.#acknowledging.acknowledge(qos, id);
    });
    return null;
  }

  #owner(): Session<Who> {
    if (this.session === null) throw new Error('BUG: open connection without a session');
    return this.session;
  }

  /**
   * Acknowledges the message that was read and does not take it: a client that keeps what was not acknowledged would come
   * back with it again and again, and never get to what is behind.
   */
  #ignore(cause: IgnoredCause): void {
    const { topic, qos, id } = this.#message;
    this.#state.ignore(this.#owner(), topic, cause);
    this.#acknowledging.acknowledge(qos, id);
    this.#state.planAcknowledging();
  }

  /** Begins to read past a PUBLISH whose head is here and whose body is too large; false when it must wait. */
  #passOver(bytes: Buffer, at: number, length: number): boolean {
    if (!this.#mayTake()) return false;
    // Costs its client as many messages as would have filled it.
    this.#tokens.take(length / this.#state.limits.packetBytes);
    const fault = this.#message.read(bytes, at, length);
    if (fault === null) this.past.left = length;
    else this.close(fault);
    return true;
  }

  /** How many of these bytes belong to what is read past, which is acknowledged at its end. */
  #pass(available: number): number {
    const passed = this.past.take(available);
    if (
      passed > 0 &&
      this.past.left === 0 &&
      this.#open &&
      this.#acknowledging.isNew(this.#message)
    )
      this.#ignore('packet-too-large');
    return passed;
  }
}
