/** Reads PUBLISH packets (MQTT 3.1.1 §3.3) of one client. Runs for each message, so the fields are filled again and again. */
import { headerLength, levelsOf, topicName } from './frame.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/** Bytes before the payload of a PUBLISH, or as many as are needed to know; its packet id is counted at QoS 0 too. */
export function publishHeadLength(bytes: Buffer, at: number, end: number): number {
  const header = headerLength(bytes, at);
  if (at + header + 2 > end) return header + 2;
  return header + 2 + bytes.readUInt16BE(at + header) + 2;
}

export class PublishPacket {
  topic = '';
  levels = 0;
  qos: 0 | 1 | 2 = 0;
  /** 0 at QoS 0. */
  id = 0;
  dup = false;
  retain = false;
  /** Where the payload begins; it goes on to the end of the packet. */
  payloadAt = 0;
  #topicBytes: Buffer = NOTHING;

  /** Fills the fields from a whole packet; says why the connection must be closed, or null. */
  read(bytes: Buffer, at: number, length: number): 'protocol' | 'bad-topic' | null {
    const flags = bytes[at] ?? 0;
    const qos = (flags >> 1) & 3;
    const end = at + length;
    const topicAt = at + headerLength(bytes, at) + 2;
    const topicEnd = topicAt + (((bytes[topicAt - 2] ?? 0) << 8) | (bytes[topicAt - 1] ?? 0));
    const idBytes = qos > 0 ? 2 : 0;
    if (qos === 3 || topicAt > end || topicEnd + idBytes > end) return 'protocol';
    if (!this.#readTopic(bytes, topicAt, topicEnd)) return 'bad-topic';
    this.qos = qos as 0 | 1 | 2;
    this.id = qos > 0 ? ((bytes[topicEnd] ?? 0) << 8) | (bytes[topicEnd + 1] ?? 0) : 0;
    if (qos > 0 && this.id === 0) return 'protocol';
    this.dup = (flags & 8) !== 0;
    this.retain = (flags & 1) !== 0;
    this.payloadAt = topicEnd + idBytes;
    return null;
  }

  /** Most clients say the same topic each time, so the last is kept. */
  #readTopic(bytes: Buffer, start: number, end: number): boolean {
    const last = this.#topicBytes;
    const length = end - start;
    if (last.length === length && length > 0) {
      let i = 0;
      while (i < length && last[i] === bytes[start + i]) i++;
      if (i === length) return true;
    }
    const copy = Buffer.from(bytes.subarray(start, end));
    const topic = topicName(copy);
    if (topic === null) return false;
    this.#topicBytes = copy;
    this.topic = topic;
    this.levels = levelsOf(topic);
    return true;
  }
}
