/** The thread that checks the file of a device type: a file of hundreds of examples takes seconds, and devices must not wait for it. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { parseProfile } from '@village/device-profiles';
import { viewProfile } from '../../http/view-profile.ts';
import type { Checked } from './checker.ts';

/** Faults that are told, the first ones: a file of nothing but faults has tens of thousands. */
const FAULTS_MAX = 200;

assert(parentPort !== null, 'BUG: the thread runs as the main one');
const { profile, faults } = parseProfile(workerData as string, '');
const checked: Checked = {
  faults: faults.slice(0, FAULTS_MAX).map(({ line, column, path, message }) => ({
    ...{ line: line ?? null, column: column ?? null },
    ...{ path, message },
  })),
  profile: profile === undefined ? null : viewProfile(profile),
};
parentPort.postMessage(checked);
