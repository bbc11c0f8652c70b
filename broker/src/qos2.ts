/**
 * The receiver's half of QoS 2 for one client (MQTT 3.1.1 §4.3.3, method B): which packet ids are taken and not released.
 * A client may have all 65,535 open at once, as clients with a filled queue do, so each costs two bits.
 */

const IDS = 65_536;

export class Qos2 {
  /** A bit an id: handed over, and not yet done. */
  #underWay: Uint8Array | null = null;
  /** A bit an id: PUBREC was sent, and no PUBREL came yet. */
  #received: Uint8Array | null = null;

  /** A PUBLISH came: `new` is to be handed over, `received` gets its PUBREC again, `under-way` gets it when it is done. */
  take(id: number): 'new' | 'under-way' | 'received' {
    this.#underWay ??= new Uint8Array(IDS / 8);
    this.#received ??= new Uint8Array(IDS / 8);
    if (isSet(this.#underWay, id)) return 'under-way';
    if (isSet(this.#received, id)) return 'received';
    set(this.#underWay, id);
    return 'new';
  }

  /** It is done, and PUBREC may be sent. */
  done(id: number): void {
    clear(this.#underWay!, id);
    set(this.#received!, id);
  }

  /** Whether PUBREC was sent for it, and no PUBREL came yet. */
  isReceived(id: number): boolean {
    return this.#received !== null && isSet(this.#received, id);
  }

  /** PUBREL came: the id is free, also when it was never taken. */
  release(id: number): void {
    if (this.#received !== null) clear(this.#received, id);
  }
}

const isSet = (bits: Uint8Array, id: number): boolean => (bits[id >> 3]! & (1 << (id & 7))) !== 0;

function set(bits: Uint8Array, id: number): void {
  bits[id >> 3]! |= 1 << (id & 7);
}

function clear(bits: Uint8Array, id: number): void {
  bits[id >> 3]! &= ~(1 << (id & 7));
}
