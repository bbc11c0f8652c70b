/**
 * The engine: takes committed groups in order, judges what they bring by the rules that are bound to each series, and tells transitions.
 * It does no input or output and has no clock: time is what groups say. The same groups give the same transitions.
 */
import type { Severity, Suppression } from '@village/core';
import type { CommittedGroup, CommittedRows, SystemEvent } from '@village/store/time-series';
import { AREA_COUNTERS, type Inhibition, type Rule } from '../model.ts';
import { AreaCounters } from './areas.ts';
import { BlockBatch } from './batch.ts';
import { type BoundDevice, isFor } from './bindings.ts';
import { Inhibitors } from './inhibitors.ts';
import { type Directory, Others } from './others.ts';
import { Program, type ProgramHost } from './program.ts';
import type { LimitOf, RuleSubject } from './program-types.ts';
import { isAwake, nextAwake } from './schedule.ts';
import { Silence } from './silence.ts';
import {
  adopt,
  type EngineState,
  type OpenAlert,
  openIn,
  type Parts,
  partsOf,
  type StatePart,
  settle,
  takeUp,
} from './standing.ts';
import type { AlertKey, Transition } from './transition.ts';
import { Wheel } from './wheel.ts';

export interface EngineOptions {
  /** Worst causes first where one inhibits another. */
  readonly rules: readonly Rule[];
  readonly inhibit: readonly Inhibition[];
  readonly limitOf: LimitOf;
  readonly tell: (transition: Transition) => void;
  /** A reading that pages nobody: what it means for the past is found out by judging it again in order of time. */
  readonly late: (device: string, at: number) => void;
}

/** A timer by the server's clock waits so long after its moment for a reading that decides. */
export const SETTLE_MS = 2_000;
/** What a cause held back has so long to come right by itself once the cause is over. */
const RELEASE_MS = 5 * 60_000;
/** Rows of a block that are looked at between two stops. */
const ROWS_AT_ONCE = 1_000;
/** A time further ahead than this is that of a wrong clock. */
const FUTURE_MS = 60_000;

interface Timer {
  readonly program: Program;
  /** Level of an instance; of one that changes too often -1 - instance. */
  readonly k: number;
}

export interface EngineCounters {
  readings: number;
  late: number;
  future: number;
  transitions: number;
}

