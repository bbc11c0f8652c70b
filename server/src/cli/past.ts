/**
 * Gives the demonstration a past: has the simulators send what of the last days is missing, and tells how far that is
 * and what it cost. Begins when live values flow, and is beside them.
 */
import { lstatSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { DAY, formatCountyTime, MINUTE, OperationalError, SECOND, type Timer } from '@village/core';
import { runChild } from './children.ts';
import type { Covered, TimeSpan } from './covered.ts';
import { openProgress, type Progress } from './progress.ts';

/** A gap that is shorter than the report interval of those that report most often shows nowhere. */
const GAP_MS = 10 * MINUTE;
/** Of a county that says more, less than was asked for is sent. */
const ROWS_MAX = 4_000_000;
/** On disk, with what a device said beside its row and before older parts are put together. */
const BYTES_PER_ROW = 400;
/** Of the disk that is free, at most so much is for the past. */
const DISK_SHARE = 0.25;
const TRIES = 5;
const AGAIN_MS = 5 * SECOND;
const STOP_MS = 10 * SECOND;
const SAMPLES_MAX = 100_000;

export interface PastOptions {
  readonly script: string;
  readonly plan: string;
  /** Folder of everything stored. */
  readonly data: string;
  readonly mqttUrl: string;
  readonly covered: Covered;
  /** When the past is over, ms since 1970. */
  readonly until: number;
  /** How long it is, ms. */
  readonly lengthMs: number;
  readonly rowsMax?: number;
  readonly timer: Timer;
  readonly terminal: NodeJS.WriteStream | null;
  readonly print: (line: string) => void;
  /** For lines of the child. */
  readonly childLine: (line: string, fault: boolean) => void;
  readonly signal: AbortSignal;
}

/** What the child says through its channel, with whatever else came. */
interface Told {
  readonly past?: { readonly rows: number; readonly from: number | null };
  readonly sent?: number;
  readonly done?: TimeSpan;
}

const number = (value: number): string => Math.round(value).toLocaleString('en');
const megabytes = (bytes: number): string => number(bytes / 1e6);

/** The value below which `share` of them lie; null without any. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** Bytes of all files in a folder; one that goes away meanwhile counts nothing. */
function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      if (entry.isDirectory()) bytes += bytesIn(path);
      else if (entry.isFile()) bytes += lstatSync(path).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return bytes;
}

export class Past {
  readonly #options: PastOptions;
  #progress: Progress | null = null;
  /** Milliseconds that acknowledgements of live messages took meanwhile. */
  #acknowledgedMs: number[] = [];
  #filling = false;
  /** Rows that former tries sent. */
  #before = 0;
  #sent = 0;
  #cut = false;

  constructor(options: PastOptions) {
    this.#options = options;
  }

  /** Live messages were acknowledged after so long. */
  acknowledged(ms: readonly number[]): void {
    if (this.#filling && this.#acknowledgedMs.length < SAMPLES_MAX)
      this.#acknowledgedMs.push(...ms);
  }

  /** Prints a line, beside the bar when there is one. */
  print(line: string): void {
    if (this.#progress === null) this.#options.print(line);
    else this.#progress.print(line);
  }

  #missing(): TimeSpan[] {
    const { covered, until, lengthMs } = this.#options;
    return covered.missing(until - lengthMs, until, GAP_MS);
  }

  #days(ms: number): string {
    return String(Math.round((10 * ms) / DAY) / 10);
  }

