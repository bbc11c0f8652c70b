/** Replacing, retiring and describing devices over HTTP: who may, what follows at once, what stays, and what is refused. */
import { formatTime, HOUR, MINUTE, SECOND, systemTimer } from '@village/core';
import { registryStore } from '@village/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  DEVICES,
  device,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SECRET,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
} from './testing.ts';

const NEW_SECRET = 'another-secret-of-28-letters';
let test: TestServer;
let admin: Client;
let north: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  north = await test.client('north');
}, 60_000);
afterAll(() => test.close());

interface History {
  installations: Record<string, unknown>[];
  areas: { area: string; since: string | null; by: string }[];
}
const history = (id: string): Promise<History> => admin.get<History>(`/devices/${id}/history`);
const signsIn = (id: string, secret: string): Promise<boolean> =>
  device(id, test.server.mqttPort, secret).then(
    (client) => client.endAsync(true).then(() => true),
    () => false,
  );
const ended = async (holds: () => boolean): Promise<boolean> => {
  const from = performance.now();
  while (!holds() && performance.now() - from < 5 * SECOND) await systemTimer.sleep(20);
  return holds();
};
const post = async (id: string, pm25: number): Promise<string[]> => {
  const readings = [{ device: id, at: formatTime(test.timer.now()), values: { pm25 } }];
  const response = await admin.ask('POST', '/readings', { readings });
  expect(response.statusCode).toBe(202);
  return (response.json() as { quarantined: { reason: string }[] }).quarantined.map(
    ({ reason }) => reason,
  );
};

describe("what is made of a device's clock", () => {
  const used = async (id: string): Promise<unknown> =>
    (await admin.get<{ clockUse?: string }>(`/devices/${id}`)).clockUse;

  it('is said on its own or in a file, and stays where a file says nothing', async () => {
    expect(await used('north-air')).toBe(undefined);
    const said = await north.ask('PUT', '/devices/north-air/clock', { use: 'correct' });
    expect([said.statusCode, said.json().clockUse]).toEqual([200, 'correct']);
    expect((await admin.ask('POST', '/devices/import', DEVICES)).statusCode).toBe(200);
    expect(await used('north-air')).toBe('correct');
    const line = (clock: string): string =>
      deviceCsv(`north-air,Air,village/air-weather,${NORTH_VILLAGE},,,,,,,${clock}`).replace(
        'secret',
        'secret,时钟',
      );
    expect((await admin.ask('POST', '/devices/import', line('历史'))).statusCode).toBe(200);
    expect(await used('north-air')).toBe('history');
    const wrong = await admin.ask('POST', '/devices/import', line('later'));
    expect(wrong.json().faults).toMatchObject([{ line: 2, column: 'clock' }]);
    const no = await admin.ask('PUT', '/devices/north-air/clock', { use: 'later' });
    expect([no.statusCode, await used('north-air')]).toEqual([400, 'history']);
    expect((await north.ask('PUT', '/devices/south-air/clock', { use: 'keep' })).statusCode).toBe(
      404,
    );
    expect((await admin.ask('POST', '/devices/import', DEVICES)).statusCode).toBe(200);
  });
});

