/**
 * `npm start`: a simulated county beside the server. Plans it once, registers its areas and devices, runs one gateway
 * and the player of the devices as child processes, and says what is going on. The simulators are only ever spawned.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MINUTE, SECOND, type Timer } from '@village/core';
import { Child, runChild } from './children.ts';

/** What the demonstration needs of the running server. */
export interface DemoHost {
  importAreas(csv: string): Promise<void>;
  importDevices(csv: string): Promise<void>;
  /** Counts over the whole county, and readings stored since the start. */
  status(): {
    devices: Readonly<Record<'online' | 'late' | 'offline' | 'never', number>>;
    readings: number;
  };
}

export interface DemoOptions {
  /** Folder of everything stored. */
  readonly data: string;
  readonly mqttPort: number;
  readonly devices: number;
  readonly seed: number;
  readonly host: DemoHost;
  readonly timer: Timer;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const script = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const CHILD_STOP_MS = 10 * SECOND;
const FIRST_VALUE_POLL_MS = 100;

/** Writes the plan of the county when there is none for this seed and size. */
async function plan(options: DemoOptions): Promise<string> {
  const folder = join(options.data, `demo-${options.devices}-${options.seed}`);
  if (existsSync(join(folder, 'county.yaml'))) return folder;
  options.print(`规划模拟县 · planning a county of ${options.devices} devices`);
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
    print: options.print,
  });
  return folder;
}

/** Says when the first value came, then one line a minute. */
async function tell({ host, timer, print, signal }: DemoOptions): Promise<void> {
  const began = timer.now();
  while (host.status().readings === 0) await timer.sleep(FIRST_VALUE_POLL_MS, signal);
  print(`首个实时值已到 · first live value after ${((timer.now() - began) / SECOND).toFixed(1)} s`);
  let before = host.status().readings;
  for (;;) {
    await timer.sleep(MINUTE, signal);
    const { devices, readings } = host.status();
    print(
      `在线 online ${devices.online} · 迟报 late ${devices.late} · 离线 offline ${devices.offline} · ` +
        `未上线 never ${devices.never} · ${readings - before} 读数/分钟 readings a minute`,
    );
    before = readings;
  }
}

/** Runs the demonstration until the signal; resolves when its processes have ended. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { host, mqttPort, timer, print, signal } = options;
  const folder = await plan(options);
  await host.importAreas(readFileSync(join(folder, 'areas.csv'), 'utf8'));
  await host.importDevices(readFileSync(join(folder, 'devices.csv'), 'utf8'));
  const url = `mqtt://127.0.0.1:${mqttPort}`;
  const children = [
    new Child({
      name: 'simulator',
      script: script('simulators/src/main.ts'),
      args: ['play', '--plan', folder, '--mqtt', url],
      env: {},
      timer,
      print: (line) => print(`模拟 simulator │ ${line}`),
    }),
    new Child({
      name: 'gateway',
      script: script('gateway/src/main.ts'),
      args: ['--config', join(folder, 'gateway.yaml')],
      env: { VILLAGE_UPLINK_URL: url },
      timer,
      print: (line) => print(`网关 gateway │ ${line}`),
    }),
  ];
  print('模拟设备与网关已启动 · simulated devices and one gateway are running');
  try {
    await tell(options);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(children.map((child) => child.stop(CHILD_STOP_MS)));
  }
}
