import { HOUR, MINUTE, systemTimer } from '@village/core';
import { SESSION_IDLE_MS, SESSION_MAX_MS } from '@village/store/relational';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, NORTH, PASSWORD, startCounty, type TestServer } from '../../testing.ts';
import { LockOut } from './passwords.ts';

let test: TestServer;
let nobody: Client;
beforeAll(async () => {
  test = await startCounty();
  nobody = new Client(test.server, '');
}, 60_000);
afterAll(() => test.close());

const signIn = (user: string, password: string) =>
  nobody.ask('POST', '/session', { user, password });

describe('signing in', () => {
  it('gives a cookie that scripts and other sites can not use, and takes it back', async () => {
    const response = await signIn('admin', PASSWORD);
    expect(response.statusCode).toBe(200);
    expect(response.json().user).toMatchObject({ name: 'admin', role: 'admin' });
    expect(response.cookies[0]).toMatchObject({
      name: 'village_session',
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    });
    const client = await test.client('admin');
    expect((await client.ask('DELETE', '/session')).statusCode).toBe(204);
    expect((await client.ask('GET', '/session')).statusCode).toBe(401);
  });

  it('knows a name with the capitals, width and blanks that phones and input methods make', async () => {
    for (const name of ['Admin', 'ADMIN ', ' admin', 'ａｄｍｉｎ\u3000']) {
      const response = await signIn(name, PASSWORD);
      expect([name, response.statusCode]).toEqual([name, 200]);
      expect(response.json()).toMatchObject({ user: { name: 'admin' } });
    }
    for (const name of ['ad min', 'admin.', 'adm\u0131n'])
      expect([name, (await signIn(name, PASSWORD)).statusCode]).toEqual([name, 401]);
    const admin = await test.client('admin');
    const user = { displayName: 'x', role: 'clerk', area: NORTH, password: PASSWORD };
    const other = await admin.ask('PUT', '/users/Admin', user);
    expect([other.statusCode, other.json().code]).toEqual([409, 'already-exists']);
    // Wrong tries count for the account, however it is spelled.
    for (const name of ['south', 'South', 'SOUTH', 'south ', 'sOuth']) await signIn(name, 'wrong');
    expect((await signIn('south', PASSWORD)).statusCode).toBe(423);
    test.timer.shift += 10 * MINUTE;
  });

  it('asks everybody to sign in, and says nothing else', async () => {
    for (const url of ['/session', '/devices', '/devices/north-air', '/system', '/live'])
      expect((await nobody.ask('GET', url)).json()).toMatchObject({ code: 'not-signed-in' });
    const forged = new Client(test.server, `village_session=${'x'.repeat(43)}`);
    expect((await forged.ask('GET', '/session')).statusCode).toBe(401);
  });

  it('locks an account for ten minutes after five wrong passwords, and lets it in afterwards', async () => {
    for (let n = 0; n < 5; n++)
      expect((await signIn('south', 'wrong')).json()).toMatchObject({ code: 'wrong-credentials' });
    const locked = await signIn('south', PASSWORD);
    expect(locked.statusCode).toBe(423);
    const wait = Number(locked.headers['retry-after']);
    expect(wait).toBeGreaterThan(500);
    expect(wait).toBeLessThanOrEqual(600);
    expect((await signIn('north', PASSWORD)).statusCode).toBe(200);
    test.timer.set = HOUR;
    expect((await signIn('south', PASSWORD)).statusCode).toBe(423);
    test.timer.set = -HOUR;
    test.timer.shift += 10 * MINUTE;
    expect((await signIn('south', PASSWORD)).statusCode).toBe(200);
    test.timer.set = 0;
  });

  it('lets in all screens of an account at once, and of guesses at once no more than in turn', async () => {
    const codes = async (password: string): Promise<number[]> => {
      const all = Array.from({ length: 8 }, () => signIn('north', password));
      return (await Promise.all(all)).map(({ statusCode }) => statusCode).sort();
    };
    expect(await codes(PASSWORD)).toEqual(Array(8).fill(200));
    expect(await codes('wrong')).toEqual([401, 401, 401, 401, 401, 423, 423, 423]);
    test.timer.shift += 10 * MINUTE;
  });

  it('counts nothing where the check itself failed', async () => {
    const lockOut = new LockOut(systemTimer, { failuresPerAccount: 1, failuresPerAddress: 1 });
    for (const say of ['undone', 'right', 'undone', 'wrong'] as const) {
      const tried = await lockOut.begin('somebody', 'somewhere');
      if (typeof tried === 'number') throw new Error('it is locked');
      tried[say]();
      tried.right();
    }
    expect(await lockOut.begin('somebody', 'elsewhere')).toBeGreaterThan(0);
  });

  it('does not show which names exist', async () => {
    const unknown = await signIn('no-such-person', 'wrong');
    const known = await signIn('village', 'wrong');
    expect(unknown.json()).toEqual(known.json());
  });

  it('locks an address that tries many names', async () => {
    const last = Array.from({ length: 25 }, (_, n) => signIn(`guess-${n}`, 'wrong'));
    const codes = (await Promise.all(last)).map((one) => one.statusCode);
    expect(new Set(codes)).toEqual(new Set([401, 423]));
    expect((await signIn('admin', PASSWORD)).statusCode).toBe(423);
    test.timer.shift += 10 * MINUTE;
    expect((await signIn('admin', PASSWORD)).statusCode).toBe(200);
  });

  it('writes every try into the audit log', async () => {
    const admin = await test.client('admin');
    const { items } = await admin.get<{ items: { action: string; outcome: string }[] }>(
      '/audit?limit=1000',
    );
    const tries = items.filter((entry) => entry.action === 'sign-in');
    expect(tries.filter((entry) => entry.outcome === 'refused').length).toBeGreaterThanOrEqual(30);
    expect(tries.some((entry) => entry.outcome === 'done')).toBe(true);
  });
});

