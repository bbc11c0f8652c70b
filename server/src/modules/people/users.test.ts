/** Accounts as those who manage them see and change them. */
import type { rights, tokens, users } from '@village/api';
import { MINUTE } from '@village/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  Client,
  COUNTY,
  NORTH,
  PASSWORD,
  SOUTH,
  startCounty,
  type TestServer,
} from '../../testing.ts';

const NEXT = 'Another-Horse-9';
const OWN = 'My-Own-Horse-10';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const nobody = () => new Client(test.server, '');
const signIn = (name: string, password: string) =>
  nobody().ask('POST', '/session', { user: name, password });
const people = async (query: string): Promise<users.Person[]> =>
  (await admin.get<{ items: users.Person[] }>(`/users${query}`)).items;
const names = async (query: string): Promise<string[]> =>
  (await people(query)).map(({ name }) => name);
const fields = (more: object = {}): object => ({
  displayName: '李梅',
  role: 'officer',
  area: NORTH,
  ...more,
});
const code = async (asked: ReturnType<Client['ask']>): Promise<string> => (await asked).json().code;

it('are found by part of a name, role, area and state', async () => {
  await admin.ask('PUT', '/users/li.mei', fields({ password: PASSWORD }));
  expect(await names('?q=LI.')).toEqual(['li.mei']);
  expect(await names(`?q=${encodeURIComponent('梅')}`)).toEqual(['li.mei']);
  expect(await names('?role=admin')).toEqual(['admin', 'north']);
  expect(await names(`?area=${SOUTH}`)).toEqual(['south']);
  expect(await names('?state=locked')).toEqual([]);
  expect(await code(admin.ask('GET', '/users?area=999999999999'))).toBe('not-found');
  const north = await test.client('north');
  expect((await north.ask('GET', `/users?area=${SOUTH}`)).statusCode).toBe(404);
});

it('with a first password do nothing but choose another', async () => {
  const made = await admin.ask(
    'PUT',
    '/users/new',
    fields({ password: NEXT, passwordToChange: true, revision: 0 }),
  );
  expect(made.json().user).toMatchObject({
    revision: 1,
    lastSignInAt: null,
    passwordToChange: true,
  });
  const again = fields({ password: NEXT, revision: 0 });
  expect(await code(admin.ask('PUT', '/users/new', again))).toBe('changed-meanwhile');
  const signedIn = await signIn('new', NEXT);
  expect(signedIn.json()).toMatchObject({ passwordToChange: true });
  const [cookie] = signedIn.cookies;
  const holder = new Client(test.server, `${cookie?.name}=${cookie?.value}`);
  expect(await holder.get('/session')).toMatchObject({ passwordToChange: true });
  expect(await code(holder.ask('GET', '/devices'))).toBe('password-to-change');
  const change = (password: string) =>
    holder.ask('PUT', '/session/password', { old: NEXT, password });
  expect(await code(change(NEXT))).toBe('weak-password');
  const changed = await change(OWN);
  expect([changed.statusCode, changed.json().passwordToChange]).toEqual([200, undefined]);
  const free = await test.client('new', OWN);
  expect((await free.ask('GET', '/devices')).statusCode).toBe(200);
  const [person] = await people('?q=new');
  expect(person).toMatchObject({ passwordToChange: false, lastSignInAt: expect.any(String) });
});

it('that are locked sign in no more, and are out at once, until they are unlocked', async () => {
  const south = await test.client('south');
  const before = { displayName: 'south', role: 'officer', area: SOUTH };
  const locked = await admin.ask('PUT', '/users/south', { ...before, locked: true });
  expect(locked.json().user.lockedAt).not.toBeNull();
  expect((await south.ask('GET', '/session')).statusCode).toBe(401);
  const refused = await signIn('south', PASSWORD);
  expect([refused.statusCode, refused.json().code]).toEqual([423, 'account-locked']);
  expect(await code(signIn('south', 'wrong'))).toBe('wrong-credentials');
  expect(await names('?state=locked')).toEqual(['south']);
  expect(await names('?state=open')).not.toContain('south');
  // What is not said of it stays.
  await admin.ask('PUT', '/users/south', { ...before, displayName: 'South' });
  expect(await names('?state=locked')).toEqual(['south']);
  await admin.ask('PUT', '/users/south', { ...before, locked: false });
  expect((await signIn('south', PASSWORD)).statusCode).toBe(200);
});

