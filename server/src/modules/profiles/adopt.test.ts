/** Taking the file of a device type in: what it may not break, who changes what, and that it holds from the next start. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtinCatalog } from '@village/device-profiles';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  SECRET,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
} from '../../testing.ts';

const catalogued = (id: string): string => readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
const PH = catalogued('boqu/phg-2091');
const AIR = catalogued('village/air-weather').replace('village/air-weather', 'acme/air-9');
const raised = (text: string): string =>
  text.replace(/^revision: (\d+)/m, (_all, n: string) => `revision: ${Number(n) + 1}`);
const renamed = (text: string): string =>
  text.replace('key: ph,', 'key: acidity,').replaceAll(' ph: ', ' acidity: ');

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 180_000);
afterAll(() => test.close());

interface Checked {
  faults: { line: number | null; path: string; message: string }[];
  known: { changes: object[]; gateways: string[] } | null;
  state: string;
}

const send = (path: string, text: string, who: Client) =>
  who.send('POST', path, Buffer.from(text), 'application/yaml');
async function check(text: string, who: Client = admin): Promise<Checked> {
  const response = await send('/profiles/check', text, who);
  expect(response.statusCode).toBe(200);
  return response.json() as Checked;
}
async function adopt(
  text: string,
  { seen, losses = '', who = admin }: { seen?: string; losses?: string; who?: Client } = {},
): Promise<{ status: number; body: { code?: string; errors?: object[]; gateways?: string[] } }> {
  const state = seen ?? (await check(text, who)).state;
  const response = await send(`/profiles?seen=${state}${losses}`, text, who);
  return { status: response.statusCode, body: response.json() };
}
const waiting = async (): Promise<{ profile: string; fault: string | null }[]> =>
  (await admin.get<{ items: { profile: string; fault: string | null }[] }>('/profiles/waiting'))
    .items;
const types = async (): Promise<Map<string, { revision: number; metrics: { key: string }[] }>> => {
  const { items } = await admin.get<{
    items: { id: string; revision: number; metrics: { key: string }[] }[];
  }>('/profiles?limit=500');
  return new Map(items.map((one) => [one.id, one]));
};
const audited = async (): Promise<{ action: string; target: string }[]> =>
  (await admin.get<{ items: { action: string; target: string }[] }>('/audit')).items;

it('refuses a file with faults by line, and nothing waits', async () => {
  const wrong = PH.replace(/^kind: .*$/m, 'kind: teapot');
  const kind = PH.split('\n').findIndex((line) => line.startsWith('kind:')) + 1;
  const { status, body } = await adopt(wrong);
  expect([status, body.code]).toEqual([422, 'profile-faults']);
  expect(body.errors).toContainEqual(
    expect.objectContaining({ path: expect.stringContaining(`${kind}:`) }),
  );
  expect(await waiting()).toEqual([]);
});

it('refuses one that decodes otherwise under the revision that is in force', async () => {
  const line = PH.split('\n').findIndex((one) => one.startsWith('revision:')) + 1;
  const { faults } = await check(renamed(PH));
  expect(faults).toMatchObject([{ line, path: 'revision' }]);
});

it('refuses a topic that another type has', async () => {
  const bin = catalogued('village/smart-bin').replace('village/smart-bin', 'acme/bin-9');
  const { faults } = await check(bin);
  expect(faults).toMatchObject([
    { path: 'mqtt.topic', message: expect.stringContaining('village/smart-bin') },
  ]);
});

it('refuses what running devices would lose unless that is wanted, and what they could not bear at all', async () => {
  const losing = raised(renamed(PH));
  const { known } = await check(losing);
  expect(known).toMatchObject({
    gateways: ['gw-north', 'gw-south'],
    changes: [{ what: 'metric-lost', subject: 'ph', mayBeWanted: true }],
  });
  const refused = await adopt(losing);
  expect(refused).toMatchObject({
    status: 409,
    body: { code: 'would-break', errors: [{ path: 'ph', message: 'metric-lost' }] },
  });
  expect(await waiting()).toEqual([]);
  // The same key for another quantity would make one series of two things.
  const other = raised(PH).replace('quantity: water.temperature', 'quantity: air.temperature');
  const unbearable = await adopt(other, { losses: '&losses=wanted' });
  expect(unbearable).toMatchObject({
    status: 409,
    body: { code: 'would-break', errors: [{ path: 'temperature' }] },
  });
  expect(await waiting()).toEqual([]);
});

it('lets a file wait for whoever saw what waits, and takes it back', async () => {
  const losing = raised(renamed(PH));
  const { state } = await check(losing);
  const taken = await adopt(losing, { seen: state, losses: '&losses=wanted' });
  expect(taken).toMatchObject({
    status: 202,
    body: { holds: 'after-restart', gateways: ['gw-north', 'gw-south'] },
  });
  expect(await waiting()).toMatchObject([
    { profile: 'boqu/phg-2091', actor: 'admin', fault: null },
  ]);
  // Another administrator looked before that.
  const late = await adopt(losing, { seen: state, losses: '&losses=wanted' });
  expect([late.status, late.body.code]).toEqual([409, 'changed-meanwhile']);
  // What runs is as it was.
  expect((await types()).get('boqu/phg-2091')?.metrics.map(({ key }) => key)).toContain('ph');
  const back = () => admin.ask('DELETE', '/profiles/waiting/boqu/phg-2091');
  expect((await back()).statusCode).toBe(204);
  expect((await back()).statusCode).toBe(404);
  expect(await waiting()).toEqual([]);
  const entries = await audited();
  expect(
    entries.filter(({ target }) => target === 'boqu/phg-2091').map(({ action }) => action),
  ).toEqual(['take-profile-back', 'adopt-profile']);
});

it('is for administrators of the whole county', async () => {
  const clerk = await test.client('village');
  expect((await send(`/profiles?seen=${'0'.repeat(32)}`, PH, clerk)).statusCode).toBe(403);
  expect((await clerk.ask('GET', '/profiles/waiting')).statusCode).toBe(403);
});

it('holds from the next start on, in the place of the shipped one and beside the others, and from then on', async () => {
  expect((await adopt(AIR)).status).toBe(202);
  const losing = raised(renamed(PH));
  expect((await adopt(losing, { losses: '&losses=wanted' })).status).toBe(202);
  expect((await types()).has('acme/air-9')).toBe(false);
  for (let starts = 0; starts < 2; starts++) {
    test = await test.restart();
    admin = await test.client('admin');
    expect(await waiting()).toEqual([]);
    const now = await types();
    expect(now.get('acme/air-9')?.metrics.map(({ key }) => key)).toContain('pm25');
    const keys = now.get('boqu/phg-2091')?.metrics.map(({ key }) => key);
    expect(keys).toContain('acidity');
    expect(keys).not.toContain('ph');
  }
  // A second one in its place; the one in force is no more adopted.
  const same = await adopt(losing, { losses: '&losses=wanted' });
  expect([same.status, same.body.code]).toEqual([409, 'not-waiting']);
  expect((await adopt(raised(losing))).status).toBe(202);
}, 180_000);

it('goes on waiting when the start can’t use it, and what was in force stays', async () => {
  // As a later version of the product may find it: the shape that it had is not taken any more.
  const { relational } = test.server;
  await relational
    .for<{ profile_own: { profile: string; state: string; text: string } }>('profiles')
    .updateTable('profile_own')
    .set({ text: 'profile: boqu/phg-2091\nkind: teapot\n' })
    .where('state', '=', 'waiting')
    .execute();
  test = await test.restart();
  admin = await test.client('admin');
  expect(await waiting()).toMatchObject([
    { profile: 'boqu/phg-2091', fault: expect.stringMatching(/./) },
  ]);
  expect((await types()).get('boqu/phg-2091')?.metrics.map(({ key }) => key)).toContain('acidity');
}, 180_000);

/** Removing what was taken in, on a county of its own. */
describe('removing', () => {
  let own: TestServer;
  let boss: Client;
  const restart = async (): Promise<void> => {
    own = await own.restart();
    boss = await own.client('admin');
  };
  interface Removal {
    state: string;
    beneath: { from: string; revision: number } | null;
    devices: number;
    retired: number;
    changes: { what: string; subject: string; mayBeWanted: boolean }[];
    refused: { message: string; zh: string } | null;
  }
  const removal = (id: string) => boss.get<Removal>(`/profiles/own/${id}`);
  async function remove(
    id: string,
    more = '',
  ): Promise<{ status: number; code: string | undefined }> {
    const { state } = await removal(id);
    const response = await boss.ask('DELETE', `/profiles/own/${id}?seen=${state}${more}`);
    return { status: response.statusCode, code: (response.json() as { code?: string }).code };
  }
  const sourceOf = async (id: string) => {
    const { items } = await boss.get<{ items: { profile: string; from: string }[] }>(
      '/profiles/sources',
    );
    return items.find(({ profile }) => profile === id);
  };
  const waits = async () =>
    (
      await boss.get<{ items: { profile: string; what: string; zh: string | null }[] }>(
        '/profiles/waiting',
      )
    ).items;
  const takeIn = async (text: string, losses = ''): Promise<void> => {
    expect((await adopt(text, { losses, who: boss })).status).toBe(202);
  };
  const known = async (id: string): Promise<boolean> => {
    const { items } = await boss.get<{ items: { id: string }[] }>('/profiles?limit=500');
    return items.some((one) => one.id === id);
  };
  const register = (id: string): Promise<void> =>
    own.server.importDevices(deviceCsv(`${id},空气站,acme/air-9,${NORTH_VILLAGE},,,,,,${SECRET}`));

  beforeAll(async () => {
    own = await startCounty();
    boss = await own.client('admin');
    await takeIn(AIR);
    await takeIn(raised(renamed(PH)), '&losses=wanted');
    await restart();
  }, 180_000);
  afterAll(() => own.close());

  it('tells which types came with the product and which from the page, and what is beneath', async () => {
    expect(await sourceOf('acme/air-9')).toMatchObject({
      ...{ from: 'page', actor: 'admin', beneath: null, unused: null },
    });
    expect(await sourceOf('boqu/phg-2091')).toMatchObject({
      ...{ from: 'page', beneath: { from: 'product', revision: 1 } },
    });
    expect(await sourceOf('village/smart-bin')).toMatchObject({ from: 'product', actor: null });
  });

  it('gives the file as it was written, for gateways', async () => {
    const response = await boss.ask('GET', '/profiles/files/acme/air-9');
    expect([response.statusCode, response.body]).toEqual([200, AIR]);
    expect(response.headers['content-disposition']).toContain('air-9.yaml');
    expect((await boss.ask('GET', '/profiles/files/acme/air-9?of=waiting')).statusCode).toBe(404);
    expect((await boss.ask('GET', '/profiles/files/acme/nothing')).statusCode).toBe(404);
  });

  it('removes nothing that came with the product', async () => {
    expect((await boss.ask('GET', '/profiles/own/village/smart-bin')).statusCode).toBe(404);
    const seen = '0'.repeat(32);
    const response = await boss.ask('DELETE', `/profiles/own/village/smart-bin?seen=${seen}`);
    expect(response.statusCode).toBe(404);
  });

  it('is refused with how many devices in service have the type, where nothing comes back', async () => {
    await register('air-9');
    expect(await removal('acme/air-9')).toMatchObject({
      ...{ beneath: null, devices: 1, retired: 0 },
      refused: {
        message: expect.stringContaining('1 device'),
        zh: expect.stringMatching(/1 台.*在用/),
      },
    });
    expect(await remove('acme/air-9', '&losses=wanted')).toEqual({ status: 409, code: 'in-use' });
    expect(await waits()).toEqual([]);
  });

  it('wants a confirmation for the history of retired ones, is taken back, and waits for the start', async () => {
    const retired = await boss.ask('POST', '/devices/air-9/retire', { reason: '拆除' });
    expect(retired.statusCode).toBeLessThan(300);
    expect(await removal('acme/air-9')).toMatchObject({ devices: 0, retired: 1, refused: null });
    expect(await remove('acme/air-9')).toEqual({ status: 409, code: 'would-break' });
    const { state } = await removal('acme/air-9');
    expect((await remove('acme/air-9', '&losses=wanted')).status).toBe(202);
    expect(await waits()).toMatchObject([{ profile: 'acme/air-9', what: 'remove' }]);
    const late = await boss.ask('DELETE', `/profiles/own/acme/air-9?seen=${state}&losses=wanted`);
    expect((late.json() as { code: string }).code).toBe('changed-meanwhile');
    expect(await known('acme/air-9')).toBe(true);
    expect((await boss.ask('DELETE', '/profiles/waiting/acme/air-9')).statusCode).toBe(204);
    await restart();
    expect(await known('acme/air-9')).toBe(true);
  }, 180_000);

  it('goes on waiting where devices got the type meanwhile, and goes once they are retired', async () => {
    expect((await remove('acme/air-9', '&losses=wanted')).status).toBe(202);
    await register('air-10');
    await restart();
    expect(await known('acme/air-9')).toBe(true);
    expect(await waits()).toMatchObject([{ what: 'remove', zh: expect.stringMatching(/1 台/) }]);
    await boss.ask('POST', '/devices/air-10/retire', {});
    await restart();
    expect(await known('acme/air-9')).toBe(false);
    expect([await waits(), await sourceOf('acme/air-9')]).toEqual([[], undefined]);
  }, 180_000);

  it('leaves the ids of what had the type to it: no gateway and no other area gets them', async () => {
    const gateway = { id: 'air-10', name: '网关', area: NORTH };
    const added = await boss.ask('POST', '/gateways', gateway);
    expect([added.statusCode, added.json()]).toMatchObject([422, { faults: [{ field: 'id' }] }]);
    const user = { displayName: 's', role: 'admin', area: SOUTH, password: PASSWORD };
    await boss.ask('PUT', '/users/southern', user);
    const southern = await own.client('southern');
    const file = deviceCsv(`air-10,桶,village/smart-bin,${SOUTH_VILLAGE},,,,,,`);
    const taken = await southern.ask('POST', '/devices/import', file);
    expect([taken.statusCode, taken.json()]).toMatchObject([422, { faults: [{ column: 'id' }] }]);
  });

  it('brings the product’s file back, once what devices would lose is wanted', async () => {
    expect(await removal('boqu/phg-2091')).toMatchObject({
      ...{ beneath: { from: 'product', revision: 1 }, devices: 2, refused: null },
      changes: [{ what: 'metric-lost', subject: 'acidity', mayBeWanted: true }],
    });
    expect((await remove('boqu/phg-2091')).code).toBe('would-break');
    expect((await remove('boqu/phg-2091', '&losses=wanted')).status).toBe(202);
    // A newer file comes in the place of the removal, and the removal in the place of that.
    const newer = raised(raised(renamed(PH)));
    await takeIn(newer);
    expect(await waits()).toMatchObject([{ profile: 'boqu/phg-2091', what: 'replace' }]);
    const waiting = await boss.ask('GET', '/profiles/files/boqu/phg-2091?of=waiting');
    expect(waiting.body).toBe(newer);
    expect((await remove('boqu/phg-2091', '&losses=wanted')).status).toBe(202);
    await restart();
    expect(await sourceOf('boqu/phg-2091')).toMatchObject({ from: 'product' });
    const entries = await boss.get<{ items: { action: string; target: string }[] }>('/audit');
    expect(entries.items).toContainEqual(
      expect.objectContaining({ action: 'remove-profile', target: 'boqu/phg-2091' }),
    );
  }, 180_000);
});
