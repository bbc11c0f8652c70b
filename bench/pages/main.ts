/**
 * `npm run bench -- pages [--devices N] [--audit N] [--seconds N]`: what the pages of a large county cost. A server of its own with
 * 20,000 devices, 3,750 villages, 1,000 gateways, 5,000 people, 20,000 tokens and a million audit entries; devices publish all the
 * time. Each list alone, ten askers at once, the imports, and the first useful paint of a real browser. Judged are the bytes of the
 * console's entry, its paint, and the acknowledgements beside ten askers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { hasChromium, startBrowser } from '../../dashboards/browser/testing.ts';
import { buildConsole } from '../../dashboards/build.ts';
import type { Api } from '../../test/lib/api.ts';
import { PASSWORD, type TestServer, testServer } from '../../test/lib/county.ts';
import { SECRET } from '../ingest/packets.ts';
import { profileYaml } from '../ingest/profile.ts';
import type { Load, Published } from '../ingest/publisher.ts';
import { answer } from '../messages.ts';
import { numberOption } from '../options.ts';
import { type Case, judge, quantiles, report } from '../report.ts';
import {
  addPeople,
  areasFile,
  devicesFile,
  type Size,
  shapesFile,
  townshipCode,
} from './county.ts';

const ASKERS = 10;
const ROUNDS = 5;
const PAINTS = 5;

const DAY_AGO = encodeURIComponent(new Date(Date.now() - 86_400_000).toISOString());
const ASKED: Readonly<Record<string, string>> = {
  'devices, a page of 50': '/devices?limit=50',
  'devices by last seen': '/devices?limit=50&sort=-lastSeenAt',
  'devices searched': '/devices?limit=50&q=19999',
  'map, 1,000 devices': '/map/devices?limit=1000',
  'polygons of a township': `/areas/geometry?area=${townshipCode(3)}`,
  'areas, 1,000': '/areas?limit=1000',
  gateways: '/gateways?limit=100',
  'people, 100': '/users?limit=100',
  'people searched': '/users?limit=100&q=person-4999',
  'tokens, 100': '/tokens?limit=100',
  'audit, 100': '/audit?limit=100',
  'audit of a day, nothing found': `/audit?limit=100&q=zzz&from=${DAY_AGO}`,
  'audit, nobody': '/audit?limit=100&actor=nobody',
  system: '/system',
  configuration: '/system/configuration',
  profiles: '/profiles',
};

interface Answered {
  readonly ms: number;
  readonly bytes: number;
  readonly status: number;
}

async function ask(base: string, token: string, path: string): Promise<Answered> {
  const began = performance.now();
  const response = await fetch(`${base}/api/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(60_000),
  });
  const bytes = (await response.arrayBuffer()).byteLength;
  return { ms: performance.now() - began, bytes, status: response.status };
}

/** The longest that the thread that acknowledges was late since this was asked last, ms. */
async function stallMs(api: Api): Promise<number> {
  const text = await (await api.fetch('/metrics')).text();
  return Number(
    (1_000 * Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1])).toFixed(1),
  );
}

const rssMb = (pid: number): number =>
  Math.round(
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
  );

/** Readings of devices at a steady rate for so long. */
async function publish({ mqttPort }: TestServer, seconds: number): Promise<Published> {
  const script = fileURLToPath(new URL('../ingest/publisher.ts', import.meta.url));
  const publisher: ChildProcess = fork(script);
  const load: Load = {
    ...{ port: mqttPort, kind: 'device', connections: 20, window: 10 },
    ...{ rate: 100, warmSeconds: 1, seconds },
  };
  publisher.send(load);
  return answer<Published>(publisher, 'published');
}

/** Each list by itself: its time, its bytes, and how long the thread was held up at most. */
async function alone({ api }: TestServer, token: string): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [name, path] of Object.entries(ASKED)) {
    await stallMs(api);
    const all: Answered[] = [];
    for (let round = 0; round < ROUNDS; round++) all.push(await ask(api.base, token, path));
    const stall = await stallMs(api);
    const wrong = all.find(({ status }) => status !== 200);
    if (wrong !== undefined) throw new Error(`${path}: ${wrong.status}`);
    cases.push(
      judge(`${name}: time`, quantiles(all.map(({ ms }) => ms)).p50, 'ms'),
      judge(`${name}: bytes`, all[0]?.bytes ?? 0, 'B'),
      judge(`${name}: longest stall`, stall, 'ms'),
    );
  }
  return cases;
}

/** Ten who ask for everything at once without a pause, each in another order, while devices publish. */
async function together(server: TestServer, tokens: readonly string[], seconds: number) {
  const { api } = server;
  const paths = Object.values(ASKED);
  const quiet = await publish(server, seconds);
  await stallMs(api);
  const until = performance.now() + (seconds + 2) * 1_000;
  const publishing = publish(server, seconds);
  const byAsker = await Promise.all(
    tokens.map(async (token, n) => {
      const own: Answered[] = [];
      for (let k = n; performance.now() < until; k++)
        own.push(await ask(api.base, token, paths[k % paths.length] ?? ''));
      return own;
    }),
  );
  const busy = await publishing;
  const all = byAsker.flat();
  const counts = byAsker.map(({ length }) => length);
  const ms = quantiles(all.map((one) => one.ms));
  return [
    judge('quiet: acknowledgement p99', quantiles(quiet.waitsMs).p99, 'ms'),
    judge('ten askers: acknowledgement p99', quantiles(busy.waitsMs).p99, 'ms', '<= 25'),
    judge('ten askers: longest stall', await stallMs(api), 'ms'),
    judge('ten askers: answers', all.length, ''),
    judge('ten askers: refused', all.filter(({ status }) => status !== 200).length, ''),
    judge('ten askers: answer p50', ms.p50, 'ms'),
    judge('ten askers: answer max', ms.max, 'ms'),
    judge('ten askers: fewest of one to most', Math.min(...counts) / Math.max(...counts), ''),
    judge('messages not acknowledged', busy.sent - busy.acknowledged, '', '== 0'),
  ];
}

