/** Polls one Modbus device on its schedule: late polls are skipped, a silent device is asked less and less often. */
import { setTimeout as delay } from 'node:timers/promises';
import { HOUR, MINUTE, OperationalError, type Random } from '@village/core';
import {
  assembleFrame,
  type ModbusRead,
  planReads,
  type ReadResult,
} from '@village/device-profiles/modbus';
import type { BoundDevice } from '../../config/types.ts';
import type { Intake } from '../../intake/intake.ts';
import { rest } from '../../run/backoff.ts';
import type { DriverDeps } from '../driver.ts';
import type { ModbusAddress } from './address.ts';
import type { ModbusConnection } from './connection.ts';
import { ReadPlan } from './read-plan.ts';

export interface PollCounters {
  ok: number;
  /** Polls that gave a part; each is counted in `failed` too. */
  partial: number;
  /** Polls whose time came while the one before was still under way. */
  skipped: number;
  /** By code of the fault. */
  readonly failed: Record<string, number>;
}

/** Everybody is heard within this time of the start, however rarely it is polled. */
const FIRST_POLL_MS = 5_000;
/** A silent device is asked at least this often (or at its own interval when that is longer). */
const BACKOFF_MAX_MS = 5 * MINUTE;
/** Polls keep away from the edges of their interval, so that each report interval gets its poll. */
const PHASE_LOW = 0.05;
const PHASE_SPAN = 0.9;
/** No poll takes as long: the clock was set meanwhile, and nothing was skipped. */
const CLOCK_SET_MS = HOUR;

/**
 * So many reads in a row may go unanswered before a poll asks no more: of a device that was not heard in the last poll, that
 * was, and that has answered in this one. Fewer than make the connection be taken for dead.
 */
const SILENT_READS = { away: 1, heard: 2, there: 3 } as const;
/** Waits before a busy device is asked again, and how many of them a poll has. */
const BUSY_WAITS_MS = [100, 200, 400];
const BUSY_POLL_MAX = 6;
/** Faults that an answer has: the device is there. */
const PRESENT: ReadonlySet<string> = new Set([
  'device-refused',
  'device-busy',
  'answer-malformed',
  'length-wrong',
  'unit-wrong',
  'protocol-foreign',
]);
const PATIENT: ReadonlySet<string> = new Set(['device-refused', 'device-busy']);
/** Nothing was asked. */
const UNREACHABLE: ReadonlySet<string> = new Set(['not-connected', 'queue-full']);

/** What came of a poll. */
interface Polled {
  /** Requests that were answered with values. */
  readonly got: number;
  readonly faults: readonly OperationalError[];
}

/** The next time on the grid `phase + n × every` after `now`. */
export function nextDue(now: number, everyMs: number, phaseMs: number): number {
  return (Math.floor((now - phaseMs) / everyMs) + 1) * everyMs + phaseMs;
}

/**
 * The time that counts for the schedule: timers may fire a little early, and the poll would be made once more when its
 * time comes. A time further off than that means that the clock was set back, and counts for nothing.
 */
export function settledTime(now: number, due: number, everyMs: number): number {
  return due > now && due - now <= everyMs / 2 ? due : now;
}

/** Intervals to wait after so many silent polls in a row: the first retry comes at its usual time. */
export function backoffIntervals(failures: number, everyMs: number, random: Random): number {
  const most = Math.max(1, BACKOFF_MAX_MS / everyMs);
  const whole = Math.min(2 ** Math.min(Math.max(failures - 1, 0), 20), most);
  return whole <= 1 ? 1 : Math.max(1, Math.round(whole * (0.75 + random() / 4)));
}

export class Poller {
  readonly counters: PollCounters = { ok: 0, partial: 0, skipped: 0, failed: {} };
  readonly #device: BoundDevice;
  readonly #address: ModbusAddress;
  readonly #connection: ModbusConnection;
  readonly #intake: Intake;
  readonly #deps: DriverDeps;
  /** 0 to 1 over all devices: spreads the polls over the interval. */
  readonly #phase: number;
  readonly #plan: ReadPlan;
  #silences = 0;
  /** Something was answered in the last poll. */
  #heard = false;
  #failing: string | null = null;

  constructor(
    device: BoundDevice,
    address: ModbusAddress,
    connection: ModbusConnection,
    intake: Intake,
    phase: number,
    deps: DriverDeps,
  ) {
    this.#device = device;
    this.#address = address;
    this.#connection = connection;
    this.#intake = intake;
    this.#phase = phase;
    this.#deps = deps;
    this.#plan = new ReadPlan(planReads(device.profile, device.options, address.registersMax));
  }

  /** Id of the device. */
  get id(): string {
    return this.#device.id;
  }

