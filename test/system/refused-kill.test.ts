/**
 * What gateways refuse of frames arrives once, whoever is killed on its way: the server when it has stored a message and the gateway has not
 * heard so, and the gateway then. Readings of the same frames too.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const GATEWAY = 'gw-refused';
const SECRET = 'secret-of-the-local-bins';
const BINS = ['bin-1', 'bin-2', 'bin-3', 'bin-4'];
/** More than two messages of the lane hold, and less than the gateway may send at once. */
const FRAMES = 30;
const START = Date.UTC(2026, 0, 1);

const folder = mkdtempSync(join(tmpdir(), 'village-refused-kill-'));
let server: TestServer;
let gateway: Process;
let relay: Server;
let localPort = 0;

/** Holds back what the server says to the gateway from the next message of refused parts on, so that it is stored and not acknowledged. */
let isHolding = false;

beforeAll(async () => {
  server = await testServer(folder, '');
  await server.up();
  const row = (id: string, profile: string, of: string): string =>
    `${id},${id},${profile},${VILLAGE},${of},,,,,`;
  const secrets = await register(
    server.api,
    [
      'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
      row(GATEWAY, 'gateway', ''),
      ...BINS.map((id) => row(id, 'village/smart-bin', GATEWAY)),
    ].join('\n'),
  );
  relay = createServer((down) => {
    const up = connectTcp(server.mqttPort, '127.0.0.1');
    let isHeld = false;
    down.on('data', (bytes) => {
      if (isHolding && bytes.includes('/refused')) isHeld = true;
      up.write(bytes);
    });
    up.on('data', (bytes) => {
      if (!isHeld) down.write(bytes);
    });
    for (const [one, other] of [
      [down, up],
      [up, down],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const address = relay.address();
  const relayPort = typeof address === 'object' && address !== null ? address.port : 0;
  localPort = await freePort();
  mkdirSync(join(folder, 'gateway'));
  const config = join(folder, 'gateway', 'gateway.yaml');
  writeFileSync(
    config,
    `gateway: ${GATEWAY}
uplink: { url: "mqtt://127.0.0.1:${relayPort}", secret: "${secrets.get(GATEWAY)}" }
data: ${join(folder, 'gateway', 'data')}
mqtt: { port: ${localPort}, host: 127.0.0.1 }
devices:
${BINS.map((id) => `  - { id: ${id}, profile: village/smart-bin, secret: "${SECRET}" }`).join('\n')}
`,
  );
  gateway = new Process('gateway', 'gateway/src/main.ts', ['--config', config], {});
}, 120_000);

afterAll(async () => {
  await gateway?.end('SIGTERM');
  await server?.process.end('SIGTERM');
  relay?.close();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Entry {
  readonly device: string | null;
  readonly part: { readonly at: string; readonly metric: string } | null;
}

const kept = (): Promise<Entry[]> => server.api.all<Entry>('/api/v1/quarantine');

/** One frame each second of the devices' time: its filling level is no number, the rest is. */
async function say(id: string): Promise<void> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${localPort}`, {
    ...{ clientId: id, username: id, password: SECRET, reconnectPeriod: 0 },
  });
  const topic = `bin/${id}/up`;
  for (let n = 0; n < FRAMES; n++)
    await client.publishAsync(
      topic,
      JSON.stringify({
        ts: START / 1_000 + n,
        fill: `stuck ${n}`,
        t: n,
        bat: { mv: 3_600 },
        lid: 'closed',
      }),
      { qos: 1 },
    );
  await client.endAsync();
}

it('each part once at the county, though both are killed with a message under way', async () => {
  isHolding = true;
  await server.process.end('SIGKILL');
  gateway.start();
  await until('the gateway to listen', async () => {
    const probe = connectTcp(localPort, '127.0.0.1');
    const isThere = await Promise.race([
      once(probe, 'connect').then(() => true),
      once(probe, 'error').then(() => false),
    ]).catch(() => false);
    probe.destroy();
    return isThere;
  });
  // Acknowledged by the gateway: from now on nothing of it may be lost.
  await Promise.all(BINS.map(say));

  await server.up();
  const first = await until('a message at the county', async () => {
    const { length } = await kept();
    return length > 0 && length;
  });
  await server.process.end('SIGKILL');
  await server.up();
  // The same message again, of which the gateway still knows nothing.
  expect(await kept()).toHaveLength(first);
  await gateway.end('SIGKILL');
  isHolding = false;
  gateway.start();
  const all = BINS.length * FRAMES;
  const entries = await until(
    'all that was refused',
    async () => {
      const now = await kept();
      return now.length >= all && now;
    },
    60_000,
  );
  const names = entries.map(
    ({ device, part }) => `${device} ${Date.parse(part?.at ?? '')} ${part?.metric}`,
  );
  const expected = BINS.flatMap((id) =>
    Array.from({ length: FRAMES }, (_, n) => `${id} ${START + n * 1_000} fill`),
  );
  expect(names.sort()).toEqual(expected.sort());

  // Nothing of it is left to come again: the gateway says so when it connects.
  await gateway.end('SIGTERM');
  gateway.start();
  await until('a gateway that has nothing left', async () => {
    const { gateways } = await server.api.json<{
      gateways: { id: string; online: boolean; refusedLane: { waiting: number } | null }[];
    }>('/api/v1/system');
    const own = gateways.find(({ id }) => id === GATEWAY);
    return own?.online === true && own.refusedLane?.waiting === 0;
  });
  expect(await kept()).toHaveLength(all);
  for (const id of BINS) {
    const rows = await server.api.all<{ at: string; values: Record<string, number> }>(
      `/api/v1/readings?device=${id}&from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z`,
    );
    // The first of each bin, and what the deadband of its temperature lets through.
    expect(rows[0]).toMatchObject({ values: { temperature: 0, battery: 3.6, lid: 0 } });
    expect(new Set(rows.map(({ at }) => at)).size).toBe(rows.length);
  }
}, 180_000);
