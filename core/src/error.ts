/** The one class of error for the world's faults. Bugs are not errors of this kind: they assert and die. */

/** A fault of the world: its code is for programs, its message for the operator. */
export class OperationalError extends Error {
  /** Kebab-case name of the fault, stable across releases. */
  readonly code: string;
  /** True when the same call may succeed later (network, disk); false when it never will (bad input). */
  readonly retry: boolean;

  constructor(code: string, message: string, options: { retry?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OperationalError';
    this.code = code;
    this.retry = options.retry ?? false;
  }
}

/** Dies with a message that names the bug; for what can't happen unless our own code is wrong. */
export function bug(message: string): never {
  throw new Error(`BUG: ${message}`);
}
