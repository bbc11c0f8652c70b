import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AREAS,
  DEVICES,
  device,
  listen,
  NORTH,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../../testing.ts';

let test: TestServer;
beforeAll(async () => {
  test = await startCounty();
}, 60_000);
afterAll(() => test.close());

interface Latest {
  items: { device: string; state: string; values: Record<string, { value: number }> }[];
}

it('a device that publishes where it may not stays connected, and its page tells of it', async () => {
  const admin = await test.client('admin');
  expect(await admin.get('/devices/south-air')).not.toHaveProperty('refusals');
  const client = await device('south-air', test.server.mqttPort);
  for (let n = 0; n < 2; n++)
    await client.publishAsync('application/a/device/1/event/join', '{}', { qos: 1 });
  await client.publishAsync(`deep${'/x'.repeat(40)}`, '{}', { qos: 2 });
  await client.publishAsync('village/v1/devices/south-air/readings', '', { qos: 1, retain: true });
  expect(client.connected).toBe(true);
  expect(await admin.get('/devices/south-air')).toMatchObject({
    refusals: [
      { topic: `deep${'/x'.repeat(40)}`, cause: 'topic-levels', count: 1 },
      { topic: 'application/a/device/1/event/join', cause: 'acl-publish', count: 2 },
    ],
  });
  expect(await admin.get('/quarantine')).toMatchObject({ items: [] });
  await client.endAsync();
});

