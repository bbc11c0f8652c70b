/** What the pipeline knows of one message besides its payload, and for which devices its sender may speak. */
import type { Device, Lane } from '@village/core';
import type { Principal } from '@village/registry';
import type { MessagePath } from './shape.ts';

/** Who sends through HTTP: a name for the records, and the devices it may write. */
export interface HttpSource {
  readonly name: string;
  allows(device: Device): boolean;
}

export type Sender =
  | Principal
  | {
      readonly kind: 'http';
      readonly id: string;
      readonly source: HttpSource;
      /** A row is stored under another time than it said. */
      readonly redated: (path: MessagePath, at: number) => void;
    }
  /** A dead letter that is run again: from a client, or through HTTP by somebody who was allowed then. */
  | { readonly kind: 'rerun'; readonly id: string };

/** When a message came; `lane` null means that the device itself sent it: what is late is then backfill. */
export interface Arrival {
  readonly receivedAt: number;
  readonly lane: Lane | null;
  /** Marked as sent again by the protocol. */
  readonly dup: boolean;
  /** The device says it now, itself or through its gateway: no history, and nobody else's account. */
  readonly spoken: boolean;
  /** Its times are of the device's clock, live, from a gateway's outbox or of what was kept aside. */
  readonly ownTimes: boolean;
  /** It was kept aside and is run again. */
  readonly again: boolean;
}

/** A gateway's batch. */
export interface BatchNumber {
  readonly epoch: string;
  readonly seq: number;
  /** By how much its clock was set since it stamped the rows, ms. */
  readonly shift: number;
}

export class MessageContext implements Arrival {
  readonly sender: Sender;
  readonly topic: string;
  readonly receivedAt: number;
  readonly lane: Lane | null;
  readonly dup: boolean;
  /** Null where it is no batch. */
  readonly batch: BatchNumber | null;
  /** It is of a gateway, which puts what its devices said beside its rows. */
  readonly relayed: boolean;
  /** Set by a dialect: its sender has sampled what is rejected of it, so that all of that is kept and the sender held back. */
  paced = false;
  /** Set where its time is the one under which the rest of it is stored. */
  settled = false;

  constructor(
    sender: Sender,
    topic: string,
    receivedAt: number,
    lane: Lane | null,
    dup: boolean,
    batch: BatchNumber | null = null,
    relayed = batch !== null,
  ) {
    this.sender = sender;
    this.topic = topic;
    this.receivedAt = receivedAt;
    this.lane = lane;
    this.dup = dup;
    this.batch = batch;
    this.relayed = relayed;
  }

  get spoken(): boolean {
    const { kind } = this.sender;
    return kind !== 'http' && kind !== 'rerun' && this.lane !== 'backfill';
  }

  get ownTimes(): boolean {
    const { kind, id } = this.sender;
    return kind !== 'http' && !this.settled && !(kind === 'rerun' && id.startsWith('http:'));
  }

  get again(): boolean {
    return this.sender.kind === 'rerun';
  }

  /** A message that a device sends by itself, which may have no clock. */
  get own(): boolean {
    const { kind, id } = this.sender;
    return kind === 'device' || (kind === 'rerun' && !this.relayed && !id.startsWith('http:'));
  }

  /** History that somebody posts, who means the times that it says. */
  get posted(): boolean {
    const { kind, id } = this.sender;
    if (this.lane !== 'backfill') return false;
    return kind === 'http' || (kind === 'rerun' && id.startsWith('http:'));
  }

  /** Tells who waits for an answer that a row is stored under another time than it said. */
  redated(path: MessagePath, at: number): void {
    if (this.sender.kind === 'http') this.sender.redated(path, at);
  }

  /** Whether the sender may speak for the device: a device for itself, a gateway for those that name it. */
  allows(device: Device): boolean {
    const { sender } = this;
    switch (sender.kind) {
      case 'device':
        return device.id === sender.id;
      case 'gateway':
        return device.gateway === sender.id;
      case 'topic':
        // No dialect could say whom the topic names.
        return false;
      case 'http':
        return sender.source.allows(device);
      case 'rerun':
        return (
          device.id === sender.id || device.gateway === sender.id || sender.id.startsWith('http:')
        );
    }
  }

  /** The same message as the batch that it is, in the lane that it names itself; a rerun stays backfill. */
  asBatch(lane: Lane | null, batch: BatchNumber): MessageContext {
    const { sender, topic, receivedAt, dup } = this;
    const own = sender.kind === 'rerun' ? this.lane : lane;
    return new MessageContext(sender, topic, receivedAt, own, dup, batch);
  }

  /** A row of a batch that is run again by itself. */
  asRow(): MessageContext {
    const { sender, topic, receivedAt, lane, dup } = this;
    return new MessageContext(sender, topic, receivedAt, lane, dup, null, true);
  }
}

/** Begins the source of a dead letter whose topic named nobody known; other sources have no colon but HTTP's. */
const BROKER = 'topic:';

/** The sender's name on a dead letter. */
export function sourceOf({ kind, id }: Sender): string {
  return kind === 'topic' ? `${BROKER}${id}` : id;
}

/** Whether a dead letter's topic named nobody known, so that whom it names is to be asked again. */
export const isOfTopic = (source: string): boolean => source.startsWith(BROKER);
