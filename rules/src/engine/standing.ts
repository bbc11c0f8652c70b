/** How the engine stands: taken down in parts for a snapshot, taken up again, and which alerts are open in it. */
import type { Severity, Suppression } from '@village/core';
import type { AreaCounters } from './areas.ts';
import type { BoundDevice } from './bindings.ts';
import type { Held, Inhibitors } from './inhibitors.ts';
import type { Program } from './program.ts';
import type { ProgramState } from './program-state.ts';
import type { RuleSubject } from './program-types.ts';
import type { Silence, SilenceState } from './silence.ts';
import type { AlertKey } from './transition.ts';
import type { Wheel } from './wheel.ts';

/** A part of all that later transitions follow from; a part is read and written in about a millisecond. */
export type StatePart =
  | {
      readonly kind: 'head';
      readonly now: number;
      readonly silence: SilenceState;
      readonly held: readonly Held[];
      readonly releases: readonly (readonly [at: number, cause: string])[];
    }
  | { readonly kind: 'program'; readonly program: ProgramState }
  | {
      readonly kind: 'devices';
      readonly devices: readonly string[];
      /** When each was heard last; NaN of one that never was. */
      readonly heard: Float64Array;
      readonly silent: Uint8Array;
    };

/** The head comes first. */
export type EngineState = readonly StatePart[];

/** An alert that is open, since when and how bad. */
export interface OpenAlert extends AlertKey {
  readonly severity: Severity;
  readonly since: number;
  /** What keeps its news back; null where nothing does. */
  readonly suppression: Suppression | null;
  /** Rule and subject of what inhibits it; null without one. */
  readonly by: string | null;
}

/** What the engine consists of. */
export interface Parts {
  readonly programs: readonly Program[];
  readonly devices: ReadonlyMap<string, BoundDevice>;
  readonly areas: AreaCounters;
  readonly silence: Silence;
  readonly inhibitors: Inhibitors;
  readonly releases: Wheel<string>;
}

const INSTANCES_A_PART = 500;
const DEVICES_A_PART = 2_000;
const NONE = -1;

export function* partsOf(parts: Parts, now: number): Generator<StatePart> {
  const { programs, silence, inhibitors, releases } = parts;
  yield {
    ...{ kind: 'head', now, silence: silence.state(), held: inhibitors.state() },
    releases: [...releases.waiting()],
  };
  // Also of one without instances: it is known that there was nothing.
  for (const program of programs)
    for (let from = 0; from === 0 || from < program.size; from += INSTANCES_A_PART) {
      const to = Math.min(program.size, from + INSTANCES_A_PART);
      yield { kind: 'program', program: program.state(from, to) };
    }
  const devices = [...parts.devices.values()];
  for (let from = 0; from < devices.length; from += DEVICES_A_PART) {
    const some = devices.slice(from, from + DEVICES_A_PART);
    yield {
      kind: 'devices',
      devices: some.map(({ subject }) => subject.id),
      heard: Float64Array.from(some, ({ heard }) => heard),
      silent: Uint8Array.from(some, ({ isSilent }) => Number(isSilent)),
    };
  }
}

/** Takes up what is still there of a part. */
export function takeUp(
  { programs, devices, areas, silence, inhibitors, releases }: Parts,
  part: StatePart,
): void {
  if (part.kind === 'head') {
    silence.restore(part.silence);
    inhibitors.restore(part.held);
    for (const [at, cause] of part.releases) releases.add(at, cause);
  } else if (part.kind === 'program')
    programs.find(({ rule }) => rule.id === part.program.rule)?.restore(part.program);
  else
    part.devices.forEach((id, n) => {
      const device = devices.get(id);
      if (device === undefined) return;
      device.heard = part.heard[n] as number;
      device.isSilent = part.silent[n] === 1;
      if (device.isSilent) areas.add(device.subject.areas, 'offline', 1);
    });
}

/** All parts were taken up: counts what is open, and waits for those that may fall silent. With a stop now and then. */
export function* settle({ programs, devices, areas, silence }: Parts, now: number) {
  for (const program of programs) {
    for (let i = 0; i < program.size; i++) count(areas, program, i, 1);
    yield;
  }
  for (const device of devices.values()) {
    silence.add(device, now);
    yield;
  }
  // What areas count is what it was; nothing has changed.
  areas.takeChanged();
}

/** Counts an alert that is open, where rules on areas see it. */
export function count(areas: AreaCounters, program: Program, i: number, by: 1 | -1): void {
  const level = program.alarms.open[i] as number;
  if (level === NONE || program.rule.subject.kind === 'area') return;
  areas.alert((program.subjects[i] as RuleSubject).areas, program.severity(level), by);
}

/** Alerts that are open. */
export function* openIn({ programs, inhibitors }: Parts): Generator<OpenAlert> {
  for (const program of programs)
    for (let i = 0; i < program.size; i++) {
      const level = program.alarms.open[i] as number;
      if (level === NONE) continue;
      const { id } = program.subjects[i] as RuleSubject;
      const key: AlertKey = { rule: program.rule.id, subject: id, discriminator: '' };
      const held = inhibitors.holding(key);
      yield {
        ...key,
        ...{ severity: program.severity(level), since: program.alarms.since[i] as number },
        suppression: held?.why ?? null,
        by: held?.why === 'inhibited' ? held.by : null,
      };
    }
}

/** Goes on with an alert as open; false where there is nothing that it could be of. Nothing is told. */
export function adopt(parts: Parts, alert: OpenAlert, now: number): boolean {
  const { programs, devices, areas } = parts;
  const program = programs.find(({ rule }) => rule.id === alert.rule);
  const i = program?.indexOf(alert.subject);
  if (program === undefined || i === undefined || alert.discriminator !== '') return false;
  count(areas, program, i, -1);
  program.adopt(i, alert.severity, alert.since);
  count(areas, program, i, 1);
  const { subject } = program.rule;
  if (subject.kind === 'event') program.endAfter(i, now + subject.event.holdMs);
  if (subject.kind !== 'watch') return true;
  const device = devices.get(alert.subject);
  const isSilence = subject.watch === 'device-silent' || subject.watch === 'device-never-seen';
  if (isSilence && device?.isSilent === false) {
    device.isSilent = true;
    areas.add(device.subject.areas, 'offline', 1);
  }
  return true;
}
