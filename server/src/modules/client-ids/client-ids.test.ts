/** Credentials that are bound to the client id of their first use, over real sockets, restarts and new credentials. */
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  deviceCsv,
  NORTH_VILLAGE,
  SECRET,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

const REJECTED = 'Connection refused: Identifier rejected';
let test: TestServer;
let admin: Client;
const open: MqttClient[] = [];

const again = async (): Promise<void> => {
  admin = await test.client('admin');
};
beforeAll(async () => {
  test = await startCounty((config) => ({
    ...config,
    mqtt: { ...config.mqtt, clientIds: 'bound' },
  }));
  await again();
}, 60_000);
afterAll(async () => {
  for (const client of open) await client.endAsync(true);
  await test.close();
});

/** Signs in and says what came of it. */
async function signIn(username: string, clientId: string, password = SECRET): Promise<string> {
  try {
    const client = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: test.server.mqttPort, protocol: 'mqtt', reconnectPeriod: 0 },
      ...{ username, password, clientId, clean: true },
    });
    client.on('error', () => undefined);
    open.push(client);
    return 'in';
  } catch (error) {
    return (error as Error).message;
  }
}
const bound = (id: string) => admin.get<{ clientId: string | null }>(`/client-ids/${id}`);
const metric = async (name: string): Promise<number> => {
  const { body } = await test.server.http.inject('/metrics');
  return Number(
    body
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  );
};

/** Servers that are started anew take their time on a busy machine. */
const RESTARTS_MS = 60_000;

