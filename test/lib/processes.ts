/** Starts the product's own processes for whole-system tests, and ends only those, by their id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A TCP port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('BUG: no port');
  return address.port;
}

/** Polls until `check` gives something; throws with `what` after the time-out. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One process of the product that can be killed and started again. */
export class Process {
  readonly name: string;
  readonly #script: string;
  readonly #args: readonly string[];
  readonly #env: Record<string, string>;
  readonly #place: { readonly folder: string; readonly node: string };
  #child: ChildProcess | null = null;
  /** The last 20,000 characters it printed, for the report of a failure. */
  output = '';

  /** Runs in this repository on this Node, unless it is installed elsewhere. */
  constructor(
    name: string,
    script: string,
    args: readonly string[],
    env: Record<string, string>,
    place = { folder: root, node: process.execPath },
  ) {
    this.name = name;
    this.#place = place;
    this.#script = script;
    this.#args = args;
    this.#env = env;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.running) throw new Error(`BUG: ${this.name} runs already`);
    const child = spawn(this.#place.node, [this.#script, ...this.#args], {
      cwd: this.#place.folder,
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#child = child;
  }

  /** Sends the signal and waits for the end; SIGKILL after the time-out. Returns the exit code, null after a signal. */
  async end(signal: 'SIGKILL' | 'SIGTERM', timeoutMs = 30_000): Promise<number | null> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const ended = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const [code] = await ended;
    clearTimeout(timer);
    return code;
  }
}
