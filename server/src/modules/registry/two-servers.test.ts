/** Two servers over one PostgreSQL: what one has just registered, the other neither takes over nor makes a second time. */
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AREAS,
  Client,
  DEVICES,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  SECRET,
  SOUTH,
  SOUTH_VILLAGE,
  startTest,
  type TestServer,
} from '../../testing.ts';

const ROUNDS = 4;

describe.skipIf(postgresFolder() === undefined)('two servers over one database', () => {
  let database: TestPostgres;
  let one: TestServer;
  let two: TestServer;
  let here: Client;
  let there: Client;
  beforeAll(async () => {
    database = await startPostgres(postgresFolder() as string);
    const url = database.url('postgres');
    one = await startTest((config) => ({ ...config, relational: { url } }));
    await one.server.importAreas(AREAS);
    await one.server.importDevices(DEVICES);
    two = await startTest((config) => ({ ...config, relational: { url } }));
    here = await one.client('admin');
    there = new Client(two.server, here.cookie);
  }, 120_000);
  afterAll(async () => {
    await two?.close();
    await one?.close();
    await database?.stop();
  });

  const bin = (id: string, more: object = {}): object => ({
    ...{ id, name: '桶', profile: 'village/smart-bin', area: NORTH_VILLAGE },
    ...more,
  });
  /** Of two that are asked at once one is done, and the other refused. */
  async function onlyOne(
    ...asks: [Promise<LightMyRequestResponse>, Promise<LightMyRequestResponse>]
  ): Promise<LightMyRequestResponse> {
    const answers = await Promise.all(asks);
    const done = answers.filter(({ statusCode }) => statusCode < 300);
    expect(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).toEqual([
      expect.stringMatching(/^(20[01]|409|422) /),
      expect.stringMatching(/^(20[01]|409|422) /),
    ]);
    expect(done).toHaveLength(1);
    return done[0] as LightMyRequestResponse;
  }

  it('give one id to a device or to a gateway', async () => {
    for (let n = 0; n < ROUNDS; n++) {
      const id = `either-${n}`;
      await onlyOne(
        here.ask('POST', '/devices', bin(id)),
        there.ask('POST', '/gateways', { id, name: '网关', area: NORTH }),
      );
    }
  }, 60_000);

  it('give one id and one address to one device', async () => {
    for (let n = 0; n < ROUNDS; n++) {
      const [id, address] = [`same-${n}`, `address-${n}`];
      await onlyOne(
        here.ask('POST', '/devices', bin(id)),
        there.ask('POST', '/devices', bin(id, { area: SOUTH_VILLAGE })),
      );
      await onlyOne(
        here.ask('POST', '/devices', bin(`a-${n}`, { address })),
        there.ask('POST', '/devices', bin(`b-${n}`, { address })),
      );
    }
  }, 60_000);

  it('let a file of one township take over nothing that another has just added', async () => {
    const admin = (area: string) => ({ displayName: 'A', role: 'admin', area, password: PASSWORD });
    await here.ask('PUT', '/users/of-north', admin(NORTH));
    await here.ask('PUT', '/users/of-south', admin(SOUTH));
    const [north, south] = [await one.client('of-north'), await two.client('of-south')];
    for (let n = 0; n < ROUNDS; n++) {
      const id = `claimed-${n}`;
      const row = `${id},桶,village/smart-bin,${NORTH_VILLAGE},,,,,,${SECRET}`;
      await onlyOne(
        north.ask('POST', '/devices/import', deviceCsv(row)),
        south.ask('POST', '/devices', bin(id, { area: SOUTH_VILLAGE })),
      );
    }
  }, 60_000);
});
