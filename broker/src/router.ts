/** aedes with our rules: who may connect, subscribe and be sent to, and no message of a client in its hands. */
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { type BrokerState, sessionKey } from './broker-state.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Session } from './contract.ts';
import { isIllFormed, levelsOf, topicName } from './frame.ts';

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
  #nameless = 0;

  constructor(state: BrokerState<Who>) {
    super({
      connectTimeout: CONNECT_TIMEOUT_MS,
      drainTimeout: state.limits.drainTimeoutMs,
      maxTopicLevels: state.limits.topicLevels,
    });
    this.#state = state;
    this.preConnect = (client, packet, callback) => {
      this.#prepare(connectionOf(client), packet);
      callback(null, true);
    };
    this.authenticate = (client, username, password, callback) => {
      const connection = connectionOf<Who>(client);
      const refused = this.#admit(connection, username, password);
      if (refused !== null) connection.refused(refused.message, username);
      callback(refused, refused === null);
    };
    // Connections take what clients publish; aedes sees none of it.
    this.authorizePublish = (_client, _packet, callback) => callback(new Error('not the way'));
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
    connection.clientId = packet.clientId === '' ? `none-${++this.#nameless}` : packet.clientId;
    packet.clientId = sessionKey(packet.username ?? '', connection.clientId);
    const will = packet.will;
    if (will !== undefined) {
      if (topicName(Buffer.from(will.topic)) === null || isIllFormed(will.topic))
        this.#unfit.set(connection, refusal('bad-topic', REFUSE.notAuthorized));
      const payload = Buffer.from(will.payload);
      const { qos = 0, retain = false } = will;
      connection.will = { topic: will.topic, payload, qos, retain };
      Reflect.deleteProperty(packet, 'will');
    }
    const { keepalive = 0 } = packet;
    if (keepalive > 0) connection.keepaliveMs = keepalive * 1000;
    packet.keepalive = 0;
    // An absent client's queue would grow in memory without bound, and would not survive a restart anyhow.
    packet.clean = true;
  }

  #admit(
    connection: Connection<Who>,
    username: string | undefined,
    password: Buffer | undefined,
  ): Refusal | null {
    const unfit = this.#unfit.get(connection);
    if (unfit !== undefined) return unfit;
    if (username === undefined || password === undefined)
      return refusal('authentication', REFUSE.credentials);
    const { clientId } = connection;
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
    connection.session = session;
    connection.username = username;
    this.#state.admitted(session, connection);
    this.#judgeWill(session, connection);
    return null;
  }

  /** A will that may not be published is no reason to refuse all else that the client has to say. */
  #judgeWill(session: Session<Who>, connection: Connection<Who>): void {
    const { will } = connection;
    if (will === null) return;
    const state = this.#state;
    const fits = levelsOf(will.topic) <= state.limits.topicLevels;
    if (fits && state.mayPublish(session, will.topic) === true) return;
    connection.will = null;
    state.ignore(session, will.topic, 'acl-will');
  }
}
