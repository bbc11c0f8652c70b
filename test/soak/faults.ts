/** What is done to the product while it works: kills, a disk that another program fills, a clock that is set. Each by seeded chance. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { HOUR, MINUTE, SECOND, systemTimer } from '@village/core';
import type { Process } from '../lib/processes.ts';

/** What the product runs in: a small disk of its own, where one can be mounted. */
export interface Disk {
  readonly folder: string;
  /** Whether it is a disk of its own, which can be filled without harm to others. */
  readonly own: boolean;
  fill(): void;
  free(): void;
  close(): void;
}

const DISK_MEGABYTES = 900;
/** The other program leaves so little. */
const LEFT_BYTES = 64 * 1024;
const PIECE = Buffer.alloc(4 * 1024 * 1024, 1);

export function smallDisk(folder: string): Disk {
  mkdirSync(folder, { recursive: true });
  let own = true;
  try {
    const size = `size=${DISK_MEGABYTES}m`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    own = false;
  }
  const ballast = join(folder, 'ballast');
  const room = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  return {
    folder,
    own,
    fill: () => {
      if (!own) return;
      const file = openSync(ballast, 'a');
      try {
        for (let left = room() - LEFT_BYTES; left > 0; left = room() - LEFT_BYTES)
          writeSync(file, PIECE, 0, Math.min(left, PIECE.length));
      } catch (error) {
        // The product writes too: there is less room than there was.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    close: () => {
      if (own) execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    },
  };
}

export interface Fault {
  readonly kind: 'kill-server' | 'kill-gateway' | 'full-disk' | 'clock';
  /** When it was over, on the clock that never goes back. */
  readonly over: number;
}

export interface Means {
  readonly server: Process;
  readonly gateway: Process;
  readonly disk: Disk;
  /** The file that the processes' clocks are set by. */
  readonly clock: string;
  readonly random: () => number;
  readonly log: (line: string) => void;
  /** How long the disk is full. */
  readonly fullMs: number;
  /** Those that are being killed and started again. */
  readonly killing: Set<Process>;
  /** Whether processes may be killed while the disk is full. */
  readonly killWhenFull: boolean;
}

/** How far a clock is set. */
const STEPS = [-HOUR, HOUR, -5 * MINUTE, 8 * HOUR, -8 * HOUR, 26 * HOUR, -26 * HOUR, 30 * SECOND];

async function kill({ killing, random }: Means, process: Process): Promise<void> {
  killing.add(process);
  await process.end('SIGKILL');
  await systemTimer.sleep(random() * 300);
  process.start();
  killing.delete(process);
}

/** Does one thing and returns when it is over. */
export async function oneFault(means: Means, kind: Fault['kind']): Promise<Fault> {
  const { server, gateway, disk, clock, random, log, fullMs, killWhenFull } = means;
  if (kind === 'kill-server') await kill(means, server);
  if (kind === 'kill-gateway') await kill(means, gateway);
  if (kind === 'clock') {
    const step = STEPS[Math.floor(random() * STEPS.length)]!;
    log(`the clock is set by ${step / SECOND} s`);
    writeFileSync(clock, String(step));
    await systemTimer.sleep(5 * SECOND + random() * 20 * SECOND);
    if (random() < 0.5) writeFileSync(clock, '0');
  }
  if (kind === 'full-disk') {
    log('the disk is full');
    const until = performance.now() + fullMs;
    // What the product gives free, the other program takes.
    while (performance.now() < until) {
      disk.fill();
      await systemTimer.sleep(500);
      // A kill now and then: it has to come up on a disk that is full.
      if (killWhenFull && random() < 0.03) await kill(means, random() < 0.5 ? server : gateway);
    }
    disk.free();
    log('the disk has room again');
  }
  return { kind, over: performance.now() };
}