  /** Code of the fault of the last poll, or null. */
  get failing(): string | null {
    return this.#failing;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { timer, random } = this.#deps;
    const { everyMs } = this.#device;
    const phaseMs = everyMs * (PHASE_LOW + PHASE_SPAN * this.#phase);
    if (!(await rest(timer, Math.min(everyMs, FIRST_POLL_MS) * this.#phase, signal))) return;
    let due = timer.now();
    while (!signal.aborted) {
      const began = settledTime(timer.now(), due, everyMs);
      const polled = await this.#poll(signal);
      this.#note(polled);
      const ended = settledTime(timer.now(), due, everyMs);
      const late = ended - nextDue(began, everyMs, phaseMs);
      if (late >= 0 && late < CLOCK_SET_MS) this.counters.skipped += 1 + Math.floor(late / everyMs);
      const intervals = backoffIntervals(this.#silences, everyMs, random);
      due = nextDue(ended, everyMs, phaseMs) + (intervals - 1) * everyMs;
      const waitMs = due - timer.now();
      if (polled.faults[0]?.code === 'not-connected') await this.#restOrOpened(waitMs, signal);
      else await rest(timer, waitMs, signal);
    }
  }

  /** A poll that found no connection is made up for as soon as there is one. */
  async #restOrOpened(ms: number, signal: AbortSignal): Promise<void> {
    const opened = new AbortController();
    const cancel = this.#connection.whenOpened(() => opened.abort());
    await rest(this.#deps.timer, ms, AbortSignal.any([signal, opened.signal]));
    cancel();
  }

  /** One poll: all that the device gives of its profile is one frame. The faults of what it did not give. */
  async #poll(signal: AbortSignal): Promise<Polled> {
    const plan = this.#plan;
    plan.refresh(this.#deps.timer.elapsed());
    const patience = { left: BUSY_POLL_MAX };
    const results = await this.#askAll(plan.order(), patience, signal);
    const tried = await plan.settle(
      results,
      (read) => this.#ask(read, patience, signal),
      this.#deps.timer.elapsed(),
    );
    const faults = tried.flatMap(({ result }) =>
      result instanceof OperationalError ? [result] : [],
    );
    const got = tried.length - faults.length;
    if (got > 0 && !signal.aborted)
      this.#intake.accept(
        this.#device,
        assembleFrame(
          tried.map(({ read }) => read),
          tried.map(({ result }) => result),
        ),
      );
    return { got, faults };
  }

  /**
   * Asks all reads, whatever becomes of one of them; but a device of which nothing comes is not waited for as often as it
   * has blocks.
   */
  async #askAll(
    reads: readonly ModbusRead[],
    patience: { left: number },
    signal: AbortSignal,
  ): Promise<Map<ModbusRead, ReadResult>> {
    const results = new Map<ModbusRead, ReadResult>();
    let most: number = this.#heard ? SILENT_READS.heard : SILENT_READS.away;
    let silent = 0;
    let away: OperationalError | null = null;
    for (const read of reads) {
      const result: ReadResult = away ?? (await this.#ask(read, patience, signal));
      results.set(read, result);
      if (away !== null) continue;
      if (!(result instanceof OperationalError) || PRESENT.has(result.code)) {
        most = SILENT_READS.there;
        silent = 0;
      } else if (UNREACHABLE.has(result.code) || ++silent >= most) away = result;
    }
    return results;
  }

  /** One read; a device that is busy is asked again. */
  async #ask(
    read: ModbusRead,
    patience: { left: number },
    signal: AbortSignal,
  ): Promise<ReadResult> {
    const { unit, timeout, accept } = this.#address;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#connection.read(unit, read, timeout, accept);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        if (error.code !== 'device-busy' || tries >= BUSY_WAITS_MS.length || patience.left <= 0)
          return error;
      }
      patience.left--;
      await delay(BUSY_WAITS_MS[tries], undefined, { signal }).catch(() => undefined);
    }
  }

  #note({ got, faults }: Polled): void {
    const { log } = this.#deps;
    const [fault] = faults;
    const before = this.#failing;
    this.#failing = fault?.code ?? null;
    if (fault === undefined) {
      this.counters.ok++;
      this.#silences = 0;
      this.#heard = true;
      if (before !== null) log.info({ device: this.#device.id, was: before }, 'device: answers');
      return;
    }
    this.counters.failed[fault.code] = (this.counters.failed[fault.code] ?? 0) + 1;
    if (got > 0) this.counters.partial++;
    this.#heard = got > 0;
    if (got > 0 || PATIENT.has(fault.code)) this.#silences = 0;
    else if (!UNREACHABLE.has(fault.code) && fault.code !== 'connection-lost') this.#silences++;
    // What changed while it was away is not known: its next frame goes whole.
    if (got === 0 && fault.code !== 'device-refused') this.#intake.endSession(this.#device.id);
    if (before === fault.code || fault.code === 'not-connected') return;
    const rest = got > 0 ? `; ${got} of ${got + faults.length} requests were answered` : '';
    log.warn({ device: this.#device.id, code: fault.code }, `device: ${fault.message}${rest}`);
  }
}
