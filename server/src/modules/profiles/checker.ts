/** Checks files of device types in a thread of their own, one after the other, each within bounds of time and memory. */
import { Worker } from 'node:worker_threads';
import type * as api from '@village/api';
import { SECOND } from '@village/core';

/** What a thread says of a file. */
export type Checked = Pick<api.profiles.CheckedProfile, 'faults' | 'profile'>;

/** How long one file may take. */
const CHECK_MS = 10 * SECOND;
const MEMORY_MB = 256;

const whole = (message: string): Checked => ({
  faults: [{ line: null, column: null, path: '', message }],
  profile: null,
});

/**
 * Checks the text of one file. What takes too long or too much memory is a fault of the file.
 * @param checkMs how long it may take, ms.
 */
export function checkProfile(text: string, checkMs: number = CHECK_MS): Promise<Checked> {
  const worker = new Worker(new URL('./check-thread.ts', import.meta.url), {
    workerData: text,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  return new Promise<Checked>((resolve) => {
    const late = setTimeout(
      () => resolve(whole(`could not be checked within ${checkMs / SECOND} s`)),
      checkMs,
    );
    worker.once('message', (checked: Checked) => resolve(checked));
    worker.once('error', (error) => resolve(whole(`could not be checked: ${error.message}`)));
    worker.once('exit', () => {
      clearTimeout(late);
      resolve(whole('could not be checked'));
    });
  }).finally(() => worker.terminate());
}
