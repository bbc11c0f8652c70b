/**
 * Who asks, for everything that is done to answer: the account, token or address of a request, or the system itself. It goes with the
 * work by itself, so that a question to the archive is counted for its asker however deep it is asked.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const askers = new AsyncLocalStorage<string>();

/** Jobs and whatever else nobody waits for. */
export const SYSTEM = 'system';

/** Does work for somebody. */
export const workFor = <T>(who: string, work: () => T): T => askers.run(who, work);

/** For whom this is done. */
export const asker = (): string => askers.getStore() ?? SYSTEM;
