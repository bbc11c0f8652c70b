/**
 * Threads that answer questions give way to the one that acknowledges readings, where both want a processor. Only Linux lets a
 * thread do so; elsewhere it would be the whole process.
 */
import { getPriority, setPriority } from 'node:os';

/** As `nice` has it: about a tenth of the processor where somebody else wants it too. */
export const POLITE = 10;

/** Makes the calling thread polite; who is politer yet may not be made less so. */
export function giveWay(): void {
  if (process.platform === 'linux' && getPriority() < POLITE) setPriority(POLITE);
}