describe('replacing a device', () => {
  it('keeps its id and readings, and ends the session of the old equipment', async () => {
    expect(await post('north-air', 7)).toEqual([]);
    const client = await device('north-air', test.server.mqttPort);
    const response = await north.ask('POST', '/devices/north-air/replace', {
      serial: 'SN-2',
      secret: '',
      reason: 'struck by lightning',
    });
    expect(response.statusCode).toBe(200);
    const { secret, installation } = response.json() as {
      secret: string;
      installation: { since: string };
    };
    expect(installation).toMatchObject({
      serial: 'SN-2',
      profile: 'village/air-weather',
      until: null,
    });
    expect(await ended(() => !client.connected)).toBe(true);
    expect([await signsIn('north-air', SECRET), await signsIn('north-air', secret)]).toEqual([
      false,
      true,
    ]);
    expect((await history('north-air')).installations).toMatchObject([
      { serial: null, until: installation.since, reason: 'struck by lightning', by: 'server' },
      { serial: 'SN-2', since: installation.since, until: null, by: 'north' },
    ]);
    expect(await admin.get('/devices/north-air/latest')).toMatchObject({
      values: { pm25: { value: 7 } },
    });
    const { items } = await admin.get<{ items: { action: string; detail: object }[] }>(
      '/audit?limit=5',
    );
    expect(items.find(({ action }) => action === 'replace-device')).toMatchObject({
      actor: 'north',
      target: 'north-air',
      detail: { serial: 'SN-2', secret: true },
    });
    await client.endAsync(true);
  });

  it('leaves the secret when none is given, and takes one of the caller', async () => {
    const at = formatTime(test.timer.now());
    const first = await admin.ask('POST', '/devices/south-air/replace', { at });
    expect(first.json()).toMatchObject({ secret: null, installation: { serial: null, since: at } });
    expect(await signsIn('south-air', SECRET)).toBe(true);
    await admin.ask('POST', '/devices/south-air/replace', { secret: NEW_SECRET });
    expect([await signsIn('south-air', SECRET), await signsIn('south-air', NEW_SECRET)]).toEqual([
      false,
      true,
    ]);
  });

  it.each<[string, object, number, string]>([
    ['a time to come', { at: '2999-01-01T00:00:00Z' }, 400, 'bad-time'],
    ['no time', { at: '2026-13-01T00:00:00Z' }, 400, 'bad-time'],
    ['a time before the present equipment', { at: '2001-01-01T00:00:00Z' }, 409, 'replaced-later'],
    ['a short secret', { secret: 'short' }, 422, 'bad-secret'],
    ['an unknown profile', { profile: 'no/such' }, 422, 'unknown-profile'],
    ['a serial over two lines', { serial: 'a\nb' }, 422, 'bad-text'],
    ['an empty serial', { serial: '' }, 400, 'invalid-request'],
    ['a field that is not there', { area: NORTH }, 400, 'invalid-request'],
    ['a serial that is no text', { serial: 7 }, 400, 'invalid-request'],
  ])('refuses %s and changes nothing', async (_name, body, status, code) => {
    const before = await history('north-air');
    const response = await admin.ask('POST', '/devices/north-air/replace', body);
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
    expect(await history('north-air')).toEqual(before);
  });

  it('is for admins of its area alone', async () => {
    const officer = await test.client('south');
    const clerk = await test.client('village');
    for (const [client, id, status] of [
      [officer, 'south-air', 403],
      [clerk, 'north-air', 403],
      [north, 'south-air', 404],
      [north, 'no-such', 404],
    ] as const)
      for (const what of ['replace', 'retire'])
        expect((await client.ask('POST', `/devices/${id}/${what}`, {})).statusCode).toBe(status);
    expect((await north.ask('GET', '/devices/south-air/history')).statusCode).toBe(404);
    expect((await clerk.ask('GET', '/devices/north-air/history')).statusCode).toBe(200);
  });
});

