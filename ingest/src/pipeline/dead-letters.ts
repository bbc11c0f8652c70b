/** Stores rejected input with its reason, bounded for each source so that none drowns the others. */
import { hash } from 'node:crypto';
import { HOUR, MINUTE, type OperationalError, REFUSED_PER_HOUR, Sampler } from '@village/core';
import type { Appender, DeadLetterPart } from '@village/store/time-series';
import type { Counters } from './counters.ts';
import type { Pace } from './pace.ts';
import { tooDeep } from './shape.ts';

/** Entries one source may add in a minute. */
export const ENTRIES_PER_MINUTE = 600;
/** Bytes of payload one source may add in a minute. */
export const BYTES_PER_MINUTE = 8 * 1024 * 1024;
const SOURCES_MAX = 20_000;
/** Kinds of refused parts (device, reason, metric) that are sampled at once. */
const KINDS_MAX = 50_000;

export interface Refused {
  readonly source: string;
  readonly device: string | null;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAt: number;
  readonly part?: DeadLetterPart;
  /**
   * What is done about many like it: `sample` keeps some of them, `pace` keeps all and holds their sender back. Absent: each
   * source has its share of a minute.
   */
  readonly flood?: 'sample' | 'pace';
}

export class DeadLetters {
  readonly #store: Appender;
  readonly #counters: Counters;
  readonly #pace: Pace;
  /** What each source added in the current minute. */
  readonly #recent = new Map<string, { entries: number; bytes: number }>();
  #minute = 0;
  readonly #sampler = new Sampler(REFUSED_PER_HOUR, HOUR, KINDS_MAX);

  constructor(store: Appender, counters: Counters, pace: Pace) {
    this.#store = store;
    this.#counters = counters;
    this.#pace = pace;
  }

  /** `elapsed` is ms of a clock that never goes back. */
  add(refused: Refused, error: OperationalError, elapsed: number): void {
    const { flood, ...kept } = refused;
    const { device, part, receivedAt } = kept;
    if (flood === 'pace') this.#counters.countTold(error.code);
    else this.#counters.countQuarantined(error.code);
    const kind = `${device} ${error.code} ${part?.metric}`;
    if (flood === 'sample' && !this.#sampler.admit(kind, receivedAt)) {
      this.#counters.quarantineSampled++;
      return;
    }
    if (flood === 'pace') this.#pace.spend(refused.source, refused.payload.length, elapsed);
    else if (!this.#allowed(refused)) {
      this.#counters.quarantineFlooded++;
      return;
    }
    this.#store.deadLetter({
      ...kept,
      reason: error.code,
      message: error.message.slice(0, 500),
      ...(part === undefined ? {} : { key: keyOf(refused, error.code) }),
    });
  }

  #allowed({ source, receivedAt, payload }: Refused): boolean {
    const minute = Math.floor(receivedAt / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#recent.clear();
    }
    let sum = this.#recent.get(source);
    if (sum === undefined) {
      if (this.#recent.size >= SOURCES_MAX) return false;
      sum = { entries: 0, bytes: 0 };
      this.#recent.set(source, sum);
    }
    sum.entries++;
    sum.bytes += payload.length;
    return sum.entries <= ENTRIES_PER_MINUTE && sum.bytes <= BYTES_PER_MINUTE;
  }
}

/** A part that comes again, since its sender had no answer, is the same one. */
function keyOf({ device, payload, part }: Refused, reason: string): string {
  const bytes = hash('sha1', payload, 'base64');
  const which = `${part?.place}\n${part?.metric}`;
  return hash('sha1', `${device}\n${part?.at}\n${reason}\n${which}\n${bytes}`, 'base64');
}

/** A row as it is kept. */
export const keptRow = (row: unknown): Buffer =>
  Buffer.from(tooDeep(row) ? '"nested too deep to be kept"' : JSON.stringify(row, visibly));

/** JSON has no infinity: a row rejected for one must not be stored with a null that nobody sent. */
function visibly(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
