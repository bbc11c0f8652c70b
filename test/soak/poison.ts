/** A device that says all that is wrong with a message, and strangers who speak no MQTT and no HTTP at all. */
import { connect } from 'node:net';
import mqtt from 'mqtt';

export interface Poison {
  /** Messages that were given to the library, and those that were acknowledged. */
  readonly sent: number;
  readonly acknowledged: number;
  end(): Promise<void>;
}

const PAUSE_MS = 50;
const AWAY = 'somebody/else/readings';

/** What may be wrong, each made anew. */
const messages: readonly ((own: string, random: () => number) => [string, string | Buffer])[] = [
  (own) => [own, '{'],
  (own) => [own, ''],
  (own) => [own, '[]'],
  (own) => [own, '{"values":{"n":"NaN"}}'],
  (own) => [own, '{"values":{"nothing":1}}'],
  (own) => [own, `{"values":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`],
  (own) => [own, '{"at":"yesterday","values":{"n":1}}'],
  (own, random) => [
    own,
    Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256))),
  ],
  (own) => [own, Buffer.alloc(300_000, 0x20)],
  () => [AWAY, '{"values":{"n":1}}'],
  () => ['application/1/device/24e124713b490001/event/join', '{}'],
  () => [Array.from({ length: 60 }, () => 'a').join('/'), 'x'],
  () => ['$SYS/broker', 'x'],
];

export function poison(
  { device, secret, port }: { device: string; secret: string; port: number },
  random: () => number,
): Poison {
  let sent = 0;
  let acknowledged = 0;
  const own = `village/v1/devices/${device}/readings`;
  const client = mqtt.connect({
    ...{ host: '127.0.0.1', port, protocol: 'mqtt', username: device, password: secret },
    ...{ reconnectPeriod: 500, queueQoSZero: false, connectTimeout: 5_000 },
    will: { topic: AWAY, payload: Buffer.from('x'), qos: 1, retain: true },
  });
  client.on('error', () => undefined);
  const timer = setInterval(() => {
    if (!client.connected) return;
    const [topic, payload] = messages[Math.floor(random() * messages.length)]!(own, random);
    const qos = Math.floor(random() * 3) as 0 | 1 | 2;
    sent++;
    client.publish(topic, payload, { qos, retain: random() < 0.1 }, (error) => {
      if (error === undefined || error === null) acknowledged++;
    });
    if (random() < 0.02) stranger(port, random);
  }, PAUSE_MS);
  return {
    get sent() {
      return sent;
    },
    get acknowledged() {
      return acknowledged;
    },
    end: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}

/** Connects, says nonsense and goes. */
function stranger(port: number, random: () => number): void {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  socket.write(Buffer.from(Array.from({ length: 2_000 }, () => Math.floor(random() * 256))));
  setTimeout(() => socket.destroy(), 1_000);
}
