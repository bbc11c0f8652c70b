/**
 * The soak: senders publish through the broker, through HTTP and through a gateway while everything bad happens at once, by seeded
 * chance: slow and lying slaves, messages that are none, ten clerks and an export, a disk that another program fills, clocks that
 * are set, kills. In its first half processes are killed, in its second the server lives, so that its memory can be watched.
 * Nobody starts anything by hand but what was killed. Afterwards every acknowledged reading must be stored exactly once.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MINUTE, SECOND, seededRandom, systemTimer } from '@village/core';
import { judgeDevice, PROBE_PROFILE, probeYaml, type Verdict } from '../kill/probe.ts';
import { httpSender, mqttSender, type Sender } from '../kill/publishers.ts';
import { storedOf, verdict } from '../kill/run.ts';
import { PASSWORD, register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';
import { clerks } from './clerks.ts';
import { type Disk, type Fault, oneFault, smallDisk } from './faults.ts';
import { kindsOfProcess } from './mappings.ts';
import { poison } from './poison.ts';
import { badSlaves } from './slaves.ts';
import { course, watchProcess } from './watch.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** How long the disk is full, each time. */
  readonly fullSeconds: number;
  readonly log: (line: string) => void;
  /** Nothing is killed, filled or set: what grows is not hidden by what is done. */
  readonly calm?: boolean;
}

export interface SoakResult extends Verdict {
  readonly exported: number;
  readonly sequenceGaps: number;
  readonly quarantined: number;
  readonly faults: Readonly<Record<Fault['kind'], number>>;
  /** From the end of a fault until devices, machines and local devices were acknowledged again, the longest. */
  readonly recoveryMsMax: number;
  /** Ends of processes that nobody killed. */
  readonly ends: readonly string[];
  readonly memory: Readonly<Record<'server' | 'gateway', ReturnType<typeof course>>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly exports: Readonly<Record<string, number>>;
  readonly poison: { readonly sent: number; readonly acknowledged: number };
  readonly asksOfSlaves: number;
  readonly diskIsOwn: boolean;
}

const DIRECT = ['probe-a', 'probe-b', 'probe-c', 'probe-d'];
const VIA_HTTP = 'probe-http';
const VIA_GATEWAY = ['probe-g1', 'probe-g2'];
const POISON = 'probe-poison';
const SLAVES = ['bad-1', 'bad-2', 'bad-3', 'bad-4'];
const SLAVE_PROFILE = 'boqu/phg-2091';
const GATEWAY = 'gw-soak';
const LOCAL_SECRET = 'local-secret-of-the-soak';
const CLERKS = 10;
const A_SECOND = 60;
/** Who is not acknowledged again by then would have to be helped by hand. */
const RECOVERY_MS = 5 * MINUTE;
/** How often the log tells what the server's memory is made of. */
const TOLD_MS = 20 * SECOND;

const line = (id: string, profile: string, gateway: string): string =>
  `${id},${id},${profile},${VILLAGE},${gateway},,,,,`;

const devicesCsv = (): string =>
  [
    'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
    line(GATEWAY, 'gateway', ''),
    ...[...DIRECT, VIA_HTTP, POISON].map((id) => line(id, PROBE_PROFILE, '')),
    ...VIA_GATEWAY.map((id) => line(id, PROBE_PROFILE, GATEWAY)),
    ...SLAVES.map((id) => line(id, SLAVE_PROFILE, GATEWAY)),
  ].join('\n');

/** Everything that runs, and how it is ended. */
interface Scene {
  readonly server: TestServer;
  readonly gateway: Process;
  readonly senders: readonly Sender[];
  readonly disk: Disk;
  readonly clock: string;
}

async function gatewayOf(
  { folder, secret, mqttPort }: { folder: string; secret: string; mqttPort: number },
  slavePort: number,
  env: Record<string, string>,
): Promise<{ gateway: Process; port: number }> {
  const port = await freePort();
  const config = join(folder, 'gateway.yaml');
  const connection = `{ host: 127.0.0.1, port: ${slavePort}`;
  writeFileSync(
    config,
    `gateway: ${GATEWAY}
uplink: { url: "mqtt://127.0.0.1:${mqttPort}", secret: "${secret}" }
data: ${join(folder, 'gateway-data')}
catalogs: [${join(folder, 'catalog')}]
mqtt: { port: ${port}, host: 127.0.0.1 }
devices:
${VIA_GATEWAY.map((id) => `  - { id: ${id}, profile: ${PROBE_PROFILE}, secret: ${LOCAL_SECRET} }`).join('\n')}
${SLAVES.map((id, n) => `  - { id: ${id}, profile: ${SLAVE_PROFILE}, every: 1s, connection: ${connection}, unit: ${n + 1} } }`).join('\n')}
`,
  );
  return {
    gateway: new Process('gateway', 'gateway/src/main.ts', ['--config', config], env),
    port,
  };
}

