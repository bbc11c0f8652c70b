/** Runs MQTT clients of other makers as they come from Debian, for tests and benchmarks. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../lib/processes.ts';

const run = promisify(execFile);
const PAHO = fileURLToPath(new URL('./paho-publish.py', import.meta.url));
/** Not in the PATH of everybody. */
const MOSQUITTO = '/usr/sbin/mosquitto';
const MOSQUITTO_PUB = '/usr/bin/mosquitto_pub';
/** Debian keeps its Python modules for its own Python; another one in PATH does not see them. */
const PYTHON = process.env['VILLAGE_PAHO_PYTHON'] ?? '/usr/bin/python3';

const runs = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Whether Debian's packages mosquitto, mosquitto-clients and python3-paho-mqtt are here. */
export const hasOtherClients = (): boolean =>
  existsSync(MOSQUITTO) && existsSync(MOSQUITTO_PUB) && runs(PYTHON, '-c', 'import paho.mqtt');

export interface PahoOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly topic: string;
  /** Its value is the reading's number. */
  readonly metric: string;
  /** Numbers of the readings, the last one not included. */
  readonly from: number;
  readonly to: number;
  readonly window: number;
  readonly qos: 0 | 1 | 2;
  readonly secondsAllowed: number;
  /** Whether a reading says when it was measured. */
  readonly times: boolean;
}

export interface PahoResult {
  readonly acknowledged: number;
  readonly connections: number;
  /** Connections that ended before all was acknowledged. */
  readonly closed: number;
  readonly seconds: number;
}

/** Publishes by Eclipse Paho for Python; `VILLAGE_PAHO_PYTHON` names a Python that has another version of it. */
export async function pahoPublish(options: PahoOptions): Promise<PahoResult> {
  const { port, user, password, topic, metric, from, to, window, qos, secondsAllowed } = options;
  const { stdout } = await run(
    PYTHON,
    [
      PAHO,
      ...[port, user, password, topic, metric, from, to, window, qos, secondsAllowed].map(String),
      options.times ? 'times' : 'no-times',
    ],
    { timeout: (secondsAllowed + 30) * 1000 },
  );
  return JSON.parse(stdout) as PahoResult;
}

/** Publishes one message by mosquitto_pub. @throws when it says that it could not */
export async function mosquittoPublish(args: readonly string[]): Promise<void> {
  await run(MOSQUITTO_PUB, ['-h', '127.0.0.1', ...args], { timeout: 30_000 });
}

export interface Mosquitto {
  readonly port: number;
  /** What it logged. */
  readonly log: () => string;
  stop(): Promise<void>;
}

/** A Mosquitto broker on a free port with further lines of configuration, a bridge for instance. */
export async function mosquitto(lines: readonly string[]): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), 'village-mosquitto-'));
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  const own = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'persistence false'];
  writeFileSync(file, [...own, 'max_queued_messages 0', ...lines, ''].join('\n'));
  let log = '';
  const child = spawn(MOSQUITTO, ['-v', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-200_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = once(child, 'exit');
  return {
    port,
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
