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

/** Lines of each level that a minute may have. */
export interface LogLimits {
  /** Of one device, or one connection. */
  readonly each: number;
  /** Of the gateway itself. */
  readonly own: number;
}

/** Devices and connections have a budget each, and lines that name none are the gateway's own. */
function subjectOf(fields: object): string | null {
  const { device, connection } = fields as { device?: unknown; connection?: unknown };
  if (typeof device === 'string') return `device ${device}`;
  return typeof connection === 'string' ? `connection ${connection}` : null;
}

/**
 * Lets so many lines of each level through in each minute for each that they tell of, so that a flood of one hides nothing of
 * another; the first line after it tells how many were held back.
 */
export function limitedLog(log: Log, elapsed: Timer['elapsed'], limits: LogLimits): Log {
  const through = (level: keyof Log) => {
    let windowStart = elapsed();
    const said = new Map<string | null, { lines: number; heldBack: number }>();
    return (fields: object, message: string): void => {
      if (elapsed() - windowStart >= MINUTE) {
        windowStart = elapsed();
        for (const [subject, one] of said)
          if (one.heldBack === 0) said.delete(subject);
          else one.lines = 0;
      }
      const subject = subjectOf(fields);
      const one = said.get(subject) ?? { lines: 0, heldBack: 0 };
      said.set(subject, one);
      if (one.lines >= (subject === null ? limits.own : limits.each)) {
        one.heldBack++;
        return;
      }
      one.lines++;
      log[level](one.heldBack === 0 ? fields : { ...fields, linesHeldBack: one.heldBack }, message);
      one.heldBack = 0;
    };
  };
  return { info: through('info'), warn: through('warn'), error: through('error') };
}
