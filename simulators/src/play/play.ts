/**
 * Plays a planned county on its real wires, and a relay between gateways and broker that a scenario can cut. Ends only
 * what it started.
 */
import { SECOND, type Timer } from '@village/core';
import { CountyModel } from '../county/county-model.ts';
import type { CountyPlan } from '../county/county-plan.ts';
import { builtinWires } from '../wires/index.ts';
import type { PlayedWire, Wire } from '../wires/wire.ts';
import { type Relay, startRelay } from './relay.ts';
import { type ScenarioStep, Script } from './scenario.ts';

export interface PlayOptions {
  readonly timer: Timer;
  readonly scenario?: readonly ScenarioStep[];
  /** Ends the play. */
  readonly signal: AbortSignal;
  /** Hears how long the acknowledgement of a message took, ms. */
  readonly acknowledged?: (ms: number) => void;
  /** The built-in wires when absent. */
  readonly wires?: readonly Wire[];
}

/** By protocol. */
export type PlayCounters = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A county being played. */
export interface Play {
  readonly startedAt: number;
  readonly model: CountyModel;
  counters(): PlayCounters;
  /** What connections last failed of, with how many of them; empty when all is well. */
  faults(): { message: string; connections: number }[];
  close(): Promise<void>;
}

/** How often the relay looks whether it is cut. */
const CUT_CHECK_MS = SECOND;

/** Cuts and mends the relay as the scenario says, until the signal. */
async function keepCutting(
  relay: Relay,
  script: Script,
  timer: Timer,
  signal: AbortSignal,
): Promise<void> {
  let isCut = false;
  while (!signal.aborted) {
    const cut = script.gatewayCut(timer.now());
    if (cut !== isCut) relay.cut(cut);
    isCut = cut;
    try {
      await timer.sleep(CUT_CHECK_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}

/**
 * Starts every device of the plan. Connections that fail are tried again without end; only ports that can't be opened
 * and secrets that are missing end it.
 * @throws no-secret, port-taken, and the system's other listen errors
 */
export async function playCounty(plan: CountyPlan, options: PlayOptions): Promise<Play> {
  const { timer, scenario = [], wires = builtinWires, acknowledged } = options;
  const startedAt = timer.now();
  const script = new Script(plan.seed, scenario, startedAt);
  const model = new CountyModel(plan, script);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const played = new Map<string, PlayedWire>();
  const close = async (): Promise<void> => {
    stop.abort();
    await Promise.all([...played.values()].map((wire) => wire.close()));
  };
  const stage = {
    plan,
    model,
    timer,
    signal,
    ...(acknowledged === undefined ? {} : { acknowledged }),
  };
  let relay: Relay | undefined;
  try {
    for (const wire of wires) {
      const devices = plan.devices.filter((device) => device.wire.kind === wire.protocol);
      played.set(wire.protocol, await wire.play(devices, stage));
    }
    relay = plan.relayPort === null ? undefined : await openRelay(plan, plan.relayPort);
  } catch (error) {
    await close();
    throw error;
  }
  const cutting = relay === undefined ? undefined : keepCutting(relay, script, timer, signal);
  return {
    startedAt,
    model,
    counters: () =>
      Object.fromEntries([...played].map(([protocol, wire]) => [protocol, wire.counters()])),
    faults: () => [...played.values()].flatMap((wire) => wire.faults()),
    async close() {
      await close();
      await cutting;
      await relay?.close();
    },
  };
}

function openRelay(plan: CountyPlan, port: number): Promise<Relay> {
  const target = new URL(plan.mqttUrl);
  return startRelay(
    { host: '127.0.0.1', port },
    { host: target.hostname, port: Number(target.port === '' ? 1883 : target.port) },
  );
}
