/** aedes with our rules: who may connect, subscribe and be sent to, and no message of a client in its hands. */
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import type { BrokerState } from './broker-state.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Session } from './contract.ts';
import { isIllFormed, topicName } from './frame.ts';

/** Half-finished QoS 2 messages a client may have at a time. */
const QOS2_OPEN_MAX = 20;
/** Between CONNECT and CONNACK; before CONNECT our own time-out counts. */
const CONNECT_TIMEOUT_MS = 10_000;

/** CONNACK return codes (MQTT 3.1.1 table 3.1). */
const REFUSE = { identifier: 2, credentials: 4, notAuthorized: 5 } as const;

type Refusal = Error & { returnCode: number };

function refusal(cause: string, returnCode: number): Refusal {
  return Object.assign(new Error(cause), { returnCode });
}

/** The connection that a client of aedes speaks through. */
export function connectionOf<Who>(client: Client): Connection<Who> {
  return (client.conn as Channel).owner as Connection<Who>;
}

/** Routes only what the broker itself sends: clients' messages end in the hooks, aedes' own $SYS ones nowhere. */
export class Router<Who> extends Aedes {
  readonly #state: BrokerState<Who>;
  /** Why a CONNECT must be refused, between its arrival and `authenticate`. */
  readonly #unfit = new WeakMap<Connection<Who>, Refusal>();

  constructor(state: BrokerState<Who>) {
    super({
      connectTimeout: CONNECT_TIMEOUT_MS,
      drainTimeout: state.limits.drainTimeoutMs,
      maxTopicLevels: state.limits.topicLevels,
      maxInflightInbound: QOS2_OPEN_MAX,
    });
    this.#state = state;
    this.preConnect = (client, packet, callback) => {
      this.#prepare(connectionOf(client), packet);
      callback(null, true);
    };
    this.authenticate = (client, username, password, callback) => {
      const refused = this.#admit(connectionOf(client), client.id, username, password);
      if (refused !== null) state.count(refused.message);
      callback(refused, refused === null);
    };
    this.authorizePublish = (client, packet, callback) => {
      if (client === null) callback(new Error('nobody publishes'));
      else this.#publishQos2(connectionOf(client), packet, callback);
    };
    this.authorizeSubscribe = (client, subscription, callback) => {
      const session = connectionOf<Who>(client).session;
      const filter = subscription.topic;
      const shut = /[#\0\uFFFD]|^\$/.test(filter);
      const granted = session !== null && !shut && state.maySubscribe(session, filter);
      if (!granted) state.count('acl-subscribe');
      callback(null, granted ? subscription : null);
    };
  }

  override publish(_packet: PublishPacket, client: unknown, done?: (error?: Error) => void): void {
    const finished = typeof client === 'function' ? (client as (error?: Error) => void) : done;
    finished?.();
  }

  /** To everybody subscribed. */
  route(packet: PublishPacket, done: (error?: Error) => void): void {
    super.publish(packet, done);
  }

  /** Takes out of a CONNECT what aedes must not see: our connections keep wills and keep-alive, and no session lasts. */
  #prepare(connection: Connection<Who>, packet: ConnectPacket): void {
    // MQTT 3.1.1 §3.1.3.1: without an id there is no session to come back to.
    if (packet.clientId === '' && !packet.clean)
      this.#unfit.set(connection, refusal('client-id', REFUSE.identifier));
    if (isIllFormed(packet.clientId) || isIllFormed(packet.username ?? ''))
      this.#unfit.set(connection, refusal('client-id', REFUSE.identifier));
    const will = packet.will;
    if (will !== undefined) {
      const topic = topicName(Buffer.from(will.topic), this.#state.limits.topicLevels);
      if (topic === null || isIllFormed(topic))
        this.#unfit.set(connection, refusal('bad-topic', REFUSE.notAuthorized));
      const payload = Buffer.from(will.payload);
      const { qos = 0, retain = false } = will;
      connection.will = { topic: will.topic, payload, qos, retain };
      Reflect.deleteProperty(packet, 'will');
    }
    if (packet.keepalive !== undefined && packet.keepalive > 0)
      connection.keepaliveMs = Math.min(packet.keepalive * 1000, connection.keepaliveMs);
    packet.keepalive = 0;
    // An absent client's queue would grow in memory without bound, and would not survive a restart anyhow.
    packet.clean = true;
  }

  #admit(
    connection: Connection<Who>,
    clientId: string,
    username: string | undefined,
    password: Buffer | undefined,
  ): Refusal | null {
    const unfit = this.#unfit.get(connection);
    if (unfit !== undefined) return unfit;
    if (username === undefined || password === undefined)
      return refusal('authentication', REFUSE.credentials);
    const { address } = connection;
    let who: Who | null = null;
    try {
      who = this.#state.hooks.authenticate({
        clientId,
        username,
        password: password.toString('utf8'),
        address,
      });
    } catch (error) {
      this.#state.hookFailed('authenticate', null, error);
    }
    if (who === null) return refusal('authentication', REFUSE.notAuthorized);
    const session: Session<Who> = { clientId, address, who };
    const will = connection.will;
    if (will !== null && !this.#state.mayPublish(session, will.topic))
      return refusal('acl-will', REFUSE.notAuthorized);
    connection.session = session;
    connection.username = username;
    this.#state.admitted(session, connection);
    return null;
  }

  #publishQos2(
    connection: Connection<Who>,
    packet: PublishPacket,
    callback: (error?: Error | null) => void,
  ): void {
    const { session } = connection;
    const state = this.#state;
    const refuse = (cause: string): void => {
      connection.close(cause);
      callback(new Error(cause));
    };
    if (session === null || isIllFormed(packet.topic) || packet.topic.startsWith('$')) {
      refuse('bad-topic');
      return;
    }
    if (!state.mayPublish(session, packet.topic)) {
      refuse('acl-publish');
      return;
    }
    const payload = Buffer.from(packet.payload);
    const { topic, qos, dup, retain } = packet;
    // What is passed on to aedes for the PUBREL it waits for needs no content any more.
    state.publish({ session, topic, payload, qos, dup, retain, will: false }, (error) => {
      packet.payload = '';
      if (error !== undefined) refuse('publish-refused');
      else callback(null);
    });
  }
}