describe('retiring a device', () => {
  it('takes it out of lists, counts and sessions, and keeps what it measured', async () => {
    const rows = `ret-air,退役站,village/air-weather,${NORTH_VILLAGE},,,,,,${SECRET}`;
    await test.server.importDevices(deviceCsv(rows));
    await post('ret-air', 9);
    const client = await device('ret-air', test.server.mqttPort);
    const counted = async (): Promise<number> => {
      const { counts } = await admin.get<{ counts: Record<string, number> }>('/overview');
      return Object.values(counts).reduce((sum, one) => sum + one, 0);
    };
    const before = await counted();
    const response = await north.ask('POST', '/devices/ret-air/retire', { reason: 'scrapped' });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ id: 'ret-air', retiredAt: expect.any(String) });
    expect(await ended(() => !client.connected)).toBe(true);
    expect(await signsIn('ret-air', SECRET)).toBe(false);
    expect(await counted()).toBe(before - 1);
    const { items } = await admin.get<{ items: { id: string }[] }>('/devices');
    expect(items.map(({ id }) => id)).not.toContain('ret-air');
    expect(await admin.get('/devices/ret-air')).toMatchObject({ values: { pm25: { value: 9 } } });
    const span = 'from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z';
    expect(await admin.get(`/readings?device=ret-air&${span}`)).toMatchObject({
      items: [{ values: { pm25: 9 } }],
    });
    // What it still sends is kept aside and not counted as its own.
    expect(await post('ret-air', 10)).toEqual(['unknown-device']);
    expect(await admin.get('/devices/ret-air')).toMatchObject({ values: { pm25: { value: 9 } } });
    const again = await admin.ask('POST', '/devices/ret-air/retire', {});
    expect([again.statusCode, again.json().code]).toEqual([409, 'not-installed']);
    const replaced = await admin.ask('POST', '/devices/ret-air/replace', {});
    expect([replaced.statusCode, replaced.json().code]).toEqual([409, 'not-installed']);
    const audit = await admin.get<{ items: { action: string }[] }>('/audit?limit=5');
    expect(audit.items.filter(({ action }) => action === 'retire-device')).toHaveLength(1);
    await client.endAsync(true);
  });

  it('holds over a restart, and importing its id again is a new installation', async () => {
    const restarted = await test.restart();
    test = restarted;
    admin = await test.client('admin');
    north = await test.client('north');
    expect(await admin.get('/devices/ret-air')).toHaveProperty('retiredAt');
    const rows = deviceCsv(`ret-air,又来了,village/air-weather,${NORTH_VILLAGE},,,,,,`);
    const imported = (await admin.ask('POST', '/devices/import', rows)).json();
    expect(imported).toMatchObject({ created: 0, updated: 1, credentials: [{ id: 'ret-air' }] });
    expect(await signsIn('ret-air', imported.credentials[0].secret)).toBe(true);
    expect(await admin.get('/devices/ret-air')).not.toHaveProperty('retiredAt');
    expect((await history('ret-air')).installations).toMatchObject([
      { reason: 'scrapped', until: expect.any(String) },
      { by: 'admin', until: null },
    ]);
    expect(await post('ret-air', 11)).toEqual([]);
  }, 60_000);
});

