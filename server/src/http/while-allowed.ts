/** Long answers end when their caller's rights do: what is being sent is looked at again and again, not at its beginning alone. */
import type { Readable } from 'node:stream';
import { SECOND } from '@village/core';

/** An answer that took longer to be made is checked before it is sent. */
export const LONG_MS = SECOND;
/** How often it is asked whether a body may still be sent. */
const CHECK_MS = 2 * SECOND;
/** A body ends when so many checks in a row could not be made, since the database does not answer. */
const FAILED_MAX = 5;

/** What answers ask of their caller's rights while they are sent. */
export interface Watched {
  allowed(): Promise<boolean>;
  /** Hears of the first check that could not be made. */
  failed(error: unknown): void;
}

export class WhileAllowed {
  /** Answers that were broken off since the start. */
  brokenOff = 0;

  /** Ends the body when its caller may not have it any more. */
  watch(body: Readable, watched: Watched): void {
    let next: NodeJS.Timeout | undefined;
    let failures = 0;
    const plan = (): void => {
      if (!body.closed && !body.destroyed) next = setTimeout(check, CHECK_MS);
    };
    const end = (why: string): void => {
      if (body.closed || body.destroyed) return;
      this.brokenOff++;
      body.destroy(new Error(why));
    };
    const check = async (): Promise<void> => {
      try {
        if (!(await watched.allowed())) end('its caller may not have it any more');
        failures = 0;
      } catch (error) {
        if (failures++ === 0) watched.failed(error);
        if (failures >= FAILED_MAX) end('its caller can not be checked');
      }
      plan();
    };
    body.once('close', () => clearTimeout(next));
    plan();
  }
}
