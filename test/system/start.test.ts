/** `npm start` as somebody runs it: two counties beside each other on one machine, what they print, and how they end. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Api } from '../lib/api.ts';
import { PASSWORD } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-start-'));
const counties: Process[] = [];
afterAll(async () => {
  await Promise.all(counties.map((county) => county.end('SIGTERM')));
  rmSync(folder, { recursive: true, force: true });
});

async function start(name: string): Promise<{ api: Api; process: Process; data: string }> {
  const httpPort = await freePort();
  const data = join(folder, name);
  const process = new Process(
    name,
    'server/src/main.ts',
    ['start', '--devices', '40', '--no-history'],
    {
      VILLAGE_DATA: data,
      VILLAGE_HTTP_HOST: '127.0.0.1',
      VILLAGE_HTTP_PORT: String(httpPort),
      VILLAGE_MQTT_PORT: String(await freePort()),
      VILLAGE_ADMIN_PASSWORD: PASSWORD,
    },
  );
  counties.push(process);
  process.start();
  return { api: new Api(httpPort), process, data };
}

/** Ports that the county's gateway polls. */
function polled(data: string): number[] {
  const { devices } = parse(readFileSync(join(data, 'demo-40-1', 'gateway.yaml'), 'utf8')) as {
    devices: { connection: { port: number } }[];
  };
  return [...new Set(devices.map(({ connection }) => connection.port))];
}

it('two counties run beside each other, each on ports of its own, say what matters in two languages, and end', async () => {
  const both = [await start('east'), await start('west')] as const;
  for (const { api, process } of both) {
    await until(`the first live value; it printed:\n${process.output}`, () => {
      if (!process.running) throw new Error(`it ended:\n${process.output}`);
      return process.output.includes('first live value');
    });
    await api.signIn('admin', PASSWORD);
    // Every device is heard through its own gateway or connection.
    await until(`all devices of ${process.name} to be online`, async () => {
      const { counts } = await api.json<{ counts: Record<string, number> }>('/api/v1/overview');
      return counts['online'] === 40;
    });
  }
  const [east, west] = both.map(({ data }) => polled(data));
  expect(east?.length).toBeGreaterThan(0);
  expect(east?.filter((port) => west?.includes(port))).toEqual([]);
  for (const { api, process } of both) {
    const { gateways } = await api.json<{ gateways: { id: string; online: boolean }[] }>(
      '/api/v1/system',
    );
    expect(gateways.find(({ id }) => id === 'gw-01')).toMatchObject({ online: true });
    const told = process.output;
    for (const [zh, en] of [
      ['网址', `http://127.0.0.1:${new URL(api.base).port}`],
      ['登录', 'admin / '],
      ['正在规划模拟县', 'planning'],
      ['正在登记', 'registering'],
      ['网关', 'gateway'],
      ['首个实时值', 'after launch'],
      ['Ctrl-C', 'loses nothing'],
    ] as const)
      expect(told.split('\n').some((line) => line.includes(zh) && line.includes(en))).toBe(true);
    // No records of the machines' own logs, and no secret.
    expect(told).not.toMatch(/\{"level"|secret|Correct/i);
    expect(told).not.toContain(PASSWORD);
  }
  for (const { process } of both) {
    expect(await process.end('SIGTERM')).toBe(0);
    expect(process.output).toMatch(/已停止 · stopped\s*$/);
  }
}, 180_000);
