/**
 * What is wrong with input has the same outcome on every way in: said by a device, in a gateway's batch and over HTTP. Each
 * bad row is kept aside with its reason, the rows around it are stored, and all that was acknowledged is there afterwards.
 */
import { readdirSync, truncateSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { quarantine } from '@village/api';
import { formatTime, HOUR } from '@village/core';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, SECRET, startCounty, type TestServer, until } from '../testing.ts';

let test: TestServer;
let admin: Client;
let device: MqttClient;
let gateway: MqttClient;
/** Values that were acknowledged: device, time, metric and value of each, as text. */
const acknowledged = new Set<string>();
let seq = 0;
let step = 0;

const connectAs = (id: string): Promise<MqttClient> =>
  mqtt.connectAsync({
    host: '127.0.0.1',
    port: test.server.mqttPort,
    clientId: id,
    username: id,
    password: SECRET,
    reconnectPeriod: 50,
  });

beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  device = await connectAs('north-air');
  gateway = await connectAs('gw-north');
}, 60_000);
afterAll(async () => {
  await Promise.all([device, gateway].map((client) => client.endAsync(true)));
  await test.close();
});

interface Kept {
  id: number;
  reason: string;
  source: string;
  message: string;
  text?: string;
}

/** Entries of quarantine after the given one. */
async function keptAfter(last: number): Promise<Kept[]> {
  const { items } = await admin.get<{ items: Kept[] }>('/quarantine?limit=1000');
  return items.filter(({ id }) => id > last);
}

const newest = async (): Promise<number> =>
  Math.max(0, ...(await keptAfter(0)).map(({ id }) => id));

/** A row that is right, at a time of its own; remembered as acknowledged by `sent`. */
function good(id: string, metric: string): { text: string; mark: string } {
  step++;
  const at = formatTime(test.timer.now() - HOUR + step);
  return {
    text: JSON.stringify({ device: id, at, values: { [metric]: step / 1000 } }),
    mark: `${id} ${at} ${metric} ${step / 1000}`,
  };
}

const readingsOf = (id: string) => `village/v1/devices/${id}/readings`;
const batch = (rows: readonly string[]): string =>
  `{"epoch":"e","seq":${++seq},"lane":"live","readings":[${rows.join(',')}]}`;

/** Stored values of a device as marks. */
async function storedOf(id: string): Promise<string[]> {
  const to = formatTime(test.timer.now() + HOUR);
  const { items } = await admin.get<{ items: { at: string; values: Record<string, number> }[] }>(
    `/readings?device=${id}&from=1999-01-01T00:00:00Z&to=2009-01-01T00:00:00Z&limit=10000`,
  );
  expect(items).toEqual([]);
  const page = await admin.get<{ items: { at: string; values: Record<string, number> }[] }>(
    `/readings?device=${id}&from=${formatTime(test.timer.now() - 3 * HOUR)}&to=${to}&limit=10000`,
  );
  return page.items.flatMap(({ at, values }) =>
    Object.entries(values).map(([metric, value]) => `${id} ${at} ${metric} ${value}`),
  );
}

const { TEXT_IN_LISTS } = quarantine;
const at = '"at":"2026-01-01T00:00:00Z"';
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
/** Rows of `id` and `metric`, each wrong in one way. */
const rows = (id: string, metric: string): [name: string, row: string, reason: string][] => [
  ['infinity', `{"device":"${id}",${at},"values":{"${metric}":1e400}}`, 'value-not-a-number'],
  [
    'a text as value',
    `{"device":"${id}",${at},"values":{"${metric}":"NaN"}}`,
    'value-not-a-number',
  ],
  ['null as value', `{"device":"${id}",${at},"values":{"${metric}":null}}`, 'no-values'],
  ['no value', `{"device":"${id}",${at},"values":{}}`, 'no-values'],
  ['no values', `{"device":"${id}",${at}}`, 'not-an-object'],
  ['no object', '[1]', 'not-an-object'],
  ['no time', `{"device":"${id}","values":{"${metric}":1}}`, 'bad-time'],
  ['no zone', `{"device":"${id}","at":"2026-01-01T00:00:00","values":{"${metric}":1}}`, 'bad-time'],
  ['no day', `{"device":"${id}","at":"2026-02-30T00:00:00Z","values":{"${metric}":1}}`, 'bad-time'],
  ['unknown device', `{"device":"nobody",${at},"values":{"${metric}":1}}`, 'unknown-device'],
  ['wrong profile', `{"device":"${id}",${at},"values":{"fill":1}}`, 'unknown-metric'],
  ['inherited', `{"device":"${id}",${at},"values":{"hasOwnProperty":1}}`, 'unknown-metric'],
  [
    'quality',
    `{"device":"${id}",${at},"values":{"${metric}":1},"quality":{"${metric}":"x"}}`,
    'unknown-quality',
  ],
  [
    'a bomb',
    `{"device":"${id}",${at},"values":{"${metric}":${nested(20_000)}}}`,
    'value-not-a-number',
  ],
];