  /** Sends what is missing; resolves when it is there, was given up, or the signal says so. */
  async run(): Promise<void> {
    const { data, timer, signal } = this.#options;
    if (this.#missing().length === 0) {
      this.print(`${this.#days(this.#options.lengthMs)} 天历史已在 · the past is there already`);
      return;
    }
    const { bavail, bsize } = statfsSync(data);
    const room = Math.floor((bavail * bsize * DISK_SHARE) / BYTES_PER_ROW);
    const rowsMax = Math.min(this.#options.rowsMax ?? ROWS_MAX, room);
    const [bytes, began] = [bytesIn(data), performance.now()];
    this.#filling = true;
    try {
      for (let tries = 1; ; tries++) {
        const left = this.#missing();
        if (left.length === 0 || signal.aborted) break;
        if (await this.#try(left, rowsMax - this.#before)) break;
        if (signal.aborted) break;
        if (tries === TRIES) {
          this.print(
            '历史未能补齐，下次启动继续 · the past is not whole; the next start goes on with it',
          );
          return;
        }
        await timer.sleep(AGAIN_MS, signal).catch(() => undefined);
      }
    } finally {
      this.#filling = false;
      this.#progress?.end();
      this.#progress = null;
    }
    if (!signal.aborted && this.#before > 0) this.#tellEnd(performance.now() - began, bytes);
  }

  #tellEnd(ms: number, bytesBefore: number): void {
    const { data, print } = this.#options;
    const p99 = quantile(this.#acknowledgedMs, 0.99);
    const live =
      p99 === null ? '–' : `${p99.toFixed(1)} ms (${number(this.#acknowledgedMs.length)})`;
    print(
      `历史已补齐 · the past is there: ${number(this.#before)} 行 rows · ${(ms / SECOND).toFixed(1)} s · ` +
        `${number((this.#before * SECOND) / ms)} 行/秒 rows/s · 其间实时 live PUBACK p99 ${live} · ` +
        `磁盘 disk ${megabytes(Math.max(0, bytesIn(data) - bytesBefore))} MB`,
    );
  }

  /** True when all is sent that is to be. */
  async #try(spans: readonly TimeSpan[], rowsMax: number): Promise<boolean> {
    const { script, plan, mqttUrl, timer, childLine, signal } = this.#options;
    this.#sent = 0;
    try {
      await runChild(
        {
          name: 'past',
          script,
          args: [
            ...['past', '--plan', plan, '--mqtt', mqttUrl, '--rows-max', String(rowsMax)],
            ...['--span', spans.map(({ from, to }) => `${from}/${to}`).join(',')],
          ],
          env: {},
          timer,
          print: childLine,
          message: (message) => this.#told(message as Told, spans),
        },
        { signal, stopMs: STOP_MS },
      );
      return true;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (!signal.aborted) this.print(error.message);
      return false;
    } finally {
      this.#before += this.#sent;
    }
  }

  #told({ past, sent, done }: Told, spans: readonly TimeSpan[]): void {
    const { covered } = this.#options;
    if (past !== undefined) this.#begin(past, spans);
    if (sent !== undefined) {
      this.#sent = sent;
      this.#progress?.sent(this.#before + sent);
    }
    if (done !== undefined) covered.add(done.from, done.to);
  }

  #begin({ rows, from }: { rows: number; from: number | null }, spans: readonly TimeSpan[]): void {
    const { covered, until, terminal, timer } = this.#options;
    const oldest = Math.min(...spans.map((span) => span.from));
    if (from === null) {
      if (rows === 0 && !this.#cut)
        this.print('磁盘空间不足，不补历史 · no room on the disk for a past');
      return;
    }
    if (from > oldest && !this.#cut) {
      this.#cut = true;
      const days = this.#days(until - from);
      this.print(
        `设备多或磁盘小，只补 ${days} 天 · so many devices, or so small a disk: a past of ${days} days only`,
      );
      // The next start is not to send what this one leaves out.
      covered.add(oldest, from);
    }
    if (this.#progress !== null) return;
    this.print(
      `正在补历史，${number(rows)} 行 · filling in the past, ${number(rows)} rows from ${formatCountyTime(from).slice(0, 10)} on`,
    );
    this.#progress = openProgress({
      total: this.#before + rows,
      terminal,
      print: this.#options.print,
      elapsed: timer.elapsed,
    });
  }
}
