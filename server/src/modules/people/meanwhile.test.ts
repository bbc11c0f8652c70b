/** What was true when a request was looked at may be so no longer when it is done: nothing that was taken away comes back. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  Client,
  COUNTY,
  NORTH,
  PASSWORD,
  SOUTH,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

const NEXT = 'Another-Horse-9';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const user = (more: object = {}): object => ({
  displayName: 'Li',
  role: 'officer',
  area: NORTH,
  password: PASSWORD,
  ...more,
});

/** Asks each in turn while a transaction holds up all writing, so that all look first and then write in that order. */
async function behindEachOther<T>(asks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const { relational } = test.server;
  let free = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const holding = relational.transaction(() => held);
  // Jobs of the server queue for their own writes meanwhile: who comes with an audit entry is one of the asks.
  const begun = vi.spyOn(relational, 'transaction');
  const queued = (): number =>
    begun.mock.calls.filter(([, options]) => options?.audit !== undefined).length;
  try {
    const answers: Promise<T>[] = [];
    for (const ask of asks) {
      answers.push(ask());
      await until(`${answers.length} who wait`, () => queued() === answers.length);
    }
    free();
    await holding;
    return await Promise.all(answers);
  } finally {
    free();
    begun.mockRestore();
  }
}

const statuses = (answers: readonly { statusCode: number }[]): number[] =>
  answers.map(({ statusCode }) => statusCode);

it('an account that is removed while its password is changed stays removed', async () => {
  await admin.ask('PUT', '/users/li', user());
  const li = await test.client('li');
  const answers = await behindEachOther([
    () => admin.ask('DELETE', '/users/li'),
    () => li.ask('PUT', '/session/password', { old: PASSWORD, password: NEXT }),
  ]);
  expect(statuses(answers)).toEqual([204, 401]);
  expect(await test.server.relational.people.account('li')).toBeNull();
});

it('a role that is taken away while the password is changed does not come back', async () => {
  await admin.ask('PUT', '/users/li', user());
  const li = await test.client('li');
  const lower = user({ role: 'clerk', area: SOUTH, password: undefined });
  const answers = await behindEachOther([
    () => admin.ask('PUT', '/users/li', lower),
    () => li.ask('PUT', '/session/password', { old: PASSWORD, password: NEXT }),
  ]);
  expect(statuses(answers)).toEqual([200, 200]);
  expect(answers[1]?.json().user).toMatchObject({ role: 'clerk', area: { code: SOUTH } });
  const account = await test.server.relational.people.account('li');
  expect(account).toMatchObject({ role: 'clerk', area: SOUTH });
});

it.each([
  ['replaced', () => admin.ask('PUT', '/users/li', user({ password: NEXT }))],
  ['removed with its account', () => admin.ask('DELETE', '/users/li')],
])(
  'a password that is %s while somebody signs in with it opens no session',
  async (_name, take) => {
    await admin.ask('PUT', '/users/li', user());
    const credentials = { user: 'li', password: PASSWORD };
    const [taken, signedIn] = await behindEachOther([
      take,
      () => new Client(test.server, '').ask('POST', '/session', credentials),
    ]);
    expect(taken?.statusCode).toBeLessThan(300);
    expect(signedIn?.json()).toMatchObject({ code: 'wrong-credentials' });
    expect(signedIn?.cookies).toEqual([]);
  },
);

it('an account that two remove at once is removed once, and the audit log says so', async () => {
  await admin.ask('PUT', '/users/twice', user());
  const remove = () => admin.ask('DELETE', '/users/twice');
  expect(statuses(await behindEachOther([remove, remove]))).toEqual([204, 404]);
  const { items } = await admin.get<{ items: { action: string; target: string }[] }>('/audit');
  const entries = items.filter((one) => one.action === 'remove-user' && one.target === 'twice');
  expect(entries).toHaveLength(1);
});

it('of two admins who make an account of one name, the second does not take over the first one’s', async () => {
  await admin.ask('PUT', '/users/south-admin', user({ role: 'admin', area: SOUTH }));
  const [north, south] = [await test.client('north'), await test.client('south-admin')];
  const answers = await behindEachOther([
    () => north.ask('PUT', '/users/same', user({ area: NORTH })),
    () => south.ask('PUT', '/users/same', user({ area: SOUTH, role: 'admin' })),
  ]);
  expect(statuses(answers)).toEqual([200, 404]);
  expect(await test.server.relational.people.account('same')).toMatchObject({ area: NORTH });
});

