/**
 * The demo county as anybody starts it: every reading of every device whose figures may be evidence opens to what was
 * received, and the lit bytes alone, decoded by hand, give the reading. Counts are printed.
 */
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Api } from '../lib/api.ts';
import { PASSWORD } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';
import { byHand, type Lit } from './by-hand.ts';

const DEVICES = 150;
const KINDS = new Set(['air-station', 'water-quality', 'sewage-monitor']);
/** How long the county plays before it is looked at. */
const PLAY_MS = 25_000;
const folder = mkdtempSync(join(tmpdir(), 'village-frames-county-'));
const { profiles } = loadCatalog([builtinCatalog]);
let county: Process;
afterAll(async () => {
  await county.end('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

interface Device {
  readonly id: string;
  readonly kind: string;
  readonly profile: string;
  readonly gateway: string | null;
}

interface Frame {
  readonly source: string;
  readonly way: string;
  readonly sequence: number | null;
  readonly receivedAt: string;
  readonly payload: string;
  readonly fields: Lit[];
  readonly differs: object[] | null;
}

/** Options of the devices behind the gateway, as its own configuration has them. */
function optionsOf(data: string): Map<string, Record<string, unknown>> {
  const [path] = globSync(join(data, 'demo-*', 'gateway.yaml'));
  const { devices } = parse(readFileSync(path!, 'utf8')) as {
    devices: { id: string; options?: Record<string, unknown> }[];
  };
  return new Map(devices.map(({ id, options = {} }) => [id, options]));
}

it('every reading of evidence devices opens to its bytes, and the lit bytes by hand give it', async () => {
  const [httpPort, mqttPort] = [await freePort(), await freePort()];
  const config = join(folder, 'village.yaml');
  const data = join(folder, 'data');
  writeFileSync(config, 'limits: { requestsPerMinute: 1000000 }\n');
  const args = ['start', '--devices', String(DEVICES), '--no-history'];
  county = new Process('county', 'server/src/main.ts', args, {
    VILLAGE_DATA: data,
    VILLAGE_CONFIG: config,
    VILLAGE_HTTP_HOST: '127.0.0.1',
    VILLAGE_HTTP_PORT: String(httpPort),
    VILLAGE_MQTT_PORT: String(mqttPort),
    VILLAGE_ADMIN_PASSWORD: PASSWORD,
  });
  county.start();
  await until(`the first live value; it printed:\n${county.output}`, () => {
    if (!county.running) throw new Error(`it ended:\n${county.output}`);
    return county.output.includes('first live value');
  });
  const api = new Api(httpPort);
  await api.signIn('admin', PASSWORD);
  await new Promise((resolve) => setTimeout(resolve, PLAY_MS));
  const options = optionsOf(data);
  const all = await api.all<Device>('/api/v1/devices');
  const devices = all.filter(({ kind }) => KINDS.has(kind));
  const to = new Date().toISOString();
  const from = new Date(Date.now() - 86_400_000).toISOString();
  const counts = {
    devices: devices.length,
    rows: 0,
    values: 0,
    bytes: 0,
    types: new Set<string>(),
  };
  for (const device of devices) {
    const profile = profiles.get(device.profile)!;
    const rows = await api.all<{ at: string; receivedAt: string; values: Record<string, number> }>(
      `/api/v1/readings?device=${device.id}&from=${from}&to=${to}`,
    );
    if (rows.length > 0) counts.types.add(device.profile);
    for (const row of rows) {
      const { items } = await api.json<{ items: Frame[] }>(
        `/api/v1/frames?device=${device.id}&at=${row.at}`,
      );
      const where = `${device.id} (${device.profile}) at ${row.at}`;
      expect(items.length, where).toBe(1);
      const [frame] = items;
      expect(frame!.receivedAt, where).toBe(row.receivedAt);
      expect(frame!.source, where).toBe(device.gateway ?? device.id);
      // Whatever was held back as unchanged: nothing that was stored is another value than the frame's.
      expect(frame!.differs, where).toEqual([]);
      expect(frame!.sequence === null, where).toBe(device.gateway === null);
      const payload = Buffer.from(frame!.payload, 'base64');
      for (const [metric, value] of Object.entries(row.values)) {
        const lit = frame!.fields.filter((field) => field.metric === metric);
        expect([lit.length > 0, lit[0]?.value], `${where}: ${metric}`).toEqual([true, value]);
        const hand = byHand(
          profile.source.text,
          options.get(device.id) ?? {},
          payload,
          metric,
          lit,
        );
        expect(
          Math.abs(hand - value),
          `${where}: ${metric} is ${hand} by hand`,
        ).toBeLessThanOrEqual(Math.abs(value) * 1e-6 + 1e-9);
        counts.values++;
      }
      counts.rows++;
      counts.bytes += payload.length;
    }
  }
  console.log(
    `${counts.devices} evidence devices of ${all.length}, ${counts.types.size} types: ${counts.rows} rows, ` +
      `${counts.values} values, ${counts.bytes} bytes of frames, each value decoded by hand`,
  );
  expect(counts.rows).toBeGreaterThanOrEqual(counts.devices);
  expect(counts.types.size).toBe(new Set(devices.map(({ profile }) => profile)).size);
}, 240_000);
