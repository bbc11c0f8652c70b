/** Checks files of device types in a thread of their own, also against the type that they would take the place of. */
import type * as api from '@village/api';
import type { Device } from '@village/core';
import type { Claim, DeviceProfile, ProfileChange, ProfileFault } from '@village/device-profiles';
import { viewProfile } from '../../http/view-profile.ts';
import { inThread } from './bounded-thread.ts';
import { chineseOf } from './fault-words.ts';

/** Faults that are told, the first ones: a file of nothing but faults has tens of thousands. */
const FAULTS_MAX = 200;

/** What a thread says of a file. */
export type Checked = Pick<api.profiles.CheckedProfile, 'faults' | 'profile'>;

/** The same with what would change for devices that run. */
export interface Compared extends Checked {
  readonly changes: readonly ProfileChange[];
}

/** What a file is held against. */
export interface ToCheck {
  readonly text: string;
  /** The id that the file seems to have; what is here of devices is of that type. */
  readonly type: string;
  /** What the other types have to themselves from the next start on. */
  readonly claims: readonly Claim[];
  /** Texts of other types that wait: what they claim is not known before they are read. */
  readonly waiting: readonly string[];
  /** The text of that type that is in force. */
  readonly running: string | null;
  /** It has been in force before: its revision may be an older one. */
  readonly isReturn?: true;
  /** Options that devices of that type set, each with one device that does; an empty id where the asker sees none. */
  readonly options: readonly { readonly device: string; readonly options: Device['options'] }[];
}

/** The id that the text of a file seems to have; empty where no line of its own says it. */
export const typeIn = (text: string): string =>
  /^profile:[ \t]*["']?([\w./-]+)/m.exec(text)?.[1] ?? '';

/** A file that could not be looked at. */
export const whole = (message: string): Checked => ({
  faults: [{ line: null, column: null, path: '', message, zh: chineseOf(message) }],
  profile: null,
});

/** What was parsed, as it is told. */
export const viewParsed = (parsed: {
  readonly profile?: DeviceProfile;
  readonly faults: readonly ProfileFault[];
}): Checked => ({
  faults: parsed.faults.slice(0, FAULTS_MAX).map(({ line, column, path, message, yaml }) => ({
    ...{ line: line ?? null, column: column ?? null },
    ...{ path, message, zh: chineseOf(message, yaml) },
  })),
  profile: parsed.profile === undefined ? null : viewProfile(parsed.profile),
});

/** Checks the text of one file. */
export const checkProfile = (toCheck: ToCheck, checkMs?: number): Promise<Compared> =>
  inThread(
    new URL('./check-thread.ts', import.meta.url),
    toCheck,
    (message) => ({ ...whole(message), changes: [] }),
    checkMs,
  );
