/** The peer: InfluxDB 1.x in a process of its own, given the same month as line protocol over one connection. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/lib/processes.ts';
import { deviceId, METRICS, type Month, STRIDE, townshipOf } from './workload.ts';

const LINES_PER_REQUEST = 5_000;
const START_MS = 20_000;
const ANSWER_MS = 60_000;
const STOP_MS = 20_000;

/** Whether the peer is on this machine. */
export function hasInfluxDB(): boolean {
  return spawnSync('influxd', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Durable on each write, as we are; on loopback, reporting nothing. */
function settings(folder: string, http: number, rpc: number): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  index-version = "tsi1"
  wal-fsync-delay = "0s"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
`;
}

function line(rows: Float64Array, from: number): string {
  const device = rows[from + 1]!;
  const fields = METRICS.map((key, m) => `${key}=${rows[from + 3 + m]!}`).join(',');
  return `county,device=${deviceId(device)},township=${townshipOf(device)} ${fields} ${rows[from + 2]!}`;
}

/** A running peer. */
export class InfluxDB {
  readonly #folder: string;
  readonly #base: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, base: string, child: ChildProcess) {
    this.#folder = folder;
    this.#base = base;
    this.#child = child;
  }

  static async start(): Promise<InfluxDB> {
    const folder = mkdtempSync(join(tmpdir(), 'village-bench-influx-'));
    const http = await freePort();
    writeFileSync(join(folder, 'influx.conf'), settings(folder, http, await freePort()));
    const child = spawn('influxd', ['run', '-config', join(folder, 'influx.conf')], {
      stdio: 'ignore',
    });
    const base = `http://127.0.0.1:${http}`;
    const end = performance.now() + START_MS;
    while (
      !(await fetch(`${base}/ping`).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (performance.now() > end || child.exitCode !== null) {
        child.kill('SIGKILL');
        throw new Error('InfluxDB did not start');
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const peer = new InfluxDB(folder, base, child);
    await peer.ask('CREATE DATABASE bench', 'POST');
    return peer;
  }

  /** Sends the month; the time from the first request until the last answer, making the lines included. */
  async load({ rows, count }: Month): Promise<number> {
    const began = performance.now();
    for (let message = 0; message < count; message += LINES_PER_REQUEST) {
      const end = Math.min(count, message + LINES_PER_REQUEST);
      const lines: string[] = [];
      for (let i = message; i < end; i++) lines.push(line(rows, i * STRIDE));
      const answer = await fetch(`${this.#base}/write?db=bench&precision=ms`, {
        method: 'POST',
        body: lines.join('\n'),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (answer.status !== 204) throw new Error(`InfluxDB: ${await answer.text()}`);
    }
    return (performance.now() - began) / 1000;
  }

  /** Asks and reads the whole answer. */
  async ask(query: string, method = 'GET'): Promise<unknown> {
    const parameters = new URLSearchParams({ db: 'bench', epoch: 'ms', q: query });
    const answer = await fetch(`${this.#base}/query?${parameters}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body = (await answer.json()) as { results?: { error?: string }[]; error?: string };
    const error = body.error ?? body.results?.find((result) => result.error !== undefined)?.error;
    if (error !== undefined) throw new Error(`InfluxDB: ${error}`);
    return body;
  }

  /** Rows stored, by its own count of one metric. */
  async rows(): Promise<number> {
    const body = (await this.ask(`SELECT count(${METRICS[0]}) FROM county`)) as {
      results: { series?: { values: [number, number][] }[] }[];
    };
    return body.results[0]?.series?.[0]?.values[0]?.[1] ?? 0;
  }

  /** Bytes of its data and log. */
  bytes(): number {
    let sum = 0;
    for (const part of ['data', 'wal'])
      for (const entry of readdirSync(join(this.#folder, part), {
        recursive: true,
        withFileTypes: true,
      }))
        if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name)).size;
    return sum;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