describe('a credential', () => {
  it('is bound to the client id that it first signs in with, and to no wrong guess', async () => {
    expect(await bound('north-air')).toEqual({ isBound: false, clientId: null, boundAt: null });
    expect(await signIn('north-air', 'thief', 'a-wrong-secret-of-24-chars')).toMatch('Not auth');
    expect(await bound('north-air')).toMatchObject({ isBound: false });
    expect(await signIn('north-air', 'box-1')).toBe('in');
    expect(await signIn('north-air', 'box-1')).toBe('in');
    expect(await signIn('north-air', 'box-2')).toBe(REJECTED);
    expect(await signIn('north-air', 'Box-1')).toBe(REJECTED);
    // Two credentials may have one client id: they never meet.
    expect(await signIn('south-air', 'box-1')).toBe('in');
    expect(await bound('north-air')).toMatchObject({ isBound: true, clientId: 'box-1' });
  });

  it('tells who was refused: by counter and on the page of the device', async () => {
    expect(await metric('village_broker_refused_total{cause="client-id-bound"}')).toBe(2);
    expect(await metric('village_client_ids_bound')).toBe(2);
    const { refusals } = await admin.get<{ refusals: object[] }>('/devices/north-air');
    expect(refusals).toMatchObject([
      { topic: 'Box-1', cause: 'client-id-bound', count: 1 },
      { topic: 'box-2', cause: 'client-id-bound', count: 1 },
    ]);
  });

  it('of a client that names no id is bound to that', async () => {
    expect(await signIn('gw-south', '')).toBe('in');
    expect(await signIn('gw-south', '')).toBe('in');
    expect(await signIn('gw-south', 'gw-south')).toBe(REJECTED);
    expect(await bound('gw-south')).toMatchObject({ isBound: true, clientId: '' });
    // Of a gateway the page of the system tells it, and who was refused.
    const { gateways } = await admin.get<{ gateways: { id: string }[] }>('/system');
    expect(gateways.find(({ id }) => id === 'gw-south')).toMatchObject({
      clientId: { clientId: '' },
      refusals: [{ topic: 'gw-south', cause: 'client-id-bound', count: 1 }],
    });
  });

  interface Listed {
    total: number;
    binds: boolean;
    next: string | null;
    items: { id: string; kind: string; clientId: string; refused: number }[];
  }
  it('is found in a list of its own area by id, name or client id, a page at a time', async () => {
    const list = async (query: string, client = admin): Promise<unknown[]> => {
      const { items, total, binds } = await client.get<Listed>(`/client-ids${query}`);
      expect([total, binds]).toEqual([items.length, true]);
      return items.map(({ id, kind, clientId, refused }) => [id, kind, clientId, refused]);
    };
    const north = ['north-air', 'device', 'box-1', 2];
    const south = ['south-air', 'device', 'box-1', 0];
    const gateway = ['gw-south', 'gateway', '', 1];
    expect(await list('')).toEqual([gateway, north, south]);
    expect(await list('', await test.client('north'))).toEqual([north]);
    expect(await list('?q=BOX')).toEqual([north, south]);
    expect(await list('?q=GW-')).toEqual([gateway]);
    expect(await list('?q=nothing-has-this')).toEqual([]);
    const first = await admin.get<Listed>('/client-ids?limit=2');
    expect([first.total, first.items.map(({ id }) => id)]).toEqual([3, ['gw-south', 'north-air']]);
    const second = await admin.get<Listed>(`/client-ids?limit=2&cursor=${first.next}`);
    expect([second.next, second.items.map(({ id }) => id)]).toEqual([null, ['south-air']]);
    expect((await admin.ask('GET', `/client-ids?q=${'x'.repeat(101)}`)).statusCode).toBe(400);
    expect((await admin.ask('GET', '/client-ids?limit=1001')).statusCode).toBe(400);
    expect((await admin.ask('GET', '/client-ids?cursor=made-up')).statusCode).toBe(400);
    expect(await bound('north-air')).toMatchObject({
      refusals: [{ topic: 'Box-1' }, { topic: 'box-2' }],
    });
  });

  it(
    'stays bound over a restart',
    async () => {
      await until(
        'all to be written',
        async () => (await metric('village_client_ids_unsaved')) === 0,
      );
      test = await test.restart();
      await again();
      expect(await signIn('north-air', 'box-2')).toBe(REJECTED);
      expect(await signIn('gw-south', 'gw-south')).toBe(REJECTED);
      expect(await signIn('north-air', 'box-1')).toBe('in');
    },
    RESTARTS_MS,
  );

  it(
    'is released by an admin of its area alone, and bound anew',
    async () => {
      const release = (client: Client, id: string) => client.ask('DELETE', `/client-ids/${id}`);
      expect((await release(await test.client('village'), 'north-air')).statusCode).toBe(403);
      expect((await release(await test.client('north'), 'south-air')).statusCode).toBe(404);
      expect((await release(admin, 'nobody')).statusCode).toBe(404);
      expect((await release(await test.client('north'), 'north-air')).statusCode).toBe(204);
      expect((await release(admin, 'north-air')).statusCode).toBe(404);
      const { items } = await admin.get<{ items: object[] }>('/audit?limit=5');
      expect(items).toContainEqual(
        expect.objectContaining({
          action: 'release-client-id',
          target: 'north-air',
          detail: { clientId: 'box-1' },
        }),
      );
      test = await test.restart();
      await again();
      expect(await bound('north-air')).toMatchObject({ isBound: false });
      expect(await signIn('north-air', 'box-2')).toBe('in');
      expect(await signIn('north-air', 'box-1')).toBe(REJECTED);
    },
    RESTARTS_MS,
  );

  it('that is replaced is bound anew', async () => {
    const next = 'another-secret-of-28-letters';
    const row = `north-air,北村空气站,village/air-weather,${NORTH_VILLAGE},,,119.9,31.1,,${next}`;
    await test.server.importDevices(deviceCsv(row));
    expect(await bound('north-air')).toMatchObject({ isBound: false });
    expect(await signIn('north-air', 'box-3', next)).toBe('in');
    expect(await signIn('north-air', 'box-2', next)).toBe(REJECTED);
  });
});

it('of a site that takes any client id nothing is listed, and that is told', async () => {
  const other = await startCounty();
  try {
    const client = await other.client('admin');
    expect(await client.get('/client-ids')).toEqual({
      ...{ items: [], next: null, total: 0, binds: false },
    });
  } finally {
    await other.close();
  }
}, 60_000);
