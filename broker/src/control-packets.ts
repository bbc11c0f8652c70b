/** What MQTT 3.1.1 forbids in packets that are no PUBLISH, looked at before anything acts on them. */
import { isUtf8 } from 'node:buffer';
import { headerLength, isClientPacket, PACKET } from './frame.ts';

/** Clients of MQTT 3.1 mark what they send again, also where 3.1.1 has a reserved bit (MQTT 3.1 §2.1). */
function dropDup(packet: Buffer): void {
  if (flagsOf(packet[0]! >> 4) === 2) packet[0]! &= ~8;
}

/** The lower half of the first byte that the type must have (table 2.2). */
function flagsOf(type: number): number {
  return type === PACKET.pubrel || type === PACKET.subscribe || type === PACKET.unsubscribe ? 2 : 0;
}

/** Types that say a packet id and nothing else. */
const ONLY_ID = new Set<number>([PACKET.puback, PACKET.pubrec, PACKET.pubrel, PACKET.pubcomp]);

/** Whether a client that is connected, of MQTT 3.1 when it `isOld`, may send a whole packet that is no PUBLISH. */
export function isOfClient(packet: Buffer, isOld: boolean): boolean {
  const type = packet[0]! >> 4;
  if (!isClientPacket(type) || type === PACKET.connect) return false;
  if (isOld) dropDup(packet);
  return isWellFormed(packet);
}

/** Whether a whole packet that is neither CONNECT nor PUBLISH is well formed. */
function isWellFormed(packet: Buffer): boolean {
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

/** Filters of one packet that are gone into; so many take some milliseconds. */
export const FILTERS_MAX = 1_000;

/** Filters of a well-formed SUBSCRIBE or UNSUBSCRIBE; 0 of others. */
export function filtersIn(packet: Buffer): number {
  const type = packet[0]! >> 4;
  if (type !== PACKET.subscribe && type !== PACKET.unsubscribe) return 0;
  const qosBytes = type === PACKET.subscribe ? 1 : 0;
  let count = 0;
  for (let at = headerLength(packet, 0) + 2; at < packet.length; count++)
    at += 2 + packet.readUInt16BE(at) + qosBytes;
  return count;
}

/** What a SUBSCRIBE or UNSUBSCRIBE costs besides its filters, in messages: it takes a tenth of a millisecond. */
const SUBSCRIBING = 10;

/** Messages that a packet with so many filters takes of its client's rate. */
export const costOf = (filters: number): number => (filters === 0 ? 1 : SUBSCRIBING + filters);

/** A SUBACK that grants none of so many filters of a SUBSCRIBE (MQTT 3.1.1 §3.9). */
export function nothingGranted(packet: Buffer, filters: number): Buffer {
  const remaining: number[] = [];
  for (let left = 2 + filters; ; left >>= 7) {
    remaining.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  const id = packetId(packet);
  const head = Buffer.from([0x90, ...remaining, id >> 8, id & 0xff]);
  return Buffer.concat([head, Buffer.alloc(filters, 0x80)]);
}

/** The id of a packet that has one, right after its header. */
export function packetId(packet: Buffer): number {
  return packet.readUInt16BE(headerLength(packet, 0));
}
