/** What is there of the demonstration's time: notes what it lives through, and fills in what was before its first live value. */
import type { Timer } from '@village/core';
import { Covered } from './covered.ts';
import { Past } from './past.ts';

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
  #livesFrom: number | null = null;
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
    if (this.#livesFrom !== null) this.#covered.add(this.#livesFrom, now);
    else {
      this.#livesFrom = now;
      if (this.#options.historyMs > 0) this.#filling = this.#fill(now);
    }
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
    await this.#past.run();
  }

  /** Ends the past, and notes what was lived through since. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#filling;
    if (this.#livesFrom !== null) this.lives();
  }
}