/** What the server's memory is made of, as its own metrics say. */
async function tellMemory(
  { api, process }: TestServer,
  gateway: Process,
  log: SoakOptions['log'],
): Promise<void> {
  for (const { name, pid } of [process, gateway]) {
    const kinds = pid === undefined ? null : kindsOfProcess(pid);
    if (kinds === null) continue;
    const told = Object.entries(kinds).map(
      ([kind, megabytes]) => `${kind} ${Math.round(megabytes)}`,
    );
    log(`mappings of the ${name} in MB: ${told.join(', ')}`);
  }
  try {
    const text = await (await api.fetch('/metrics')).text();
    const of = (name: string): string => {
      const value = Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
      return `${Math.round(value / 1024 / 1024)}`;
    };
    log(
      `memory in MB: ${of('process_resident_memory_bytes')}, heap ${of('nodejs_heap_size_used_bytes')} of ` +
        `${of('nodejs_heap_size_total_bytes')}, outside it ${of('nodejs_external_memory_bytes')}`,
    );
  } catch {
    log('memory: the server is not there');
  }
}

/** Waits until each kind of sender was acknowledged once more; how long that took. */
async function recovery(senders: readonly Sender[]): Promise<number> {
  const kinds = [DIRECT, [VIA_HTTP], VIA_GATEWAY];
  const count = (kind: readonly string[]): number =>
    senders
      .filter(({ device }) => kind.includes(device))
      .reduce((sum, { acknowledged }) => sum + acknowledged.filter(Boolean).length, 0);
  const before = kinds.map(count);
  const began = performance.now();
  await until(
    'acknowledgements after a fault',
    () => kinds.every((kind, n) => count(kind) > before[n]!),
    RECOVERY_MS,
  );
  return performance.now() - began;
}

/** Which fault comes next: the disk is filled once in each half, the server is killed in the first alone. */
function nextKind(half: 0 | 1, filled: boolean, random: () => number): Fault['kind'] {
  const kinds: Fault['kind'][] = ['kill-gateway', 'clock', 'clock'];
  if (half === 0) kinds.push('kill-server', 'kill-server', 'kill-server', 'kill-gateway');
  if (!filled) kinds.push('full-disk', 'full-disk');
  return kinds[Math.floor(random() * kinds.length)]!;
}

async function doAll(
  { server, gateway, senders, disk, clock }: Scene,
  killing: Set<Process>,
  { seconds, seed, fullSeconds, log, calm = false }: SoakOptions,
): Promise<Pick<SoakResult, 'faults' | 'recoveryMsMax'>> {
  const random = seededRandom(`faults ${seed}`);
  const faults = { 'kill-server': 0, 'kill-gateway': 0, 'full-disk': 0, clock: 0 };
  const began = performance.now();
  if (calm) await systemTimer.sleep(seconds * SECOND);
  const filled = [!disk.own, !disk.own];
  let recoveryMsMax = 0;
  for (;;) {
    const passed = (performance.now() - began) / SECOND;
    if (passed >= seconds) return { faults, recoveryMsMax: Math.round(recoveryMsMax) };
    const half = passed < seconds / 2 ? 0 : 1;
    await systemTimer.sleep(SECOND + random() * 6 * SECOND);
    const kind = nextKind(half, filled[half]!, random);
    if (kind === 'full-disk') filled[half] = true;
    await oneFault(
      {
        ...{ server: server.process, gateway, disk, clock, random, log, killing },
        ...{ fullMs: fullSeconds * SECOND, killWhenFull: half === 0 },
      },
      kind,
    );
    faults[kind]++;
    const ms = await recovery(senders);
    recoveryMsMax = Math.max(recoveryMsMax, ms);
    log(`${Math.round(passed)} s: ${kind}; acknowledged again after ${Math.round(ms)} ms`);
  }
}

