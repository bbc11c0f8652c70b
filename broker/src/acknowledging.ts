/** What one client is answered of its messages: which are new, and what is due at the end of the tick. */
import { ANSWER, type Answer, Answers } from './answers.ts';
import type { BrokerState, SharedConnection } from './broker-state.ts';
import { packetId } from './control-packets.ts';
import { PACKET } from './frame.ts';
import { Qos2 } from './qos2.ts';

export class Acknowledging<Who> {
  readonly #state: BrokerState<Who>;
  readonly #connection: SharedConnection;
  readonly #answers = new Answers();
  readonly #qos2 = new Qos2();

  constructor(state: BrokerState<Who>, connection: SharedConnection) {
    this.#state = state;
    this.#connection = connection;
  }

  /** What is due, or null, and how many messages it acknowledges. */
  take(): ReturnType<Answers['take']> {
    return this.#answers.take();
  }

  /** Whether a message did not come before; a QoS 2 one that waits for its PUBREL is answered again. */
  isNew({ qos, id }: { readonly qos: 0 | 1 | 2; readonly id: number }): boolean {
    if (qos !== 2) return true;
    const before = this.#qos2.take(id);
    if (before === 'received') this.#soon(ANSWER.pubrec, id);
    return before === 'new';
  }

  /** The message's acknowledgement goes out at the end of the tick in which something is done. */
  acknowledge(qos: 0 | 1 | 2, id: number): void {
    if (qos === 2) this.#qos2.done(id);
    if (qos === 0) return;
    if (this.#answers.add(qos === 1 ? ANSWER.puback : ANSWER.pubrec, id, true))
      this.#state.toAcknowledge(this.#connection);
  }

  /** Whether a packet is the other half of a message, which was paid for with the message. */
  isPaid(type: number, packet: Buffer): boolean {
    return type === PACKET.pubrel && this.#qos2.isReceived(packetId(packet));
  }

  /** Takes what belongs to QoS 2; false when it is another packet. */
  takePart(type: number, packet: Buffer): boolean {
    if (type === PACKET.pubrel) {
      this.#qos2.release(packetId(packet));
      this.#soon(ANSWER.pubcomp, packetId(packet));
    } else if (type === PACKET.pubrec)
      // Nothing is sent at QoS 2, so this is of a session that is over; its other half is ended here.
      this.#soon(ANSWER.pubrel, packetId(packet));
    return type === PACKET.pubrel || type === PACKET.pubrec || type === PACKET.pubcomp;
  }

  #soon(answer: Answer, id: number): void {
    if (this.#answers.add(answer, id, false)) this.#state.toAcknowledge(this.#connection);
    this.#state.planAcknowledging();
  }
}
