/** How far the past of the demonstration has come: a bar on a terminal, a line now and then elsewhere. */
import { SECOND } from '@village/core';
import { MultiBar, type SingleBar } from 'cli-progress';

export interface Progress {
  /** So many of all rows are sent. */
  sent(rows: number): void;
  /** Prints a line without spoiling the bar. */
  print(line: string): void;
  end(): void;
}

const LINE_EVERY_MS = 10 * SECOND;

const number = (value: number): string => Math.round(value).toLocaleString('en');

/** Seconds left by the pace so far; null while nothing is known of it. */
export function secondsLeft(rows: number, total: number, elapsedMs: number): number | null {
  if (rows <= 0 || elapsedMs <= 0) return null;
  return Math.ceil(((total - rows) * elapsedMs) / rows / SECOND);
}

export interface ProgressOptions {
  readonly total: number;
  /** Where a bar can be drawn; null where only lines can be printed. */
  readonly terminal: NodeJS.WriteStream | null;
  readonly print: (line: string) => void;
  /** Milliseconds that pass. */
  readonly elapsed: () => number;
}

export function openProgress({ total, terminal, print, elapsed }: ProgressOptions): Progress {
  const began = elapsed();
  const left = (rows: number): string => String(secondsLeft(rows, total, elapsed() - began) ?? '…');
  if (terminal === null) {
    let toldAt = began;
    return {
      sent(rows) {
        if (elapsed() - toldAt < LINE_EVERY_MS) return;
        toldAt = elapsed();
        const share = Math.floor((100 * rows) / Math.max(1, total));
        print(
          `历史 past ${share}% · ${number(rows)} / ${number(total)} 行 rows · 剩余 left ${left(rows)} s`,
        );
      },
      print,
      end: () => undefined,
    };
  }
  const bars = new MultiBar({
    stream: terminal,
    hideCursor: false,
    clearOnComplete: true,
    format: '历史 past |{bar}| {percentage}% · {rows} / {all} 行 rows · 剩余 left {left} s',
  });
  const told = (rows: number) => ({ rows: number(rows), all: number(total), left: left(rows) });
  const bar: SingleBar = bars.create(total, 0, told(0));
  return {
    sent: (rows) => bar.update(Math.min(rows, total), told(rows)),
    print: (line) => bars.log(`${line}\n`),
    end: () => bars.stop(),
  };
}
