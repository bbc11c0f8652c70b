/** One device, gateway or area as a person adds and changes it: over HTTP, and with a real client that connects by what is told. */
import { HOUR } from '@village/core';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  device,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

interface Saved {
  id: string;
  secret: string | null;
  faults: { field: string; message: string; zh: string }[];
}
interface Registered {
  version: string;
  hasSecret: boolean;
  listeners: { kind: string; port: number; tls: boolean }[];
  sample: { topic: string; payload: string } | null;
}
const send = async <T = Saved>(
  method: string,
  url: string,
  body: object,
  as: Client = admin,
): Promise<[number, T]> => {
  const response = await as.ask(method, url, body);
  return [response.statusCode, response.json() as T];
};
const registered = (id: string): Promise<Registered> => admin.get(`/devices/${id}/registration`);
const bin = (id: string, more: object = {}): object => ({
  id,
  name: '村口垃圾桶',
  profile: 'village/smart-bin',
  area: NORTH_VILLAGE,
  ...more,
});

/** Connects as somebody once; whether the broker let it in. */
async function signsIn(username: string, password: string): Promise<boolean> {
  try {
    const client = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: test.server.mqttPort, reconnectPeriod: 0 },
      ...{ username, password, clientId: `once-${username}` },
    });
    await client.endAsync(true);
    return true;
  } catch {
    return false;
  }
}