/** Lets everything that was sent be acknowledged and delivered, and compares. */
async function settle(
  { server, senders, disk, clock }: Scene,
  log: SoakOptions['log'],
): Promise<Awaited<ReturnType<typeof verdict>>> {
  disk.free();
  writeFileSync(clock, '0');
  for (const sender of senders) sender.pause();
  await until('every sender to be answered', () => senders.every((one) => one.settled()), 120_000);
  await server.api.signIn('admin', PASSWORD);
  const local = senders.filter(({ device }) => VIA_GATEWAY.includes(device));
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
  ).catch((error: unknown) => log(String(error)));
  return verdict(server, senders, VIA_GATEWAY[0]!);
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { seed, log } = options;
  const folder = mkdtempSync(join(tmpdir(), 'village-soak-'));
  const disk = smallDisk(join(folder, 'disk'));
  const catalog = join(folder, 'disk', 'catalog', 'test');
  mkdirSync(catalog, { recursive: true });
  writeFileSync(join(catalog, 'probe.yaml'), probeYaml);
  const clock = join(folder, 'clock');
  writeFileSync(clock, '0');
  const env = {
    NODE_OPTIONS: `--import ${new URL('./clock.ts', import.meta.url).href}`,
    SOAK_CLOCK: clock,
  };
  const server = await testServer(
    disk.folder,
    `catalogs: [${join(disk.folder, 'catalog')}]
store: { sealEvery: 5s, diskReserveMegabytes: 40 }
limits: { requestsPerMinute: 1000000 }
`,
    env,
  );
  const senders: Sender[] = [];
  const killing = new Set<Process>();
  const ends: (() => unknown)[] = [];
  let gateway: Process | null = null;
  try {
    await server.up();
    const secrets = await register(server.api, devicesCsv());
    const secretOf = (id: string): string => secrets.get(id) ?? `no secret came for ${id}`;
    const tokenOf = async (role: string): Promise<string> =>
      (await server.api.post<{ token: string }>('/api/v1/tokens', { name: 'soak', role }, 201))
        .token;
    const slaves = await badSlaves(seededRandom(`slaves ${seed}`));
    ends.push(() => slaves.close());
    const local = await gatewayOf(
      { folder: disk.folder, secret: secretOf(GATEWAY), mqttPort: server.mqttPort },
      slaves.port,
      env,
    );
    gateway = local.gateway;
    gateway.start();
    senders.push(
      ...DIRECT.map((id, k) =>
        mqttSender(id, secretOf(id), server.mqttPort, [1, 5, 20, 50][k] ?? 1, A_SECOND),
      ),
      httpSender(VIA_HTTP, await tokenOf('officer'), server.httpPort, 25, 400),
      ...VIA_GATEWAY.map((id) => mqttSender(id, LOCAL_SECRET, local.port, 10, A_SECOND)),
    );
    const tokens: string[] = [];
    while (tokens.length <= CLERKS) tokens.push(await tokenOf('clerk'));
    const bad = poison(
      { device: POISON, secret: secretOf(POISON), port: server.mqttPort },
      seededRandom(`poison ${seed}`),
    );
    ends.push(() => bad.end());
    const asking = clerks(
      {
        ...{ base: server.api.base, tokens, devices: [...DIRECT, VIA_HTTP, ...VIA_GATEWAY] },
        rows: () => Math.max(...senders.map(({ sent }) => sent)),
      },
      seededRandom(`clerks ${seed}`),
    );
    ends.push(() => asking.end());
    const watches = {
      server: watchProcess(server.process, () => killing.has(server.process)),
      gateway: watchProcess(local.gateway, () => killing.has(local.gateway)),
    };
    ends.push(
      () => watches.server.stop(),
      () => watches.gateway.stop(),
    );
    const telling = setInterval(() => void tellMemory(server, local.gateway, log), TOLD_MS);
    ends.push(() => clearInterval(telling));
    const scene: Scene = { server, gateway, senders, disk, clock };
    const done = await doAll(scene, killing, options);
    await asking.end();
    await bad.end();
    const found = await settle(scene, log);
    return {
      ...found,
      ...done,
      ends: [...watches.server.ends, ...watches.gateway.ends],
      memory: {
        server: course(watches.server.memory),
        gateway: course(watches.gateway.memory),
      },
      answers: asking.answers,
      exports: asking.exports,
      poison: { sent: bad.sent, acknowledged: bad.acknowledged },
      asksOfSlaves: slaves.asked,
      diskIsOwn: disk.own,
    };
  } catch (error) {
    log(`server printed:\n${server.process.output}\ngateway printed:\n${gateway?.output ?? ''}`);
    throw error;
  } finally {
    for (const process of [server.process, gateway]) if (process !== null) killing.add(process);
    await Promise.all(senders.map((sender) => sender.end()));
    for (const end of ends) await end();
    await gateway?.end('SIGKILL');
    await server.process.end('SIGKILL');
    disk.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
