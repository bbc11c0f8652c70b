/**
 * Plays a planned county on its real wires: Modbus slaves that wait to be polled, MQTT clients that publish by
 * their interval, and a relay that a scenario can cut. Ends only what it started.
 */
import { OperationalError, SECOND, type Timer } from '@village/core';
import { encodeAll } from '@village/device-profiles';
import { isMqttFrame } from '@village/device-profiles/mqtt';
import { CountyModel } from '../county/county-model.ts';
import { hashText } from '../county/noise.ts';
import type { CountyPlan, PlannedDevice } from '../county/plan.ts';
import { type SlavePort, type Slaves, serveSlaves } from '../wires/modbus/slave.ts';
import { Uplink, type UplinkCounters } from '../wires/mqtt/uplink.ts';
import { type Relay, startRelay } from './relay.ts';
import { type ScenarioStep, Script } from './scenario.ts';

export interface PlayOptions {
  readonly timer: Timer;
  readonly scenario?: readonly ScenarioStep[];
  /** Ends the play. */
  readonly signal: AbortSignal;
}

export interface PlayCounters {
  readonly modbus: Slaves['counters'];
  readonly mqtt: Readonly<UplinkCounters> & {
    readonly connected: number;
    readonly waiting: number;
  };
  /** Frames a device could not send nor keep, because it was starting again or out of its network server's reach. */
  readonly unsent: number;
}

/** A county being played. */
export interface Play {
  readonly model: CountyModel;
  counters(): PlayCounters;
  /** What connections last failed of, with how many of them; empty when all is well. */
  faults(): { message: string; connections: number }[];
  close(): Promise<void>;
}

/** All first values are out within this time. */
const FIRST_WITHIN_MS = 3 * SECOND;
/** How often the relay looks whether it is cut. */
const CUT_CHECK_MS = SECOND;
const DEVICE_QUEUE_MAX = 500;
const SERVER_QUEUE_MAX = 20_000;

function slavePorts(plan: CountyPlan, model: CountyModel, timer: Timer): SlavePort[] {
  const ports = new Map<
    string,
    { host: string; port: number; units: SlavePort['units'][number][] }
  >();
  for (const device of plan.devices) {
    if (device.wire.kind !== 'modbus') continue;
    const { host, port, unit } = device.wire;
    const key = `${host}:${port}`;
    const open = ports.get(key) ?? { host, port, units: [] };
    ports.set(key, open);
    open.units.push({
      unit,
      profile: model.profile(device),
      options: device.options,
      values: () => {
        const now = timer.now();
        const effects = model.effects(device, now);
        return effects?.dropout || effects?.restarting ? null : model.values(device, now);
      },
    });
  }
  return [...ports.values()];
}

/** One device that speaks MQTT, by itself or through a network server. */
class Speaker {
  readonly #device: PlannedDevice;
  readonly #model: CountyModel;
  readonly #uplink: Uplink;
  readonly #ownUplink: boolean;
  #held: { topic: string; payload: Uint8Array } | null = null;
  unsent = 0;

  constructor(device: PlannedDevice, model: CountyModel, uplink: Uplink, ownUplink: boolean) {
    this.#device = device;
    this.#model = model;
    this.#uplink = uplink;
    this.#ownUplink = ownUplink;
  }