describe('what a device is like', () => {
  it('a move is in its history from the begin of the hour, and who sees it follows at once', async () => {
    const hour = formatTime(Math.floor(test.timer.now() / HOUR) * HOUR);
    await test.server.importDevices(deviceCsv(`south-ph,pH,boqu/phg-2091,${NORTH},gw-south,,,,,`));
    expect((await history('south-ph')).areas).toEqual([
      { area: SOUTH_VILLAGE, since: null, by: 'server' },
      { area: NORTH, since: hour, by: 'server' },
    ]);
    expect((await north.ask('GET', '/devices/south-ph')).statusCode).toBe(200);
    await test.server.importDevices(DEVICES);
    expect((await north.ask('GET', '/devices/south-ph')).statusCode).toBe(404);
  });

  it('a move leaves the figures of the area it stood in before', async () => {
    const rows = (area: string): string =>
      deviceCsv(`wanderer,流动站,village/air-weather,${area},,,,,,${SECRET}`);
    await test.server.importDevices(rows(NORTH_VILLAGE));
    const hour = Math.floor(test.timer.now() / HOUR) * HOUR;
    const send = async (at: number): Promise<void> => {
      const readings = [{ device: 'wanderer', at: formatTime(at), values: { so2: 1 } }];
      expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    };
    await send(hour - 2 * HOUR);
    const counts = async (area: string): Promise<number> => {
      const span = `from=${formatTime(hour - 3 * HOUR)}&to=${formatTime(hour + HOUR)}`;
      const query = `metric=so2&area=${area}&${span}&every=1h&agg=count`;
      const { items } = await admin.get<{ items: { values: { count: number } }[] }>(
        `/aggregates?${query}`,
      );
      return items.reduce((sum, { values }) => sum + values.count, 0);
    };
    expect([await counts(NORTH), await counts(SOUTH)]).toEqual([1, 0]);
    await test.server.importDevices(rows(SOUTH_VILLAGE));
    expect([await counts(NORTH), await counts(SOUTH)]).toEqual([1, 0]);
    await send(test.timer.now());
    expect([await counts(NORTH), await counts(SOUTH)]).toEqual([1, 1]);
    await test.server.importDevices(rows(NORTH_VILLAGE));
    await admin.ask('POST', '/devices/wanderer/retire', {});
    expect([await counts(NORTH), await counts(SOUTH)]).toEqual([2, 0]);
  });

  it('is said with labels and attributes, each from a time on', async () => {
    const since = formatTime(Math.floor(test.timer.now() / HOUR) * HOUR - 2 * HOUR);
    const said = { labels: { owner: '村委会' }, attributes: { 'bin-height': 1.4 } };
    const first = await north.ask('PUT', '/devices/north-air/properties', { ...said, since });
    expect(first.statusCode).toBe(200);
    const later = { attributes: { 'bin-height': 1.6 }, labels: { owner: null } };
    await north.ask('PUT', '/devices/north-air/properties', later);
    const at = formatTime(Date.parse(since) + MINUTE);
    const valid = async (query: string): Promise<unknown> =>
      (
        await north.get<{ items: { key: string; value: unknown }[] }>(
          `/devices/north-air/properties${query}`,
        )
      ).items.map(({ key, value }) => [key, value]);
    expect(await valid(`?at=${at}`)).toEqual([
      ['bin-height', 1.4],
      ['owner', '村委会'],
    ]);
    expect(await valid(`?at=${formatTime(test.timer.now())}`)).toEqual([['bin-height', 1.6]]);
    expect(await valid('')).toHaveLength(3);
    const area = await north.ask('PUT', `/areas/${NORTH}/properties`, {
      attributes: { population: 12_000 },
    });
    expect(area.json()).toMatchObject({
      items: [{ kind: 'attribute', key: 'population', value: 12_000, until: null, by: 'north' }],
    });
    expect((await north.ask('PUT', `/areas/${SOUTH_VILLAGE}/properties`, said)).statusCode).toBe(
      404,
    );
  });

  it.each<[object, number, string]>([
    [{}, 422, 'bad-label'],
    [{ labels: { 'Not A Key': 'x' } }, 422, 'bad-label'],
    [{ labels: { owner: '' } }, 422, 'bad-label'],
    [{ labels: { owner: 'a\u0000b' } }, 422, 'bad-label'],
    [{ labels: { owner: 'x'.repeat(201) } }, 422, 'bad-label'],
    [{ labels: { owner: 7 } }, 400, 'invalid-request'],
    [{ attributes: { height: 1 } }, 422, 'bad-attribute'],
    [{ attributes: { constructor: 'x' } }, 422, 'bad-attribute'],
    [{ attributes: { 'bin-height': '1.4' } }, 422, 'bad-attribute'],
    [{ attributes: { 'bin-height': -1 } }, 422, 'bad-attribute'],
    [{ attributes: { 'water-class': 'VI' } }, 422, 'bad-attribute'],
    [{ attributes: { 'discharge-standard': '一级A' } }, 422, 'bad-attribute'],
    [{ attributes: { 'built-year': 206 } }, 422, 'bad-attribute'],
    [{ labels: { a: 'b' }, since: '2999-01-01T00:00:00Z' }, 400, 'bad-time'],
    [{ words: {} }, 400, 'invalid-request'],
  ])('refuses %j', async (body, status, code) => {
    const before = await north.get('/devices/north-ph/properties');
    const response = await north.ask('PUT', '/devices/north-ph/properties', body);
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
    expect(await north.get('/devices/north-ph/properties')).toEqual(before);
  });

  it.each([`/areas/${NORTH_VILLAGE}/properties`, '/devices/north-ph/properties'])(
    'is said by who saw what is said now (%s)',
    async (path) => {
      const { version } = await north.get<{ version: string }>(path);
      const say = (owner: string, seen?: string) =>
        north.ask('PUT', path, {
          labels: { owner },
          ...(seen === undefined ? {} : { version: seen }),
        });
      const first = await say('one', version);
      expect(first.statusCode).toBe(200);
      const second = await say('two', version);
      expect([second.statusCode, second.json().code]).toEqual([409, 'changed-meanwhile']);
      const now = await north.get<{ version: string; items: { value: string }[] }>(path);
      expect(now).toEqual(first.json());
      expect(now.items.map(({ value }) => value)).toEqual(['one']);
      // Of two who saw the same state one is first, whichever.
      const both = await Promise.all([say('three', now.version), say('four', now.version)]);
      expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409]);
      expect((await say('five')).statusCode).toBe(200);
      expect((await north.ask('PUT', path, { labels: { owner: null } })).statusCode).toBe(200);
    },
  );

  it.each(['a\u009bb', 'a\u2028b', 'a\u202eb', '\u200b', '\u3164', 'a\u{e0041}'])(
    'takes no text that hides or turns what stands beside it: %j',
    async (text) => {
      const path = '/devices/north-ph';
      const said = await Promise.all([
        north.ask('PUT', `${path}/properties`, { labels: { owner: text } }),
        north.ask('PUT', `${path}/properties`, { attributes: { 'water-body': text } }),
        north.ask('POST', `${path}/replace`, { serial: text }),
        north.ask('POST', `${path}/retire`, { reason: text }),
      ]);
      expect(said.map((one) => one.json().code)).toEqual([
        ...['bad-label', 'bad-attribute', 'bad-text', 'bad-text'],
      ]);
    },
  );

  it('takes no more than a hundred at once', async () => {
    const labels = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, 'v']));
    const response = await north.ask('PUT', '/devices/north-ph/properties', { labels });
    expect([response.statusCode, response.json().code]).toEqual([422, 'bad-label']);
    expect(await north.get('/devices/north-ph/properties')).toMatchObject({ items: [] });
  });

  it('tells what was said before an attribute had a list of words, and ends it', async () => {
    const path = '/devices/north-ph/properties';
    const written = { kind: 'attribute', key: 'discharge-standard', value: '一级A' } as const;
    await test.server.relational.transaction((tx) =>
      registryStore(tx).changeProperties({ kind: 'device', id: 'north-ph' }, [
        { ...written, since: test.timer.now() - 2 * HOUR, by: 'an-older-version' },
      ]),
    );
    const said = async () =>
      (await north.get<{ items: object[] }>(path)).items.filter(
        (one) => 'key' in one && one.key === written.key,
      );
    expect(await said()).toMatchObject([{ ...written, until: null }]);
    // It is in the way of nothing else that is said, and a word takes its place.
    const other = { attributes: { 'built-year': 2015 } };
    expect((await north.ask('PUT', path, other)).statusCode).toBe(200);
    const word = { attributes: { [written.key]: 'DB33/973 1' } };
    expect((await north.ask('PUT', path, word)).statusCode).toBe(200);
    expect(await said()).toMatchObject([
      { ...written, until: expect.any(String) },
      { ...written, value: 'DB33/973 1', until: null },
    ]);
    const over = { attributes: { [written.key]: null, 'built-year': null } };
    expect((await north.ask('PUT', path, over)).statusCode).toBe(200);
  });
});
