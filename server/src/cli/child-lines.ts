/** What the child processes of `npm start` print, made fit for a person: faults at once, warnings counted, the rest left out. */

/** How grave a line is; the numbers are pino's. */
const WARN = 40;
const ERROR = 50;
const TEXT_MAX = 300;

export interface ChildLine {
  readonly grave: 'fault' | 'warning' | 'chatter';
  readonly text: string;
}

/** One line of a child: a log record of ours, or free text, which is a fault when it came from the error stream. */
export function readChildLine(line: string, fault: boolean): ChildLine {
  const record = recordOf(line);
  if (record === null) return { grave: fault ? 'fault' : 'chatter', text: plain(line) };
  const { level, msg, device, line: wire } = record;
  const about = [device, wire].filter((part) => typeof part === 'string').join(' ');
  const text = plain(`${about === '' ? '' : `${about}: `}${String(msg)}`);
  if (typeof level !== 'number' || level < WARN) return { grave: 'chatter', text };
  return { grave: level >= ERROR ? 'fault' : 'warning', text };
}

function recordOf(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    const record = JSON.parse(line) as Record<string, unknown>;
    return 'level' in record && 'msg' in record ? record : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** One line for a terminal, whatever somebody managed to get into a message. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').slice(0, TEXT_MAX);
}

/** Warnings since the last summary, which takes them. */
export class Warnings {
  #count = 0;
  #last = '';

  add(text: string): void {
    this.#count++;
    this.#last = text;
  }

  /** The end of a summary line; empty when nothing happened. */
  take(): string {
    const count = this.#count;
    this.#count = 0;
    return count === 0 ? '' : ` · 警告 warnings ${count} (${this.#last})`;
  }
}
