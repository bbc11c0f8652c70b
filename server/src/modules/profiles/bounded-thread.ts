/** A piece of work on a profile file in a thread of its own, within bounds of time and memory: devices must not wait for it. */
import { Worker } from 'node:worker_threads';
import { SECOND } from '@village/core';

/** How long one file may take: some ten times as long as a large one does on a small machine that has much else to do. */
const WORK_MS = 25 * SECOND;
const MEMORY_MB = 256;

/**
 * What the thread says first. What takes too long or too much memory is a fault of the file, which `fault` makes an answer of.
 * @param workMs how long it may take, ms.
 */
export function inThread<T>(
  thread: URL,
  data: unknown,
  fault: (message: string) => T,
  workMs: number = WORK_MS,
): Promise<T> {
  const worker = new Worker(thread, {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  return new Promise<T>((resolve) => {
    const late = setTimeout(
      () => resolve(fault(`could not be checked within ${workMs / SECOND} s`)),
      workMs,
    );
    worker.once('message', (answer: T) => resolve(answer));
    worker.once('error', (error) => resolve(fault(`could not be checked: ${error.message}`)));
    worker.once('exit', () => {
      clearTimeout(late);
      resolve(fault('could not be checked'));
    });
  }).finally(() => worker.terminate());
}
