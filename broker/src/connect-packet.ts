/** What MQTT 3.1.1 forbids in a CONNECT, and what is told of it from its bytes. */
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

/** What is told from the bytes of a CONNECT that is gone into: decoded texts do not say whether they were well formed. */
export interface ConnectFacts {
  /** Which texts hold NUL or ill-formed UTF-8 (§1.5.3). */
  readonly ill: { readonly clientId: boolean; readonly willTopic: boolean; readonly name: boolean };
  /** Whether it is of MQTT 3.1. */
  readonly isOld: boolean;
}

export function connectFacts(packet: Buffer): ConnectFacts {
  const start = headerLength(packet, 0);
  const nameEnd = start + 2 + packet.readUInt16BE(start);
  const flags = packet[nameEnd + 1]!;
  let at = nameEnd + 4;
  const take = (): Buffer => {
    const length = at + 2 <= packet.length ? packet.readUInt16BE(at) : 0;
    const field = packet.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return field;
  };
  const isIll = (field: Buffer): boolean => field.includes(0) || !isUtf8(field);
  const clientId = isIll(take());
  const hasWill = (flags & 4) !== 0;
  const willTopic = hasWill && isIll(take());
  if (hasWill) take();
  const name = (flags & 0x80) !== 0 && isIll(take());
  return { ill: { clientId, willTopic, name }, isOld: packet[nameEnd] === SPOKEN['MQIsdp'] };
}
