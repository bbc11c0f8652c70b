import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, PASSWORD, startFixture, USER } from './fixture.ts';
import { endpointOf, holdAnswer, holdEvent } from './shapes.ts';

const NOW = Date.UTC(2026, 10, 24, 4);
let directory: string;
let fixture: Fixture;
let cookie: string;

const ask = (method: string, path: string, body?: object): Promise<Response> =>
  fetch(`${fixture.url}/api/v1${path}`, {
    method,
    headers: { cookie, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'fixture-'));
  fixture = await startFixture({ directory, devices: 60, now: NOW });
  cookie = '';
  const answer = await ask('POST', '/session', { user: USER, password: PASSWORD });
  expect(answer.status).toBe(200);
  cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
});
afterAll(async () => {
  await fixture.close();
  rmSync(directory, { recursive: true, force: true });
});

const span = (device: string): string =>
  `device=${device}&from=${new Date(NOW - 86_400_000).toISOString()}&to=${new Date(NOW).toISOString()}`;

describe('the fixture', () => {
  it.each<[string, string, (device: string) => string]>([
    ['GET', '/session', () => ''],
    ['GET', '/areas', () => ''],
    ['GET', '/areas/330522000000', () => ''],
    ['GET', '/areas/geometry', () => ''],
    ['GET', '/map/devices', () => '?area=330522002000'],
    ['GET', '/profiles', () => ''],
    ['GET', '/devices', () => '?state=online'],
    ['GET', '/devices', () => '?sort=-lastSeenAt'],
    ['GET', '/devices/{id}', () => ''],
    ['GET', '/devices/{id}/history', () => ''],
    ['GET', '/readings', (device) => `?${span(device)}`],
    ['GET', '/aggregates', (device) => `?metric=cod&every=1h&${span(device)}`],
    ['GET', '/completeness', (device) => `?${span(device)}`],
    ['GET', '/events', (device) => `?${span(device)}`],
    ['GET', '/figures/of', (device) => `?device=${device}`],
    ['GET', '/figures', (device) => `?figure=hours-above:water.cod&${span(device)}`],
    [
      'GET',
      '/figures/explain',
      (device) =>
        `?figure=daily-mean:water.cod&device=${device}&at=${new Date(NOW - 3 * 86_400_000).toISOString()}`,
    ],
    ['GET', '/figures/of', () => '?area=330522002000'],
    [
      'GET',
      '/figures',
      (device) =>
        `?figure=area-hours-above:water.cod&area=330522002000&${span(device).replace(/^device=[^&]*&/, '')}`,
    ],
    [
      'GET',
      '/figures/explain',
      () =>
        `?figure=area-daily-mean:water.cod&area=330522002000&at=${new Date(NOW - 3 * 86_400_000).toISOString()}`,
    ],
    ['GET', '/corrections', () => '?state=active'],
    ['GET', '/quarantine', () => ''],
    ['POST', '/quarantine/rerun', () => ''],
    ['GET', '/overview', () => ''],
    ['GET', '/users', () => '?role=clerk'],
    ['GET', '/rights', () => ''],
    ['GET', '/tokens', () => ''],
    ['GET', '/audit', () => '?outcome=refused'],
    ['GET', '/system', () => ''],
    ['GET', '/system/backups', () => ''],
    ['GET', '/system/configuration', () => ''],
    ['GET', '/jobs', () => ''],
    ['POST', '/system/backup', () => ''],
  ])('%s %s answers as the interface says', async (method, path, query) => {
    const device = fixture.devices.find(
      ({ id, state }) => id.startsWith('sewage') && state === 'online',
    );
    const id = device?.id ?? '';
    const real = path.replace('{id}', id);
    const answer = await ask(method, real + query(id), method === 'POST' ? {} : undefined);
    const body: unknown = await answer.json();
    expect([answer.ok, body]).toEqual([true, expect.anything()]);
    holdAnswer(method, real, answer.status, body);
    if (typeof body === 'object' && body !== null && 'items' in body)
      expect(body.items).not.toEqual([]);
  });

  it('tries, takes, refuses, approves and takes back what is said of readings', async () => {
    const { id } = fixture.devices.find(({ id }) => id.startsWith('sewage')) ?? { id: '' };
    const body = {
      kind: 'offset',
      device: id,
      metric: 'cod',
      value: 2,
      from: new Date(NOW - 300 * 3_600_000).toISOString(),
      to: new Date(NOW - 290 * 3_600_000).toISOString(),
    };
    const said = async (path: string, given: object, status: number): Promise<unknown> => {
      const answer = await ask('POST', path, given);
      expect([path, answer.status]).toEqual([path, status]);
      const answered: unknown = await answer.json();
      if (status < 400) holdAnswer('POST', path, status, answered);
      return answered;
    };
    expect(await said('/corrections/preview', body, 200)).toMatchObject({ contradicts: null });
    const made = (await said('/corrections', { ...body, reason: 'r' }, 201)) as { id: number };
    await said('/corrections', { ...body, reason: 'r' }, 409);
    await said('/corrections/preview', { ...body, kind: 'factor', value: 1 }, 422);
    await said('/corrections/preview', { ...body, device: 'none' }, 404);
    expect(await said(`/corrections/${made.id}/approve`, {}, 200)).toMatchObject({
      state: 'active',
    });
    await said(`/corrections/${made.id}/approve`, {}, 409);
    expect(await said(`/corrections/${made.id}/undo`, { why: 'w' }, 200)).toMatchObject({
      state: 'undone',
    });
  });

  it('is found out when it answers anything else', () => {
    expect(endpointOf('GET', '/areas/330522000000')?.path).toBe('/areas/{code}');
    expect(() => holdAnswer('GET', '/profiles', 200, { items: [] })).toThrow('next');
    expect(() => holdAnswer('GET', '/profiles', 201, {})).toThrow('never answers 201');
    expect(() => holdAnswer('GET', '/nowhere', 200, {})).toThrow('never answers 200');
    expect(() => holdEvent('counts', { online: 1 })).toThrow('BUG');
  });
});
