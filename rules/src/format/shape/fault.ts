/** What is wrong with a file of rules, and how the checks tell it. */
import type { Label } from '@village/core';
import type { Path } from '@village/device-profiles';
import type { Range } from '../../language/fault.ts';

/** A fault without its place in a text. */
export interface Found {
  /** With an error the file is refused; a warning is told and no more. */
  readonly level: 'error' | 'warning';
  /** Kebab-case name of the fault, stable across releases. */
  readonly code: string;
  readonly path: Path;
  /** Of a text that is one value: the characters of it that are at fault, from `start`, before `end`. */
  readonly range?: Range;
  readonly message: Label;
  /** It is not as its schema says. */
  readonly shape?: true;
}

/** Faults that are kept; what comes after them is not looked at for its place and words. */
export const FOUND_MAX = 1_000;

export interface RuleFault extends Omit<Found, 'path' | 'shape'> {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** `rules[3].levels[0].when` */
  readonly path: string;
}

/** Notes what is found at paths below one place of a file. */
export class Notes {
  readonly #found: Found[];
  readonly #base: Path;

  constructor(found: Found[] = [], base: Path = []) {
    this.#found = found;
    this.#base = base;
  }

  get found(): readonly Found[] {
    return this.#found;
  }

  get isFull(): boolean {
    return this.#found.length >= FOUND_MAX;
  }

  get hasErrors(): boolean {
    return this.#found.some(({ level }) => level === 'error');
  }

  /** For what lies deeper. */
  below(...path: Path): Notes {
    return new Notes(this.#found, [...this.#base, ...path]);
  }

  /** Nothing is said of what has a part of another shape: what it lacks may be that. */
  error(code: string, path: Path, zh: string, en: string, range?: Range): void {
    if (this.isFull) return;
    const whole = [...this.#base, ...path];
    const misshapen = this.#found.some(
      (one) => one.shape === true && whole.every((key, i) => one.path[i] === key),
    );
    if (!misshapen) this.#note('error', code, path, { zh, en }, range);
  }

  /** What is not as its schema says. */
  shape(path: Path, { zh, en }: Label, unknown: boolean): void {
    if (this.isFull) return;
    const code = unknown ? 'unknown-key' : 'shape';
    const whole = [...this.#base, ...path];
    this.#found.push({ level: 'error', code, path: whole, message: { zh, en }, shape: true });
  }

  warning(code: string, path: Path, zh: string, en: string): void {
    if (!this.isFull) this.#note('warning', code, path, { zh, en });
  }

  #note(level: Found['level'], code: string, path: Path, message: Label, range?: Range): void {
    this.#found.push({
      level,
      code,
      path: [...this.#base, ...path],
      message,
      ...(range === undefined ? {} : { range }),
    });
  }
}
