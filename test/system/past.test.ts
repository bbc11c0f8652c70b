/**
 * The past of the county of `npm start`: killed while it is sent, it goes on with the next start and not from the begin; then
 * every device has a row in each report interval, by the same function of time as live ones, nobody was paged, and figures
 * come out. A start without a past has none.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { countyValue, readPlan } from '@village/simulators';
import { afterAll, expect, it } from 'vitest';
import { Api } from '../lib/api.ts';
import { PASSWORD } from '../lib/county.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const DEVICES = 30;
const DAYS = 10;
const PAST = ['--history', String(DAYS)];
const SLOW_MS = 300_000;
const folder = mkdtempSync(join(tmpdir(), 'village-past-'));
const { profiles } = loadCatalog([builtinCatalog]);
const started: Process[] = [];
afterAll(async () => {
  await Promise.all(started.map((process) => process.end('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

interface County {
  readonly api: Api;
  readonly process: Process;
}

async function start(data: string, ...flags: string[]): Promise<County> {
  const httpPort = await freePort();
  const args = ['start', '--devices', String(DEVICES), ...flags];
  const process = new Process('county', 'server/src/main.ts', args, {
    VILLAGE_DATA: join(folder, data),
    VILLAGE_HTTP_HOST: '127.0.0.1',
    VILLAGE_HTTP_PORT: String(httpPort),
    VILLAGE_MQTT_PORT: String(await freePort()),
    VILLAGE_ADMIN_PASSWORD: PASSWORD,
  });
  started.push(process);
  process.start();
  return { api: new Api(httpPort), process };
}

const says = ({ process }: County, text: string): Promise<true> =>
  until(
    `"${text}"; it printed:\n${process.output}`,
    () => {
      if (!process.running) throw new Error(`it ended:\n${process.output}`);
      return process.output.includes(text) || undefined;
    },
    SLOW_MS,
  );

interface Span {
  readonly from: number;
  readonly to: number;
}

function covered(data: string): Span[] {
  const path = join(folder, data, `demo-${DEVICES}-1`, 'covered.json');
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, 'utf8')) as { spans: Span[] }).spans;
}

/** The number before a word that the county printed. */
const printed = ({ process }: County, pattern: RegExp): number =>
  Number(pattern.exec(process.output)?.[1]?.replaceAll(',', ''));

interface Row {
  readonly at: string;
  readonly receivedAt: string;
  readonly lane: string;
  readonly values: Record<string, number>;
}

