/** Waits that a signal ends: why it did, and what is there instead. */

/** A time-out, or somebody who gave up. */
export function endedBy(signal: AbortSignal): 'timeout' | 'aborted' {
  const reason: unknown = signal.reason;
  return reason instanceof Error && reason.name === 'TimeoutError' ? 'timeout' : 'aborted';
}

/** What is awaited, or `instead` as soon as the signal ends the wait. What was begun goes on; nobody hears of it. */
export function orEnded<T>(waiting: Promise<T>, signal: AbortSignal, instead: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => resolve(instead);
    if (signal.aborted) give();
    signal.addEventListener('abort', give, { once: true });
    waiting.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
  });
}
