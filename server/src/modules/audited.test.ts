/** What a person does and its audit entry are one: when the entry can't be written, nothing was done. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { seededRandom } from '@village/core';
import { Keeper, type ToldTransition } from '@village/rules';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AREAS,
  type Client,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  rulesFollow,
  startCounty,
  type TestServer,
} from '../testing.ts';

let test: TestServer;
let admin: Client;
let database: DatabaseSync;
let alert: string;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
  const village = { code: '330522100299', level: 'village', zh: '旧村', en: 'Old', parent: NORTH };
  expect((await admin.ask('POST', '/areas', village)).statusCode).toBe(201);
  const spare = { id: 'gw-spare', name: 'Spare', area: NORTH };
  expect((await admin.ask('POST', '/gateways', spare)).statusCode).toBe(201);
  await rulesFollow(test);
  alert = await makeAlert(test.server.relational);
  database = new DatabaseSync(join(test.folder, 'data', 'relational.sqlite'), { timeout: 5_000 });
}, 60_000);
afterAll(async () => {
  database.close();
  await test.close();
});

/** As the rules would tell of it. */
async function makeAlert(relational: TestServer['server']['relational']): Promise<string> {
  const keeper = new Keeper({ engine: relational.engine, random: seededRandom('alert') });
  const told: ToldTransition = {
    ...{ subjectKind: 'device', areas: [NORTH], latch: false, at: 1_000 },
    transition: {
      ...{ rule: 'r', subject: 'north-air', discriminator: '', kind: 'open', severity: 'minor' },
      ...{ at: 0, since: 0, value: null, limit: null, suppression: null, by: null },
    },
  };
  const [made] = await relational.transaction(async (tx) => (await keeper.put(tx, [told])).changed);
  return made?.id ?? '';
}

const rows = (text: string): unknown[] => database.prepare(text).all();
const user = { displayName: 'New', role: 'clerk', area: NORTH, password: PASSWORD };

const actions: readonly [string, () => Promise<{ statusCode: number }>, () => unknown[]][] = [
  [
    'a new account',
    () => admin.ask('PUT', '/users/newcomer', user),
    () => rows(`select name from account order by name`),
  ],
  [
    'a changed role, and the end of the sessions',
    () => admin.ask('PUT', '/users/north', { ...user, role: 'clerk' }),
    () => rows('select name, role, password_hash from account order by name'),
  ],
  [
    'the end of an account',
    () => admin.ask('DELETE', '/users/village'),
    () => rows('select name from account order by name'),
  ],
  [
    'a token',
    () => admin.ask('POST', '/tokens', { name: 'machine', role: 'clerk' }),
    () => rows('select id from token'),
  ],
  [
    'a replaced device',
    () => admin.ask('POST', '/devices/south-air/replace', { secret: '' }),
    () => [
      ...rows('select device, since, until from installation order by device, since'),
      ...rows('select id, hash from credential order by id'),
    ],
  ],
  [
    'the end of a device',
    () => admin.ask('POST', '/devices/south-ph/retire', {}),
    () => rows('select id, retired_at from device order by id'),
  ],
  [
    'the end of a gateway',
    async () => {
      const { version } = await admin.get<{ version: string }>('/gateways/gw-spare/registration');
      return admin.ask('POST', '/gateways/gw-spare/retire', { version });
    },
    () => [
      ...rows('select id, retired_at from gateway order by id'),
      ...rows('select id from credential order by id'),
    ],
  ],
  ...(
    [
      ['device', 'south-ph'],
      ['gateway', 'gw-spare'],
    ] as const
  ).map(([kind, id]): (typeof actions)[number] => [
    `a retired ${kind} that comes back`,
    async () => {
      const path = `/${kind}s/${id}`;
      const { version } = await admin.get<{ version: string }>(`${path}/registration`);
      return admin.ask('POST', `${path}/reinstate`, { version });
    },
    () => [
      ...rows(`select id, retired_at from ${kind} order by id`),
      ...rows('select id from credential order by id'),
    ],
  ]),
  ...(['retire', 'reinstate'] as const).map((what): (typeof actions)[number] => [
    `that an area is to ${what}`,
    async () => {
      const path = '/areas/330522100299';
      const { version } = await admin.get<{ version: string }>(`${path}/registration`);
      return admin.ask('POST', `${path}/${what}`, { version });
    },
    () => rows('select code, retired_at from area order by code'),
  ]),
  [
    "what is made of a device's clock",
    () => admin.ask('PUT', '/devices/south-air/clock', { use: 'correct' }),
    () => rows('select id, clock from device order by id'),
  ],
  [
    'an attribute',
    () => admin.ask('PUT', `/areas/${NORTH}/properties`, { attributes: { population: 9 } }),
    () => rows('select * from property'),
  ],
  [
    'an import of areas',
    () => admin.ask('POST', '/areas/import', AREAS.replace('North Village', 'Hill Village')),
    () => rows('select name_en from area order by code'),
  ],
  [
    'an import of devices',
    () =>
      admin.ask(
        'POST',
        '/devices/import',
        deviceCsv(`new-air,新空气站,village/air-weather,${NORTH_VILLAGE},,,,,,`),
      ),
    () => rows('select id from device order by id'),
  ],
  [
    'a correction',
    () =>
      admin.ask('POST', '/corrections', {
        kind: 'invalid',
        device: 'north-air',
        from: '2026-01-01T00:00:00Z',
        to: '2026-01-02T00:00:00Z',
        reason: 'why',
      }),
    () => [
      ...rows('select * from correction_statement'),
      ...rows('select statement, step from correction_step'),
    ],
  ],
  [
    'the undoing of a correction',
    () => admin.ask('POST', '/corrections/1/undo', {}),
    () => rows('select statement, step from correction_step'),
  ],
  ...(
    [
      ['comment', { note: 'x' }],
      ['acknowledge', {}],
      ['assign', { to: 'admin' }],
      ['shelve', { until: new Date(Date.now() + 3_600_000).toISOString() }],
      ['verdict', { verdict: 'false', cause: 'power' }],
    ] as const
  ).map(([what, body]): (typeof actions)[number] => [
    `what somebody does with an alert: ${what}`,
    () => admin.ask('POST', `/alerts/${alert}/${what}`, body),
    () => [...rows('select * from alert'), ...rows('select * from alert_step')],
  ]),
  [
    'a sign-in',
    () => admin.ask('POST', '/session', { user: 'admin', password: PASSWORD }),
    () => rows('select hash from session order by hash'),
  ],
  [
    'a new password of one’s own',
    () => admin.ask('PUT', '/session/password', { old: PASSWORD, password: `${PASSWORD}-new` }),
    () => rows(`select password_hash from account where name = 'admin'`),
  ],
];

it.each(actions)('undoes %s', async (_what, act, look) => {
  const before = look();
  const audited = rows('select count(*) as n from audit');
  database.exec(
    `create trigger audit_fails before insert on audit begin select raise(abort, 'no room'); end`,
  );
  try {
    expect((await act()).statusCode).toBeGreaterThanOrEqual(400);
  } finally {
    database.exec('drop trigger audit_fails');
  }
  expect(look()).toEqual(before);
  expect(rows('select count(*) as n from audit')).toEqual(audited);
});

it.each(actions)('does %s and tells of it', async (_what, act, look) => {
  const before = look();
  expect((await act()).statusCode).toBeLessThan(300);
  expect(look()).not.toEqual(before);
  const [last] = rows('select outcome from audit order by id desc limit 1');
  expect(last).toEqual({ outcome: 'done' });
});
