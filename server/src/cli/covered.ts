/**
 * Which spans of the demonstration's time are there: sent as its past, or lived through. Kept beside its plan, so that a start
 * sends what is missing and nothing twice.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `from` ≤ time < `to`, ms since 1970. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const FILE = 'covered.json';
const SPANS_MAX = 500;

function isSpan(value: unknown): value is TimeSpan {
  if (typeof value !== 'object' || value === null || !('from' in value && 'to' in value))
    return false;
  return Number.isSafeInteger(value.from) && Number.isSafeInteger(value.to);
}

/** Null when there is none, or none that can be used: then everything is sent, which changes nothing of what is there. */
function read(path: string): TimeSpan[] | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const spans = (JSON.parse(text) as { spans?: unknown } | null)?.spans;
    return Array.isArray(spans) && spans.every(isSpan) ? spans.slice(-SPANS_MAX) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export class Covered {
  readonly #path: string;
  readonly #unkept: (reason: string) => void;
  #isUnkept = false;
  /** In order, none touching the next. */
  #spans: TimeSpan[] = [];

  /** `unkept` hears once why it can't be written: a full disk ends no county. */
  constructor(folder: string, unkept: (reason: string) => void) {
    this.#unkept = unkept;
    this.#path = join(folder, FILE);
    for (const { from, to } of read(this.#path) ?? []) this.#put(from, to);
  }

  get spans(): readonly TimeSpan[] {
    return this.#spans;
  }

  #put(from: number, to: number): void {
    if (from >= to) return;
    const apart = this.#spans.filter((one) => one.to < from || one.from > to);
    const touching = this.#spans.filter((one) => one.to >= from && one.from <= to);
    const joined = {
      from: Math.min(from, ...touching.map((one) => one.from)),
      to: Math.max(to, ...touching.map((one) => one.to)),
    };
    this.#spans = [...apart, joined].sort((a, b) => a.from - b.from);
  }

  /** Notes that a span is there. Of very many the oldest are forgotten. */
  add(from: number, to: number): void {
    this.#put(from, to);
    this.#spans = this.#spans.slice(-SPANS_MAX);
    try {
      writeFileSync(`${this.#path}.tmp`, JSON.stringify({ spans: this.#spans }), { mode: 0o600 });
      renameSync(`${this.#path}.tmp`, this.#path);
      this.#isUnkept = false;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      if (!this.#isUnkept) this.#unkept(message);
      this.#isUnkept = true;
    }
  }

  /** What of a span is not there, without gaps shorter than `leastMs`. */
  missing(from: number, to: number, leastMs: number): TimeSpan[] {
    const missing: TimeSpan[] = [];
    let at = from;
    for (const one of [...this.#spans, { from: to, to }]) {
      const end = Math.min(one.from, to);
      if (end - at >= leastMs) missing.push({ from: at, to: end });
      at = Math.max(at, one.to);
    }
    return missing;
  }
}
