/** Work that judges by the directory and is done only if what is registered is still what the directory held. */
import { type Clock, OperationalError } from '@village/core';
import type { Directory } from '../directory.ts';

/** How often it is judged anew when others have changed meanwhile what it was judged by. */
const TRIES = 5;

/**
 * Work that expects in its transaction that what is registered is `seen`, which the directory holds: other processes change it too.
 * Done anew when it was not. @throws import-conflict
 */
export async function asSeen<T>(
  { directory, clock }: { readonly directory: Directory; readonly clock: Clock },
  work: (seen: number) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    await directory.reload(clock());
    try {
      return await work(directory.version);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== 'registry-changed') throw error;
      if (tries === TRIES)
        throw new OperationalError('import-conflict', error.message, { cause: error });
    }
  }
}
