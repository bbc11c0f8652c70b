/**
 * `npm start`: a simulated county beside the server. Plans it once, registers its areas and devices, runs its gateways
 * and the player of the devices as child processes, and says what is going on. The simulators are only ever spawned.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MINUTE, OperationalError, SECOND, type Timer } from '@village/core';
import { readChildLine, Warnings } from './child-lines.ts';
import { Child, runChild } from './children.ts';
import { Times } from './times.ts';

/** What the demonstration needs of the running server. */
export interface DemoHost {
  importAreas(csv: string): Promise<void>;
  importDevices(csv: string): Promise<void>;
  status(): {
    /** Over the whole county. */
    readonly devices: Readonly<Record<'online' | 'late' | 'offline' | 'never', number>>;
    /** As the overview of the county tells it. */
    readonly readingsPerMinute: number;
    /** That live views were told of since the start. */
    readonly readings: number;
  };
}

export interface DemoOptions {
  /** Folder of everything stored. */
  readonly data: string;
  readonly mqttPort: number;
  readonly devices: number;
  readonly seed: number;
  /** How long a past it gets, ms; 0 for none. */
  readonly historyMs: number;
  /** Where a progress bar can be drawn. */
  readonly terminal: NodeJS.WriteStream | null;
  /** Shows everything that the child processes print. */
  readonly verbose: boolean;
  readonly host: DemoHost;
  readonly timer: Timer;
  /** Milliseconds since the command was launched. */
  readonly sinceLaunch: () => number;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const script = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const CHILD_STOP_MS = 10 * SECOND;
const FIRST_VALUE_POLL_MS = 100;
const GATEWAY_FILE = /^gateway(-\d+)?\.yaml$/;

/** Prints the children's faults at once and keeps their warnings for the next summary. */
class Console {
  readonly #options: DemoOptions;
  readonly warnings = new Warnings();

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  /** A printer for one child. */
  of(name: string): (line: string, fault: boolean) => void {
    const { print, verbose } = this.#options;
    return (line, fault) => {
      const { grave, text } = readChildLine(line, fault);
      if (verbose) print(`${name} │ ${line}`);
      else if (grave === 'fault') print(`${name} │ ${text}`);
      else if (grave === 'warning') this.warnings.add(text);
    };
  }
}

/** Writes the plan of the county when there is none for this seed and size. */
async function plan(options: DemoOptions, print: Console): Promise<string> {
  const folder = join(options.data, `demo-${options.devices}-${options.seed}`);
  if (existsSync(join(folder, 'county.yaml'))) return folder;
  options.print(
    `正在规划模拟县，${options.devices} 台设备 · planning a county of ${options.devices} devices`,
  );
  await runChild({
    name: 'plan',
    script: script('simulators/src/main.ts'),
    args: [
      'plan',
      '--out',
      folder,
      '--devices',
      String(options.devices),
      '--seed',
      String(options.seed),
      '--mqtt',
      `mqtt://127.0.0.1:${options.mqttPort}`,
    ],
    env: {},
    timer: options.timer,
    print: print.of('规划 plan'),
  });
  return folder;
}

/** The gateways of the plan. They start when the Modbus devices are there, and again when these have moved. */
class GatewayProcesses {
  readonly #options: DemoOptions;
  readonly #folder: string;
  readonly #console: Console;
  #running: Child[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(options: DemoOptions, folder: string, console: Console) {
    this.#options = options;
    this.#folder = folder;
    this.#console = console;
  }

  /** The player listens on its ports; `moved` when they are others than before. */
  devicesReady(moved: boolean): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#options.signal.aborted || (this.#running.length > 0 && !moved)) return;
      await this.#stopAll();
      this.#running = readdirSync(this.#folder)
        .filter((name) => GATEWAY_FILE.test(name))
        .sort()
        .map((name) => this.#start(name));
      this.#options.print(
        `模拟设备已运行，网关 ${this.#running.length} 台 · simulated devices and ${this.#running.length} gateway(s) are running`,
      );
    });
  }

  #start(file: string): Child {
    const name = file === 'gateway.yaml' ? '网关 gateway' : `网关 ${file.replace('.yaml', '')}`;
    return new Child({
      name,
      script: script('gateway/src/main.ts'),
      args: ['--config', join(this.#folder, file)],
      env: { VILLAGE_UPLINK_URL: `mqtt://127.0.0.1:${this.#options.mqttPort}` },
      timer: this.#options.timer,
      print: this.#console.of(name),
    });
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.#running.map((child) => child.stop(CHILD_STOP_MS)));
    this.#running = [];
  }

  async stop(): Promise<void> {
    await this.#turn;
    await this.#stopAll();
  }
}

