/** What MQTT 3.1.1 forbids in packets that are no PUBLISH, looked at before anything acts on them. */
import { isUtf8 } from 'node:buffer';
import { headerLength, PACKET } from './frame.ts';

/** Protocol names and levels that are spoken here: 3.1.1, and 3.1 as old modems have it. */
const SPOKEN: Readonly<Record<string, number>> = { MQTT: 4, MQIsdp: 3 };

/** Why a CONNECT is not gone into; `version` is answered with CONNACK 1 (§3.1.2.2), the rest not at all. */
export function connectFault(packet: Buffer): 'version' | 'protocol' | null {
  const start = headerLength(packet, 0);
  if (packet[0] !== PACKET.connect << 4 || start + 2 > packet.length) return 'protocol';
  const nameEnd = start + 2 + packet.readUInt16BE(start);
  if (nameEnd + 2 > packet.length) return 'protocol';
  const name = packet.toString('latin1', start + 2, nameEnd);
  const level = packet[nameEnd]!;
  // §3.1.2.1: another name is another protocol, and may be left without an answer.
  if (!Object.hasOwn(SPOKEN, name)) return 'protocol';
  if (SPOKEN[name] !== level) return 'version';
  const flags = packet[nameEnd + 1]!;
  const willQos = (flags >> 3) & 3;
  // §3.1.2.3, §3.1.2.6: the reserved bit, and a QoS that is none.
  return (flags & 1) !== 0 || willQos === 3 ? 'protocol' : null;
}

/** The lower half of the first byte that the type must have (table 2.2). */
function flagsOf(type: number): number {
  return type === PACKET.pubrel || type === PACKET.subscribe || type === PACKET.unsubscribe ? 2 : 0;
}

/** Types that say a packet id and nothing else. */
const ONLY_ID = new Set<number>([PACKET.puback, PACKET.pubrec, PACKET.pubrel, PACKET.pubcomp]);

/** Whether a whole packet that is neither CONNECT nor PUBLISH is well formed. */
export function isWellFormed(packet: Buffer): boolean {
  const type = packet[0]! >> 4;
  if ((packet[0]! & 15) !== flagsOf(type)) return false;
  const start = headerLength(packet, 0);
  if (type === PACKET.pingreq || type === PACKET.disconnect) return packet.length === start;
  // §2.3.1: no packet id is 0.
  if (packet.length < start + 2 || packet.readUInt16BE(start) === 0) return false;
  if (ONLY_ID.has(type)) return packet.length === start + 2;
  return areFilters(packet, start + 2, type === PACKET.subscribe ? 1 : 0);
}

/** One filter or more (§3.8.3, §3.10.3), each of well-formed UTF-8 without NUL and followed by so many bytes. */
function areFilters(packet: Buffer, start: number, qosBytes: number): boolean {
  let at = start;
  while (at + 2 <= packet.length) {
    const end = at + 2 + packet.readUInt16BE(at);
    if (end === at + 2 || end + qosBytes > packet.length) return false;
    const filter = packet.subarray(at + 2, end);
    if (filter.includes(0) || !isUtf8(filter)) return false;
    if (qosBytes === 1 && packet[end]! > 2) return false;
    at = end + qosBytes;
  }
  return at === packet.length && at > start;
}

/** The id of a packet that has one, right after its header. */
export function packetId(packet: Buffer): number {
  return packet.readUInt16BE(headerLength(packet, 0));
}