const range = (from: number, to: number): string =>
  `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;

it('is filled once, goes on after a kill, and is what the county measured', async () => {
  const first = await start('county', ...PAST);
  await says(first, 'filling in the past');
  const all = printed(first, /filling in the past, ([\d,]+) rows/);
  const missing = (): number =>
    DAYS * DAY - covered('county').reduce((sum, { from, to }) => sum + to - from, 0);
  // Something is noted, and far from everything.
  await until(
    'a part of it to be there',
    () => missing() < (DAYS - 0.4) * DAY || undefined,
    SLOW_MS,
  );
  await first.process.end('SIGKILL');
  expect(first.process.output).not.toContain('the past is there');
  const left = missing() / (DAYS * DAY);
  expect(left).toBeGreaterThan(0.05);

  const county = await start('county', ...PAST);
  await says(county, 'the past is there');
  const sent = printed(county, /the past is there: ([\d,]+)/);
  expect(sent).toBeGreaterThan(0);
  expect(Math.abs(sent / all - left)).toBeLessThan(0.03);
  expect(county.process.output).toMatch(
    /行 rows · [\d.]+ s · [\d,]+ 行\/秒 rows\/s · 其间实时 live PUBACK p99 [\d.]+ ms \([\d,]+\) · 磁盘 disk [\d,]+ MB/,
  );

  const { api } = county;
  await api.signIn('admin', PASSWORD);
  const plan = readPlan(join(folder, 'county', `demo-${DEVICES}-1`), profiles);
  const now = Date.now();
  for (const device of plan.devices) {
    const profile = profiles.get(device.profile)!;
    const intervals = (DAYS * DAY) / profile.reportEveryMs;
    const whole = await api.json<{ expected: number; received: number; gaps: object[] }>(
      `/api/v1/completeness?device=${device.id}&${range(now - (DAYS + 1) * DAY, now - HOUR)}`,
    );
    // The hour that is not asked for, and that the county stood still between two starts.
    expect(whole.expected).toBeGreaterThan(intervals - HOUR / profile.reportEveryMs - 3);
    expect(whole.received).toBe(whole.expected);
    expect(whole.gaps).toEqual([]);
  }
  for (const id of ['sew-001', 'bin-001', 'ws-001']) {
    const profile = profiles.get(plan.devices.find((one) => one.id === id)!.profile)!;
    const of = (from: number, to: number) =>
      api.all<Row>(`/api/v1/readings?device=${id}&${range(from, to)}`);
    const old = await of(now - 3 * DAY, now - 2 * DAY);
    expect(old).toHaveLength(DAY / profile.reportEveryMs);
    expect(new Set(old.map(({ lane }) => lane))).toEqual(new Set(['backfill']));
    const live = await until(`a live row of ${id}`, async () => {
      const rows = (await of(now - HOUR, Date.now())).filter(({ lane }) => lane === 'live');
      return rows.length > 0 && rows;
    });
    for (const { at, values } of [...old, ...live])
      for (const [key, value] of Object.entries(values)) {
        const metric = profile.metrics[profile.metricIndex.get(key)!]!;
        if (metric.states !== undefined) continue;
        // A live value is measured within a second of the time that it is stamped with, and rounded by its wire.
        const around = [-1_000, 0, 1_000].map((ms) =>
          countyValue(plan, id, key, Date.parse(at) + ms),
        );
        const slack = 0.002 * (metric.range[1] - metric.range[0]) + 0.06;
        expect(value, `${id} ${key} ${at}`).toBeGreaterThan(Math.min(...around) - slack);
        expect(value, `${id} ${key} ${at}`).toBeLessThan(Math.max(...around) + slack);
      }
    const { items: figures } = await api.json<{ items: { figure: string; of: string }[] }>(
      `/api/v1/figures/of?device=${id}`,
    );
    const daily = figures.find(({ figure }) => figure.startsWith('daily-mean'))!.figure;
    const { items } = await api.json<{ items: { value: number | null; completeness: number }[] }>(
      `/api/v1/figures?device=${id}&figure=${daily}&${range(now - (DAYS - 1) * DAY, now - DAY)}`,
    );
    expect(items.length).toBeGreaterThanOrEqual(DAYS - 3);
    for (const { value, completeness } of items.slice(0, -1)) {
      expect(value).not.toBeNull();
      expect(completeness).toBe(1);
    }
  }
  const { items: kept } = await api.json<{ items: object[] }>('/api/v1/quarantine?limit=5');
  expect(kept).toEqual([]);
  expect(await county.process.end('SIGTERM')).toBe(0);

  const third = await start('county', ...PAST);
  await says(third, 'the past is there already');
  expect(await third.process.end('SIGTERM')).toBe(0);
}, 900_000);

it('is not there without it', async () => {
  const county = await start('without', '--no-history');
  await says(county, 'first live value');
  await county.api.signIn('admin', PASSWORD);
  const rows = await county.api.all<Row>(
    `/api/v1/readings?device=sew-001&${range(Date.now() - DAYS * DAY, Date.now() - HOUR)}`,
  );
  expect(rows).toEqual([]);
  await until('a device to be there', async () => {
    const { counts } = await county.api.json<{ counts: Record<string, number> }>(
      '/api/v1/overview',
    );
    return counts['online'] === DEVICES || undefined;
  });
  expect(county.process.output).not.toContain('历史');
  expect(await county.process.end('SIGTERM')).toBe(0);
}, 300_000);