describe('a device', () => {
  it('is added with a secret, and what connects it brings its first value', async () => {
    const [status, added] = await send(
      'POST',
      '/devices',
      bin('bin-one', { address: 'HB-9', longitude: 119.9, latitude: 31 }),
    );
    expect([status, added.id, added.faults]).toEqual([201, 'bin-one', []]);
    expect(added.secret?.length).toBeGreaterThanOrEqual(22);
    const { listeners, sample, hasSecret } = await registered('bin-one');
    expect(hasSecret).toBe(true);
    expect(listeners).toEqual([
      { kind: 'mqtt', port: test.server.mqttPort, tls: false, path: null },
    ]);
    expect(sample?.topic).toBe('bin/HB-9/up');
    const client = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: listeners[0]?.port ?? 0, username: 'bin-one' },
      ...{ password: added.secret ?? '', clientId: 'anything' },
    });
    await client.publishAsync(sample?.topic ?? '', sample?.payload ?? '', { qos: 1 });
    await client.endAsync();
    await until('its first value', async () => {
      const { state, values } = await admin.get<{ state: string; values: Record<string, object> }>(
        '/devices/bin-one',
      );
      return state === 'online' && values['fill'] !== undefined;
    });
  });

  it('with faults is told of by field, and not added', async () => {
    const [status, { faults, secret }] = await send(
      'POST',
      '/devices',
      bin('-bad', {
        ...{ name: '', area: '330522999999', gateway: 'nobody', longitude: 500, latitude: 1 },
        ...{ options: { none: 1 } },
      }),
    );
    expect([status, secret]).toEqual([422, null]);
    expect(faults.map(({ field }) => field).sort()).toEqual([
      'area',
      'gateway',
      'id',
      'longitude',
      'name',
      'options',
    ]);
    for (const { zh } of faults) expect(zh).toMatch(/\p{Script=Han}/u);
    expect((await admin.ask('GET', '/devices/-bad')).statusCode).toBe(404);
  });

  it('is never put over another one, nor in another area than the asker’s', async () => {
    const [taken, { faults }] = await send('POST', '/devices', bin('north-air'));
    expect([taken, faults.map(({ field }) => field)]).toEqual([422, ['id']]);
    expect(await admin.get('/devices/north-air')).toMatchObject({ name: '北村空气站' });
    await admin.ask('PUT', '/users/northern', {
      ...{ displayName: 'n', role: 'admin', area: NORTH, password: PASSWORD },
    });
    const northern = await test.client('northern', PASSWORD);
    const foreign = bin('far-bin', { area: SOUTH_VILLAGE });
    const [status, answer] = await send('POST', '/devices', foreign, northern);
    expect([status, answer.faults.map(({ field }) => field)]).toEqual([422, ['area']]);
    const [moved] = await send<object>(
      'PUT',
      '/devices/south-air',
      { version: (await registered('south-air')).version, name: 'x' },
      northern,
    );
    expect(moved).toBe(404);
  });

  it('that two people change is changed by the first; the second is told, and nothing of theirs is half there', async () => {
    await send('POST', '/devices', bin('bin-two'));
    const { version } = await registered('bin-two');
    const [first] = await send('PUT', '/devices/bin-two', { version, name: '新名' });
    expect(first).toBe(200);
    const second = { version, name: '另一个', area: SOUTH_VILLAGE };
    const [status, refusal] = await send<{ code: string }>('PUT', '/devices/bin-two', second);
    expect([status, refusal.code]).toEqual([409, 'changed-meanwhile']);
    for (const [url, body] of [
      ['retire', {}],
      ['replace', { secret: '' }],
      ['secret', {}],
    ] as const) {
      const [late, { code }] = await send<{ code: string }>('POST', `/devices/bin-two/${url}`, {
        ...body,
        version,
      });
      expect([url, late, code]).toEqual([url, 409, 'changed-meanwhile']);
    }
    expect(await admin.get('/devices/bin-two')).toMatchObject({
      name: '新名',
      area: { code: NORTH_VILLAGE },
    });
  });

  it('moves with its history, keeps what was not said, and comes back from no retirement by a change', async () => {
    await send(
      'POST',
      '/devices',
      bin('bin-three', { address: 'HB-33', latitude: 31, longitude: 119 }),
    );
    const { version } = await registered('bin-three');
    const [status] = await send('PUT', '/devices/bin-three', { version, area: SOUTH_VILLAGE });
    expect(status).toBe(200);
    expect(await admin.get('/devices/bin-three')).toMatchObject({
      ...{ address: 'HB-33', latitude: 31, name: '村口垃圾桶', area: { code: SOUTH_VILLAGE } },
    });
    const { areas } = await admin.get<{ areas: { area: string }[] }>('/devices/bin-three/history');
    expect(areas.map(({ area }) => area)).toEqual([NORTH_VILLAGE, SOUTH_VILLAGE]);
    const now = await registered('bin-three');
    await send('POST', '/devices/bin-three/retire', { version: now.version });
    const after = await registered('bin-three');
    expect(after.sample).toBeNull();
    const [late, refusal] = await send<{ code: string }>('PUT', '/devices/bin-three', {
      ...{ version: after.version, name: 'x' },
    });
    expect([late, refusal.code]).toEqual([409, 'not-installed']);
  });

  it('stays with a gateway above the area of who changes it, and is given to no other such', async () => {
    for (const id of ['gw-county', 'gw-other'])
      await send('POST', '/gateways', { id, name: '县网关', area: COUNTY });
    const via = { id: 'bin-via', gateway: 'gw-county' };
    expect(await send('POST', '/devices', bin('bin-via', via))).toMatchObject([
      201,
      { faults: [] },
    ]);
    const north = await test.client('north');
    const { version } = await registered('bin-via');
    const other = { version, gateway: 'gw-other' };
    expect(await send('PUT', '/devices/bin-via', other, north)).toMatchObject([
      422,
      { faults: [{ field: 'gateway' }] },
    ]);
    const renamed = { version, name: '新名' };
    expect((await send('PUT', '/devices/bin-via', renamed, north))[0]).toBe(200);
    expect(await admin.get('/devices/bin-via')).toMatchObject({
      name: '新名',
      gateway: 'gw-county',
    });
  });

  it('gets another secret, with which the old one holds no longer', async () => {
    const [, { secret: old }] = await send('POST', '/devices', bin('bin-four'));
    expect(await signsIn('bin-four', old ?? '')).toBe(true);
    const { version } = await registered('bin-four');
    const [status, { secret }] = await send<{ secret: string }>(
      'POST',
      '/devices/bin-four/secret',
      { version },
    );
    expect(status).toBe(200);
    expect(await signsIn('bin-four', old ?? '')).toBe(false);
    expect(await signsIn('bin-four', secret)).toBe(true);
    const { items } = await admin.get<{ items: { action: string; target: string }[] }>('/audit');
    const done = items.filter(({ target }) => target === 'bin-four').map(({ action }) => action);
    expect(done.sort()).toEqual(['add-device', 'renew-secret']);
  });

  it('of a type that is polled has no message of its own', async () => {
    expect((await registered('north-ph')).sample).toBeNull();
    const { items } = await admin.get<{ items: { id: string; viaGateway: boolean }[] }>(
      '/profiles/forms',
    );
    const via = new Map(items.map(({ id, viaGateway }) => [id, viaGateway]));
    expect([via.get('boqu/phg-2091'), via.get('village/smart-bin')]).toEqual([true, false]);
  });
});