it('that wrong passwords have locked are told, and let in again by who manages them', async () => {
  for (let n = 0; n < 5; n++) await signIn('village', 'wrong');
  const [village] = await people('?state=locked');
  expect(village).toMatchObject({ name: 'village', lockedAt: null });
  const left = Date.parse(village?.lockedOutUntil ?? '') - test.timer.now();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(10 * MINUTE);
  expect((await signIn('village', PASSWORD)).statusCode).toBe(423);
  const { displayName, role, area } = village!;
  const unlock = { displayName, role, area: area.code, locked: false };
  expect((await admin.ask('PUT', '/users/village', unlock)).statusCode).toBe(200);
  expect((await signIn('village', PASSWORD)).statusCode).toBe(200);
});

it('always hold an administrator of the whole server, who locks out and removes nobody of that name', async () => {
  const own = { displayName: 'A', role: 'admin', area: COUNTY };
  for (const less of [{ role: 'officer' }, { area: NORTH }])
    expect(await code(admin.ask('PUT', '/users/admin', { ...own, ...less }))).toBe(
      'last-administrator',
    );
  expect(await code(admin.ask('PUT', '/users/admin', { ...own, locked: true }))).toBe('forbidden');
  expect(await code(admin.ask('DELETE', '/users/admin'))).toBe('forbidden');
  await admin.ask('PUT', '/users/second', { ...own, password: PASSWORD });
  const second = await test.client('second');
  expect((await admin.ask('PUT', '/users/admin', { ...own, role: 'clerk' })).statusCode).toBe(200);
  expect((await admin.ask('GET', '/users')).statusCode).toBe(403);
  expect((await second.ask('PUT', '/users/admin', own)).statusCode).toBe(200);
  // One that is locked is no administrator.
  await admin.ask('PUT', '/users/second', { ...own, locked: true });
  expect(await code(admin.ask('PUT', '/users/admin', { ...own, role: 'clerk' }))).toBe(
    'last-administrator',
  );
  expect((await admin.ask('DELETE', '/users/second?revision=1')).json()).toMatchObject({
    code: 'changed-meanwhile',
  });
  expect((await admin.ask('DELETE', '/users/second?revision=2')).statusCode).toBe(204);
});

it('hold rights that are listed by module, with those of the top alone marked', async () => {
  const { items } = await admin.get<{ items: rights.ModuleRights[] }>('/rights');
  const all = new Map(items.flatMap((one) => one.rights).map((one) => [one.right, one]));
  expect(all.get('users.manage')).toMatchObject({ roles: ['admin'], top: false });
  expect(all.get('audit.read')).toMatchObject({ top: true, title: { zh: '查看审计日志' } });
  expect(all.get('devices.read')?.roles).toContain('clerk');
  // As sessions tell it.
  const north = await test.client('north');
  const session = await north.get<{ rights: string[] }>('/session');
  const told = [...all.values()].filter(({ roles, top }) => roles.includes('admin') && !top);
  expect(told.map(({ right }) => right).sort()).toEqual(session.rights);
});

it('tokens tell where they reach and when they were used', async () => {
  const made = await admin.ask('POST', '/tokens', { name: 'm', role: 'clerk', area: NORTH });
  const { token, ...rest } = made.json<tokens.Token & { token: string }>();
  expect(rest).toMatchObject({ lastUsedAt: null, areaName: { zh: expect.any(String) } });
  await nobody().ask('GET', '/devices', undefined, { authorization: `Bearer ${token}` });
  const { items } = await admin.get<{ items: tokens.Token[] }>('/tokens');
  expect(items.find(({ id }) => id === rest.id)?.lastUsedAt).not.toBeNull();
});

