/**
 * The kill test: senders publish through the broker, through HTTP and through a gateway, while the server and the
 * gateway are killed at random moments, mid-commit and mid-seal. Afterwards every acknowledged reading must be stored
 * exactly once.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@village/core';
import { register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';
import {
  judgeDevice,
  PROBE_PROFILE,
  probeYaml,
  START,
  STEP_MS,
  type Stored,
  type Verdict,
} from './probe.ts';
import { httpSender, mqttSender, type Sender } from './publishers.ts';

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

export interface KillResult extends Verdict {
  readonly killsOfServer: number;
  readonly killsOfGateway: number;
  readonly sequenceGaps: number;
  readonly quarantined: number;
  readonly restartMsMax: number;
  /** Rows that the export writes, from the archive's own files; must equal `stored`. */
  readonly exported: number;
}

const DIRECT = ['probe-a', 'probe-b', 'probe-c', 'probe-d'];
const VIA_HTTP = 'probe-http';
const VIA_GATEWAY = ['probe-g1', 'probe-g2'];
const GATEWAY = 'gw-kill';
const LOCAL_SECRET = 'local-secret-of-the-kill-test';

const row = (id: string, profile: string, gateway: string): string =>
  `${id},${id},${profile},${VILLAGE},${gateway},,,,,`;

function devicesCsv(): string {
  return [
    'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
    row(GATEWAY, 'gateway', ''),
    ...[...DIRECT, VIA_HTTP].map((id) => row(id, PROBE_PROFILE, '')),
    ...VIA_GATEWAY.map((id) => row(id, PROBE_PROFILE, GATEWAY)),
  ].join('\n');
}

/** The gateway's process, with a local MQTT listener for its two devices. */
async function killGateway(
  folder: string,
  server: TestServer,
  secret: string,
): Promise<{ process: Process; port: number }> {
  const port = await freePort();
  const config = join(folder, 'gateway.yaml');
  const devices = VIA_GATEWAY.map(
    (id) => `  - { id: ${id}, profile: ${PROBE_PROFILE}, secret: ${LOCAL_SECRET} }`,
  );
  writeFileSync(
    config,
    `gateway: ${GATEWAY}
uplink: { url: "mqtt://127.0.0.1:${server.mqttPort}", secret: "${secret}" }
data: ${join(folder, 'gateway-data')}
catalogs: [${join(folder, 'catalog')}]
mqtt: { port: ${port}, host: 127.0.0.1 }
devices:
${devices.join('\n')}
`,
  );
  return { process: new Process('gateway', 'gateway/src/main.ts', ['--config', config], {}), port };
}

/** Kills one of the two, or both, at a random moment and starts it again. */
async function round(
  server: TestServer,
  gateway: Process,
  random: () => number,
): Promise<{ server: boolean; gateway: boolean; restartMs: number }> {
  await new Promise((resolve) => setTimeout(resolve, 200 + random() * 1300));
  const dice = random();
  const killServer = dice < 0.65;
  const killGatewayToo = dice >= 0.55;
  await Promise.all([
    killServer && server.process.end('SIGKILL'),
    killGatewayToo && gateway.end('SIGKILL'),
  ]);
  await new Promise((resolve) => setTimeout(resolve, random() * 300));
  if (killGatewayToo) gateway.start();
  const began = performance.now();
  if (killServer) await server.up();
  return {
    server: killServer,
    gateway: killGatewayToo,
    restartMs: killServer ? performance.now() - began : 0,
  };
}

/** Everything the server gives back of one device. */
export async function storedOf(
  server: TestServer,
  device: string,
  sent: number,
): Promise<Stored[]> {
  const to = new Date(START + (sent + 1) * STEP_MS).toISOString();
  return server.api.all<Stored>(
    `/api/v1/readings?device=${device}&from=${new Date(START).toISOString()}&to=${encodeURIComponent(to)}`,
  );
}

interface Completeness {
  gateway: null | { sequences: { gaps: [number, number][] }[] };
}