describe('live', () => {
  it('brings a reading from MQTT to the pages that may see it, and to no other', async () => {
    const north = await listen(test, await test.client('north'));
    const south = await listen(test, await test.client('south'));
    const one = await listen(test, await test.client('admin'), '?device=south-air');
    const client = await device('north-air', test.server.mqttPort);
    const at = new Date(test.timer.now()).toISOString();
    await client.publishAsync(
      'village/v1/devices/north-air/readings',
      JSON.stringify({ device: 'north-air', at, values: { temperature: 21.5 } }),
      { qos: 1 },
    );
    await until('the event', () => north.of('latest').length > 0);
    expect(north.of<Latest>('latest')[0]?.items[0]).toMatchObject({
      device: 'north-air',
      state: 'online',
      values: { temperature: { value: 21.5 } },
    });
    await until('the counts', () =>
      north.of<{ online: number }>('counts').some((counts) => counts.online === 1),
    );
    const admin = await test.client('admin');
    expect(await admin.get('/overview')).toMatchObject({
      counts: { online: 1, never: 3 },
      quantities: [{ quantity: 'air.temperature', avg: 21.5, devices: 1, unit: '℃' }],
    });
    expect(south.text()).not.toContain('north-air');
    expect(one.text()).not.toContain('north-air');
    await client.endAsync();
    for (const stream of [north, south, one]) stream.close();
  });

  it('tells the same rate to the overview and to npm start: what was stored in the last minute, late or twice', async () => {
    const county = await startCounty();
    try {
      const client = await county.client('admin');
      const now = county.timer.now();
      const rows = (hours: number, count: number) =>
        Array.from({ length: count }, (_, n) => ({
          device: n % 2 === 0 ? 'north-air' : 'south-air',
          at: new Date(now - hours * 3_600_000 - n * 1000).toISOString(),
          values: { temperature: n, pm25: n },
        }));
      const post = (readings: object[]) => client.ask('POST', '/readings', { readings });
      await post([...rows(0, 10), { device: 'north-air', at: 'never', values: { pm25: 1 } }]);
      await post(rows(0, 10));
      await post(rows(48, 20));
      const rate = async (area = '') =>
        (await client.get<{ readingsPerMinute: number }>(`/overview${area}`)).readingsPerMinute;
      // 40 rows of two readings; the bad one is none.
      await until('the readings to be counted', async () => (await rate()) >= 80);
      expect([await rate(), await rate(`?area=${NORTH}`)]).toEqual([80, 40]);
      expect(county.server.status()).toMatchObject({ readingsPerMinute: 80, readings: 80 });
      county.timer.shift += 61_000;
      await until('the minute to be over', async () => (await rate()) === 0);
      expect(county.server.status()).toMatchObject({ readingsPerMinute: 0, readings: 80 });
    } finally {
      await county.close();
    }
  }, 60_000);

  it('shows newest values as corrections leave them, and tells whose past has other answers now', async () => {
    const client = await test.client('admin');
    const north = await test.client('north');
    const at = new Date(test.timer.now() - 60_000).toISOString();
    const newest = { device: 'north-air', at, values: { o3: 50 } };
    expect((await client.ask('POST', '/readings', { readings: [newest] })).statusCode).toBe(202);
    const streams = await Promise.all([
      listen(test, north),
      listen(test, north, '?device=north-air'),
    ]);
    const south = await listen(test, await test.client('south'));
    const shown = (stream: (typeof streams)[number]) =>
      stream
        .of<Latest>('latest')
        .flatMap(({ items }) => items)
        .filter((one) => one.device === 'north-air')
        .at(-1)?.values['o3'];
    const told = (stream: (typeof streams)[number]): number =>
      stream
        .of<{ devices: string[] }>('corrected')
        .filter(({ devices }) => devices.includes('north-air')).length;
    const made = await client.ask('POST', '/corrections', {
      kind: 'offset',
      device: 'north-air',
      metric: 'o3',
      from: at,
      to: new Date(test.timer.now()).toISOString(),
      value: 4,
      reason: '偏低',
    });
    const { id } = made.json() as { id: number };
    for (const stream of streams) await until('the correction', () => told(stream) === 1);
    for (const stream of streams)
      expect(shown(stream)).toMatchObject({
        value: 54,
        received: { device: 'north-air', value: 50, quality: 'good', corrections: [id] },
      });
    expect((await client.ask('POST', `/corrections/${id}/undo`, {})).statusCode).toBe(200);
    for (const stream of streams) await until('the undoing', () => told(stream) === 2);
    for (const stream of streams) {
      expect(shown(stream)).toMatchObject({ value: 50 });
      expect(shown(stream)).not.toHaveProperty('received');
    }
    expect(south.text()).not.toContain('north-air');
    for (const stream of [...streams, south]) stream.close();
  });

  it('turns a silent device late and offline by the clock', async () => {
    const client = await test.client('north');
    const stream = await listen(test, client);
    const { silentAfter } = (
      await client.get<{ items: { id: string; silentAfter: number }[] }>('/profiles')
    ).items.find((one) => one.id === 'village/air-weather') as { silentAfter: number };
    test.timer.shift += (silentAfter + 60) * 1000;
    await until('offline', () =>
      stream.of<Latest>('latest').some(({ items }) => items.some((one) => one.state === 'offline')),
    );
    stream.close();
  });

  it('outlives the time that an answer may take', async () => {
    const county = await startCounty((config) => ({
      ...config,
      http: { ...config.http, answerTimeout: 1_500 },
    }));
    const stream = await listen(county, await county.client('admin'));
    await systemTimer.sleep(2_000);
    const client = await device('north-air', county.server.mqttPort);
    const at = new Date(county.timer.now()).toISOString();
    await client.publishAsync(
      'village/v1/devices/north-air/readings',
      JSON.stringify({ at, values: { pm25: 3 } }),
      { qos: 1 },
    );
    await until('the event', () => stream.of('latest').length > 0);
    await client.endAsync();
    stream.close();
    await county.close();
  }, 60_000);

  it('refuses a client too many', async () => {
    const small = await startTest((config) => ({
      ...config,
      limits: { ...config.limits, liveClients: 1 },
    }));
    const client = await small.client('admin');
    const first = await listen(small, client);
    const second = await client.ask('GET', '/live');
    expect([second.statusCode, second.json().code]).toEqual([503, 'too-many-live-clients']);
    first.close();
    await small.close();
  });

  it('leaves places to others where one machine opens as many as it gets', async () => {
    const small = await startTest((config) => ({
      ...config,
      limits: { ...config.limits, liveClients: 10 },
    }));
    const admin = await small.client('admin');
    const { token } = (
      await admin.ask('POST', '/tokens', { name: 'screens', role: 'clerk' })
    ).json<{ token: string }>();
    const watch = (): Promise<Response> =>
      fetch(`http://127.0.0.1:${small.server.httpPort}/api/v1/live`, {
        headers: { authorization: `Bearer ${token}` },
      });
    const opened: Response[] = [];
    const refused: unknown[] = [];
    for (let n = 0; n < 10; n++) {
      const response = await watch();
      if (response.status === 200) opened.push(response);
      else refused.push(await response.json());
    }
    expect([opened.length, refused.length]).toEqual([2, 8]);
    expect(refused[0]).toMatchObject({ status: 503, code: 'too-many-live-clients' });
    const stream = await listen(small, admin);
    // Who has closed one may open another.
    await opened[0]?.body?.cancel();
    await until('a place', async () => {
      const response = await watch();
      await response.body?.cancel();
      return response.status === 200;
    });
    stream.close();
    await opened[1]?.body?.cancel();
    await small.close();
  }, 60_000);

  it('keeps a client that reads nothing from costing memory or the others', async () => {
    const client = await test.client('admin');
    const frozen = connect(test.server.httpPort, '127.0.0.1');
    frozen.pause();
    frozen.write(`GET /api/v1/live HTTP/1.1\r\nhost: x\r\ncookie: ${client.cookie}\r\n\r\n`);
    const stream = await listen(test, client);
    const sender = await device('south-air', test.server.mqttPort);
    for (let n = 0; n < 3; n++) {
      const before = stream.of('latest').length;
      const at = new Date(test.timer.now()).toISOString();
      await sender.publishAsync(
        'village/v1/devices/south-air/readings',
        JSON.stringify({ device: 'south-air', at, values: { temperature: n } }),
        { qos: 1 },
      );
      await until('the next event', () => stream.of('latest').length > before);
    }
    await sender.endAsync();
    frozen.destroy();
    stream.close();
  });
});

