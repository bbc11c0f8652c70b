/** A bare MQTT 3.1.1 client and a broker that records, for tests over real sockets. */
import { connect, type Socket } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';
import { type BrokerOptions, createBroker } from './broker.ts';
import type { Broker, BrokerHooks, Listening, Publish } from './contract.ts';

/** One connection, its packets in the order in which they came. */
export class TestClient {
  readonly packets: Packet[] = [];
  readonly socket: Socket;
  closed = false;
  readonly #parser = mqtt.parser();
  #changed: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (bytes) => this.#parser.parse(bytes));
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
    this.#parser.on('packet', (packet) => {
      this.packets.push(packet);
      this.#changed();
    });
  }

  send(...packets: Packet[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => mqtt.generate(packet))));
  }

  raw(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Waits until `condition` holds, looking again after each packet and at the close. */
  until(condition: () => boolean, what = 'a packet'): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${what} in time`)), 15_000);
      this.#changed = () => {
        if (!condition()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#changed();
    });
  }

  async packet<Kind extends Packet['cmd']>(cmd: Kind): Promise<Extract<Packet, { cmd: Kind }>> {
    const find = (): Packet | undefined => this.packets.find((packet) => packet.cmd === cmd);
    await this.until(() => find() !== undefined || this.closed, cmd);
    const found = find();
    if (found === undefined) throw new Error(`closed before ${cmd}`);
    this.packets.splice(this.packets.indexOf(found), 1);
    return found as Extract<Packet, { cmd: Kind }>;
  }

  gone(): Promise<void> {
    return this.until(() => this.closed, 'close');
  }
}

/** A CONNECT with credentials of `id`; password is `secret`. */
export function connectPacket(id: string, more: object = {}): Packet {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: id,
    keepalive: 60,
    username: id,
    password: Buffer.from('secret'),
    ...more,
  } as Packet;
}

export function publishPacket(topic: string, payload: string | Buffer, more: object = {}): Packet {
  return {
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
    ...more,
  } as Packet;
}

export interface Recorded {
  topic: string;
  payload: string;
  who: string;
  qos: number;
  will: boolean;
  dup: boolean;
  done: (error?: Error) => void;
}

/** A broker on a free port: who may do what is `own/<id>`, messages are kept in `got` and acknowledged at once. */
export class TestBroker {
  readonly got: Recorded[] = [];
  readonly clients: TestClient[] = [];
  readonly broker: Broker;
  hold = false;
  port = 0;

  constructor(options: BrokerOptions = {}, hooks: Partial<BrokerHooks<string>> = {}) {
    this.broker = createBroker<string>(
      {
        authenticate: ({ username, password }) => (password === 'secret' ? username : null),
        mayPublish: (session, topic) =>
          topic === `own/${session.who}` || topic.startsWith(`own/${session.who}/`),
        maySubscribe: (session, filter) => filter === `for/${session.who}`,
        publish: (message, done) => this.#take(message, done),
        ...hooks,
      },
      options,
    );
  }

  #take(message: Publish<string>, done: (error?: Error) => void): void {
    const { topic, qos, will, dup, session } = message;
    const payload = message.payload.toString('utf8');
    this.got.push({ topic, payload, who: session.who, qos, will, dup, done });
    if (!this.hold) done();
  }

  async start(how?: Listening): Promise<this> {
    this.port = (await this.broker.listen(0, '127.0.0.1', how)).port;
    return this;
  }

  socket(): TestClient {
    const client = new TestClient(this.port);
    this.clients.push(client);
    return client;
  }

  /** A client that is connected. */
  async client(id: string, more: object = {}): Promise<TestClient> {
    const client = this.socket();
    client.send(connectPacket(id, more));
    const answer = await client.packet('connack');
    if (answer.returnCode !== 0) throw new Error(`refused with ${answer.returnCode}`);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.socket.destroy();
    await this.broker.close(1000);
  }
}

/** Waits until `condition` holds; fails after 15 s. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const until = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > until) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
