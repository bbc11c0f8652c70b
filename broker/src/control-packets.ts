/** What MQTT 3.1.1 forbids in packets that are no PUBLISH, looked at before anything acts on them. */
import { isUtf8 } from 'node:buffer';
import { headerLength, PACKET } from './frame.ts';

/** Clients of MQTT 3.1 mark what they send again, also where 3.1.1 has a reserved bit (MQTT 3.1 §2.1). */
export function dropDup(packet: Buffer): void {
  if (flagsOf(packet[0]! >> 4) === 2) packet[0]! &= ~8;
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
