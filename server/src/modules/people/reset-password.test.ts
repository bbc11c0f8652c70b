/** The command for who holds the machine and has no password: beside a running server, and where no administrator is left. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { openRelational } from '@village/store/relational';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import { relationalModules } from '../../relational-modules.ts';
import { Client, COUNTY, NORTH, PASSWORD, startCounty, type TestServer } from '../../testing.ts';
import { modules } from '../index.ts';
import type { Tools } from '../needs.ts';
import { resetPassword } from './reset-password.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
let test: TestServer;
beforeAll(async () => {
  test = await startCounty();
}, 60_000);
afterAll(() => test.close());

/** Runs it with these words behind its name, over a connection of its own beside the server's. */
async function reset(operands: readonly string[]): Promise<string> {
  const data = join(test.folder, 'data');
  const said: string[] = [];
  const tools: Tools = {
    config: loadConfig({ VILLAGE_DATA: data }, test.folder),
    timer: test.timer,
    say: (line) => said.push(line),
    withRelational: async (work) => {
      const store = await openRelational({
        modules: relationalModules(modules),
        clock: test.timer.now,
        file: join(data, 'relational.sqlite'),
      });
      try {
        return await work(store);
      } finally {
        await store.close();
      }
    },
    withReadings: () => expect.unreachable(),
    withStores: () => expect.unreachable(),
  };
  expect(await resetPassword.run(tools, operands)).toBe(true);
  return said.join('\n');
}

const refusal = (...operands: string[]): Promise<string> =>
  reset(operands).then(
    (said) => said,
    (error: Error) => error.message,
  );
const signIn = async (user: string, password: string): Promise<number> =>
  (await new Client(test.server, '').ask('POST', '/session', { user, password })).statusCode;
const toldPassword = (out: string, name: string): string =>
  new RegExp(`^${name} / (\\S+)$`, 'm').exec(out)?.[1] ?? '';

it('lets in an administrator of any name, whose account was locked, and ends what was signed in', async () => {
  const admin = await test.client('admin');
  const zhao = { displayName: '赵', role: 'admin', area: COUNTY, password: PASSWORD };
  expect((await admin.ask('PUT', '/users/zhao', zhao)).statusCode).toBe(200);
  const signedIn = await test.client('zhao');
  const { password: _, ...locked } = { ...zhao, locked: true };
  expect((await admin.ask('PUT', '/users/zhao', locked)).statusCode).toBe(200);
  const out = await reset(['zhao']);
  expect(await signIn('zhao', toldPassword(out, 'zhao'))).toBe(200);
  expect(await signIn('zhao', PASSWORD)).toBe(401);
  expect((await signedIn.ask('GET', '/devices')).statusCode).toBe(401);
  expect((await admin.ask('GET', '/devices')).statusCode).toBe(200);
  const { items } = await admin.get<{ items: object[] }>('/audit?action=reset-password');
  expect(items).toMatchObject([{ actor: 'console', target: 'zhao', outcome: 'done' }]);
}, 60_000);

it('refuses who is no administrator, and names those who are', async () => {
  for (const name of ['village', 'nobody-of-that-name']) {
    const told = await refusal(name);
    expect(told).toContain(`: ${name}`);
    expect(told).toMatch(/administrators: admin zhao$/m);
  }
  expect(await signIn('village', PASSWORD)).toBe(200);
  expect(await refusal('admin', 'zhao')).toContain('one account at a time');
}, 60_000);

it('makes no folder where there is no installation, as no command does', () => {
  for (const command of ['reset-password', 'jobs']) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, command], {
      env: { ...process.env, VILLAGE_DATA: join(test.folder, 'mistyped') },
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stderr], command).toEqual([1, expect.stringMatching(/没有数据.*VILLAGE_DATA/)]);
  }
  expect(readdirSync(test.folder)).not.toContain('mistyped');
}, 120_000);

it('an admin whom others took out does not come back with the next start', async () => {
  const out = await reset(['zhao']);
  const zhao = await test.client('zhao', toldPassword(out, 'zhao'));
  expect((await zhao.ask('DELETE', '/users/admin')).statusCode).toBe(204);
  test = await test.restart();
  expect(test.server).toMatchObject({ madePassword: null, hasAdmin: false });
  expect(await signIn('admin', PASSWORD)).toBe(401);
  // Without a name it says whose password can be given.
  expect(await refusal()).toMatch(/administrators: zhao$/m);
}, 60_000);

it('makes an administrator where none is left', async () => {
  const database = new DatabaseSync(join(test.folder, 'data', 'relational.sqlite'), {
    timeout: 5_000,
  });
  database.exec(`update account set role = 'officer', area = '${NORTH}' where name = 'zhao'`);
  database.close();
  // No account is made that nobody could sign in with, or take for another one.
  for (const name of ['', '赵', 'zhao\n', '../zhao', '--help', 'z'.repeat(65)])
    expect(await refusal(name)).toContain("an account's name is");
  expect(await refusal('Zhao')).toMatch(/in other letters: zhao$/);
  const out = await reset(['zhao']);
  const zhao = await test.client('zhao', toldPassword(out, 'zhao'));
  expect(await zhao.get('/session')).toMatchObject({
    user: { name: 'zhao', role: 'admin', area: { code: COUNTY } },
  });
}, 60_000);
