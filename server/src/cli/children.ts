/** Child processes of `npm start`: started with a channel, their output prefixed, restarted with back-off, ended by their id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { OperationalError, SECOND, type Timer } from '@village/core';

export interface ChildOptions {
  readonly name: string;
  /** Absolute path of the script, run on this Node. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timer: Timer;
  /** One line that the child printed, or that is said about it; `fault` is what went to its error stream. */
  readonly print: (line: string, fault: boolean) => void;
  /** What it sends through its channel. */
  readonly message?: (message: unknown) => void;
}

const BACKOFF_MIN_MS = SECOND;
const BACKOFF_MAX_MS = 60 * SECOND;
/** A child that ran this long failed for a new reason: back-off begins anew. */
const HEALTHY_MS = 60 * SECOND;

function start(options: ChildOptions): ChildProcess {
  const child = spawn(process.execPath, [options.script, ...options.args], {
    // The channel lets a child notice that its parent is gone, whatever ended it.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...options.env },
  });
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) =>
        options.print(line, stream === child.stderr),
      );
  if (options.message !== undefined) child.on('message', options.message);
  return child;
}

/**
 * Runs a child to its end; the signal asks it to end, and ends it after the time-out.
 * @throws child-failed when its exit code is not 0
 */
export async function runChild(
  options: ChildOptions,
  stop?: { readonly signal: AbortSignal; readonly stopMs: number },
): Promise<void> {
  const child = start(options);
  let kill: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), stop?.stopMs);
  };
  stop?.signal.addEventListener('abort', end, { once: true });
  if (stop?.signal.aborted === true) end();
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(kill);
  stop?.signal.removeEventListener('abort', end);
  if (code !== 0)
    throw new OperationalError('child-failed', `${options.name} ended with ${signal ?? code}`);
}

/** A child that is kept running until it is stopped. */
export class Child {
  readonly #options: ChildOptions;
  readonly #stopping = new AbortController();
  #current: ChildProcess | null = null;
  readonly #ended: Promise<void>;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#ended = this.#keepRunning();
  }

  async #keepRunning(): Promise<void> {
    const { timer, print } = this.#options;
    let wait = BACKOFF_MIN_MS;
    while (!this.#stopping.signal.aborted) {
      const began = timer.elapsed();
      this.#current = start(this.#options);
      const [code, signal] = (await once(this.#current, 'exit')) as [number | null, string | null];
      if (this.#stopping.signal.aborted) return;
      wait =
        timer.elapsed() - began > HEALTHY_MS ? BACKOFF_MIN_MS : Math.min(wait * 2, BACKOFF_MAX_MS);
      print(
        `已退出 ended (${signal ?? code})，${wait / SECOND} 秒后重启 · started again in ${wait / SECOND} s`,
        true,
      );
      await timer.sleep(wait, this.#stopping.signal).catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) throw error;
      });
    }
  }

  /** Asks it to end, and ends it after the time-out. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort();
    const child = this.#current;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return this.#ended;
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    await this.#ended;
    clearTimeout(kill);
  }
}
