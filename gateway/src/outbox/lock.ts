/**
 * One gateway a folder: two would take the same numbers and poll everything twice, and neither would know. The lock is the kernel's, so that
 * it ends with its process, however that ends.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperationalError, sqliteFault } from '@village/core';

/** A gateway that is told to stop may still be saying goodbye. */
const WAIT_MS = 3_000;

/**
 * Takes the folder; call what is returned to give it back. A disk on which nothing can be locked refuses nobody: the outbox tells what is
 * wrong with it.
 * @throws outbox-in-use
 */
export function lockFolder(folder: string, waitMs = WAIT_MS): () => void {
  let lock: DatabaseSync | null = null;
  try {
    mkdirSync(folder, { recursive: true });
    lock = new DatabaseSync(join(folder, 'lock'), { timeout: waitMs });
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (sqliteFault(error) === 'in-use')
      throw new OperationalError('outbox-in-use', `another gateway runs with ${folder}`);
    return () => undefined;
  }
  const held = lock;
  return () => held.close();
}
