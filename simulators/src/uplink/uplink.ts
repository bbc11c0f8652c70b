/**
 * One MQTT connection of a simulated device, or of a network server that speaks for many: a bounded queue, a
 * bounded window of messages on the way (QoS 1), and counts of everything. It reconnects without end.
 */
import { OperationalError } from '@village/core';
import mqtt from 'mqtt';

export interface UplinkOptions {
  readonly url: string;
  /** User name, and client id when no other is given. */
  readonly id: string;
  readonly clientId?: string;
  readonly secret: string;
  /** Messages sent and not acknowledged. */
  readonly windowMax: number;
  /** Messages kept beyond those; the oldest gives way. */
  readonly queueMax: number;
  /** Pause before a new try; different for each device, so that they do not all come at once. */
  readonly reconnectMs: number;
  /** Hears how long the acknowledgement of a message took, ms. */
  readonly acknowledged?: (ms: number) => void;
}

export interface UplinkCounters {
  offered: number;
  acknowledged: number;
  /** Given up, because the queue was full or the device restarted. */
  dropped: number;
  /** Sent again because the answer was lost with the connection. */
  repeated: number;
  connects: number;
  /** Faults of the connection, refused credentials included. */
  faults: number;
}

interface Message {
  readonly topic: string;
  readonly payload: Uint8Array | string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** @see the file's head. `offer` never waits; `send` waits for room. */
export class Uplink {
  readonly counters: UplinkCounters = {
    offered: 0,
    acknowledged: 0,
    dropped: 0,
    repeated: 0,
    connects: 0,
    faults: 0,
  };
  /** What the connection last failed of, for the operator. */
  lastFault: string | null = null;
  readonly #options: UplinkOptions;
  /** Null while it is cut or closed. */
  #client: mqtt.MqttClient | null;
  #queue: Message[] = [];
  /** Index of the queue's head: shifting a long array would cost its length each time. */
  #head = 0;
  readonly #flying = new Set<Message>();
  #closed = false;
  /** Told when there is room again, or when nothing is left. */
  #waiting: (() => void)[] = [];

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#client = this.#connect();
  }

  #connect(): mqtt.MqttClient {
    const { url, id, clientId = id, secret, reconnectMs } = this.#options;
    const client = mqtt.connect(url, {
      clientId,
      username: id,
      password: secret,
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: reconnectMs,
      reconnectOnConnackError: true,
      resubscribe: false,
    });
    client.on('connect', () => {
      this.counters.connects++;
      this.#pump();
    });
    client.on('error', (error) => {
      this.counters.faults++;
      this.lastFault = error.message;
    });
    return client;
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Messages not acknowledged yet. */
  get waiting(): number {
    return this.#queue.length - this.#head + this.#flying.size;
  }

  /** Whether one more message would push out the oldest. */
  get full(): boolean {
    return this.#queue.length - this.#head >= this.#options.queueMax;
  }

  /** Puts a message in the queue; drops the oldest when it is full. */
  offer(topic: string, payload: Uint8Array | string): void {
    this.counters.offered++;
    if (this.full) {
      this.#head++;
      this.counters.dropped++;
    }
    this.#queue.push({ topic, payload });
    this.#pump();
  }

  /** Puts a message in the queue as soon as there is room. Rejects when the signal says so or the uplink is closed. */
  async send(topic: string, payload: Uint8Array | string, signal: AbortSignal): Promise<void> {
    while (this.full) await this.#change(signal);
    this.offer(topic, payload);
  }

  /** Resolves when all is acknowledged. */
  async drained(signal: AbortSignal): Promise<void> {
    while (this.waiting > 0) await this.#change(signal);
  }

  #change(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#closed)
      return Promise.reject(new OperationalError('uplink-closed', 'The connection was closed.'));
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
    });
  }

  #pump(): void {
    const client = this.#client;
    while (
      client?.connected &&
      this.#flying.size < this.#options.windowMax &&
      this.#head < this.#queue.length
    ) {
      const message = this.#queue[this.#head++];
      if (message !== undefined) this.#fly(client, message);
    }
    if (this.#head > 4_096 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    if (!this.full) this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }

  #fly(client: mqtt.MqttClient, message: Message): void {
    this.#flying.add(message);
    const sentAt = performance.now();
    // A message that was taken back by `cut` is in the queue again: its late callback says nothing.
    client.publish(message.topic, message.payload as Buffer | string, { qos: 1 }, (error) => {
      if (!this.#flying.delete(message)) return;
      if (error) {
        // The connection is at fault; the next one goes on.
        this.#again([message]);
        return;
      }
      this.counters.acknowledged++;
      this.#options.acknowledged?.(performance.now() - sentAt);
      this.#pump();
    });
  }

  #again(messages: readonly Message[]): void {
    this.counters.repeated += messages.length;
    this.#queue = [...messages, ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  /** Breaks the connection. `forget` loses what was kept, as a restart does; otherwise it is sent after `mend`. */
  cut(forget: boolean): void {
    const back = [...this.#flying];
    this.#flying.clear();
    if (back.length > 0) this.#again(back);
    if (forget) {
      this.counters.dropped += this.waiting;
      this.#queue = [];
      this.#head = 0;
      this.#tell();
    }
    this.#client?.end(true);
    this.#client = null;
  }

  /** Connects again after `cut`. */
  mend(): void {
    if (this.#client === null && !this.#closed) this.#client = this.#connect();
  }

  /** Ends the connection; what is not acknowledged stays so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    this.#tell();
    await client?.endAsync(!client.connected || this.#flying.size > 0);
  }
}
