/**
 * `npm run bench -- fair [--devices N] [--rounds N] [--seconds N]`: what ten impatient clerks cost the devices. A county with a
 * history runs as a process of its own; devices publish at a steady rate. Rounds of it alone and rounds beside ten clerks who ask
 * for everything that a clerk may ask for, as fast as answers come, follow each other, so that what the machine does otherwise and
 * what the county has gathered by then concerns both alike; all waits of all rounds are judged as one. At last three clerks export
 * alone. Judged are the acknowledgements of devices and the small question of another person.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MINUTE, SECOND } from '@village/core';
import { register, type TestServer, testServer, VILLAGE } from '../../test/lib/county.ts';
import { deviceId, METRICS, SECRET } from '../ingest/packets.ts';
import { PROFILE, profileYaml } from '../ingest/profile.ts';
import type { Load, Published } from '../ingest/publisher.ts';
import { answer } from '../messages.ts';
import { numberOption } from '../options.ts';
import { type Case, judge, quantiles, report } from '../report.ts';
import type { Asked, Asking } from './clerks.ts';

const CLERKS = 10;
const SAMPLES = 500;
const EVERY_MS = 5 * SECOND;
const ROWS_A_POST = 2_000;
/** Readings of devices that go on all the time: 100 messages a second over 20 connections. */
const CONNECTIONS = 20;
const RATE = 100;
/** Waits of a kind that are to be beyond its p99 at least: it must not hang on a few of them. */
const BEYOND_P99 = 50;

const child = (script: string): ChildProcess =>
  fork(fileURLToPath(new URL(script, import.meta.url)));

async function publish(port: number, seconds: number): Promise<Published> {
  const publisher = child('../ingest/publisher.ts');
  const load: Load = {
    ...{ port, kind: 'device', connections: CONNECTIONS, window: 10 },
    ...{ rate: RATE, warmSeconds: 2, seconds },
  };
  publisher.send(load);
  return answer<Published>(publisher, 'published');
}

async function history({ api }: TestServer, token: string, devices: number, end: number) {
  const values = Object.fromEntries(METRICS.map((metric, k) => [metric, 10 + k]));
  let readings: object[] = [];
  const post = async (): Promise<void> => {
    if (readings.length === 0) return;
    const body = JSON.stringify({ lane: 'backfill', readings });
    readings = [];
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const { accepted } = await api.json<{ accepted: number }>(
      '/api/v1/readings',
      { method: 'POST', headers, body },
      202,
    );
    if (accepted === 0) throw new Error('BUG: no reading of the history was accepted');
  };
  for (let sample = SAMPLES; sample > 0; sample--)
    for (let n = 0; n < devices; n++) {
      const at = new Date(end - sample * EVERY_MS).toISOString();
      readings.push({ device: deviceId(n), at, values: { ...values, pm25: (n + sample) % 97 } });
      if (readings.length === ROWS_A_POST) await post();
    }
  await post();
}

const rssMb = (pid: number): number =>
  Math.round(
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  );

/** How late the server's main thread was since it was last asked, ms. */
async function serverLateMs({ api }: TestServer): Promise<number> {
  const text = await (await api.fetch('/metrics')).text();
  const seconds = Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]);
  return Number((1_000 * seconds).toFixed(1));
}

/** All rounds of one kind as one. */
function pooled(rounds: readonly { readonly published: Published; readonly lateMs: number }[]) {
  const all = rounds.map(({ published }) => published);
  return {
    ack: quantiles(all.flatMap(({ waitsMs }) => waitsMs)),
    waits: all.reduce((sum, { waitsMs }) => sum + waitsMs.length, 0),
    ofRounds: all.map(({ ackMs }) => ackMs.p99),
    ownLate: Math.max(...all.map(({ ownLateMs }) => ownLateMs.p99)),
    serverLate: Math.max(...rounds.map(({ lateMs }) => lateMs)),
    missing: all.reduce((sum, { sent, acknowledged }) => sum + sent - acknowledged, 0),
  };
}

interface Size {
  readonly devices: number;
  readonly rounds: number;
  readonly seconds: number;
}

