/** Watches the processes of the product: their memory once a second, and whether one ended that nobody killed. */
import { readFileSync } from 'node:fs';
import { SECOND } from '@village/core';
import type { Process } from '../lib/processes.ts';

export interface Memory {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly pid: number;
  readonly megabytes: number;
}

export interface Watch {
  readonly memory: readonly Memory[];
  /** Ends that nobody caused. */
  readonly ends: readonly string[];
  stop(): void;
}

function megabytesOf(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

/** What ended by itself is started again as a service manager would, and told. */
export function watchProcess(process: Process, meant: () => boolean): Watch {
  const memory: Memory[] = [];
  const ends: string[] = [];
  const began = performance.now();
  const timer = setInterval(() => {
    if (!process.running) {
      if (meant()) return;
      ends.push(process.output.slice(-2_000));
      process.start();
      return;
    }
    const { pid } = process;
    const megabytes = pid === undefined ? null : megabytesOf(pid);
    if (pid !== undefined && megabytes !== null)
      memory.push({ at: (performance.now() - began) / SECOND, pid, megabytes });
  }, SECOND);
  return { memory, ends, stop: () => clearInterval(timer) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * How memory went in the life of a process that was left alive: the medians of the second and of the last quarter of it, and the
 * most. A process that is young fills its caches, so the first quarter says nothing.
 */
export function course(memory: readonly Memory[]): {
  readonly seconds: number;
  readonly early: number;
  readonly late: number;
  readonly most: number;
} {
  const pid = memory.at(-1)?.pid;
  const life = memory.filter((one) => one.pid === pid);
  const of = (from: number, to: number): number[] =>
    life
      .slice(Math.floor(life.length * from), Math.floor(life.length * to))
      .map(({ megabytes }) => megabytes);
  return {
    seconds: Math.round((life.at(-1)?.at ?? 0) - (life[0]?.at ?? 0)),
    early: Math.round(median(of(0.25, 0.5))),
    late: Math.round(median(of(0.75, 1))),
    most: Math.round(Math.max(0, ...life.map(({ megabytes }) => megabytes))),
  };
}