describe('a bad row is kept aside with its reason, and costs nothing else', () => {
  // A device without a clock says no time; a row in between others has one.
  const byDevice = rows('north-air', 'pm25').filter(([name]) => name !== 'no time');
  it.each(byDevice)('from a device: %s', async (name, row, reason) => {
    // The topic says who speaks; a device that names another is refused for that.
    const told = name === 'unknown device' ? 'not-your-device' : reason;
    const before = await newest();
    const { text, mark } = good('north-air', 'pm25');
    await device.publishAsync(readingsOf('north-air'), row, { qos: 1 });
    await device.publishAsync(readingsOf('north-air'), text, { qos: 1 });
    acknowledged.add(mark);
    expect(await keptAfter(before)).toMatchObject([
      { reason: told, source: 'north-air', text: row.slice(0, TEXT_IN_LISTS) },
    ]);
  });

  it.each(rows('north-ph', 'ph'))('in a batch of a gateway: %s', async (_name, row, reason) => {
    const before = await newest();
    const around = [good('north-ph', 'ph'), good('north-ph', 'ph')];
    const sent = [around[0]?.text ?? '', row, around[1]?.text ?? ''];
    await gateway.publishAsync('village/v1/gateways/gw-north/readings', batch(sent), { qos: 1 });
    for (const { mark } of around) acknowledged.add(mark);
    expect(await keptAfter(before)).toMatchObject([{ reason, source: 'gw-north' }]);
  });

  it.each(rows('south-air', 'pm25'))('over HTTP: %s', async (_name, row, reason) => {
    const before = await newest();
    const around = [good('south-air', 'pm25'), good('south-air', 'pm25')];
    const answer = await post(`{"readings":[${around[0]?.text},${row},${around[1]?.text}]}`);
    expect([answer.statusCode, answer.json()]).toMatchObject([
      202,
      { accepted: 2, quarantined: [{ index: 1, reason }] },
    ]);
    for (const { mark } of around) acknowledged.add(mark);
    expect(await keptAfter(before)).toMatchObject([{ reason, source: 'http:admin' }]);
  });

  it('infinity is still seen in what was kept', async () => {
    const kept = (await keptAfter(0)).filter(({ text }) => text?.includes('Infinity') === true);
    expect(kept.map(({ source }) => source).sort()).toEqual(['gw-north', 'http:admin']);
  });
});

const post = (body: string) =>
  admin.ask('POST', '/readings', body, { 'content-type': 'application/json' });