/** Says when the first live value was told, then one line a minute; `lives` is called at both. */
async function tell(options: DemoOptions, warnings: Warnings, lives: () => void): Promise<void> {
  const { host, timer, print, signal, sinceLaunch } = options;
  while (host.status().readings === 0) await timer.sleep(FIRST_VALUE_POLL_MS, signal);
  const seconds = (sinceLaunch() / SECOND).toFixed(1);
  print(`启动 ${seconds} 秒后出现首个实时值 · first live value ${seconds} s after launch`);
  print('按 Ctrl-C 停止，数据不丢失 · Ctrl-C stops everything and loses nothing');
  lives();
  for (;;) {
    await timer.sleep(MINUTE, signal);
    lives();
    const { devices, readingsPerMinute } = host.status();
    print(
      `在线 online ${devices.online} · 迟报 late ${devices.late} · 离线 offline ${devices.offline} · ` +
        `未上报 never ${devices.never} · ${readingsPerMinute} 读数/分钟 readings a minute${warnings.take()}`,
    );
  }
}

/** How long acknowledgements of live messages took, as the player says. */
function acknowledgedOf(message: unknown): readonly number[] {
  if (typeof message !== 'object' || message === null || !('acknowledgedMs' in message)) return [];
  return Array.isArray(message.acknowledgedMs) ? message.acknowledgedMs : [];
}

/** Whether the player says that its ports are open, and whether they have moved. */
function readyOf(message: unknown): { moved: boolean } | null {
  if (typeof message !== 'object' || message === null || !('playing' in message)) return null;
  return { moved: 'moved' in message && message.moved === true };
}

async function register(options: DemoOptions, folder: string): Promise<void> {
  const { host, print, devices } = options;
  print(`正在登记区域和 ${devices} 台设备 · registering areas and ${devices} devices`);
  try {
    await host.importAreas(readFileSync(join(folder, 'areas.csv'), 'utf8'));
    await host.importDevices(readFileSync(join(folder, 'devices.csv'), 'utf8'));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw new OperationalError(
      error.code,
      `模拟县无法登记（${folder}）· the simulated county can't be registered: ${error.message}`,
      { cause: error },
    );
  }
}

/** Runs the demonstration until the signal; resolves when its processes have ended. */
export async function runDemo(given: DemoOptions): Promise<void> {
  const { mqttPort, timer, signal } = given;
  let times: Times | null = null;
  const print = (line: string): void => (times === null ? given.print(line) : times.print(line));
  const options = { ...given, print };
  const console = new Console(options);
  const folder = await plan(options, console);
  await register(options, folder);
  const own = new Times({
    ...given,
    script: script('simulators/src/main.ts'),
    plan: folder,
    childLine: console.of('历史 past'),
  });
  times = own;
  const gateways = new GatewayProcesses(options, folder, console);
  const player = new Child({
    name: 'simulator',
    script: script('simulators/src/main.ts'),
    args: ['play', '--plan', folder, '--mqtt', `mqtt://127.0.0.1:${mqttPort}`, '--move-ports'],
    env: {},
    timer,
    print: console.of('模拟 simulator'),
    message: (message) => {
      const ready = readyOf(message);
      if (ready !== null) gateways.devicesReady(ready.moved);
      own.acknowledged(acknowledgedOf(message));
    },
  });
  try {
    await tell(options, console.warnings, () => own.lives());
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all([player.stop(CHILD_STOP_MS), gateways.stop(), own.stop()]);
  }
}
