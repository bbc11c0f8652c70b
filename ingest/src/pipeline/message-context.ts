/** What the pipeline knows of one message besides its payload, and for which devices its sender may speak. */
import type { Device, Lane } from '@village/core';
import type { Principal } from '@village/registry';

/** Who sends through HTTP: a name for the records, and the devices it may write. */
export interface HttpSource {
  readonly name: string;
  allows(device: Device): boolean;
}

export type Sender =
  | Principal
  | { readonly kind: 'http'; readonly id: string; readonly source: HttpSource }
  /** A dead letter that is run again: from a client, or through HTTP by somebody who was allowed then. */
  | { readonly kind: 'rerun'; readonly id: string };

/** When a message came; `lane` null means that the device itself sent it: what is late is then backfill. */
export interface Arrival {
  readonly receivedAt: number;
  readonly lane: Lane | null;
  /** Marked as sent again by the protocol. */
  readonly dup: boolean;
}

/** A gateway's batch. */
export interface BatchNumber {
  readonly epoch: string;
  readonly seq: number;
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