/** One piece of work beside devices that publish. */
async function beside(server: TestServer, name: string, work: () => Promise<unknown>) {
  const { api } = server;
  await stallMs(api);
  let ms = 0;
  const timed = async (): Promise<void> => {
    const began = performance.now();
    await work();
    ms = Math.round(performance.now() - began);
  };
  const [{ waitsMs, sent, acknowledged }] = await Promise.all([publish(server, 8), timed()]);
  return [
    judge(`${name}: time`, ms, 'ms'),
    judge(`${name}: acknowledgement p99`, quantiles(waitsMs).p99, 'ms'),
    judge(`${name}: acknowledgement max`, quantiles(waitsMs).max, 'ms'),
    judge(`${name}: longest stall`, await stallMs(api), 'ms'),
    judge(`${name}: messages not acknowledged`, sent - acknowledged, '', '== 0'),
  ];
}

/** The first useful paint in a browser that knows nothing of the console yet, and the bytes of the entry. */
async function paints({ api }: TestServer, folder: string): Promise<Case[]> {
  const built = join(folder, 'console');
  await buildConsole(built);
  const html = readFileSync(join(built, 'index.html'), 'utf8');
  const entry = readdirSync(join(built, 'assets'))
    .filter((name) => html.includes(name))
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(built, 'assets', name))).length, 0);
  const cases = [judge("the console's entry, gzip", Math.ceil(entry / 1_000), 'kB', '<= 60')];
  if (!hasChromium) return cases;
  const browser = await startBrowser();
  try {
    for (const [name, path, useful] of [
      ['overview', '/', '.tiles .big'],
      ['devices', '/devices', 'tbody .device-name'],
      ['map', '/map', '.map-tile'],
    ] as const) {
      const times: number[] = [];
      for (let round = 0; round < PAINTS; round++) {
        const { page, context } = await browser.page(
          { url: api.base },
          { path: '/settings', password: PASSWORD },
        );
        const session = await context.newCDPSession(page);
        await session.send('Network.setCacheDisabled', { cacheDisabled: true });
        await page.goto(api.base + path, { waitUntil: 'commit' });
        times.push(
          await page.evaluate(`new Promise((resolve, reject) => {
            const look = () => {
              if (document.querySelector('${useful}') !== null)
                requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
              else if (performance.now() > 20000) reject(new Error('nothing useful'));
              else requestAnimationFrame(look);
            };
            look();
          })`),
        );
        await context.close();
      }
      cases.push(judge(`first useful paint: ${name}`, quantiles(times).p50, 'ms', '<= 1000'));
    }
  } finally {
    await browser.close();
  }
  return cases;
}

async function cases(folder: string, size: Size, seconds: number): Promise<Case[]> {
  mkdirSync(join(folder, 'catalog', 'bench'), { recursive: true });
  writeFileSync(join(folder, 'catalog', 'bench', 'station.yaml'), profileYaml);
  const limits =
    'limits: { requestsPerMinute: 1000000 }\nmqtt: { limits: { connectsPerSecond: 100000 } }';
  const server = await testServer(folder, `catalogs: [${join(folder, 'catalog')}]\n${limits}\n`);
  const { api } = server;
  try {
    await server.up();
    await api.signIn('admin', PASSWORD);
    await api.csv('/api/v1/areas/import', areasFile(size));
    await api.csv('/api/v1/devices/import', devicesFile(size, '', SECRET));
    await server.process.end('SIGTERM');
    addPeople(join(folder, 'data'), size);
    await server.up();
    await api.signIn('admin', PASSWORD);
    const tokens: string[] = [];
    for (let n = 0; n < ASKERS; n++) {
      const body = { name: `asker ${n}`, role: 'admin' };
      tokens.push((await api.post<{ token: string }>('/api/v1/tokens', body, 201)).token);
    }
    const shapes = shapesFile(size);
    const geometry = (): Promise<unknown> =>
      api.json(`/api/v1/areas/geometry?system=wgs84`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/geo+json' } },
        body: new Uint8Array(shapes),
      });
    return [
      judge('load of the machine at the beginning', Number((loadavg()[0] ?? 0).toFixed(1)), ''),
      ...(await beside(server, 'import of all devices', () =>
        api.csv('/api/v1/devices/import', devicesFile(size, '新')),
      )),
      ...(await beside(server, `polygons of ${size.points} points`, geometry)),
      ...(await alone(server, tokens[0] ?? '')),
      ...(await together(server, tokens, seconds)),
      ...(await paints(server, folder)),
      judge('memory of the server', rssMb(server.process.pid ?? 0), 'MB'),
      judge('load of the machine at the end', Number((loadavg()[0] ?? 0).toFixed(1)), ''),
    ];
  } catch (error) {
    console.error(server.process.output);
    throw error;
  } finally {
    await server.process.end('SIGTERM');
  }
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      devices: { type: 'string', default: '20000' },
      audit: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '20' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'village-bench-'));
  try {
    const size: Size = {
      ...{ villages: 3_750, devices: numberOption('devices', values.devices), gateways: 1_000 },
      ...{
        people: 5_000,
        tokens: 20_000,
        auditEntries: numberOption('audit', values.audit, 0),
        points: 290_000,
      },
    };
    report('pages', await cases(folder, size, numberOption('seconds', values.seconds)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
