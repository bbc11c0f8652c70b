/** What the pipeline needs to know of devices and credentials: a few calls, synchronous and cheap. */
import type { Device } from '@village/core';

/** Who a connection is, by its credential and never by what it says. */
export type Principal =
  | { readonly kind: 'device'; readonly id: string }
  /** Also a network server such as ChirpStack: may speak for the devices whose `gateway` it is. */
  | { readonly kind: 'gateway'; readonly id: string }
  /** An external broker, which passes on topics but not who published: whom the topic names speaks. `id` names the broker. */
  | { readonly kind: 'topic'; readonly id: string };

export interface Registry {
  device(id: string): Device | undefined;
  /** By the name a device has on its own wire. */
  byAddress(profile: string, address: string): Device | undefined;
  /** It runs at every CONNECT. Undefined when name or secret are wrong. */
  verify(username: string, secret: string): Principal | undefined;
  /** For whom the key of a certificate, which its holder has proved, is registered; undefined when it is not that name's. */
  verifyKey(username: string, key: string): Principal | undefined;
}