describe('a gateway', () => {
  it('is added, listed with its devices, renamed, and given another secret', async () => {
    const [status, { secret }] = await send('POST', '/gateways', {
      ...{ id: 'gw-new', name: '新网关', area: NORTH },
    });
    expect([status, await signsIn('gw-new', secret ?? '')]).toEqual([201, true]);
    await send('POST', '/devices', {
      ...{ id: 'new-ph', name: 'pH', profile: 'boqu/phg-2091', area: NORTH_VILLAGE },
      gateway: 'gw-new',
    });
    const { items } = await admin.get<{ items: { id: string; devices: number }[] }>('/gateways');
    expect(items.map(({ id, devices }) => [id, devices])).toContainEqual(['gw-new', 1]);
    const before = await admin.get<{ version: string; devices: object[] }>(
      '/gateways/gw-new/registration',
    );
    expect(before.devices).toMatchObject([{ id: 'new-ph', publishes: false }]);
    const { version } = before;
    expect((await send('PUT', '/gateways/gw-new', { version, name: '二号' }))[0]).toBe(200);
    const [late] = await send('POST', '/gateways/gw-new/secret', { version });
    expect(late).toBe(409);
    const now = await admin.get<{ version: string }>('/gateways/gw-new/registration');
    const [, renewed] = await send<{ secret: string }>('POST', '/gateways/gw-new/secret', {
      version: now.version,
    });
    expect(await signsIn('gw-new', secret ?? '')).toBe(false);
    expect(await signsIn('gw-new', renewed.secret)).toBe(true);
  });
});

describe('the list of gateways', () => {
  interface Listed {
    items: { id: string; waiting: object | null; oldestAt: string | null; retiredAt?: string }[];
    next: string | null;
    total: number;
  }
  const list = (query: string): Promise<Listed> => admin.get(`/gateways?${query}`);
  const ids = ({ items }: Listed): string[] => items.map(({ id }) => id);

  it('takes twenty who register at once, and gives them page by page, found by name, area and state', async () => {
    const many = Array.from({ length: 20 }, (_, n) => `many-${String(n).padStart(2, '0')}`);
    const added = await Promise.all(
      many.map((id) => send('POST', '/gateways', { id, name: `Tower ${id}`, area: SOUTH })),
    );
    expect(added.map(([status]) => status)).toEqual(many.map(() => 201));
    const first = await list('q=TOWER&limit=12');
    expect([ids(first), first.total]).toEqual([many.slice(0, 12), 20]);
    const second = await list(`q=TOWER&limit=12&cursor=${first.next}`);
    expect([ids(second), second.next, second.total]).toEqual([many.slice(12), null, 20]);
    expect((await list(`q=${encodeURIComponent('南镇')}&limit=1000`)).total).toBe(21);
    expect((await list('q=many-07&state=never')).total).toBe(1);
    expect((await list('q=many-07&state=online')).total).toBe(0);
    const { version } = await admin.get<{ version: string }>('/gateways/many-07/registration');
    await admin.ask('POST', '/gateways/many-07/retire', { version });
    expect((await list('q=many-07')).total).toBe(0);
    const gone = await list('state=retired&q=many');
    expect(gone.items).toMatchObject([{ id: 'many-07', retiredAt: expect.any(String) }]);
  });

  it('tells since when the oldest batch waits, and nothing of a gateway that does not say', async () => {
    const say = async (more: object): Promise<Listed['items'][number] | undefined> => {
      const gateway = await device('gw-south', test.server.mqttPort);
      const topic = 'village/v1/gateways/gw-south/status';
      await gateway.publishAsync(topic, JSON.stringify({ online: true, ...more }), { qos: 1 });
      await gateway.endAsync();
      return (await list('q=gw-south')).items[0];
    };
    const before = Date.now();
    const told = await say({ waiting: { live: 1, backfill: 6 }, oldestMs: 3 * HOUR });
    const oldest = Date.parse(told?.oldestAt ?? '');
    expect(oldest).toBeGreaterThanOrEqual(before - 3 * HOUR - 1);
    expect(oldest).toBeLessThanOrEqual(Date.now() - 3 * HOUR);
    expect(await say({ waiting: { live: 0, backfill: 0 } })).toMatchObject({ oldestAt: null });
    expect(await say({ waiting: { live: 1, backfill: 0 } })).toMatchObject({
      ...{ waiting: { live: 1 }, oldestAt: null },
    });
  });
});

