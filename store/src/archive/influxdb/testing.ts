/** A real InfluxDB for tests: in a process of its own, on loopback, killed and started again on the same data. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';

const START_MS = 30_000;

/** Whether the server is on this machine. */
export function hasInfluxDB(): boolean {
  return spawnSync('influxd', ['version'], { stdio: 'ignore' }).status === 0;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** One server with a folder and a port that it keeps. */
export class InfluxServer {
  readonly url: string;
  readonly #config: string;
  #child: ChildProcess | null = null;

  private constructor(url: string, config: string) {
    this.url = url;
    this.#config = config;
  }

  /** Writes the configuration; `start` runs it. */
  static async in(folder: string, index = 'tsi1'): Promise<InfluxServer> {
    const port = await freePort();
    const rpc = await freePort();
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'influx.conf');
    writeFileSync(
      config,
      `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  index-version = "${index}"
  wal-fsync-delay = "0s"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
`,
    );
    return new InfluxServer(`http://127.0.0.1:${port}`, config);
  }

  async start(): Promise<void> {
    const child = spawn('influxd', ['run', '-config', this.#config], { stdio: 'ignore' });
    this.#child = child;
    const end = performance.now() + START_MS;
    for (;;) {
      const up = await fetch(`${this.url}/ping`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (up) return;
      if (performance.now() > end || child.exitCode !== null)
        throw new Error(`InfluxDB did not start (${child.exitCode})`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }

  /** Ends the process, at once and without a chance to write, unless told otherwise. */
  async stop(name: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(name);
    await ended;
  }
}