it('tokens that manage others hold while their maker may, and go with the account; others go on', async () => {
  const boss = { displayName: 'B', role: 'admin', area: COUNTY };
  await admin.ask('PUT', '/users/boss', { ...boss, password: PASSWORD });
  const maker = await test.client('boss');
  const make = async (role: string, area: string): Promise<Record<string, string>> => {
    const made = await maker.ask('POST', '/tokens', { name: `of boss ${role}`, role, area });
    return { authorization: `Bearer ${made.json<{ token: string }>().token}` };
  };
  const [whole, north, reads] = [
    await make('admin', COUNTY),
    await make('admin', NORTH),
    await make('clerk', COUNTY),
  ];
  const answers = async (): Promise<number[]> => {
    const asked = [whole, north, reads].map((headers) =>
      nobody().ask('GET', '/devices', undefined, headers),
    );
    return (await Promise.all(asked)).map(({ statusCode }) => statusCode);
  };
  const suspended = async (): Promise<(boolean | undefined)[]> => {
    const { items } = await admin.get<{ items: tokens.Token[] }>('/tokens');
    const of = (role: string, area: string): boolean | undefined =>
      items.find((one) => one.createdBy === 'boss' && one.role === role && one.area === area)
        ?.suspended;
    return [of('admin', COUNTY), of('admin', NORTH), of('clerk', COUNTY)];
  };
  expect(await answers()).toEqual([200, 200, 200]);
  const steps: [object, number[]][] = [
    [{ ...boss, locked: true }, [401, 401, 200]],
    [{ ...boss, locked: false }, [200, 200, 200]],
    [{ ...boss, role: 'officer' }, [401, 401, 200]],
    [{ ...boss, area: NORTH }, [401, 200, 200]],
    [{ ...boss, area: SOUTH }, [401, 401, 200]],
    [boss, [200, 200, 200]],
  ];
  for (const [change, wanted] of steps) {
    expect((await admin.ask('PUT', '/users/boss', change)).statusCode).toBe(200);
    expect([change, await answers()]).toEqual([change, wanted]);
    expect(await suspended()).toEqual(wanted.map((status) => status === 401));
  }
  const child = await nobody().ask('POST', '/tokens', { name: 'child', role: 'clerk' }, whole);
  expect([child.statusCode, child.json().code]).toEqual([403, 'forbidden']);
  await admin.ask('DELETE', '/users/boss');
  expect(await answers()).toEqual([401, 401, 200]);
  await admin.ask('PUT', '/users/boss', { ...boss, password: PASSWORD });
  expect(await answers()).toEqual([401, 401, 200]);
  const [removed] = (
    await admin.get<{ items: { detail: object }[] }>('/audit?action=remove-user&q=boss')
  ).items;
  expect(removed?.detail).toEqual({ tokens: 2 });
});

it.each([
  ['nothing to see', '\u3000 '],
  ['a mark that turns what follows', 'Li\u202egnaW'],
  ['a NUL', 'Li\u0000'],
  ['two lines', 'Li\nWang'],
])('names of people and tokens hold no %s', async (_what, name) => {
  const person = { displayName: name, role: 'clerk', area: NORTH, password: PASSWORD };
  expect((await admin.ask('PUT', '/users/named', person)).statusCode).toBe(400);
  expect((await admin.ask('POST', '/tokens', { name, role: 'clerk' })).statusCode).toBe(400);
});

it('tokens that are over before they begin are not made', async () => {
  const over = { name: 'm', role: 'clerk', expiresAt: '2001-01-01T00:00:00Z' };
  expect(await code(admin.ask('POST', '/tokens', over))).toBe('bad-time');
});

it('the audit log is searched', async () => {
  type Row = { actor: string; action: string; target: string; detail: object };
  const found = async (query: string): Promise<Row[]> =>
    (await admin.get<{ items: Row[] }>(`/audit?${query}`)).items;
  const saved = await found('action=save-user&q=south&limit=50');
  expect(saved.map(({ target }) => target)).toContain('south');
  expect(saved.every(({ action }) => action === 'save-user')).toBe(true);
  expect(saved[0]?.detail).toMatchObject({ role: 'officer', area: SOUTH });
  expect((await found('outcome=refused&actor=south')).length).toBeGreaterThan(0);
  expect(await found('to=2001-01-01T00:00:00Z')).toEqual([]);
  expect(await code(admin.ask('GET', '/audit?from=2001-13-01T00:00:00Z'))).toMatch(
    /bad-time|invalid/,
  );
});