describe('the end of a gateway', () => {
  const registration = (id: string) =>
    admin.get<{ version: string }>(`/gateways/${id}/registration`);
  const retire = async (id: string, more: object = {}): Promise<[number, { code: string }]> => {
    const { version } = await registration(id);
    const response = await admin.ask('POST', `/gateways/${id}/retire`, { version, ...more });
    return [response.statusCode, response.body === '' ? { code: '' } : response.json()];
  };
  const listed = async (): Promise<string[]> =>
    (await admin.get<{ items: { id: string }[] }>('/gateways')).items.map(({ id }) => id);

  it('waits for its devices, closes its session at once, and takes it out of what can be chosen', async () => {
    const [, { secret }] = await send('POST', '/gateways', {
      ...{ id: 'gw-old', name: '旧网关', area: NORTH },
    });
    const meter = { name: 'pH', profile: 'boqu/phg-2091', area: NORTH_VILLAGE, gateway: 'gw-old' };
    await send('POST', '/devices', { ...meter, id: 'old-ph' });
    expect(await retire('gw-old')).toMatchObject([409, { code: 'in-use' }]);
    expect(await admin.get('/gateways/gw-old/dependents')).toEqual({
      devices: 1,
      first: [{ id: 'old-ph', name: 'pH', area: NORTH_VILLAGE }],
    });
    expect(await signsIn('gw-old', secret ?? '')).toBe(true);
    const { version } = await registered('old-ph');
    expect((await admin.ask('POST', '/devices/old-ph/retire', { version })).statusCode).toBe(200);
    const client = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: test.server.mqttPort, reconnectPeriod: 0 },
      ...{ username: 'gw-old', password: secret ?? '', clientId: 'gw-old-stays' },
    });
    expect(await retire('gw-old', { reason: '拆除' })).toEqual([204, { code: '' }]);
    await until('the end of its session', async () => !client.connected);
    await client.endAsync(true);
    expect(await signsIn('gw-old', secret ?? '')).toBe(false);
    expect(await listed()).not.toContain('gw-old');
    expect((await admin.ask('POST', '/gateways/gw-old/retire', { version })).statusCode).toBe(404);
    const [status, { faults }] = await send('POST', '/devices', { ...meter, id: 'late-ph' });
    expect([status, faults.map(({ field }) => field)]).toEqual([422, ['gateway']]);
    const { items } = await admin.get<{ items: object[] }>('/audit?limit=20');
    expect(items).toContainEqual(
      expect.objectContaining({ action: 'retire-gateway', detail: { reason: '拆除' } }),
    );
  });

  it('leaves its id taken, and a file that names it brings it back with another secret', async () => {
    const [gateway] = await send('POST', '/gateways', { id: 'gw-old', name: 'x', area: NORTH });
    const [asDevice, { faults }] = await send('POST', '/devices', bin('gw-old'));
    expect([gateway, asDevice, faults.map(({ field }) => field)]).toEqual([422, 422, ['id']]);
    const file = deviceCsv(`gw-old,回来的网关,gateway,${NORTH},,,,,,`);
    const back = await admin.ask('POST', '/devices/import', file);
    expect(back.statusCode).toBe(200);
    const { credentials } = back.json() as { credentials: { secret: string }[] };
    expect(await signsIn('gw-old', credentials[0]?.secret ?? '')).toBe(true);
    expect(await listed()).toContain('gw-old');
  });

  it('is of who saw its present state, and of two at once of the first', async () => {
    await send('POST', '/gateways', { id: 'gw-two', name: 'Two', area: NORTH });
    const { version } = await registration('gw-two');
    expect((await send('PUT', '/gateways/gw-two', { version, name: 'Other' }))[0]).toBe(200);
    expect(await retire('gw-two', { version })).toMatchObject([409, { code: 'changed-meanwhile' }]);
    expect(await retire('gw-two', { reason: 'a\nb' })).toMatchObject([422, { code: 'bad-text' }]);
    const codes = await Promise.all([retire('gw-two'), retire('gw-two')]);
    expect(codes.map(([status]) => status).sort()).toEqual([204, 409]);
  });

  it('is of who may register in its area', async () => {
    const { version } = await registration('gw-south');
    const ask = async (name: string): Promise<number> =>
      (await (await test.client(name)).ask('POST', '/gateways/gw-south/retire', { version }))
        .statusCode;
    expect([await ask('village'), await ask('north')]).toEqual([403, 404]);
  });
});