  /** Measures and sends once; a device in a dropout keeps its frames if it has a connection of its own. */
  speak(now: number): void {
    const effects = this.#model.effects(this.#device, now);
    const away = effects !== undefined && (effects.dropout || effects.restarting);
    if (this.#ownUplink && away) this.#uplink.cut(effects.restarting);
    if (this.#ownUplink && !away) this.#uplink.mend();
    const frames = encodeAll(
      this.#model.profile(this.#device),
      this.#model.values(this.#device, now),
      {
        at: now + (effects?.clockErrorMs ?? 0),
        address: this.#device.address,
        options: this.#device.options,
      },
    );
    for (const frame of frames) {
      if (!isMqttFrame(frame)) continue;
      if (away && (effects.restarting || !this.#ownUplink)) this.unsent++;
      else this.#offer(frame, effects?.duplicate ?? false, effects?.reorder ?? false);
    }
  }

  #offer(frame: { topic: string; payload: Uint8Array }, twice: boolean, reorder: boolean): void {
    const held = this.#held;
    if (reorder && held === null) {
      this.#held = frame;
      return;
    }
    this.#held = null;
    for (const { topic, payload } of held === null ? [frame] : [frame, held]) {
      this.#uplink.offer(topic, payload);
      if (twice) this.#uplink.offer(topic, payload);
    }
  }
}

function openUplink(plan: CountyPlan, id: string): Uplink {
  const secret = plan.secrets.get(id);
  if (secret === undefined)
    throw new OperationalError('no-secret', `The plan has no secret for ${id}`);
  const server = id === plan.networkServer;
  return new Uplink({
    url: plan.mqttUrl,
    id,
    secret,
    windowMax: server ? 100 : 1,
    queueMax: server ? SERVER_QUEUE_MAX : DEVICE_QUEUE_MAX,
    reconnectMs: 1_000 + (hashText(`${plan.seed}/${id}/reconnect`) % 4_000),
  });
}

/** Speaks at once (spread over FIRST_WITHIN_MS) and then by the device's interval, until the signal. */
async function keepSpeaking(
  speaker: Speaker,
  device: PlannedDevice,
  seed: number,
  timer: Timer,
  signal: AbortSignal,
): Promise<void> {
  const start = timer.elapsed() + (hashText(`${seed}/${device.id}/phase`) % FIRST_WITHIN_MS);
  for (let turn = 0; !signal.aborted; turn++) {
    const wait = start + turn * device.everyMs - timer.elapsed();
    // Turns that were slept through are left out rather than caught up with.
    if (wait < -device.everyMs) continue;
    try {
      await timer.sleep(Math.max(wait, 0), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    speaker.speak(timer.now());
  }
}

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

function sum(uplinks: readonly Uplink[]): PlayCounters['mqtt'] {
  const all = {
    offered: 0,
    acknowledged: 0,
    dropped: 0,
    repeated: 0,
    connects: 0,
    faults: 0,
    connected: 0,
    waiting: 0,
  };
  for (const uplink of uplinks) {
    const { offered, acknowledged, dropped, repeated, connects, faults } = uplink.counters;
    all.offered += offered;
    all.acknowledged += acknowledged;
    all.dropped += dropped;
    all.repeated += repeated;
    all.connects += connects;
    all.faults += faults;
    all.connected += uplink.connected ? 1 : 0;
    all.waiting += uplink.waiting;
  }
  return all;
}

function faultsOf(uplinks: readonly Uplink[]): { message: string; connections: number }[] {
  const counts = new Map<string, number>();
  for (const { connected, lastFault } of uplinks)
    if (!connected && lastFault !== null) counts.set(lastFault, (counts.get(lastFault) ?? 0) + 1);
  return [...counts].map(([message, connections]) => ({ message, connections }));
}

/**
 * Starts every device of the plan. Connections that fail are tried again for ever; only ports that can't be opened
 * and secrets that are missing end it.
 * @throws no-secret, and the system's listen errors.
 */
export async function playCounty(plan: CountyPlan, options: PlayOptions): Promise<Play> {
  const { timer, scenario = [] } = options;
  const startedAt = timer.now();
  const script = new Script(plan.seed, scenario, startedAt);
  const model = new CountyModel(plan, script);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const speaking = plan.devices.flatMap((device) =>
    device.wire.kind === 'mqtt' ? [{ device, credential: device.wire.credential }] : [],
  );
  for (const { credential } of speaking)
    if (!plan.secrets.has(credential))
      throw new OperationalError('no-secret', `The plan has no secret for ${credential}`);
  const slaves = await serveSlaves(slavePorts(plan, model, timer));
  let relay: Relay | undefined;
  try {
    relay = plan.relayPort === null ? undefined : await openRelay(plan, plan.relayPort);
  } catch (error) {
    await slaves.close();
    throw error;
  }
  const uplinks = new Map<string, Uplink>();
  const loops: Promise<void>[] = [];
  const speakers = speaking.map(({ device, credential }) => {
    const uplink = uplinks.get(credential) ?? openUplink(plan, credential);
    uplinks.set(credential, uplink);
    const speaker = new Speaker(device, model, uplink, credential === device.id);
    loops.push(keepSpeaking(speaker, device, plan.seed, timer, signal));
    return speaker;
  });
  if (relay !== undefined) loops.push(keepCutting(relay, script, timer, signal));
  const all = [...uplinks.values()];
  return {
    model,
    counters: () => ({
      modbus: slaves.counters,
      mqtt: sum(all),
      unsent: speakers.reduce((total, speaker) => total + speaker.unsent, 0),
    }),
    faults: () => faultsOf(all),
    async close() {
      stop.abort();
      await Promise.all(loops);
      await Promise.all([slaves.close(), relay?.close(), ...all.map((uplink) => uplink.close())]);
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