/** What came of everything that was sent, and what the gateway and the quarantine tell of it. */
export async function verdict(
  server: TestServer,
  senders: readonly Sender[],
  throughGateway: string,
): Promise<Verdict & { exported: number; sequenceGaps: number; quarantined: number }> {
  const total = {
    acknowledged: 0,
    stored: 0,
    lost: 0,
    doubled: 0,
    wrong: 0,
    unacknowledged: 0,
    exported: 0,
  };
  for (const sender of senders) {
    const one = judgeDevice(
      sender.sent,
      sender.acknowledged,
      await storedOf(server, sender.device, sender.sent),
    );
    for (const key of Object.keys(one) as (keyof Verdict)[]) total[key] += one[key];
    const csv = await (
      await server.api.fetch(
        `/api/v1/export?format=csv&device=${sender.device}&metric=n&from=${new Date(START).toISOString()}&to=${new Date(START + (sender.sent + 1) * STEP_MS).toISOString()}`,
      )
    ).text();
    total.exported += csv.trim().split('\n').length - 1;
  }
  const range = `from=${new Date(START).toISOString()}&to=${new Date(START + 3_600_000).toISOString()}`;
  const { gateway } = await server.api.json<Completeness>(
    `/api/v1/completeness?device=${throughGateway}&${range}`,
  );
  const gaps = gateway?.sequences.flatMap((sequence) => sequence.gaps) ?? [[-1, -1]];
  const quarantined = (await server.api.all<unknown>('/api/v1/quarantine')).length;
  return { ...total, sequenceGaps: gaps.length, quarantined };
}

/** Runs the whole test in a temporary folder and says what it found. */
export async function killTest(options: KillOptions): Promise<KillResult> {
  const folder = mkdtempSync(join(tmpdir(), 'village-kill-'));
  mkdirSync(join(folder, 'catalog', 'test'), { recursive: true });
  writeFileSync(join(folder, 'catalog', 'test', 'probe.yaml'), probeYaml);
  // Sealing every second makes kills fall into it as often as into commits.
  const server = await testServer(
    folder,
    `catalogs: [${join(folder, 'catalog')}]\nstore: { sealEvery: 1s }\nlimits: { requestsPerMinute: 1000000 }\n`,
  );
  const senders: Sender[] = [];
  let gateway: Process | null = null;
  try {
    await server.up();
    const secrets = await register(server.api, devicesCsv());
    const secretOf = (id: string): string => secrets.get(id) ?? `no secret came for ${id}`;
    const { token } = await server.api.post<{ token: string }>(
      '/api/v1/tokens',
      { name: 'kill-test', role: 'officer' },
      201,
    );
    const started = await killGateway(folder, server, secretOf(GATEWAY));
    gateway = started.process;
    gateway.start();
    senders.push(
      ...DIRECT.map((id, k) =>
        mqttSender(id, secretOf(id), server.mqttPort, [1, 5, 20, 50][k] ?? 1),
      ),
      httpSender(VIA_HTTP, token, server.httpPort, 25),
      ...VIA_GATEWAY.map((id) => mqttSender(id, LOCAL_SECRET, started.port, 10)),
    );
    return await killRounds(options, server, gateway, senders);
  } catch (error) {
    options.log(
      `server printed:\n${server.process.output}\ngateway printed:\n${gateway?.output ?? ''}`,
    );
    throw error;
  } finally {
    await Promise.all(senders.map((sender) => sender.end()));
    await gateway?.end('SIGKILL');
    await server.process.end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function killRounds(
  options: KillOptions,
  server: TestServer,
  gateway: Process,
  senders: readonly Sender[],
): Promise<KillResult> {
  const random = seededRandom(options.seed);
  let killsOfServer = 0;
  let killsOfGateway = 0;
  let restartMsMax = 0;
  for (let n = 1; n <= options.rounds; n++) {
    const killed = await round(server, gateway, random);
    killsOfServer += Number(killed.server);
    killsOfGateway += Number(killed.gateway);
    restartMsMax = Math.max(restartMsMax, Math.round(killed.restartMs));
    const acknowledged = senders.reduce(
      (sum, sender) => sum + sender.acknowledged.filter(Boolean).length,
      0,
    );
    options.log(
      `round ${n}/${options.rounds}: killed ${[killed.server && 'server', killed.gateway && 'gateway'].filter(Boolean).join(' and ')}; ${acknowledged} acknowledged`,
    );
  }
  for (const sender of senders) sender.pause();
  await until(
    'every sender to be answered',
    () => senders.every((sender) => sender.settled()),
    120_000,
  );
  // What the gateway acknowledged is on its disk; give it the time to deliver.
  const local = senders.filter((sender) => VIA_GATEWAY.includes(sender.device));
  await server.api.signIn('admin', 'Kill-Test-2026!');
  await until(
    'the gateway to deliver what it acknowledged',
    async () => {
      for (const { device, sent, acknowledged } of local)
        if (judgeDevice(sent, acknowledged, await storedOf(server, device, sent)).lost > 0)
          return false;
      return true;
    },
    120_000,
    // What never came is told as lost.
  ).catch((error: unknown) => options.log(String(error)));
  return {
    ...(await verdict(server, senders, VIA_GATEWAY[0]!)),
    killsOfServer,
    killsOfGateway,
    restartMsMax,
  };
}
