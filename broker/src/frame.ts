/** Where MQTT 3.1.1 packets begin and end in a stream of bytes, and which topics are none. */
import { isUtf8 } from 'node:buffer';

/** Types of control packets (MQTT 3.1.1 table 2.1) that a client may send. */
export const PACKET = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

const fromClient = new Set<number>(Object.values(PACKET));

/** Whether a client may send a packet of that type. */
export function isClientPacket(type: number): boolean {
  return fromClient.has(type);
}

/**
 * Bytes of the packet that starts at `at`, fixed header included; 0 when its header is not all there yet; -1 when the
 * remaining length is malformed (MQTT 3.1.1 §2.2.3: at most four bytes).
 */
export function frameLength(bytes: Uint8Array, at: number, end: number): number {
  let body = 0;
  let scale = 1;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= end) return 0;
    const byte = bytes[at + i] ?? 0;
    body += (byte & 0x7f) * scale;
    if (byte < 0x80) return 1 + i + body;
    scale *= 128;
  }
  return -1;
}

/** Bytes of the fixed header of a packet whose header is whole. */
export function headerLength(bytes: Uint8Array, at: number): number {
  let i = at + 1;
  while ((bytes[i] ?? 0) >= 0x80) i++;
  return i + 1 - at;
}

/** Whole PUBLISH packets in these bytes from `from` on, where a packet begins. */
export function publishesIn(bytes: Uint8Array, from: number): number {
  let count = 0;
  for (let at = from; at < bytes.length; ) {
    const length = frameLength(bytes, at, bytes.length);
    if (length <= 0 || at + length > bytes.length) break;
    if (bytes[at]! >> 4 === PACKET.publish) count++;
    at += length;
  }
  return count;
}

/** The topic name in these bytes, or null when it is none that one may publish to (MQTT 3.1.1 §1.5.3, §4.7). */
export function topicName(bytes: Buffer): string | null {
  for (const byte of bytes) if (byte === 0 || byte === 0x23 || byte === 0x2b) return null;
  return bytes.length === 0 || !isUtf8(bytes) ? null : bytes.toString('utf8');
}

/** Levels of a topic. */
export function levelsOf(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) levels++;
  return levels;
}

/** TLS handshakes begin with this byte, and no packet does. */
const TLS_BYTE = 22;

/** How headers of the PROXY protocol begin, versions 1 and 2. */
const PROXIES = [Buffer.from('PROXY '), Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')];

/** What somebody does who begins with these bytes; null for a CONNECT, the only thing to begin with (MQTT 3.1.1 §3.1). */
export function strangerCause(bytes: Buffer, at: number): string | null {
  const first = bytes[at];
  if (first === PACKET.connect << 4) return null;
  if (first === TLS_BYTE) return 'tls-on-plain-port';
  const isProxy = PROXIES.some((start) => bytes.subarray(at, at + start.length).equals(start));
  return isProxy ? 'proxy-not-listed' : 'protocol';
}
