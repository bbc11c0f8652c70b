/**
 * What a dialect is: one convention of topics and payloads over MQTT. The pipeline knows dialects only by this interface
 * and by the list in index.ts.
 */
import type { OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Principal, Registry } from '@village/registry';
import type { Counters } from '../pipeline/counters.ts';
import type { GatewayStates } from '../pipeline/gateway-states.ts';
import type { MessageContext } from '../pipeline/message-context.ts';
import type { Rows } from '../pipeline/rows.ts';

/** What a client shows when it connects. */
export interface Login {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

/** Stores a bad row of a list as a dead letter, so that the rest of the list can be taken. */
export type Reject = (row: unknown, index: number, error: OperationalError) => void;

/** `Route` is what a dialect reads out of a topic, once for each topic. */
export interface Dialect<Route = unknown> {
  readonly name: string;
  /** MQTT filters that cover every topic of the dialect, for a subscription at an external broker. */
  readonly filters: readonly string[];
  /** What the topic means; undefined when it is no topic of this dialect. */
  route(topic: string): Route | undefined;
  /** Who signs in with these words; undefined when nobody does. Absent: only with an id of the registry. */
  authenticate?(login: Login): Principal | undefined;
  /** Whom the topic names, for messages of a broker that says nothing but the topic. */
  speaker(route: Route): Principal | undefined;
  /** Whether a client may publish on the route at all; `take` checks what it says there. */
  mayPublish(principal: Principal, route: Route): boolean;
  maySubscribe(principal: Principal, filter: string): boolean;
  /** Takes one message. @throws OperationalError when the whole message can't be used */
  take(route: Route, payload: Buffer, context: MessageContext, reject: Reject): void;
}

/** What dialects work with. */
export interface DialectServices {
  readonly registry: Registry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly rows: Rows;
  readonly counters: Counters;
  readonly gateways: GatewayStates;
  /** A gateway has sent this batch. */
  sequence(gateway: string, epoch: string, seq: number): void;
  /** A gateway has lost these batches for good. */
  sequenceDropped(
    gateway: string,
    epoch: string,
    ranges: readonly (readonly [from: number, to: number])[],
  ): void;
  /** A gateway has answered a command. */
  gatewayResult(gateway: string, result: unknown): void;
}

export type DialectFactory = (services: DialectServices) => Dialect;

/** A dialect for the list: what it makes of a topic stays its own secret. */
export function dialect<Route>(
  make: (services: DialectServices) => Dialect<Route>,
): DialectFactory {
  return (services) => make(services) as Dialect;
}
