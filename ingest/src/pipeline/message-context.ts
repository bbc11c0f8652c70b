/** One message on its way, and for which devices its sender may speak. */
import type { Device, Lane } from '@village/core';
import type { Principal } from '../registry.ts';
import type { Arrival } from './rows.ts';

/** Who sends through HTTP: a name for the records, and the devices it may write. */
export interface HttpSource {
  readonly name: string;
  allows(device: Device): boolean;
}

export type Sender =
  | Principal
  | { readonly kind: 'http'; readonly id: string; readonly source: HttpSource }
  /** What was kept aside and is run again: from a client, or through HTTP by somebody who was allowed then. */
  | { readonly kind: 'again'; readonly id: string };

export class Journey implements Arrival {
  readonly sender: Sender;
  readonly topic: string;
  readonly receivedAt: number;
  readonly lane: Lane | null;
  readonly dup: boolean;

  constructor(sender: Sender, topic: string, receivedAt: number, lane: Lane | null, dup: boolean) {
    this.sender = sender;
    this.topic = topic;
    this.receivedAt = receivedAt;
    this.lane = lane;
    this.dup = dup;
  }

  /** Whether the sender may speak for the device: a device for itself, a gateway for those that name it. */
  allows(device: Device): boolean {
    const { sender } = this;
    switch (sender.kind) {
      case 'device':
        return device.id === sender.id;
      case 'gateway':
        return device.gateway === sender.id;
      case 'http':
        return sender.source.allows(device);
      case 'again':
        return (
          device.id === sender.id || device.gateway === sender.id || sender.id.startsWith('http:')
        );
    }
  }

  /** The same, with the lane that the message names; what is run again stays history. */
  on(lane: Lane | null): Journey {
    if (this.sender.kind === 'again' || lane === this.lane) return this;
    return new Journey(this.sender, this.topic, this.receivedAt, lane, this.dup);
  }
}
