/** What a check of the doctor finds: one line in both languages, and what to do about it. */
import type { Inspected } from '../config/config.ts';

export type State = 'ok' | 'warning' | 'fault';

export interface Both {
  readonly zh: string;
  readonly en: string;
}

export interface Finding {
  /** Stays the same over versions, for scripts. */
  readonly name: string;
  readonly state: State;
  readonly found: Both;
  /** Null where nothing has to be done. */
  readonly advice: Both | null;
}

export const both = (zh: string, en: string): Both => ({ zh, en });

export const ok = (name: string, found: Both): Finding => ({
  name,
  state: 'ok',
  found,
  advice: null,
});

export const warning = (name: string, found: Both, advice: Both): Finding => ({
  name,
  state: 'warning',
  found,
  advice,
});

export const fault = (name: string, found: Both, advice: Both): Finding => ({
  name,
  state: 'fault',
  found,
  advice,
});

/** What the server that runs on the data folder says of itself. */
export interface RunningServer {
  /** Null where the system does not tell. */
  readonly pid: number | null;
  /** Null when it does not answer. */
  readonly health: { readonly status: number; readonly body: unknown } | null;
}

/** What checks look at. */
export interface Patient extends Inspected {
  readonly now: number;
  /** Null when no server runs on the data folder. */
  readonly running: RunningServer | null;
  /** Proves every archive file, however long that takes. */
  readonly full: boolean;
}

export interface Check {
  readonly name: string;
  readonly title: Both;
  run(patient: Patient): Promise<readonly Finding[]> | readonly Finding[];
}

/** What was thrown, in a line. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;

const MEGABYTE = 1024 * 1024;

/** As `store.diskReserveMegabytes` counts them. */
export const megabytes = (bytes: number): string =>
  bytes >= 10_240 * MEGABYTE
    ? `${Math.floor(bytes / (1024 * MEGABYTE))} GB`
    : `${Math.floor(bytes / MEGABYTE)} MB`;
