/** `GET /metrics` held against the grammar of Prometheus' text format 0.0.4 and its naming conventions. */
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, SECRET, startCounty, type TestServer, until } from '../testing.ts';

interface Family {
  readonly name: string;
  help: string;
  type: string;
  readonly samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const VALUE = /^(?:NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** The labels of a sample, with their escapes undone; throws at anything that the format does not know. */
function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const one = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/gy;
  let end = 0;
  for (let match = one.exec(text); match !== null; match = one.exec(text)) {
    const [, name = '', value = ''] = match;
    if (name in labels) throw new Error(`label ${name} twice`);
    labels[name] = value.replace(/\\(.)/g, (_all, c: string) => (c === 'n' ? '\n' : c));
    end = one.lastIndex;
  }
  if (end !== text.length) throw new Error(`no labels: ${text.slice(end)}`);
  return labels;
}

/** Families by name; throws at the first line that is not of the format. */
function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let open: Family | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, keyword, about = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      if (!NAME.test(about)) throw new Error(`no name: ${line}`);
      if (open === undefined || open.name !== about) {
        if (families.has(about)) throw new Error(`${about} is not in one piece`);
        open = { name: about, help: '', type: '', samples: [] };
        families.set(about, open);
      }
      if (open.samples.length > 0) throw new Error(`${line} comes after samples`);
      if (keyword === 'HELP') open.help = rest;
      else if (/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) open.type = rest;
      else throw new Error(`no type: ${line}`);
      continue;
    }
    const [, name = '', labels = '', value = ''] =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const base = name.replace(/_(bucket|sum|count)$/, '');
    if (open === undefined || (name !== open.name && base !== open.name))
      throw new Error(`a sample of no family: ${line}`);
    if (!VALUE.test(value)) throw new Error(`no value: ${line}`);
    const key = `${name}{${JSON.stringify(Object.entries(labelsOf(labels)).sort())}}`;
    if (series.has(key)) throw new Error(`${key} twice`);
    series.add(key);
    open.samples.push({ name, labels: labelsOf(labels), value: Number(value) });
  }
  return families;
}

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const scrape = async (): Promise<Map<string, Family>> =>
  parseMetrics((await test.server.http.inject('/metrics')).body);
/** Sum over the samples of a metric that have these labels. */
const value = (families: Map<string, Family>, name: string, labels = {}): number =>
  (families.get(`village_${name}`)?.samples ?? [])
    .filter((one) => Object.entries(labels).every(([key, text]) => one.labels[key] === text))
    .reduce((sum, one) => sum + one.value, 0);

describe('the parser of this test', () => {
  it.each([
    '# TYPE a counter\na 1',
    'a 1\n',
    '# TYPE a counter\na{b="c} 1\n',
    '# TYPE a counter\na{b="\\x"} 1\n',
    '# TYPE a counter\na 1\na 2\n',
    '# TYPE a number\na 1\n',
    '# TYPE a counter\na one\n',
    '# TYPE a counter\na 1\n# TYPE b counter\nb 1\n# TYPE a counter\na{c="d"} 1\n',
  ])('refuses %j', (text) => {
    expect(() => parseMetrics(text)).toThrow();
  });
});

