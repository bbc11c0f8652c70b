/** Checks files of device types in a thread of their own. */
import type * as api from '@village/api';
import type { DeviceProfile, ProfileFault } from '@village/device-profiles';
import { viewProfile } from '../../http/view-profile.ts';
import { inThread } from './bounded-thread.ts';

/** Faults that are told, the first ones: a file of nothing but faults has tens of thousands. */
const FAULTS_MAX = 200;

/** What a thread says of a file. */
export type Checked = Pick<api.profiles.CheckedProfile, 'faults' | 'profile'>;

/** A file that could not be looked at. */
export const whole = (message: string): Checked => ({
  faults: [{ line: null, column: null, path: '', message }],
  profile: null,
});

/** What was parsed, as it is told. */
export const viewParsed = (parsed: {
  readonly profile?: DeviceProfile;
  readonly faults: readonly ProfileFault[];
}): Checked => ({
  faults: parsed.faults.slice(0, FAULTS_MAX).map(({ line, column, path, message }) => ({
    ...{ line: line ?? null, column: column ?? null },
    ...{ path, message },
  })),
  profile: parsed.profile === undefined ? null : viewProfile(parsed.profile),
});

/** Checks the text of one file. */
export const checkProfile = (text: string, checkMs?: number): Promise<Checked> =>
  inThread(new URL('./check-thread.ts', import.meta.url), text, whole, checkMs);
