/**
 * What a wire is: how devices of one protocol are played. The simulators know wires only by this interface and by the
 * list in index.ts.
 */
import type { Timer } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { z } from 'zod';
import type { Flags } from '../cli/flags.ts';
import type { CountyModel } from '../county/county-model.ts';
import type { CountyPlan, PlannedDevice, WireAddress } from '../county/county-plan.ts';
import type { SingleOptions } from '../county/single.ts';

/** Gives devices their addresses, in the order in which they are asked for. */
export type AddressOf = (device: {
  readonly id: string;
  readonly gateway: string | null;
}) => WireAddress;

/** What all devices of a play share. */
export interface Stage {
  readonly plan: CountyPlan;
  readonly model: CountyModel;
  readonly timer: Timer;
  /** Ends the play. */
  readonly signal: AbortSignal;
  /** Hears how long the acknowledgement of a message took, ms. */
  readonly acknowledged?: (ms: number) => void;
}

/** The devices of one wire while they are played. */
export interface PlayedWire {
  counters(): Readonly<Record<string, number>>;
  /** What connections last failed of, with how many of them; empty when all is well. */
  faults(): { message: string; connections: number }[];
  /** Resolves when the loops have ended after the signal and all is closed. */
  close(): Promise<void>;
}

/** A device that connects by itself, and what it says late of a time that is over. */
export interface LateSpeaker {
  /** The connection it speaks through. */
  readonly credential: string;
  messages(
    values: Readonly<Record<string, number>>,
    at: number,
  ): { readonly topic: string; readonly payload: Uint8Array }[];
}

/** How one device of any type is played by hand. */
export interface WireCommand {
  readonly name: string;
  /** Lines of `--help`. */
  readonly usage: string;
  /** The device that the flags describe. */
  single(flags: Flags): SingleOptions;
}

export interface Wire {
  readonly protocol: string;
  /** Whether an edge gateway asks such devices; others connect by themselves. */
  readonly polled: boolean;
  /** What the wire needs to know of the whole county, in county.yaml under the protocol's name. */
  readonly site?: { readonly shape: z.ZodType; fromFlags(flags: Flags): unknown };
  /** Flags with a value that `site` and `command` read. */
  readonly flags: readonly string[];
  readonly command: WireCommand;
  addresses(site: unknown): AddressOf;
  /** The device's `connection` in the configuration of a gateway. */
  connection?(address: WireAddress): object;
  /** Absent on wires that are polled. */
  late?(device: PlannedDevice, profile: DeviceProfile): LateSpeaker;
  /** @throws port-taken, no-secret */
  play(devices: readonly PlannedDevice[], stage: Stage): Promise<PlayedWire>;
}
