/** The thread that checks the file of a device type: a file of hundreds of examples takes seconds, and devices must not wait for it. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import {
  changesBetween,
  conflictOf,
  type DeviceProfile,
  optionFaults,
  type ProfileChange,
  parseProfile,
  sameMeaning,
} from '@village/device-profiles';
import { type Compared, type ToCheck, viewParsed } from './checker.ts';
import { chineseOf } from './fault-words.ts';

/** Of devices whose options would not fit. */
const UNFIT_MAX = 20;

assert(parentPort !== null, 'BUG: the thread runs as the main one');
const toCheck = workerData as ToCheck;

/** The place of a key at the top of the file. */
function placeOf(key: string): { line: number; column: number } | { line: null; column: null } {
  const line = toCheck.text.split('\n').findIndex((one) => one.startsWith(`${key}:`));
  return line === -1 ? { line: null, column: null } : { line: line + 1, column: 1 };
}

const faultAt = (path: string, message: string): Compared['faults'][number] => ({
  ...placeOf(path.split('.')[0] ?? ''),
  ...{ path, message, zh: chineseOf(message) },
});

/** What is wrong with a sound file in this county. */
function faultsHere(
  profile: DeviceProfile,
  running: DeviceProfile | undefined,
): Compared['faults'] {
  const faults: Compared['faults'] = [];
  if (profile.id !== toCheck.type)
    faults.push(faultAt('profile', 'must stand on a line of its own'));
  const waiting = toCheck.waiting.flatMap((text) => parseProfile(text, '').profile ?? []);
  const conflict = conflictOf(
    profile,
    [...toCheck.claims, ...waiting].filter(({ id }) => id !== profile.id),
  );
  if (conflict !== undefined) faults.push(faultAt(conflict.path, conflict.message));
  if (
    running !== undefined &&
    toCheck.isReturn !== true &&
    profile.revision <= running.revision &&
    !sameMeaning(profile, running)
  )
    faults.push(
      faultAt('revision', `must be above ${running.revision}: it decodes otherwise than before`),
    );
  return faults;
}

function changes(profile: DeviceProfile, running: DeviceProfile | undefined): ProfileChange[] {
  if (running === undefined) return [];
  const unfit = toCheck.options.flatMap(({ device, options }): ProfileChange[] => {
    const [fault] = optionFaults(profile, options);
    return fault === undefined ? [] : [{ what: 'options-unfit', subject: device, detail: fault }];
  });
  return [...changesBetween(running, profile), ...unfit.slice(0, UNFIT_MAX)];
}

function compared(): Compared {
  const parsed = parseProfile(toCheck.text, '');
  const checked = viewParsed(parsed);
  if (parsed.profile === undefined) return { ...checked, changes: [] };
  const running = toCheck.running === null ? undefined : parseProfile(toCheck.running, '').profile;
  const faults = faultsHere(parsed.profile, running);
  return {
    ...{ faults, profile: checked.profile },
    changes: changes(parsed.profile, running),
  };
}

parentPort.postMessage(compared());
