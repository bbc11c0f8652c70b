/** Waiting for what a benchmark's child processes say. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The next message of a child that has the field; rejects when the child ends first. */
export async function answer<T>(child: ChildProcess, field: string): Promise<T> {
  for (;;) {
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => {
        throw new Error(`a benchmark process ended before it said ${field}`);
      }),
    ])) as [Record<string, T>];
    if (Object.hasOwn(message, field)) return message[field] as T;
  }
}
