/** How a journal is opened. */
import type { Timer } from '@village/core';

/** Tells the operator; `detail` is for the structured log. */
export type Report = (
  level: 'info' | 'warn' | 'error',
  message: string,
  detail?: Readonly<Record<string, unknown>>,
) => void;

export interface JournalOptions {
  readonly folder: string;
  readonly timer: Timer;
  /** How long a group waits for company after the last commit, ms. */
  readonly windowMs?: number;
  /** Readings after which a group is committed at once. */
  readonly readingsPerCommit?: number;
  /** Free disk space below which nothing is acknowledged any more. */
  readonly diskReserveBytes?: number;
  /** Bytes of the log that may wait for the archive; beyond it nothing is acknowledged until it catches up. */
  readonly journalBytesMax?: number;
  /** Bytes of frames a device and day, what is about them included; beyond it they are counted and told, not kept. */
  readonly frameBytesPerDay?: number;
  readonly deadLettersMax?: number;
  readonly deadLetterBytesMax?: number;
  /** Whether the clock may be believed, beside what was stamped last; while not, commits keep the last stamp. */
  readonly mayStamp?: (now: number, stamped: number) => boolean;
  readonly log?: Report;
}

/** What holds of an operator's options unless told otherwise. */
export const JOURNAL_DEFAULTS = {
  diskReserveBytes: 512 * 1024 * 1024,
  journalBytesMax: 8 * 1024 * 1024 * 1024,
  // A month of a message every ten seconds, brought back in a day.
  frameBytesPerDay: 128 * 1024 * 1024,
} as const;

/** Options with their defaults. */
export type JournalSettings = Required<JournalOptions>;

/** The defaults of the options. */
export function journalSettings(options: JournalOptions): JournalSettings {
  return {
    windowMs: 5,
    readingsPerCommit: 10_000,
    ...JOURNAL_DEFAULTS,
    deadLettersMax: 10_000,
    deadLetterBytesMax: 64 * 1024 * 1024,
    mayStamp: () => true,
    log: () => undefined,
    ...options,
  };
}