describe('sessions', () => {
  it('end when idle', async () => {
    const client = await test.client('north');
    test.timer.shift += SESSION_IDLE_MS - MINUTE;
    expect((await client.ask('GET', '/session')).statusCode).toBe(200);
    test.timer.shift += SESSION_IDLE_MS + MINUTE;
    expect((await client.ask('GET', '/session')).statusCode).toBe(401);
  });

  it('end after twelve hours, however busy', async () => {
    const client = await test.client('north');
    const step = 20 * MINUTE;
    for (let age = step; age < SESSION_MAX_MS; age += step) {
      test.timer.shift += step;
      expect((await client.ask('GET', '/session')).statusCode).toBe(200);
    }
    test.timer.shift += step;
    expect((await client.ask('GET', '/session')).statusCode).toBe(401);
  });

  it('of others end when the password changes; weak ones are refused', async () => {
    const mine = await test.client('village');
    const other = await test.client('village');
    const change = (old: string, password: string) =>
      mine.ask('PUT', '/session/password', { old, password });
    expect((await change(PASSWORD, 'short')).json()).toMatchObject({ code: 'weak-password' });
    expect((await change('wrong', 'Another-Horse-9')).statusCode).toBe(401);
    expect((await change(PASSWORD, 'Another-Horse-9')).statusCode).toBe(200);
    expect((await other.ask('GET', '/session')).statusCode).toBe(401);
    expect((await signIn('village', 'Another-Horse-9')).statusCode).toBe(200);
  });
});

describe('requests made elsewhere', () => {
  it('may not ride on a cookie', async () => {
    const client = await test.client('admin');
    const body = { name: 'x', role: 'clerk' };
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[])
      expect((await client.ask('POST', '/tokens', body, headers)).json()).toMatchObject({
        code: 'foreign-origin',
      });
    const own = {
      host: 'village.example:8080',
      origin: 'http://village.example:8080',
      'sec-fetch-site': 'same-origin',
    };
    expect((await client.ask('POST', '/tokens', body, own)).statusCode).toBe(201);
    const other = { host: 'village.example:443', origin: 'https://Village.example' };
    expect((await client.ask('POST', '/tokens', { ...body, name: 'y' }, other)).statusCode).toBe(
      201,
    );
    const proxied = { host: 'village.example', origin: 'https://village.example:8443' };
    const refused = (await client.ask('POST', '/tokens', body, proxied)).json();
    expect(refused).toMatchObject({
      code: 'foreign-origin',
      detail: expect.stringContaining('8443'),
    });
  });

  it('work with a token, within its role and until it is removed', async () => {
    const admin = await test.client('admin');
    const made = await admin.ask('POST', '/tokens', { name: 'machine', role: 'officer' });
    const { token, id } = made.json() as { token: string; id: string };
    const bearer = { authorization: `Bearer ${token}`, origin: 'https://machine.example' };
    const ask = (method: string, url: string, body?: object) =>
      nobody.ask(method, url, body, bearer);
    expect((await ask('GET', '/devices')).statusCode).toBe(200);
    expect((await ask('POST', '/readings', { readings: [] })).statusCode).toBe(202);
    expect((await ask('GET', '/tokens')).json()).toMatchObject({ code: 'forbidden' });
    expect((await admin.ask('DELETE', `/tokens/${id}`)).statusCode).toBe(204);
    expect((await ask('GET', '/devices')).statusCode).toBe(401);
    const { items } = await admin.get<{ items: object[] }>('/tokens');
    expect(JSON.stringify(items)).not.toContain(token);
  });
});
