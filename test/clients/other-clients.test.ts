/** MQTT clients of other makers, with queues that filled while they were offline, get all of it through, once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBE_PROFILE, probeYaml } from '../kill/probe.ts';
import { register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { until } from '../lib/processes.ts';
import { hasOtherClients, mosquitto, mosquittoPublish, pahoPublish } from './other-clients.ts';

const WINDOWS = [20, 21, 100, 1_000];
const PAHO = WINDOWS.map((window) => `probe-paho-${window}`);
const folder = mkdtempSync(join(tmpdir(), 'village-clients-'));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const topicOf = (id: string): string => `village/v1/devices/${id}/readings`;
const DEVICES = ['probe-offline', 'probe-bridge', 'probe-js'];

/** A device that has no clock: each of its messages is a row of its own, so one that is handed over twice is seen. */
const CLOCKLESS = 'test/clockless';
const clocklessYaml = `profile: ${CLOCKLESS}
revision: 1
name: { zh: 无钟探头, en: Probe without a clock }
kind: water-quality
protocol: mqtt
mqtt:
  topic: clockless/{device}/up
  payload: json
  every: 1s
  silentAfter: 1h
metrics:
  - { key: n, quantity: camera.count, from: { path: /values/n }, range: [0, 1.0e+12] }
examples:
  - name: the first
    frame: { topic: clockless/A1/up, payload: '{"values":{"n":0}}' }
    device: A1
    readings: { n: 0 }
  - name: no JSON
    frame: { topic: clockless/A1/up, payload: BOOT }
    error: payload-not-json
`;

let server: TestServer;
let secrets: Map<string, string>;
const secretOf = (id: string): string => secrets.get(id) ?? `no secret came for ${id}`;

/** The numbers of all readings that are stored of a device, by time. */
async function stored(id: string): Promise<(number | undefined)[]> {
  const rows = await server.api.all<{ values: { n?: number } }>(
    `/api/v1/readings?device=${id}&from=2025-12-31T00:00:00Z&to=2035-01-01T00:00:00Z`,
  );
  return rows.map(({ values }) => values.n);
}

const at = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString();

describe.skipIf(!hasOtherClients())('clients of other makers', () => {
  beforeAll(async () => {
    const catalog = join(folder, 'catalog');
    mkdirSync(join(catalog, 'test'), { recursive: true });
    writeFileSync(join(catalog, 'test', 'probe.yaml'), probeYaml);
    writeFileSync(join(catalog, 'test', 'clockless.yaml'), clocklessYaml);
    server = await testServer(
      folder,
      `catalogs: [${catalog}]\nlimits: { requestsPerMinute: 1000000 }\n`,
    );
    await server.up();
    secrets = await register(
      server.api,
      [
        'id,name,profile,area,gateway,address,longitude,latitude,options,secret',
        ...PAHO.map((id) => `${id},${id},${CLOCKLESS},${VILLAGE},,${id},,,,`),
        ...DEVICES.map((id) => `${id},${id},${PROBE_PROFILE},${VILLAGE},,,,,,`),
      ].join('\n'),
    );
  });

  afterAll(async () => {
    await server?.process.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(WINDOWS)(
    'paho-python with a window of %i at QoS 2 gets 1,000 of 1,000 through on one connection, each once',
    async (window) => {
      const user = `probe-paho-${window}`;
      const result = await pahoPublish({
        ...{ port: server.mqttPort, user, password: secretOf(user), topic: `clockless/${user}/up` },
        ...{ metric: 'n', from: 0, to: 1_000, window, qos: 2, secondsAllowed: 60, times: false },
      });
      expect(result).toMatchObject({ acknowledged: 1_000, connections: 1, closed: 0 });
      expect(await stored(user)).toEqual(numbers(1_000));
    },
  );

  it('paho-python goes on where it was when the server is killed in the middle', async () => {
    const user = 'probe-offline';
    const whole = pahoPublish({
      ...{ port: server.mqttPort, user, password: secretOf(user), topic: topicOf(user) },
      ...{ metric: 'n', from: 0, to: 6_000, window: 100, qos: 2, secondsAllowed: 90, times: true },
    });
    await until('the first readings', async () => (await stored(user)).length > 0);
    await server.process.end('SIGKILL');
    await server.up();
    const result = await whole;
    expect(result.acknowledged).toBe(6_000);
    expect(result.closed).toBeGreaterThan(0);
    expect(await stored(user)).toEqual(numbers(6_000));
  });

  it('a Mosquitto bridge whose queue filled while the server was away gets it through, notices and all', async () => {
    const user = 'probe-bridge';
    await server.process.end('SIGTERM');
    // `both` asks for commands too, and the bridge's own notices go to $SYS with a will: neither is a device's, and neither ends the connection.
    const bridge = await mosquitto([
      'connection county',
      `address 127.0.0.1:${server.mqttPort}`,
      `remote_username ${user}`,
      `remote_password ${secretOf(user)}`,
      'cleansession false',
      'restart_timeout 1',
      `topic # both 2 "" village/v1/devices/${user}/`,
    ]);
    try {
      const local = mqtt.connect(`mqtt://127.0.0.1:${bridge.port}`);
      const reading = (n: number): string => JSON.stringify({ at: at(n), values: { n } });
      for (const n of numbers(1_200))
        await local.publishAsync('readings', reading(n), { qos: n % 2 === 0 ? 2 : 1 });
      await server.up();
      await until('the queue to be stored', async () => (await stored(user)).length >= 1_200);
      for (let n = 1_200; n < 1_300; n++)
        await local.publishAsync('readings', reading(n), { qos: 2 });
      await until('what came later', async () => (await stored(user)).length >= 1_300);
      await local.endAsync();
      expect(await stored(user)).toEqual(numbers(1_300));
      expect(
        bridge.log().match(/Connecting bridge county/g)?.length ?? 0,
        bridge.log(),
      ).toBeLessThan(30);
    } finally {
      await bridge.stop();
    }
  });

  it('mqtt.js gets a queue through that it filled before it was connected, and mosquitto_pub its retained message', async () => {
    const user = 'probe-js';
    const client = mqtt.connect({
      ...{ host: '127.0.0.1', port: server.mqttPort, username: user, password: secretOf(user) },
      ...{ clientId: 'js', clean: false, manualConnect: true },
    });
    let connections = 0;
    client.on('connect', () => connections++);
    const sent = numbers(2_000).map((n) =>
      client.publishAsync(topicOf(user), JSON.stringify({ at: at(n), values: { n } }), { qos: 2 }),
    );
    client.connect();
    await Promise.all(sent);
    await client.endAsync();
    expect(connections).toBe(1);
    const credentials = ['-p', String(server.mqttPort), '-u', user, '-P', secretOf(user)];
    const last = JSON.stringify({ at: at(2_000), values: { n: 2_000 } });
    await mosquittoPublish([...credentials, '-r', '-q', '1', '-t', topicOf(user), '-m', last]);
    expect(await stored(user)).toEqual(numbers(2_001));
  });
});
