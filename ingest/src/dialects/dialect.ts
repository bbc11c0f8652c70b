/**
 * What a dialect is: one convention of topics and payloads over MQTT. The pipeline knows dialects only by this interface
 * and by the list in index.ts.
 */
import type { OperationalError, WireStatus } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Principal, Registry } from '@village/registry';
import type { DeadLetterPart } from '@village/store/time-series';
import type { Counters } from '../pipeline/counters.ts';
import type { GatewayStates } from '../pipeline/gateway-states.ts';
import type { MessageContext, Sender } from '../pipeline/message-context.ts';
import type { Rows } from '../pipeline/rows.ts';

/** What a client shows when it connects. */
export interface Login {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  /** What it has proved by a TLS certificate for this username. */
  readonly certificate?: { readonly key: string } | null;
}

/** A part of a frame or row of which the rest was taken. */
export interface RejectedPart extends DeadLetterPart {
  readonly device: string;
  /** What must be known to run it again; the row itself when absent. */
  readonly payload?: Uint8Array;
  /** A gateway met it, which samples and counts by itself. */
  readonly byGateway?: boolean;
}

/**
 * Stores a bad row of a list, or the bad part of a row or frame, as a dead letter, so that the rest can be taken. `index`
 * is that of the row.
 */
export type Reject = (
  row: unknown,
  index: number,
  error: OperationalError,
  part?: RejectedPart,
) => void;

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
  /**
   * Takes one message. @throws OperationalError when the whole message can't be used; with `retry` before anything of it was
   * taken, when its sender is to come again
   */
  take(route: Route, payload: Buffer, context: MessageContext, reject: Reject): void;
}

/** What dialects work with. */
export interface DialectServices {
  readonly registry: Registry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly rows: Rows;
  readonly counters: Counters;
  readonly gateways: GatewayStates;
  /** A gateway tells the present by its clock, in its status. */
  heardClock(gateway: string, at: number, receivedAt: number, status: WireStatus): void;
  /** For what is paced: nothing while the sender waits as it should. @throws refused-flood (retry) */
  mayHandOver(sender: Sender): void;
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
