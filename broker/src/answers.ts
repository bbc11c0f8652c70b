/** The answers to one client that became due in this tick, sent as one piece. */

/** First bytes of the answers that say a packet id and nothing else (MQTT 3.1.1 table 2.1, §2.2.2). */
export const ANSWER = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export type Answer = (typeof ANSWER)[keyof typeof ANSWER];

/** CONNACK 1, "unacceptable protocol version" (MQTT 3.1.1 §3.1.2.2). */
export const OTHER_VERSION: Buffer = Buffer.from([0x20, 2, 0, 1]);

export class Answers {
  /** First byte and packet id of each. */
  #due: number[] = [];
  #acknowledged = 0;

  /** True when it is the first that is due. `acknowledges` a message for the first time, or does not. */
  add(answer: Answer, id: number, acknowledges: boolean): boolean {
    if (acknowledges) this.#acknowledged++;
    return this.#due.push((answer << 16) | id) === 1;
  }

  /** What is due, or null, and how many messages it acknowledges. */
  take(): { bytes: Buffer; acknowledged: number } | null {
    const due = this.#due;
    if (due.length === 0) return null;
    const bytes = Buffer.allocUnsafe(4 * due.length);
    let at = 0;
    for (const answer of due) {
      bytes[at] = answer >> 16;
      bytes[at + 1] = 2;
      bytes[at + 2] = (answer >> 8) & 0xff;
      bytes[at + 3] = answer & 0xff;
      at += 4;
    }
    const acknowledged = this.#acknowledged;
    due.length = 0;
    this.#acknowledged = 0;
    return { bytes, acknowledged };
  }
}
