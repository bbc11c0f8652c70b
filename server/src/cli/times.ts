/** What is there of the demonstration's time: notes what it lives through, and fills in what was before its first live value. */
import { MINUTE, type Timer } from '@village/core';
import { Covered } from './covered.ts';
import { Past } from './past.ts';

/** It is told each minute. */
const UNHEARD_MS = 5 * MINUTE;

export interface TimesOptions {
  /** Of the simulators. */
  readonly script: string;
  /** Folder of the county's plan. */
  readonly plan: string;
  /** Folder of everything stored. */
  readonly data: string;
  readonly mqttPort: number;
  /** How long a past it gets, ms; 0 for none. */
  readonly historyMs: number;
  readonly timer: Timer;
  readonly terminal: NodeJS.WriteStream | null;
  readonly print: (line: string) => void;
  /** For lines of the process that sends the past. */
  readonly childLine: (line: string, fault: boolean) => void;
  readonly signal: AbortSignal;
}

export class Times {
  readonly #options: TimesOptions;
  readonly #covered: Covered;
  /** When it was told last that live values flow. */
  #livedAt: number | null = null;
  #past: Past | null = null;
  #filling: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(options: TimesOptions) {
    this.#options = options;
    this.#covered = new Covered(options.plan, (reason) =>
      this.print(
        `历史进度无法保存 · how far the past has come can't be kept, the next start sends it again: ${reason}`,
      ),
    );
  }

  /** Prints a line, beside the bar of the past when there is one. */
  print(line: string): void {
    if (this.#past === null) this.#options.print(line);
    else this.#past.print(line);
  }

  /** Live values flow. */
  lives(): void {
    const now = this.#options.timer.now();
    const before = this.#livedAt;
    this.#livedAt = now;
    if (before !== null) {
      // A machine that slept, or whose clock was set, has not lived through what lies between.
      if (before <= now && now - before <= UNHEARD_MS) this.#covered.add(before, now);
    } else if (this.#options.historyMs > 0) this.#filling = this.#fill(now);
  }

  /** Live messages were acknowledged after so long. */
  acknowledged(ms: readonly number[]): void {
    this.#past?.acknowledged(ms);
  }

  async #fill(until: number): Promise<void> {
    const { mqttPort, historyMs, signal } = this.#options;
    this.#past = new Past({
      ...this.#options,
      mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
      covered: this.#covered,
      until,
      lengthMs: historyMs,
      signal: AbortSignal.any([signal, this.#stopping.signal]),
    });
    try {
      await this.#past.run();
    } catch (error) {
      // The county lives without a past: a folder that can't be read ends no server.
      this.print(
        `历史未能补齐，下次启动继续 · the past is not whole; the next start goes on with it: ${(error as Error).message}`,
      );
    }
  }

  /** Ends the past, and notes what was lived through since. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#filling;
    if (this.#livedAt !== null) this.lives();
  }
}