describe('an area', () => {
  it('is added below another, renamed by who saw its present state, and never given twice', async () => {
    const code = '330522100209';
    const village = { code, level: 'village', zh: '新村', en: 'New Village', parent: NORTH };
    expect((await send('POST', '/areas', village))[0]).toBe(201);
    const [again, { faults }] = await send('POST', '/areas', village);
    expect([again, faults.map(({ field }) => field)]).toEqual([422, ['code']]);
    const above = { ...village, code: '330522100210', level: 'county' };
    const [wrong, answer] = await send('POST', '/areas', above);
    expect([wrong, answer.faults.map(({ field }) => field)]).toEqual([422, ['parent']]);
    const { version } = await admin.get<{ version: string }>(`/areas/${code}/registration`);
    expect((await send('PUT', `/areas/${code}`, { version, zh: '老村' }))[0]).toBe(200);
    const [late] = await send('PUT', `/areas/${code}`, { version, zh: '别的' });
    expect(late).toBe(409);
    expect(await admin.get(`/areas/${code}`)).toMatchObject({
      name: { zh: '老村', en: 'New Village' },
      parent: NORTH,
    });
    expect(await admin.get(`/areas/${COUNTY}`)).toMatchObject({ level: 'county' });
    expect(await admin.get(`/areas/${SOUTH}`)).toMatchObject({ level: 'township' });
  });
});