describe('stopping', () => {
  it('under load loses nothing that was acknowledged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-stop-'));
    const first = await startTest(undefined, folder);
    await first.server.importAreas(AREAS);
    await first.server.importDevices(DEVICES);
    const base = Date.UTC(2026, 5, 1);
    const clients = await Promise.all(
      ['north-air', 'south-air'].map(async (id) => {
        const client = await device(id, first.server.mqttPort);
        client.on('error', () => undefined);
        return { id, client, acknowledged: new Set<number>() };
      }),
    );
    let sending = true;
    const load = clients.map(async ({ id, client, acknowledged }) => {
      for (let n = 0; sending && client.connected; n++) {
        const at = new Date(base + n * 1000).toISOString();
        const payload = JSON.stringify({ device: id, at, values: { temperature: n % 40 } });
        client.publish(`village/v1/devices/${id}/readings`, payload, { qos: 1 }, (error) => {
          if (error === undefined || error === null) acknowledged.add(n);
        });
        if (n % 20 === 0) await systemTimer.sleep(1);
      }
    });
    await until('some acknowledgements', () =>
      clients.every(({ acknowledged }) => acknowledged.size > 300),
    );
    await first.server.stop();
    sending = false;
    await Promise.all(load);
    for (const { client } of clients) client.end(true);

    const second = await startTest(undefined, folder);
    for (const { id, acknowledged } of clients) {
      const rows = await second.server.store.range({
        device: id,
        from: base,
        to: base + 100_000_000,
        limit: 100_000,
      });
      const stored = new Set(rows.map((row) => (row.at - base) / 1000));
      expect(stored.size).toBe(rows.length);
      expect([...acknowledged].filter((n) => !stored.has(n))).toEqual([]);
    }
    await second.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('does not wait for connections on which nothing was said or is said any more', async () => {
    const county = await startTest();
    const silent = connect(county.server.httpPort, '127.0.0.1');
    const idle = connect(county.server.httpPort, '127.0.0.1');
    await new Promise((resolve) => {
      idle.once('data', resolve);
      idle.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    });
    const closed: string[] = [];
    silent.once('close', () => closed.push('silent'));
    idle.resume().once('close', () => closed.push('idle'));
    // One that has begun to ask is waited for.
    const head = 'GET /healthz HTTP/1.1\r\nhost: x\r\n';
    const busy = connect(county.server.httpPort, '127.0.0.1');
    await new Promise((resolve) => {
      busy.once('data', resolve);
      busy.write(`${head}\r\n${head}`);
    });
    busy.resume().once('close', () => closed.push('busy'));
    const stopped = county.server.stop();
    await until('the others to be closed', () => closed.length === 2);
    busy.write('connection: close\r\n\r\n');
    await stopped;
    expect(closed.slice(0, 2).sort()).toEqual(['idle', 'silent']);
    rmSync(county.folder, { recursive: true });
  }, 60_000);

  it('twice is once, and ends open live streams', async () => {
    const server = await startTest();
    const stream = await listen(server, await server.client('admin'));
    await Promise.all([server.server.stop(), server.server.stop()]);
    stream.close();
    await server.close();
  });
});
