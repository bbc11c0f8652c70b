import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, TestBroker, until } from './testing.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let broker: TestBroker;
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simulate-'));
  broker = new TestBroker();
  await broker.open();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await broker.close();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly ended: Promise<{ code: number | null; out: string; err: string }>;
}

/** Resolves when the stream has been read to its end. */
async function allOf(stream: Readable | null): Promise<void> {
  if (stream !== null) await finished(stream);
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  // Not `close`, which never comes to a parent that gave up the channel.
  const ended = Promise.all([once(child, 'exit'), ...[child.stdout, child.stderr].map(allOf)]).then(
    ([[code]]) => ({ code: code as number | null, out, err }),
  );
  return { child, out: () => out, ended };
}

describe('npm run simulate', { timeout: 60_000 }, () => {
  it('plans a county and plays it until it is told to stop', async () => {
    const flags = ['--devices', '20', '--mqtt', broker.url, '--demo-secrets'];
    const port = await freePort();
    const planned = await run('plan', '--out', folder, ...flags, '--modbus-port', String(port))
      .ended;
    expect(planned).toMatchObject({ code: 0, err: '' });
    expect((await run('play', '--plan', folder, '--check').ended).out).toMatch(/^ok: 20 devices/);
    const play = run('play', '--plan', folder);
    await until(() => broker.heard.length >= 7, 'first values of the MQTT devices');
    play.child.kill('SIGTERM');
    const { code, out, err } = await play.ended;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      name: 'play',
      mqtt: { dropped: 0, faults: 0 },
    });
  });

  it('ends when the process that started it is gone', async () => {
    const port = String(await freePort());
    const slave = run('slave', '--profile', 'boqu/phg-2091', '--port', port);
    await until(() => slave.out().includes('playing'), 'the slave to play');
    slave.child.disconnect();
    expect(await slave.ended).toMatchObject({ code: 0, err: '' });
  });

  it('ends when the process that started it is gone before it plays', async () => {
    const port = String(await freePort());
    const slave = run('slave', '--profile', 'boqu/phg-2091', '--port', port);
    slave.child.disconnect();
    expect(await slave.ended).toMatchObject({ code: 0, err: '' });
  });

  it('replays a file: registration first, then the measurements', async () => {
    const csv = join(folder, 'a.csv');
    const list = join(folder, 'devices.csv');
    writeFileSync(
      csv,
      `year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station
2013,3,1,0,4,4,4,7,300,77,-0.7,1023,-18.8,0,NNW,4.4,Aotizhongxin
`,
    );
    const map = ['--map', 'simulators/mappings/beijing-air.yaml'];
    await run('replay', csv, ...map, '--print-devices', '--out', list).ended;
    expect(readFileSync(list, 'utf8')).toMatch(
      /^id,name,profile,area,.*\nbj-aotizhongxin,北京aotizhongxin空气站,village\/air-weather,330522000000,,,,,,[\w-]{32}\n$/,
    );
    const replay = await run('replay', csv, ...map, '--credentials', list, '--mqtt', broker.url)
      .ended;
    expect(replay).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(replay.out)).toMatchObject({
      rowsAcknowledged: 1,
      readings: 12,
      columns: { CO: { metric: 'co', sum: '300', stored: '0.3' }, wd: { sum: '337.5' } },
    });
    expect(JSON.parse(String(broker.heard[0]?.payload))).toMatchObject({
      device: 'bj-aotizhongxin',
      at: '2013-02-28T16:00:00Z',
      values: { co: 0.3 },
    });
  });

  it.each([
    [['plan'], '--out is needed'],
    [['play', '--plan', 'does-not-exist'], 'ENOENT'],
    [['slave', '--profile', 'no/such', '--port', '1'], 'No profile no/such'],
    [['plan', '--colour', 'red'], '--colour'],
    [
      ['replay', 'a.csv', '--map', 'simulators/mappings/beijing-air.yaml'],
      'VILLAGE_ADMIN_PASSWORD',
    ],
  ])('refuses %j in one line', async (args, message) => {
    const { code, err } = await run(...args).ended;
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
  });
});