it('of two changes that take the rights of the last two administrators at once, the second is refused', async () => {
  await admin.ask('PUT', '/users/second', user({ role: 'admin', area: COUNTY }));
  const answers = await behindEachOther([
    () => admin.ask('PUT', '/users/second', { displayName: 'S', role: 'clerk', area: COUNTY }),
    () => admin.ask('PUT', '/users/admin', { displayName: 'A', role: 'officer', area: COUNTY }),
  ]);
  expect(statuses(answers)).toEqual([200, 409]);
  expect(answers[1]?.json()).toMatchObject({ code: 'last-administrator' });
  expect(await test.server.relational.people.account('admin')).toMatchObject({ role: 'admin' });
});

it('of two who change one person, the second hears of it and nothing of the first is lost', async () => {
  await admin.ask('PUT', '/users/li', user());
  const revision = (await test.server.relational.people.account('li'))?.revision;
  const change = (displayName: string) =>
    admin.ask('PUT', '/users/li', user({ displayName, revision, password: undefined }));
  const answers = await behindEachOther([() => change('First'), () => change('Second')]);
  expect(statuses(answers)).toEqual([200, 409]);
  expect(answers[1]?.json()).toMatchObject({ code: 'changed-meanwhile' });
  const account = await test.server.relational.people.account('li');
  expect(account).toMatchObject({ displayName: 'First', revision: (revision ?? 0) + 1 });
});

it('an account that is locked while its password is changed gets no new session', async () => {
  await admin.ask('PUT', '/users/li', user());
  const li = await test.client('li');
  const answers = await behindEachOther([
    () => admin.ask('PUT', '/users/li', user({ locked: true, password: undefined })),
    () => li.ask('PUT', '/session/password', { old: PASSWORD, password: NEXT }),
  ]);
  expect(statuses(answers)).toEqual([200, 401]);
  expect(answers[1]?.cookies).toEqual([]);
  await admin.ask('PUT', '/users/li', user({ locked: false }));
});

const CSV = `code,level,zh,en,parent,aliases,validFrom,validTo
330522102000,township,新镇,New,${COUNTY},,,
`;

it.each([
  ['removed', () => admin.ask('DELETE', '/users/leaving'), 401, 'not-signed-in'],
  [
    'locked',
    () => admin.ask('PUT', '/users/leaving', user({ locked: true, password: undefined })),
    401,
    'not-signed-in',
  ],
  [
    'given fewer rights',
    () => admin.ask('PUT', '/users/leaving', user({ password: undefined })),
    403,
    'forbidden',
  ],
])(
  'nothing that an administrator asked for is done once they are %s',
  async (_how, take, status, code) => {
    const rights = { role: 'admin', area: COUNTY, locked: false };
    await admin.ask('PUT', '/users/leaving', user(rights));
    await admin.ask('PUT', '/users/victim', user());
    const leaving = await test.client('leaving');
    const [taken, ...refused] = await behindEachOther([
      take,
      () => leaving.ask('PUT', '/users/backdoor', user(rights)),
      () => leaving.ask('POST', '/tokens', { name: 'backdoor', role: 'admin' }),
      () => leaving.ask('DELETE', '/users/victim'),
      () => leaving.ask('POST', '/areas/import', CSV),
    ]);
    expect(taken?.statusCode).toBeLessThan(300);
    expect(refused.map((one) => [one.statusCode, one.json().code])).toEqual(
      refused.map(() => [status, code]),
    );
    const { people } = test.server.relational;
    expect(await people.account('backdoor')).toBeNull();
    expect(await people.account('victim')).not.toBeNull();
    expect((await people.tokens(COUNTY)).map(({ name }) => name)).not.toContain('backdoor');
    expect((await admin.ask('GET', '/areas/330522102000')).statusCode).toBe(404);
  },
);

it('nothing that a machine asked for is done once its token is removed', async () => {
  const made = await admin.ask('POST', '/tokens', { name: 'leaving', role: 'admin' });
  const { id, token } = made.json() as { id: string; token: string };
  const machine = new Client(test.server, '');
  const headers = { authorization: `Bearer ${token}` };
  // Its first use is written down, which waits for others.
  expect((await machine.ask('GET', '/users', undefined, headers)).statusCode).toBe(200);
  const answers = await behindEachOther([
    () => admin.ask('DELETE', `/tokens/${id}`),
    () => machine.ask('PUT', '/users/backdoor', user(), headers),
  ]);
  expect(statuses(answers)).toEqual([204, 401]);
  expect(await test.server.relational.people.account('backdoor')).toBeNull();
});