describe('a message that can not be read at all', () => {
  const tooMany = Array(2_001).fill('{}');
  it.each([
    ['cut off', '{"readings":[', 400, 'bad-request', 'payload-not-json'],
    // Over MQTT the bare NaN costs itself alone; the row names no device.
    ['NaN', '{"readings":[{"values":{"ph":NaN}}]}', 400, 'bad-request', 'not-a-text'],
    ['no bytes', '', 400, 'bad-request', 'payload-not-json'],
    ['not UTF-8', '{"readings":"\ufffd"', 400, 'bad-request', 'payload-not-json'],
    ['a list', '[]', 400, 'invalid-request', 'not-an-object'],
    ['no list in it', '{"readings":7}', 400, 'invalid-request', 'not-a-list'],
    ['too many rows', `{"readings":[${tooMany}]}`, 400, 'invalid-request', 'too-many-rows'],
    ['an unknown lane', '{"readings":[],"lane":"fast"}', 400, 'unknown-lane', 'unknown-lane'],
    ['a bomb', nested(100_000), 400, 'invalid-request', 'not-an-object'],
    ['a prototype', '{"readings":[],"__proto__":{"x":1}}', 400, 'bad-request', 'unknown-lane'],
  ])('%s', async (_name, body, status, code, reason) => {
    const answer = await post(body);
    expect([answer.statusCode, answer.json()]).toMatchObject([status, { code, status }]);
    const before = await newest();
    // The same rows as a gateway would send them.
    const payload = body.replace('{"readings"', `{"epoch":"e","seq":${++seq},"readings"`);
    const lane = payload.includes('"lane"') || reason === 'unknown-lane';
    const sent = lane ? payload : payload.replace('"readings"', '"lane":"live","readings"');
    await gateway.publishAsync('village/v1/gateways/gw-north/readings', sent, { qos: 1 });
    expect(await keptAfter(before)).toMatchObject([{ reason, source: 'gw-north' }]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('larger than what is taken: itself, over MQTT and HTTP', async () => {
    const before = test.server.http.inject('/metrics');
    const large = 'x'.repeat(300 * 1024);
    const answer = await post(`{"readings":["${'x'.repeat(1024 * 1024)}"]}`);
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'too-large']);
    await device.publishAsync(readingsOf('north-air'), large, { qos: 1 });
    expect((await before).body).not.toContain('cause="packet-too-large"');
    const { body } = await test.server.http.inject('/metrics');
    expect(body).toMatch(/^village_broker_refused_total\{cause="packet-too-large"\} 1$/m);
    const admin = await test.client('admin');
    const { refusals } = await admin.get<{ refusals: object[] }>('/devices/north-air');
    expect(refusals).toContainEqual(
      expect.objectContaining({
        topic: readingsOf('north-air'),
        cause: 'packet-too-large',
        count: 1,
      }),
    );
    const { text, mark } = good('north-air', 'pm25');
    await device.publishAsync(readingsOf('north-air'), text, { qos: 1 });
    acknowledged.add(mark);
  });

  it('no MQTT and no HTTP: the connection, and nobody else’s', async () => {
    for (const port of [test.server.mqttPort, test.server.httpPort]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      socket.write(Buffer.alloc(4096, 0xff));
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(device.connected && gateway.connected).toBe(true);
  });
});

describe('times that can not be true', () => {
  it.each([
    '1970-01-01T00:00:05Z',
    '2036-11-24T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '0001-01-01T00:00:00Z',
  ])('%s becomes the receive time, once on each way however often it is sent', async (when) => {
    const from = formatTime(test.timer.now() - 1000);
    const value = ++step / 1000;
    const row = (id: string, metric: string) =>
      JSON.stringify({ device: id, at: when, values: { [metric]: value } });
    const again = batch([row('north-ph', 'ph')]);
    for (let n = 0; n < 2; n++) {
      await device.publishAsync(readingsOf('north-air'), row('north-air', 'so2'), { qos: 1 });
      await gateway.publishAsync('village/v1/gateways/gw-north/readings', again, { qos: 1 });
      await post(`{"readings":[${row('south-air', 'so2')}]}`);
    }
    for (const [id, metric] of [
      ['north-air', 'so2'],
      ['north-ph', 'ph'],
      ['south-air', 'so2'],
    ]) {
      const to = formatTime(test.timer.now() + 1000);
      const { items } = await admin.get<{
        items: { at: string; values: Record<string, number> }[];
      }>(`/readings?device=${id}&metric=${metric}&from=${from}&to=${to}`);
      const mine = items.filter(({ values }) => values[metric ?? ''] === value);
      expect(mine).toMatchObject([{ clockReplaced: true, lane: 'live' }]);
      acknowledged.add(`${id} ${mine[0]?.at} ${metric} ${value}`);
    }
  });
});

describe('what comes twice or in another order', () => {
  it('is stored once, and never changes what is newest', async () => {
    const marks: string[] = [];
    const take = (id: string, metric: string): string => {
      const { text, mark } = good(id, metric);
      marks.push(mark);
      return text;
    };
    const single = Array.from({ length: 20 }, () => take('north-air', 'pm10'));
    const inBatch = Array.from({ length: 20 }, () => take('north-ph', 'ph'));
    const overHttp = Array.from({ length: 20 }, () => take('south-air', 'pm10'));
    const batches = inBatch.map((text) => batch([text]));
    for (const order of [single, single.toReversed(), single.slice(5).concat(single)])
      for (const text of order)
        await device.publishAsync(readingsOf('north-air'), text, { qos: 1 });
    for (const order of [batches.toReversed(), batches, batches.toReversed()])
      for (const text of order)
        await gateway.publishAsync('village/v1/gateways/gw-north/readings', text, { qos: 1 });
    for (const order of [overHttp.toReversed(), overHttp, overHttp.toReversed()])
      expect((await post(`{"readings":[${order}]}`)).statusCode).toBe(202);
    for (const mark of marks) acknowledged.add(mark);
    for (const [id, metric, first] of [
      ['north-air', 'pm10', 0],
      ['south-air', 'pm10', 40],
    ] as const) {
      const latest = await admin.get<{ values: Record<string, { value: number }> }>(
        `/devices/${id}/latest`,
      );
      expect(latest.values[metric]?.value).toBe(Number(marks[first + 19]?.split(' ').at(-1)));
    }
    const stored = await storedOf('north-air');
    for (const mark of marks.slice(0, 20))
      expect(stored.filter((one) => one === mark)).toHaveLength(1);
  });
});

it('all that was acknowledged is there, before and after a start with a damaged archive file beside it', async () => {
  const all = async (): Promise<string[]> =>
    (await Promise.all(['north-air', 'north-ph', 'south-air'].map(storedOf))).flat();
  const missing = (stored: readonly string[]): string[] => {
    const there = new Set(stored);
    expect(there.size).toBe(stored.length);
    return [...acknowledged].filter((mark) => !there.has(mark));
  };
  expect(acknowledged.size).toBeGreaterThan(100);
  expect(missing(await all())).toEqual([]);
  // A file of days long gone, sealed, then destroyed on disk.
  const old = '{"device":"north-air","at":"2015-06-01T00:00:00Z","values":{"pm25":1}}';
  expect((await post(`{"readings":[${old}]}`)).statusCode).toBe(202);
  await test.server.store.flush();
  await Promise.all([device, gateway].map((client) => client.endAsync(true)));
  await test.server.stop();
  const archive = join(test.folder, 'data', 'time-series', 'archive');
  const files = readdirSync(archive, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.includes('2015') && name.endsWith('.parquet'),
  );
  expect(files).toHaveLength(1);
  truncateSync(join(archive, files[0] ?? ''), 10);
  test = await test.restart();
  admin = await test.client('admin');
  device = await connectAs('north-air');
  gateway = await connectAs('gw-north');
  expect(missing(await all())).toEqual([]);
  const { text, mark } = good('north-air', 'pm25');
  await device.publishAsync(readingsOf('north-air'), text, { qos: 1 });
  expect(await storedOf('north-air')).toContain(mark);
  await until('the file to be counted', async () =>
    /^village_store_files_unreadable 1$/m.test((await test.server.http.inject('/metrics')).body),
  );
  const note = async (year: number) => {
    const span = `from=${year}-01-01T00:00:00Z&to=${year}-12-31T00:00:00Z`;
    const answer = await admin.ask('GET', `/readings?device=north-air&${span}`);
    return [answer.statusCode, answer.headers['village-incomplete']];
  };
  expect(await note(2015)).toEqual([200, '2015-06-01T00:00:00Z/2015-06-01T00:00:00.001Z']);
  expect(await note(2016)).toEqual([200, undefined]);
}, 60_000);
