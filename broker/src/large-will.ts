/**
 * A CONNECT that is larger than strangers may send because of its will: the will is read past and not kept, as one that may
 * not be published is, and the client is let in. It would else come back with it for ever.
 */
import { headerLength, topicName } from './frame.ts';

const FLAG = { will: 0x04, willQos: 0x18, willRetain: 0x20 } as const;
const QOS_NONE = 0x18;
/** Topic and message of a will, each with its length. */
const WILL_MAX = 2 * (2 + 0xffff);

export type WithoutWill =
  /** So many bytes of it are needed to know. */
  | { readonly needed: number }
  | {
      /** Its begin, up to where its will was. */
      readonly begin: Buffer;
      readonly topic: string;
      /** Bytes from its first one to the end of its will. */
      readonly willEnd: number;
    };

/** The CONNECT that `bytes` begin with, `length` bytes long, without its will; null when it is larger than `most` even so. */
export function withoutWill(bytes: Buffer, length: number, most: number): WithoutWill | null {
  if (length > most + WILL_MAX) return null;
  const start = headerLength(bytes, 0);
  let needed = start + 2;
  const isHere = (upTo: number): boolean => {
    needed = upTo;
    return upTo <= bytes.length;
  };
  const wanted = (): WithoutWill | null => (needed <= Math.min(most, length) ? { needed } : null);
  if (!isHere(needed)) return wanted();
  // Name; level, flags and keep-alive; client id; topic and message of the will (MQTT 3.1.1 §3.1).
  const nameEnd = start + 2 + bytes.readUInt16BE(start);
  const idAt = nameEnd + 4;
  if (!isHere(idAt + 2)) return wanted();
  const flags = bytes[nameEnd + 1]!;
  if ((flags & FLAG.will) === 0 || (flags & FLAG.willQos) === QOS_NONE) return null;
  const topicAt = idAt + 2 + bytes.readUInt16BE(idAt);
  if (!isHere(topicAt + 2)) return wanted();
  const messageAt = topicAt + 2 + bytes.readUInt16BE(topicAt);
  if (!isHere(messageAt + 2)) return wanted();
  const willEnd = messageAt + 2 + bytes.readUInt16BE(messageAt);
  const topic = topicName(bytes.subarray(topicAt + 2, messageAt));
  if (willEnd > length || topic === null) return null;
  const kept = Buffer.from(bytes.subarray(start, topicAt));
  kept[nameEnd + 1 - start] = flags & ~(FLAG.will | FLAG.willQos | FLAG.willRetain);
  const begin = Buffer.concat([header(bytes[0]!, kept.length + length - willEnd), kept]);
  return begin.length + length - willEnd <= most ? { begin, topic, willEnd } : null;
}

function header(first: number, remaining: number): Buffer {
  const bytes = [first];
  for (let left = remaining; ; left >>= 7) {
    bytes.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) return Buffer.from(bytes);
  }
}
