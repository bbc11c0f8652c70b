/** How a process that a kill test starts tells its parent something. */
import { writeSync } from 'node:fs';

/** A line on the standard output. The parent may be slow to read: what its pipe does not take now is tried again. */
export function tell(line: string | number): void {
  try {
    writeSync(1, `${line}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    setTimeout(() => tell(line), 5);
  }
}
