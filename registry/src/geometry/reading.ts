/** Reads a GeoJSON file in a thread of its own, with an end to its memory and time. */
import { Worker } from 'node:worker_threads';
import { type CoordinateSystem, OperationalError, SECOND } from '@village/core';
import type { ReadGeometry } from './read.ts';

const READ_MS = 60 * SECOND;
const MEMORY_MB = 512;

const unreadable = (why: string, cause?: unknown): OperationalError =>
  new OperationalError('unreadable-geometry', `the file can't be read: ${why}`, { cause });

/** @throws unreadable-geometry when it takes too much, query-aborted when its sender has gone */
export function readInThread(
  content: Uint8Array,
  system: CoordinateSystem,
  signal?: AbortSignal,
): Promise<ReadGeometry> {
  // A copy of its own goes over to the thread instead of a second one being made.
  const bytes = new Uint8Array(content);
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: { bytes, system },
    transferList: [bytes.buffer],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  return new Promise<ReadGeometry>((resolve, reject) => {
    const late = setTimeout(
      () => reject(unreadable(`it takes longer than ${READ_MS / SECOND} s`)),
      READ_MS,
    );
    const leave = (): void =>
      reject(new OperationalError('query-aborted', 'whoever sent the file has gone'));
    signal?.addEventListener('abort', leave);
    const over = (): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', leave);
    };
    worker.once('message', (read: ReadGeometry) => resolve(read));
    worker.once('error', (error) => reject(unreadable('it takes too much memory', error)));
    worker.once('exit', () => {
      over();
      reject(unreadable('its reader ended'));
    });
  }).finally(() => worker.terminate());
}