describe('the end of an area', () => {
  const OLD = '330522100301';
  interface Listed {
    items: { code: string; retiredAt?: string }[];
  }
  const codes = async (query: string): Promise<string[]> =>
    (await admin.get<Listed>(`/areas?${query}`)).items.map(({ code }) => code);
  const versionOf = async (code: string): Promise<string> =>
    (await admin.get<{ version: string }>(`/areas/${code}/registration`)).version;
  const end = async (what: string, code: string, more: object = {}, as = admin) => {
    const body = { version: await versionOf(code), ...more };
    const { statusCode, body: text } = await as.ask('POST', `/areas/${code}/${what}`, body);
    return [statusCode, text === '' ? '' : JSON.parse(text)] as const;
  };
  const village = (code: string, more: object = {}): object => ({
    ...{ code, level: 'village', zh: '旧村', en: 'Old Village', parent: NORTH },
    ...more,
  });
  const user = { displayName: '王', role: 'officer', area: OLD, password: PASSWORD };

  it('waits until nothing is of it, which is told and counted', async () => {
    expect((await send('POST', '/areas', village(OLD)))[0]).toBe(201);
    await send('POST', '/gateways', { id: 'old-gw', name: 'Old', area: OLD });
    await send('POST', '/devices', bin('old-bin', { area: OLD }));
    expect((await admin.ask('PUT', '/users/old-wang', user)).statusCode).toBe(200);
    const token = { name: 'old', role: 'clerk', area: OLD };
    const [, { id }] = await send('POST', '/tokens', token);
    expect(await admin.get(`/areas/${OLD}/dependents`)).toEqual({
      ...{ areas: 0, devices: 1, gateways: 1, accounts: 1, tokens: 1 },
    });
    const told = 'devices: 1, gateways: 1, accounts: 1, tokens: 1: these are of 330522100301';
    expect(await end('retire', OLD)).toMatchObject([
      409,
      { code: 'in-use', detail: expect.stringContaining(told) },
    ]);
    expect(await end('retire', NORTH)).toMatchObject([409, { code: 'in-use' }]);
    expect(await codes(`parent=${NORTH}`)).toContain(OLD);
    const device = await registered('old-bin');
    await admin.ask('POST', '/devices/old-bin/retire', { version: device.version });
    const gateway = await admin.get<{ version: string }>('/gateways/old-gw/registration');
    await admin.ask('POST', '/gateways/old-gw/retire', { version: gateway.version });
    await admin.ask('DELETE', '/users/old-wang');
    await admin.ask('DELETE', `/tokens/${id}`);
    expect(await end('retire', OLD, { reason: '并入北村' })).toEqual([204, '']);
    const { items } = await admin.get<{ items: object[] }>('/audit?limit=20');
    expect(items).toContainEqual(
      expect.objectContaining({
        action: 'retire-area',
        target: OLD,
        detail: { reason: '并入北村' },
      }),
    );
  });

  it('takes it out of lists and choices, and leaves it and what stood in it to be seen', async () => {
    expect(await codes(`parent=${NORTH}`)).not.toContain(OLD);
    expect(await codes(`parent=${NORTH}&state=retired`)).toEqual([OLD]);
    expect(await codes(`parent=${NORTH}&state=all`)).toEqual(
      expect.arrayContaining([OLD, NORTH_VILLAGE]),
    );
    const { areas } = await admin.get<{ areas: { code: string }[] }>(`/overview?area=${NORTH}`);
    expect(areas.map(({ code }) => code)).not.toContain(OLD);
    expect(await admin.get(`/areas/${OLD}`)).toMatchObject({ retiredAt: expect.any(String) });
    expect(await admin.get('/devices/old-bin')).toMatchObject({ area: { code: OLD } });
    expect(await admin.get(`/figures/of?area=${OLD}`)).toBeDefined();
  });

  it('lets nothing come to it, by form or file, and says why', async () => {
    const fault = async (method: string, url: string, body: object): Promise<object> => {
      const [status, { faults }] = await send(method, url, body);
      return [status, faults.map(({ field, zh }) => [field, zh])];
    };
    const gone = '这个区域已停用';
    expect(await fault('POST', '/devices', bin('x-1', { area: OLD }))).toEqual([
      ...[422, [['area', gone]]],
    ]);
    expect(await fault('POST', '/gateways', { id: 'x-2', name: 'x', area: OLD })).toEqual([
      ...[422, [['area', gone]]],
    ]);
    const group = village('330522100302', { parent: OLD });
    expect(await fault('POST', '/areas', group)).toMatchObject([
      422,
      expect.arrayContaining([['parent', '上级区域已停用']]),
    ]);
    expect(await fault('POST', '/areas', village(OLD))).toMatchObject([
      422,
      [['code', expect.stringContaining('已停用')]],
    ]);
    const head = 'code,level,zh,en,parent,aliases,validFrom,validTo';
    const file = await admin.ask(
      'POST',
      '/areas/import',
      `${head}\n${OLD},village,新,New,${NORTH},,,\n`,
    );
    expect([file.statusCode, file.json()]).toMatchObject([
      422,
      { faults: [{ line: 2, column: 'code', message: expect.stringContaining('retired') }] },
    ]);
    const devices = deviceCsv(`old-bin,桶,village/smart-bin,${OLD},,,,,,`);
    const back = await admin.ask('POST', '/devices/import', devices);
    expect([back.statusCode, back.json().faults]).toMatchObject([
      422,
      [{ column: 'area', zh: gone }],
    ]);
    const version = await versionOf(OLD);
    expect(await send('PUT', `/areas/${OLD}`, { version, zh: '新' })).toMatchObject([
      ...[409, { code: 'area-retired' }],
    ]);
    const account = await admin.ask('PUT', '/users/old-wang', user);
    const token = await admin.ask('POST', '/tokens', { name: 'o', role: 'clerk', area: OLD });
    expect([account, token].map((one) => [one.statusCode, one.json().code])).toEqual([
      [409, 'area-retired'],
      [409, 'area-retired'],
    ]);
  });

  it('is undone, from below a retired one only after that, and by who saw its present state', async () => {
    const [upper, lower] = ['330522109000', '330522109201'];
    await send('POST', '/areas', village(upper, { level: 'township', parent: COUNTY }));
    await send('POST', '/areas', village(lower, { parent: upper }));
    expect(await end('retire', upper)).toMatchObject([409, { code: 'in-use' }]);
    expect(await end('retire', lower)).toEqual([204, '']);
    expect(await end('retire', upper, { version: 'another' })).toMatchObject([
      ...[409, { code: 'changed-meanwhile' }],
    ]);
    expect(await end('retire', upper)).toEqual([204, '']);
    expect(await end('retire', upper)).toMatchObject([409, { code: 'not-installed' }]);
    expect(await end('reinstate', lower)).toMatchObject([409, { code: 'area-retired' }]);
    expect(await end('reinstate', upper)).toEqual([204, '']);
    expect(await end('reinstate', lower)).toEqual([204, '']);
    expect(await end('reinstate', lower)).toMatchObject([409, { code: 'not-retired' }]);
    expect(await codes(`parent=${upper}`)).toEqual([lower]);
    const device = bin('at-lower', { area: lower });
    expect((await send('POST', '/devices', device))[0]).toBe(201);
  });

  it('is of who may register there', async () => {
    const version = await versionOf(SOUTH_VILLAGE);
    const ask = async (name: string): Promise<number> =>
      (await (await test.client(name)).ask('POST', `/areas/${SOUTH_VILLAGE}/retire`, { version }))
        .statusCode;
    expect([await ask('village'), await ask('north')]).toEqual([403, 404]);
  });
});
