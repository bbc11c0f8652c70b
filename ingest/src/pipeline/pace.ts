/**
 * How fast a gateway may hand over what it refused of frames. It has sampled that itself, so nothing of it is dropped: beyond
 * its pace a message is stored, and its acknowledgement waits. Who sends on without waiting is no gateway of ours.
 */
import { Allowance, BoundedMap, MINUTE, OperationalError, SECOND } from '@village/core';

/** Entries and bytes of a minute, and as much at once. */
const ENTRIES = 600;
const BYTES = 8 * 1024 * 1024;
/** No acknowledgement waits longer, so that nobody takes the connection for dead. */
const WAIT_MAX_MS = 20 * SECOND;
/** Messages of one sender whose acknowledgements may wait at once; gateways of ours have one. */
const HELD_MAX = 4;
const SENDERS_MAX = 20_000;

class Sender {
  readonly #entries: Allowance;
  readonly #bytes: Allowance;
  held = 0;

  constructor(now: number) {
    this.#entries = new Allowance(ENTRIES / MINUTE, ENTRIES, now);
    this.#bytes = new Allowance(BYTES / MINUTE, BYTES, now);
  }

  spend(bytes: number, now: number): void {
    this.#entries.spend(1, now);
    this.#bytes.spend(bytes, now);
  }

  waitMs(now: number): number {
    return Math.min(WAIT_MAX_MS, Math.max(this.#entries.waitMs(now), this.#bytes.waitMs(now)));
  }
}

/** What a sender hears that has too much waiting: none of its messages was taken. */
const FLOOD = 'refused-flood';

export class Pace {
  readonly #senders = new BoundedMap<string, Sender>(SENDERS_MAX);

  #sender(name: string, now: number): Sender {
    const sender = this.#senders.get(name) ?? new Sender(now);
    this.#senders.set(name, sender);
    return sender;
  }

  /** Null when a sender may hand over more; the fault when it has too much of it waiting. */
  faultOf(name: string): OperationalError | null {
    if ((this.#senders.get(name)?.held ?? 0) < HELD_MAX) return null;
    return new OperationalError(FLOOD, `${name} sends on without waiting`, { retry: true });
  }

  spend(name: string, bytes: number, now: number): void {
    this.#sender(name, now).spend(bytes, now);
  }

  /** How long the acknowledgement of what was spent last is to wait, ms. */
  waitMs(name: string, now: number): number {
    return this.#senders.get(name)?.waitMs(now) ?? 0;
  }

  /** An acknowledgement waits; call what is returned when it does no more. */
  hold(name: string, now: number): () => void {
    const sender = this.#sender(name, now);
    sender.held++;
    return () => {
      sender.held--;
    };
  }
}