async function cases(folder: string, { devices, rounds, seconds }: Size): Promise<Case[]> {
  mkdirSync(join(folder, 'catalog', 'bench'), { recursive: true });
  writeFileSync(join(folder, 'catalog', 'bench', 'station.yaml'), profileYaml);
  const limits =
    'limits: { requestsPerMinute: 1000000 }\nmqtt: { limits: { connectsPerSecond: 100000 } }';
  const server = await testServer(
    folder,
    `catalogs: [${join(folder, 'catalog')}]\nstore: { sealEvery: 1m }\n${limits}\n`,
  );
  try {
    await server.up();
    const { api } = server;
    const lines = Array.from(
      { length: devices },
      (_, n) => `${deviceId(n)},${deviceId(n)},${PROFILE},${VILLAGE},,,,,,${SECRET}`,
    );
    await register(
      api,
      ['id,name,profile,area,gateway,address,longitude,latitude,options,secret', ...lines].join(
        '\n',
      ),
    );
    const tokenOf = async (name: string, role: string): Promise<string> =>
      (await api.post<{ token: string }>('/api/v1/tokens', { name, role }, 201)).token;
    const tokens: string[] = [];
    for (let n = 0; n <= CLERKS; n++) tokens.push(await tokenOf(`clerk ${n}`, 'clerk'));
    // The publishers' readings lie in the last minute, the history before it.
    const end = Math.floor((Date.now() - 10 * MINUTE) / EVERY_MS) * EVERY_MS;
    await history(server, await tokenOf('history', 'officer'), devices, end);
    const measured = async () => {
      await serverLateMs(server);
      const published = await publish(server.mqttPort, seconds);
      return { published, lateMs: await serverLateMs(server) };
    };
    const beside = async (who: Pick<Asking, 'tokens' | 'filesAlone'>) => {
      const clerks = child('./clerks.ts');
      const asking: Asking = { base: api.base, devices, end, seconds: seconds + 4, ...who };
      const asked = answer<Asked>(clerks, 'asked');
      clerks.send(asking);
      const round = await measured();
      // The next round begins when the last clerk has her answer.
      return { ...round, asked: await asked };
    };
    const alone: Awaited<ReturnType<typeof measured>>[] = [];
    const busyRounds: Awaited<ReturnType<typeof beside>>[] = [];
    for (let round = 0; round < rounds; round++) {
      alone.push(await measured());
      busyRounds.push(await beside({ tokens, filesAlone: false }));
    }
    // Three of the ten: what a file costs by itself.
    const exporting = await beside({ tokens: tokens.slice(0, 4), filesAlone: true });
    const quiet = pooled(alone);
    const busy = pooled(busyRounds);
    const files = pooled([exporting]);
    const asked = busyRounds.map((round) => round.asked);
    const sum = (of: (one: Asked) => number): number =>
      asked.reduce((all, one) => all + of(one), 0);
    const kinds = [...new Set(asked.flatMap(({ answers }) => Object.keys(answers)))].toSorted();
    const smallMs = quantiles(asked.flatMap((one) => one.smallMs));
    const ratio = Number((busy.ack.p99 / quiet.ack.p99).toFixed(2));
    const enough = `>= ${100 * BEYOND_P99}`;
    return [
      judge('rows of the history', devices * SAMPLES, 'rows'),
      judge('quiet: acknowledgements', quiet.waits, 'waits', enough),
      judge('quiet: acknowledgement p50', quiet.ack.p50, 'ms'),
      judge('quiet: acknowledgement p99', quiet.ack.p99, 'ms'),
      judge('quiet: p99 of the best round', Math.min(...quiet.ofRounds), 'ms'),
      judge('quiet: p99 of the worst round', Math.max(...quiet.ofRounds), 'ms'),
      judge('ten clerks: acknowledgements', busy.waits, 'waits', enough),
      judge('ten clerks: acknowledgement p50', busy.ack.p50, 'ms'),
      judge('ten clerks: acknowledgement p99', busy.ack.p99, 'ms', '<= 25'),
      judge('ten clerks: acknowledgement max', busy.ack.max, 'ms'),
      judge('ten clerks: p99 of the best round', Math.min(...busy.ofRounds), 'ms'),
      judge('ten clerks: p99 of the worst round', Math.max(...busy.ofRounds), 'ms'),
      judge('… times the quiet p99', ratio, '×', '<= 2'),
      judge('messages not acknowledged', quiet.missing + busy.missing, 'messages', '== 0'),
      judge('quiet: the devices themselves were late, p99', quiet.ownLate, 'ms'),
      judge('ten clerks: the devices themselves were late, p99', busy.ownLate, 'ms'),
      judge("quiet: the server's thread was late, p99", quiet.serverLate, 'ms'),
      judge("ten clerks: the server's thread was late, p99", busy.serverLate, 'ms'),
      ...kinds.map((kind) =>
        judge(
          `answers ${kind}`,
          sum(({ answers }) => answers[kind] ?? 0),
          '',
        ),
      ),
      judge(
        'bytes of answers',
        sum(({ bytes }) => bytes),
        'B',
      ),
      judge(
        'files made in the background and fetched',
        sum((one) => one.files),
        '',
      ),
      judge(
        'small questions answered',
        sum((one) => one.smallMs.length),
        '',
      ),
      judge(
        'small questions refused',
        sum(({ smallRefused }) => smallRefused),
        '',
        '== 0',
      ),
      judge('small question p50', smallMs.p50, 'ms'),
      judge('small question p99', smallMs.p99, 'ms'),
      judge('small question max', smallMs.max, 'ms'),
      judge('files alone: acknowledgement p50', files.ack.p50, 'ms'),
      judge('files alone: acknowledgement p99', files.ack.p99, 'ms'),
      judge('files alone: acknowledgement max', files.ack.max, 'ms'),
      judge('files alone: bytes fetched', exporting.asked.bytes, 'B'),
      judge('peak memory of the server', rssMb(server.process.pid ?? 0), 'MB'),
    ];
  } finally {
    await server.process.end('SIGTERM');
  }
}

/** Runs the benchmark. */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      devices: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '20' },
    },
  });
  const size: Size = {
    devices: numberOption('devices', values.devices),
    rounds: numberOption('rounds', values.rounds),
    seconds: numberOption('seconds', values.seconds),
  };
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-fair-'));
  try {
    report('fair', await cases(folder, size));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