describe('metrics', () => {
  it('are of the format and named by convention', async () => {
    const families = await scrape();
    const ours = [...families.values()].filter(({ name }) => name.startsWith('village_'));
    expect(ours.length).toBeGreaterThan(45);
    for (const { name, type, help } of ours) {
      expect(help, name).not.toBe('');
      expect(['counter', 'gauge'], name).toContain(type);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name, 'base units').not.toMatch(
        /_(ms|millis|milliseconds|minutes|kb|mb|kilobytes|percent)(_|$)/,
      );
      expect(name).toMatch(/^village(_[a-z0-9]+)+$/);
    }
    const { headers } = await test.server.http.inject('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  it('count what came in, was late, was replaced and was refused', async () => {
    const before = await scrape();
    const now = test.timer.now();
    const at = (ago: number): string => new Date(now - ago).toISOString();
    await admin.ask('POST', '/readings', {
      readings: [
        { device: 'north-air', at: at(0), values: { pm25: 1, pm10: 2 } },
        { device: 'north-air', at: at(86_400_000), values: { pm25: 3 } },
        { device: 'north-air', at: '1970-01-01T00:00:00Z', values: { pm25: 4, so2: 99_999 } },
        { device: 'nobody', at: at(0), values: { pm25: 5 } },
        { device: 'north-air', at: 'now', values: { pm25: 5 } },
      ],
    });
    const after = await scrape();
    const grown = (name: string, labels = {}): number =>
      value(after, name, labels) - value(before, name, labels);
    expect({
      readings: grown('pipeline_readings_total'),
      rows: grown('pipeline_rows_total'),
      durable: grown('store_readings_total'),
      late: grown('pipeline_late_total'),
      replaced: grown('pipeline_clock_replaced_total'),
      implausible: grown('pipeline_implausible_total'),
      unknown: grown('pipeline_quarantined_total', { reason: 'unknown-device' }),
      bad: grown('pipeline_quarantined_total', { reason: 'bad-time' }),
      aside: grown('store_quarantined_total'),
      answers: grown('http_answers_total', { status: '202' }),
    }).toEqual({
      readings: 5,
      rows: 3,
      durable: 5,
      late: 1,
      replaced: 1,
      implausible: 1,
      unknown: 1,
      bad: 1,
      aside: 2,
      answers: 1,
    });
    expect(value(after, 'store_commit_duration_seconds', { stat: 'p99' })).toBeGreaterThan(0);
    expect(value(after, 'store_rows_hot')).toBeGreaterThanOrEqual(3);
    expect(value(after, 'store_rows_pending')).toBe(0);
  });

  it('tell how gateways stand, in their own words, and who is connected', async () => {
    const cause = 'full "disk"\\\nagain';
    const gateway = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: test.server.mqttPort,
      clientId: 'gw-north',
      username: 'gw-north',
      password: SECRET,
      reconnectPeriod: 0,
    });
    const say = (topic: string, body: object) =>
      gateway.publishAsync(`village/v1/gateways/gw-north/${topic}`, JSON.stringify(body), {
        qos: 1,
      });
    await say('status', {
      online: true,
      epoch: 'e',
      waiting: { live: 3, backfill: 400 },
      dropped: { [cause]: 7, 'outbox-full': 2 },
      refusedLane: { waiting: 4, dropped: { 'outbox-full': 9 } },
    });
    for (const seq of [1, 5])
      await say('readings', { epoch: 'e', seq, lane: 'live', readings: [] });
    const families = await scrape();
    const mine = { gateway: 'gw-north' };
    expect({
      online: value(families, 'gateway_online', mine),
      live: value(families, 'gateway_outbox_batches', { ...mine, lane: 'live' }),
      backfill: value(families, 'gateway_outbox_batches', { ...mine, lane: 'backfill' }),
      dropped: value(families, 'gateway_dropped_total', { ...mine, cause: 'outbox-full' }),
      others: value(families, 'gateway_dropped_total', { ...mine, cause: 'other' }),
      refusedWaiting: value(families, 'gateway_refused_waiting', mine),
      refusedDropped: value(families, 'gateway_refused_dropped_total', {
        ...mine,
        cause: 'outbox-full',
      }),
      missing: value(families, 'gateway_batches_missing', mine),
      connections: value(families, 'broker_connections'),
      statuses: value(families, 'pipeline_statuses_total'),
    }).toEqual({
      online: 1,
      live: 3,
      backfill: 400,
      dropped: 2,
      others: 7,
      refusedWaiting: 4,
      refusedDropped: 9,
      missing: 3,
      connections: 1,
      statuses: 1,
    });
    await gateway.endAsync();
    await until('the connection to close', async () => {
      return value(await scrape(), 'broker_connections') === 0;
    });
    expect(value(await scrape(), 'gateway_online', mine)).toBe(0);
  });

  it('tell of a gateway that never says how it stands whether it hands over', async () => {
    const mine = { gateway: 'gw-south' };
    const gateway = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: test.server.mqttPort, reconnectPeriod: 0 },
      ...{ clientId: 'gw-south', username: 'gw-south', password: SECRET },
    });
    const batch = { epoch: 'e', seq: 1, lane: 'live', readings: [] };
    await gateway.publishAsync('village/v1/gateways/gw-south/readings', JSON.stringify(batch), {
      qos: 1,
    });
    expect(value(await scrape(), 'gateway_online', mine)).toBe(1);
    await gateway.endAsync();
    test.timer.shift += 31 * 60_000;
    expect(value(await scrape(), 'gateway_online', mine)).toBe(0);
  });
});
