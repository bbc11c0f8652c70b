/** aedes with our rules: who may connect, subscribe and be sent to, and no message of a client in its hands. */
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { type BrokerState, sessionKey } from './broker-state.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Session } from './contract.ts';
import { levelsOf, topicName } from './frame.ts';

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

/** The name that a client goes by: its own word, or what its certificate says. */
function nameOf<Who>(
  { certificate }: Connection<Who>,
  username: string | undefined,
): string | undefined {
  return username === undefined || username === '' ? certificate?.name : username;
}

/** Routes only what the broker itself sends: clients' messages end in the hooks, aedes' own $SYS ones nowhere. */
export class Router<Who> extends Aedes {
  readonly #state: BrokerState<Who>;
  /** Why a CONNECT must be refused, between its arrival and `authenticate`. */
  readonly #unfit = new WeakMap<Connection<Who>, Refusal>();
  /** Clients that name no id. */
  readonly #nameless = new WeakSet<Connection<Who>>();
  #namelessCount = 0;

  constructor(state: BrokerState<Who>) {
    super({
      connectTimeout: CONNECT_TIMEOUT_MS,
      drainTimeout: state.limits.drainTimeoutMs,
      // Deeper filters are answered as what is not granted; aedes would end the connection.
      maxTopicLevels: Number.MAX_SAFE_INTEGER,
    });
    this.#state = state;
    this.preConnect = (client, packet, callback) => {
      this.#prepare(connectionOf(client), packet);
      callback(null, true);
    };
    this.authenticate = (client, username, password, callback) => {
      const connection = connectionOf<Who>(client);
      const refused = this.#admit(connection, username, password);
      if (refused !== null) this.#sayRefused(connection, refused.message, username);
      callback(refused, refused === null);
    };
    // Connections take what clients publish; aedes sees none of it.
    this.authorizePublish = (_client, _packet, callback) => callback(new Error('not the way'));
    this.authorizeSubscribe = (client, subscription, callback) => {
      const session = connectionOf<Who>(client).session;
      const filter = subscription.topic;
      const shut = /[#\0\uFFFD]|^\$/.test(filter) || levelsOf(filter) > state.limits.topicLevels;
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
    const ill = connection.facts?.ill;
    if (ill?.clientId || ill?.name)
      this.#unfit.set(connection, refusal('client-id', REFUSE.identifier));
    if (packet.clientId === '') this.#nameless.add(connection);
    connection.clientId =
      packet.clientId === '' ? `none-${++this.#namelessCount}` : packet.clientId;
    packet.clientId = sessionKey(nameOf(connection, packet.username) ?? '', connection.clientId);
    const will = packet.will;
    if (will !== undefined) {
      if (topicName(Buffer.from(will.topic)) === null || ill?.willTopic)
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

  /** A CONNECT is refused. */
  #sayRefused(connection: Connection<Who>, cause: string, username: string | undefined): void {
    const { certificate } = connection;
    this.#state.count(cause);
    this.#state.sparing.say('info', `sign-in refused: ${cause}`, {
      ...connection.about(),
      ...(username === undefined ? {} : { username }),
      // Keys are no secret: this one can be registered if it is the right one.
      ...(certificate === null ? {} : { certificate: certificate.name, key: certificate.key }),
    });
  }

  #admit(
    connection: Connection<Who>,
    username: string | undefined,
    password: Buffer | undefined,
  ): Refusal | null {
    const unfit = this.#unfit.get(connection);
    if (unfit !== undefined) return unfit;
    const { clientId, address, certificate } = connection;
    const name = nameOf(connection, username);
    if (name === undefined || (certificate === null && password === undefined))
      return refusal('authentication', REFUSE.credentials);
    // Whose certificate it is must not say that it is somebody else.
    if (certificate !== null && certificate.name !== name)
      return refusal('certificate-name', REFUSE.notAuthorized);
    let who: Who | null = null;
    try {
      who = this.#state.hooks.authenticate({
        clientId,
        username: name,
        password: password?.toString('utf8') ?? '',
        address,
        certificate,
      });
    } catch (error) {
      this.#state.hookFailed('authenticate', null, error);
    }
    if (who === null) return refusal('authentication', REFUSE.notAuthorized);
    const session: Session<Who> = { clientId, address, who };
    const said = this.#nameless.has(connection) ? '' : clientId;
    if (!this.#state.acceptsClientId(session, said))
      return refusal('client-id-bound', REFUSE.identifier);
    connection.session = session;
    connection.username = name;
    this.#state.admitted(session, connection);
    this.#judgeWill(session, connection);
    return null;
  }

  /** A will that may not be published is no reason to refuse all else that the client has to say. */
  #judgeWill(session: Session<Who>, connection: Connection<Who>): void {
    const { will } = connection;
    const largeWill = connection.past.will;
    const state = this.#state;
    if (largeWill !== null) state.ignore(session, largeWill, 'acl-will');
    if (will === null) return;
    const fits = levelsOf(will.topic) <= state.limits.topicLevels;
    if (fits && state.mayPublish(session, will.topic) === true) return;
    connection.will = null;
    state.ignore(session, will.topic, 'acl-will');
  }
}
