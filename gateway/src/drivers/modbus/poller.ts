/** Polls one Modbus device on its schedule: late polls are skipped, a silent device is asked less and less often. */
import { HOUR, MINUTE, OperationalError, type Random } from '@village/core';
import { assembleFrame, planReads } from '@village/device-profiles/modbus';
import type { BoundDevice } from '../../config/types.ts';
import type { Intake } from '../../intake/intake.ts';
import { rest } from '../../run/backoff.ts';
import type { DriverDeps } from '../driver.ts';
import type { ModbusAddress } from './address.ts';
import type { ModbusConnection } from './connection.ts';
import type { Answer } from './request-queue.ts';

export interface PollCounters {
  ok: number;
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
  readonly counters: PollCounters = { ok: 0, skipped: 0, failed: {} };
  readonly #device: BoundDevice;
  readonly #address: ModbusAddress;
  readonly #connection: ModbusConnection;
  readonly #intake: Intake;
  readonly #deps: DriverDeps;
  /** 0 to 1 over all devices: spreads the polls over the interval. */
  readonly #phase: number;
  #silences = 0;
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
      const fault = await this.#poll();
      this.#note(fault);
      const ended = settledTime(timer.now(), due, everyMs);
      const late = ended - nextDue(began, everyMs, phaseMs);
      if (late >= 0 && late < CLOCK_SET_MS) this.counters.skipped += 1 + Math.floor(late / everyMs);
      const intervals = backoffIntervals(this.#silences, everyMs, random);
      due = nextDue(ended, everyMs, phaseMs) + (intervals - 1) * everyMs;
      const waitMs = due - timer.now();
      if (fault?.code === 'not-connected') await this.#restOrOpened(waitMs, signal);
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

  /** One poll: every block of the profile, one frame. The fault when it failed. */
  async #poll(): Promise<OperationalError | null> {
    const reads = planReads(this.#device.profile, this.#device.options);
    const answers: (Answer | undefined)[] = [];
    let refused: OperationalError | null = null;
    try {
      for (const read of reads) {
        try {
          answers.push(
            await this.#connection.read(this.#address.unit, read, this.#address.timeout),
          );
        } catch (error) {
          // The rest of a device that refuses one block may still be worth having; decode knows.
          if (!(error instanceof OperationalError) || error.code !== 'device-refused') throw error;
          refused = error;
          answers.push(undefined);
        }
      }
      if (refused !== null && answers.every((answer) => answer === undefined)) throw refused;
      this.#intake.accept(this.#device, assembleFrame(reads, answers));
      return refused;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return error;
    }
  }

  #note(fault: OperationalError | null): void {
    const { log } = this.#deps;
    const before = this.#failing;
    this.#failing = fault?.code ?? null;
    if (fault === null) {
      this.counters.ok++;
      this.#silences = 0;
      if (before !== null) log.info({ device: this.#device.id, was: before }, 'device: answers');
      return;
    }
    this.counters.failed[fault.code] = (this.counters.failed[fault.code] ?? 0) + 1;
    if (fault.code === 'device-refused') this.#silences = 0;
    // What changed while it was away is not known: its next frame goes whole.
    else this.#intake.endSession(this.#device.id);
    if (fault.code === 'device-silent' || fault.code === 'answer-malformed') this.#silences++;
    if (before !== fault.code && fault.code !== 'not-connected')
      log.warn({ device: this.#device.id, code: fault.code }, `device: ${fault.message}`);
  }
}