export class Engine implements ProgramHost {
  readonly counters: EngineCounters = { readings: 0, late: 0, future: 0, transitions: 0 };
  readonly programs: readonly Program[];
  readonly #options: EngineOptions;
  readonly #devices = new Map<string, BoundDevice>();
  readonly #areas = new AreaCounters();
  readonly #wheel = new Wheel<Timer>();
  /** Causes that are over, by when what they held back is told of. */
  readonly #releases = new Wheel<string>();
  /** By number. */
  readonly #byNumber: (BoundDevice | null)[] = [];
  readonly #silence: Silence;
  readonly #inhibitors: Inhibitors;
  readonly #others: Others;
  readonly #parts: Parts;
  now = Number.NEGATIVE_INFINITY;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.programs = options.rules.map((rule) => new Program(rule, this, options.limitOf));
    for (const program of this.programs) {
      program.alarms.tell = (...told) => this.#told(program, ...told);
      program.alarms.arm = (i, at) => this.#wheel.add(at + SETTLE_MS, { program, k: -1 - i });
    }
    this.#others = new Others(this.programs, (...moved) => this.#moved(...moved));
    this.#inhibitors = new Inhibitors(options.inhibit, this.programs);
    this.#silence = new Silence({
      devices: this.#devices,
      watching: (watch) => this.#watching(watch),
      changed: ({ subject }, by) => this.#areas.add(subject.areas, 'offline', by),
    });
    this.#parts = {
      ...{ programs: this.programs, devices: this.#devices, areas: this.#areas },
      ...{ silence: this.#silence, inhibitors: this.#inhibitors, releases: this.#releases },
    };
  }

  /** Takes in what there is now: new devices are bound, those that are gone let go. */
  refresh(directory: Directory): void {
    drain(this.refreshing(directory));
  }

  /** The same, with a stop after each device. */
  *refreshing(directory: Directory): Generator<undefined> {
    const seen = new Set<string>();
    for (const subject of directory.devices()) {
      seen.add(subject.id);
      const known = this.#devices.get(subject.id);
      if (known === undefined) this.#addDevice(subject);
      else this.#changeDevice(known, subject);
      yield;
    }
    for (const [id, device] of this.#devices) if (!seen.has(id)) this.#letGo(device);
    this.#others.refresh(directory, this.now);
  }

  /** A gateway stands elsewhere. */
  #moved(program: Program, i: number, before: RuleSubject, after: RuleSubject): void {
    const level = program.alarms.open[i] as number;
    if (level === -1 || program.rule.subject.kind === 'area') return;
    this.#areas.alert(before.areas, program.severity(level), -1);
    this.#areas.alert(after.areas, program.severity(level), 1);
  }

  #addDevice(subject: RuleSubject): void {
    const device: BoundDevice = {
      ...{ number: this.#byNumber.length, subject, instances: [], clocks: [] },
      ...{ heard: Number.NaN, armed: Number.NaN, isSilent: false },
    };
    this.#byNumber.push(device);
    this.#devices.set(subject.id, device);
    this.#areas.add(subject.areas, 'total', 1);
    this.#bindTo(device);
    this.#silence.add(device, this.now);
  }

  #bindTo(device: BoundDevice): void {
    const { subject, number } = device;
    const bound = new Set(device.instances.map(({ program }) => program));
    for (const program of this.programs) {
      if (bound.has(program) || !isFor(program, subject)) continue;
      device.instances.push({ program, i: program.add(subject, number) });
    }
    device.clocks = device.instances.filter(({ program: { rule } }) =>
      watches(rule, 'clock-wrong'),
    );
  }

  #changeDevice(device: BoundDevice, subject: RuleSubject): void {
    if (device.subject === subject || sameSubject(device.subject, subject)) {
      device.subject = subject;
      return;
    }
    // What it is no longer for ends; what it is open for goes on.
    const same = device.subject.profile.id === subject.profile.id;
    const kept = device.instances.filter(({ program }) => same && isFor(program, subject));
    for (const { program, i } of device.instances)
      if (!kept.some((one) => one.program === program)) program.remove(i, this.now, device.number);
    device.instances = kept;
    this.#count(device, -1);
    device.subject = subject;
    for (const { program, i } of kept) program.change(i, subject);
    this.#count(device, 1);
    this.#bindTo(device);
  }

  /** Counts a device, and what is open of it, in the areas in which it stands. */
  #count(device: BoundDevice, by: 1 | -1): void {
    const { areas } = device.subject;
    this.#areas.add(areas, 'total', by);
    if (device.isSilent) this.#areas.add(areas, 'offline', by);
    for (const { program, i } of device.instances) {
      const level = program.alarms.open[i] as number;
      if (level !== -1) this.#areas.alert(areas, program.severity(level), by);
    }
  }

  /** What is open of it ends. */
  #letGo(device: BoundDevice): void {
    const { subject, instances, number } = device;
    for (const { program, i } of instances) program.remove(i, this.now, number);
    this.#areas.add(subject.areas, 'total', -1);
    if (device.isSilent) this.#areas.add(subject.areas, 'offline', -1);
    this.#devices.delete(subject.id);
    this.#byNumber[number] = null;
  }

  *#watching(watch: string): Generator<Program> {
    for (const program of this.programs) {
      const { subject } = program.rule;
      if (subject.kind === 'watch' && subject.watch === watch) yield program;
    }
  }

  arm(program: Program, k: number, due: number): void {
    this.#wheel.add(due + SETTLE_MS, { program, k });
  }

  /** Time has come to here: what was waited for comes. */
  advance(now: number): void {
    drain(this.#advancing(now));
  }

  *#advancing(now: number): Generator<undefined> {
    if (now < this.now) return;
    this.now = now;
    for (const { program, k } of this.#wheel.due(now)) {
      if (k >= 0) program.timer(k, now);
      else program.quiet(-1 - k, now);
      yield;
    }
    yield* this.#silence.advancing(now);
    for (const cause of this.#releases.due(now)) this.#release(cause);
    this.#judgeAreas();
  }

  take(group: CommittedGroup): void {
    drain(this.taking(group));
  }

  /** The same, with a stop after each small step: what comes of it does not depend on what is done between. */
  *taking(group: CommittedGroup): Generator<undefined> {
    // Before time goes on: what nobody could hear is no silence.
    if (group.system.some(({ type }) => type === 'platform-start'))
      this.#silence.started(group.committedAt);
    yield* this.#advancing(group.committedAt);
    for (const event of group.system) this.#system(event);
    for (const block of group.rows) yield* this.#takeBlock(block);
    for (const { event, lane } of group.events) {
      const device = this.#devices.get(event.device);
      if (device === undefined) continue;
      this.#silence.heard(device, this.now);
      if (lane === 'live') this.#event(device, event.type, event.detail, event.at);
    }
    this.#judgeAreas();
  }

  #system({ type, subject, detail }: SystemEvent): void {
    if (type !== 'gateway-status' || subject === undefined) return;
    const online = detail?.['online'] === true;
    this.gateway(subject, online, this.now);
  }

  /** A gateway is online, or not any more. */
  gateway(id: string, online: boolean, at: number): void {
    if (online) this.#silence.gatewayBack(id, at);
    for (const program of this.#watching('gateway-offline')) {
      const i = this.#others.find(program, id);
      if (i !== undefined) program.say(i, at, !online);
    }
  }

  *#takeBlock(block: CommittedRows): Generator<undefined> {
    const batch = new BlockBatch(block, (id) => this.#numberOf(id, block.profile));
    const { count, devices, at, late } = batch;
    this.counters.readings += count;
    for (let row = 0; row < count; row++) {
      if (row % ROWS_AT_ONCE === 0) yield;
      const device = this.#byNumber[devices[row] as number];
      if (device === null || device === undefined) continue;
      this.#heard(device, block.clockReplaced(row));
      if ((at[row] as number) - this.now <= FUTURE_MS) continue;
      this.counters.future++;
      devices[row] = -1;
    }
    for (const program of this.programs)
      if (program.rule.subject.kind === 'readings') yield* program.taking(batch, this.now);
    for (let row = 0; row < count; row++) {
      if (late[row] === 0) continue;
      this.counters.late++;
      this.#options.late(block.device(row), at[row] as number);
    }
  }

  #numberOf(id: string, profile: string): number {
    const device = this.#devices.get(id);
    return device === undefined || device.subject.profile.id !== profile ? -1 : device.number;
  }

  /** What became known otherwise: an alert is open, since when and how bad. Nothing is told. */
  raise(rule: string, subject: string, severity: Severity, since: number): boolean {
    const key = { rule, subject, discriminator: '' as const };
    return this.adopt({ ...key, severity, since, suppression: null, by: null });
  }

  device(id: string): BoundDevice | undefined {
    return this.#devices.get(id);
  }

  #heard(device: BoundDevice, clockWrong: boolean): void {
    if (device.heard === this.now) return;
    this.#silence.heard(device, this.now);
    for (const { program, i } of device.clocks) program.say(i, this.now, clockWrong);
  }

  #event(
    device: BoundDevice,
    type: string,
    detail: Readonly<Record<string, unknown>>,
    at: number,
  ): void {
    for (const { program, i } of device.instances) {
      const { subject } = program.rule;
      if (subject.kind !== 'event') continue;
      const { types, detail: wanted, holdMs } = subject.event;
      const fits = Object.entries(wanted).every(([key, values]) =>
        values.some((value) => value === detail[key]),
      );
      if (!types.includes(type) || !fits) continue;
      program.say(i, at, true);
      program.endAfter(i, at + holdMs);
    }
  }

  #judgeAreas(): void {
    // What this raises is of areas that may be looked at once more.
    for (let rounds = 0; rounds < AREA_ROUNDS_MAX; rounds++) {
      const changed = this.#areas.takeChanged();
      if (changed.length === 0) return;
      for (const program of this.programs) {
        if (program.rule.subject.kind !== 'area') continue;
        for (const area of changed) {
          const i = this.#others.find(program, area);
          const counters = this.#areas.of(area);
          if (i === undefined || counters === undefined) continue;
          program.takeCounters(i, this.now, pick(counters, program.rule.slots.counters));
        }
      }
    }
  }

  #told(
    program: Program,
    kind: Transition['kind'],
    i: number,
    severity: Severity,
    at: number,
    since: number,
    value: number,
    limit: number,
    before: Severity | null,
  ): void {
    const { rule } = program;
    const subject = program.subjects[i] as RuleSubject;
    const key: AlertKey = { rule: rule.id, subject: subject.id, discriminator: '' };
    if (rule.subject.kind !== 'area') {
      if (kind === 'open' || before !== null) this.#areas.alert(subject.areas, severity, 1);
      if (kind === 'close') this.#areas.alert(subject.areas, severity, -1);
      if (before !== null) this.#areas.alert(subject.areas, before, -1);
    }
    const by = kind === 'open' ? this.#inhibitors.of(program, subject) : null;
    const asleep = rule.schedule !== null && !isAwake(rule.schedule, at);
    const suppression: Suppression | null =
      by !== null ? 'inhibited' : asleep ? 'outside-schedule' : null;
    this.#send({
      ...key,
      ...{ kind, severity, at, since, suppression, by },
      value: Number.isNaN(value) ? null : value,
      limit: Number.isNaN(limit) ? null : limit,
    });
    if (by !== null) this.#inhibitors.hold({ key, why: 'inhibited', by, severity });
    else if (kind === 'open' && asleep) this.#holdUntilAwake(key, rule, severity, at);
    if (kind === 'close') this.#inhibitors.forget(key);
    const cause = this.#inhibitors.over(program, subject, kind);
    if (cause !== null) this.#releases.add(this.now + RELEASE_MS, cause);
  }

  /** It is news once the rule is awake, if it is still there then. */
  #holdUntilAwake(key: AlertKey, { id, schedule }: Rule, severity: Severity, at: number): void {
    const wakes = schedule === null || isAwake(schedule, at) ? at : nextAwake(schedule, at);
    const by = `${id}@${wakes}`;
    this.#inhibitors.hold({ key, why: 'outside-schedule', by, severity });
    if (Number.isFinite(wakes)) this.#releases.add(wakes, by);
  }

  #release(cause: string): void {
    for (const { key, severity } of this.#inhibitors.release(cause))
      this.#send({
        ...key,
        ...{
          kind: 'released',
          severity,
          at: this.now,
          since: this.now,
          suppression: null,
          by: null,
        },
        ...{ value: null, limit: null },
      });
  }

  /** All that later transitions follow from. */
  state(): EngineState {
    return [...this.parts()];
  }

  /** The same part by part; nothing else may be done until the last. */
  parts(): Generator<StatePart> {
    return partsOf(this.#parts, this.now);
  }

  /** Goes on from a state of before; called once, after `refresh`. */
  restore(state: EngineState): void {
    for (const part of state) this.takeUp(part);
    drain(this.settling());
  }

  /** The same part by part. */
  takeUp(part: StatePart): void {
    if (part.kind === 'head') this.now = part.now;
    takeUp(this.#parts, part);
  }

  /** After the last part; with a stop now and then. */
  settling(): Generator<undefined> {
    return settle(this.#parts, this.now);
  }

  /** Begins without a state, at a time, knowing when devices were heard last; null of those that never were. */
  begin(now: number, heardAt: (device: string) => number | null): void {
    this.now = now;
    for (const [id, device] of this.#devices) device.heard = heardAt(id) ?? Number.NaN;
    this.#silence.started(now);
  }

  /** Alerts that are open. */
  open(): Generator<OpenAlert> {
    return openIn(this.#parts);
  }

  /** Goes on with an alert as open; false where there is nothing (any more) that it could be of. Nothing is told. */
  adopt(alert: OpenAlert): boolean {
    if (!adopt(this.#parts, alert, this.now)) return false;
    const { suppression: why, by, severity } = alert;
    if (why === 'inhibited' && by !== null) {
      this.#inhibitors.hold({ key: alert, why, by, severity });
      // Whether its cause is still there is found out when that has had the time to come right.
      this.#releases.add(this.now + RELEASE_MS, by);
    } else if (why === 'outside-schedule') {
      const rule = this.programs.find((one) => one.rule.id === alert.rule)?.rule;
      if (rule !== undefined) this.#holdUntilAwake(alert, rule, severity, this.now);
    }
    return true;
  }

  #send(transition: Transition): void {
    this.counters.transitions++;
    this.#options.tell(transition);
  }
}

function drain(steps: Generator<undefined>): void {
  for (const _ of steps);
}

/** Rules on areas may see alerts of other rules, and those of theirs; no further. */
const AREA_ROUNDS_MAX = 4;

const watches = ({ subject }: Rule, watch: string): boolean =>
  subject.kind === 'watch' && subject.watch === watch;

const sameSubject = (one: RuleSubject, other: RuleSubject): boolean =>
  one.profile === other.profile &&
  one.gateway === other.gateway &&
  one.areas.join() === other.areas.join() &&
  JSON.stringify([one.labels, one.attributes]) === JSON.stringify([other.labels, other.attributes]);

function pick(counters: Float64Array, names: readonly string[]): Float64Array {
  return Float64Array.from(names, (name) => {
    const slot = (AREA_COUNTERS as readonly string[]).indexOf(name);
    return slot === -1 ? Number.NaN : (counters[slot] as number);
  });
}
