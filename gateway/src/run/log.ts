/** What the gateway says to its operator: one line per change of state, and never a flood of them. */
import { MINUTE, type Timer } from '@village/core';

/** The part of a pino logger that is used here. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Says nothing. */
export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Lets `perMinute` lines of each level through in each minute, so that a flood of one hides no other; the level's first
 * line after it tells how many were held back.
 */
export function limitedLog(log: Log, elapsed: Timer['elapsed'], perMinute: number): Log {
  const through = (level: keyof Log) => {
    let windowStart = elapsed();
    let lines = 0;
    let heldBack = 0;
    return (fields: object, message: string): void => {
      if (elapsed() - windowStart >= MINUTE) {
        windowStart = elapsed();
        lines = 0;
      }
      if (lines >= perMinute) {
        heldBack++;
        return;
      }
      lines++;
      log[level](heldBack === 0 ? fields : { ...fields, linesHeldBack: heldBack }, message);
      heldBack = 0;
    };
  };
  return { info: through('info'), warn: through('warn'), error: through('error') };
}
