/** What any engine of the relational store must do, and a PostgreSQL server of our own to try it on. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { type Area, bug, DAY, type Device, systemTimer } from '@village/core';
import { registryModule, registryStore } from '@village/registry';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  AUDIT_KEPT_MS,
  type AuditFilter,
  coreModules,
  type Relational,
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
} from './index.ts';

/** What the store's tables need: people and modules refer to areas. */
export const testModules = [registryModule, ...coreModules];

export const COUNTY = '330522000000';

export const area = (code: string, parent: string | null, more: Partial<Area> = {}): Area => ({
  code,
  level: parent === null ? 'county' : parent === COUNTY ? 'township' : 'village',
  name: { zh: `区${code}`, en: `Area ${code}` },
  parent,
  aliases: [],
  validFrom: null,
  validTo: null,
  ...more,
});

export const device = (id: string, at: string, more: Partial<Device> = {}): Device => ({
  id,
  name: `设备 ${id}`,
  profile: 'village/smart-bin',
  area: at,
  gateway: null,
  address: id,
  options: {},
  longitude: null,
  latitude: null,
  clock: 'keep',
  ...more,
});

/** Two townships, the first with two villages. */
export const AREAS = [
  area('330522100200', '330522100000'),
  area('330522100201', '330522100000'),
  area('330522100000', COUNTY),
  area('330522101000', COUNTY, { aliases: ['330522101'], validFrom: '2020-01-01' }),
  area(COUNTY, null),
];

/** Runs the contract against stores that `open` makes empty. */
export function contractSuite(open: (clock: () => number) => Promise<Relational>): void {
  let store: Relational;
  let now = 1_800_000_000_000;
  const fresh = async (): Promise<Relational> => {
    store = await open(() => now);
    await registryStore(store).importAreas(AREAS);
    return store;
  };
  afterEach(() => store?.close());
  peopleTests(fresh, (ms) => {
    now += ms;
  });
}

function peopleTests(fresh: () => Promise<Relational>, pass: (ms: number) => void): void {
  const li = { name: 'li', displayName: '李', role: 'clerk', area: '330522100200' } as const;
  const untouched = { lastSignInAt: null, lockedAt: null, passwordToChange: false };

  it('keeps accounts and shows them by scope', async () => {
    const store = await fresh();
    await store.people.addAccount(li, 'hash-1');
    expect(await store.people.changeAccount(li, { ...li, displayName: '李梅' })).toBe(true);
    expect(await store.people.account('li')).toEqual({
      ...li,
      ...untouched,
      displayName: '李梅',
      revision: 2,
      passwordHash: 'hash-1',
    });
    expect((await store.people.accounts('330522100000')).map((a) => a.name)).toEqual(['li']);
    expect(await store.people.accounts('330522101000')).toEqual([]);
    expect(await store.people.account('nobody')).toBeNull();
    expect(await store.people.removeAccount({ name: 'li', revision: 1 })).toBe(false);
    expect(await store.people.removeAccount({ name: 'li', revision: 2 })).toBe(true);
    expect(await store.people.removeAccount({ name: 'li', revision: 2 })).toBe(false);
  });

  it('neither takes over an account that was made meanwhile nor brings one back that was moved or removed', async () => {
    const store = await fresh();
    await store.people.addAccount(li, 'first');
    const other = { ...li, area: '330522101000', displayName: '王' } as const;
    const twice = store.transaction((tx) => tx.people.addAccount(other, 'second'));
    await expect(twice).rejects.toMatchObject({ code: 'already-exists' });
    const moved = { ...li, area: '330522101000' } as const;
    expect(await store.people.changeAccount(li, moved)).toBe(true);
    const other3 = { passwordHash: 'third' };
    expect(await store.people.changeAccount(li, { ...li, role: 'admin' }, other3)).toBe(false);
    expect(await store.people.account('li')).toEqual({
      ...moved,
      ...untouched,
      revision: 2,
      passwordHash: 'first',
    });
    await store.people.removeAccount({ name: 'li', revision: 2 });
    expect(await store.people.changeAccount(moved, moved, { locked: true })).toBe(false);
    expect(await store.people.account('li')).toBeNull();
  });

  it('locks an account, asks for another password and tells of the last sign-in', async () => {
    const store = await fresh();
    const { people } = store;
    await people.addAccount(li, 'first', { passwordToChange: true });
    expect(await people.account('li')).toMatchObject({ ...untouched, passwordToChange: true });
    const secret = await people.openSession('li', '');
    const signedIn = (await people.account('li'))?.lastSignInAt as number;
    expect(await people.session(secret)).toMatchObject({ lastSignInAt: signedIn });
    pass(1_000);
    expect(await people.changeAccount(li, li, { locked: true })).toBe(true);
    const lockedAt = (await people.account('li'))?.lockedAt as number;
    expect(lockedAt - signedIn).toBe(1_000);
    pass(1_000);
    await people.changeAccount(li, li, { locked: true });
    expect(await people.account('li')).toMatchObject({ lockedAt, revision: 3 });
    await people.changeAccount(li, li, { locked: false });
    expect(await people.changePassword('li', 'other', 'second')).toBe(false);
    expect(await people.changePassword('li', 'first', 'second')).toBe(true);
    expect(await people.account('li')).toEqual({
      ...li,
      revision: 4,
      lastSignInAt: signedIn,
      lockedAt: null,
      passwordToChange: false,
      passwordHash: 'second',
    });
  });

  it('holds administrators until the transaction is over', async () => {
    const store = await fresh();
    await store.people.addAccount(li, 'hash');
    await store.people.addAccount({ ...li, name: 'wang', role: 'admin' }, 'hash');
    const held = await store.transaction((tx) => tx.people.administrators());
    expect(held.map(({ name }) => name)).toEqual(['wang']);
    expect(await store.people.account('wang')).toMatchObject({ revision: 1 });
  });

  it('ends a session when idle, when old, when closed and with its account', async () => {
    const store = await fresh();
    await store.people.addAccount(li, 'hash');
    const idle = await store.people.openSession('li', '10.0.0.1');
    pass(SESSION_IDLE_MS - 1);
    expect(await store.people.session(idle)).toMatchObject({ name: 'li' });
    pass(SESSION_IDLE_MS);
    expect(await store.people.session(idle)).toBeNull();
    const old = await store.people.openSession('li', '10.0.0.1');
    const step = SESSION_IDLE_MS / 2;
    for (let age = step; age < SESSION_MAX_MS; age += step) {
      pass(step);
      expect(await store.people.session(old)).not.toBeNull();
    }
    pass(step);
    expect(await store.people.session(old)).toBeNull();
    expect(await store.people.clean()).toBe(2);
    const closed = await store.people.openSession('li', '10.0.0.1');
    const others = await store.people.openSession('li', '10.0.0.2');
    await store.people.closeSession(closed);
    expect(await store.people.session(closed)).toBeNull();
    expect(await store.people.session(others)).not.toBeNull();
    const account = (await store.people.account('li')) ?? bug('there is none');
    await store.people.changeAccount(account, account, { locked: true });
    expect(await store.people.session(others)).toBeNull();
    await store.people.removeAccount({ name: 'li', revision: account.revision + 1 });
    expect(await store.people.session(others)).toBeNull();
    expect(await store.people.session('')).toBeNull();
  });

  it('ends sessions from before the clock was set back like all others, counted from then on', async () => {
    const store = await fresh();
    await store.people.addAccount(li, 'hash');
    pass(365 * DAY);
    const used = await store.people.openSession('li', '10.0.0.1');
    const unused = await store.people.openSession('li', '10.0.0.1');
    pass(-365 * DAY);
    expect(await store.people.session(used)).not.toBeNull();
    expect(await store.people.clean()).toBe(0);
    pass(SESSION_IDLE_MS);
    expect(await store.people.session(used)).toBeNull();
    expect(await store.people.session(unused)).toBeNull();
    expect(await store.people.clean()).toBe(2);
  });

  it('knows a token by its secret until it expires or is removed by somebody in scope', async () => {
    const store = await fresh();
    const wanted = {
      name: 'weather',
      role: 'officer',
      area: '330522100000',
      createdBy: 'admin',
    } as const;
    const { token, secret } = await store.people.createToken({ ...wanted, expiresAt: null });
    expect(await store.people.token(secret, { peek: true })).toEqual(token);
    expect(await store.people.tokens(COUNTY)).toEqual([token]);
    expect(await store.people.token(secret)).toEqual(token);
    expect(await store.people.token(`${secret}x`)).toBeNull();
    const { createdAt } = token;
    expect(await store.people.tokens(COUNTY)).toEqual([{ ...token, lastUsedAt: createdAt }]);
    pass(59_000);
    await store.people.token(secret);
    expect(await store.people.tokens(COUNTY)).toEqual([{ ...token, lastUsedAt: createdAt }]);
    pass(1_000);
    await store.people.token(secret);
    expect(await store.people.tokens(COUNTY)).toEqual([
      { ...token, lastUsedAt: createdAt + 60_000 },
    ]);
    expect(await store.people.tokens('330522100200')).toEqual([]);
    expect(await store.people.removeToken('330522101000', token.id)).toBe(false);
    expect(await store.people.removeToken(COUNTY, token.id)).toBe(true);
    expect(await store.people.token(secret)).toBeNull();
    const brief = await store.people.createToken({
      ...wanted,
      expiresAt: token.createdAt + 70_000,
    });
    pass(10_000);
    expect(await store.people.token(brief.secret)).toBeNull();
    expect(await store.people.clean()).toBe(1);
  });

  it('lists the audit newest first', async () => {
    const store = await fresh();
    const entry = { actor: 'li', address: '10.0.0.1', action: 'sign-in', target: 'li' };
    for (let i = 0; i < 5; i++)
      await store.audit.append({ ...entry, outcome: 'done', detail: { number: i } });
    const first = await store.audit.list({ limit: 3 });
    expect(first.map((one) => one.detail['number'])).toEqual([4, 3, 2]);
    const rest = await store.audit.list({ limit: 9, before: first.at(-1)?.id as number });
    expect(rest.map((one) => one.detail['number'])).toEqual([1, 0]);
  });

  it('finds audit entries by who, what, outcome, time and text, page by page', async () => {
    const store = await fresh();
    const entry = { address: '10.0.0.1', action: 'sign-in', target: 'li', detail: {} };
    const times: number[] = [];
    for (let n = 0; n < 6; n++) {
      await store.audit.append({
        ...entry,
        actor: n % 2 === 0 ? 'li' : 'Wang',
        outcome: n === 4 ? 'refused' : 'done',
        detail: n === 3 ? { reason: '换电池 100%' } : {},
      });
      times.push((await store.audit.list({ limit: 1 }))[0]?.at ?? 0);
      pass(1_000);
    }
    const first = (await store.audit.list({ limit: 9 })).at(-1)?.id as number;
    const found = async (filter: AuditFilter): Promise<number[]> => {
      const page = await store.audit.search(filter, { limit: 9 });
      expect(page.next).toBeNull();
      return page.entries.map(({ id }) => id - first);
    };
    expect(await found({})).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await found({ actor: 'li' })).toEqual([4, 2, 0]);
    expect(await found({ actor: 'li', outcome: 'done' })).toEqual([2, 0]);
    expect(await found({ action: 'sign-out' })).toEqual([]);
    expect(await found({ text: '换电池' })).toEqual([3]);
    expect(await found({ text: '0%' })).toEqual([3]);
    expect(await found({ text: '_' })).toEqual([]);
    expect(await found({ text: 'wang' })).toEqual([5, 3, 1]);
    expect(await found({ from: times[2]!, to: times[4]! })).toEqual([3, 2]);
    expect(await found({ from: times[5]! + 1 })).toEqual([]);
    const page = await store.audit.search({ actor: 'li' }, { limit: 2 });
    expect(page.entries.map(({ id }) => id - first)).toEqual([4, 2]);
    const rest = await store.audit.search(
      { actor: 'li' },
      { limit: 2, before: page.next ?? undefined },
    );
    expect([rest.entries.map(({ id }) => id - first), rest.next]).toEqual([[0], null]);
  });

  it('lets old audit entries go, and none of the last six months whoever asks', async () => {
    const store = await fresh();
    const entry = {
      actor: 'li',
      address: '',
      action: 'sign-in',
      target: '',
      outcome: 'done',
    } as const;
    // The database judges by its own clock: these are old and young by the calendar.
    const made = async (ago: number, count: number): Promise<void> => {
      // Tells what the store's clock is now.
      await store.audit.append({ ...entry, detail: { probe: true } });
      const at = (await store.audit.list({ limit: 1 }))[0]?.at ?? 0;
      pass(systemTimer.now() - ago - at);
      for (let i = 0; i < count; i++) await store.audit.append({ ...entry, detail: { ago } });
    };
    await made(AUDIT_KEPT_MS + 2 * DAY, 1_200);
    const old = systemTimer.now() - AUDIT_KEPT_MS - DAY;
    await made(DAY, 3);
    // The second probe is as old as the rows before it.
    expect(await store.audit.trim(old)).toBe(1_201);
    expect(await store.audit.trim(old)).toBe(0);
    await expect(store.audit.trim(systemTimer.now())).rejects.toThrow();
    const left = (await store.audit.list({ limit: 99 })).map((one) => one.detail['ago']);
    expect(left.filter((ago) => ago === DAY)).toHaveLength(3);
    expect(left).not.toContain(AUDIT_KEPT_MS + 2 * DAY);
  });
}

export interface TestPostgres {
  url(database: string): string;
  stop(): Promise<void>;
}

const postgresUser = (): number | undefined => {
  const user = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
  return user.status === 0 ? Number(user.stdout) : undefined;
};

/** Where Debian's PostgreSQL binaries lie; undefined where they, their user or the right to become it are missing. */
export function postgresFolder(): string | undefined {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base) || process.getuid?.() !== 0) return undefined;
  const bin = join(base, readdirSync(base).sort().at(-1) ?? '', 'bin');
  return existsSync(join(bin, 'initdb')) && postgresUser() !== undefined ? bin : undefined;
}

/** Starts a PostgreSQL server in a folder of its own. */
export async function startPostgres(bin: string): Promise<TestPostgres> {
  const uid = postgresUser() as number;
  const folder = mkdtempSync(join(tmpdir(), 'village-postgres-'));
  chownSync(folder, uid, uid);
  const as = { uid, gid: uid, cwd: folder };
  const data = join(folder, 'data');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'village', '-N'],
    as,
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr.toString()}`);
  const port = await freePort();
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'],
    { ...as, stdio: 'ignore' },
  );
  const url = (database: string): string => `postgres://village@127.0.0.1:${port}/${database}`;
  await ready(join(bin, 'pg_isready'), port);
  return { url, stop: () => stopServer(server, folder) };
}

async function ready(program: string, port: number): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (spawnSync(program, ['-h', '127.0.0.1', '-p', String(port)]).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('PostgreSQL does not answer');
}

function stopServer(server: ChildProcess, folder: string): Promise<void> {
  return new Promise((resolve) => {
    server.once('exit', () => {
      rmSync(folder, { recursive: true, force: true });
      resolve();
    });
    server.kill('SIGINT');
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        resolve(typeof address === 'object' && address !== null ? address.port : 0),
      );
    });
  });
}

/** Copies a SQLite database into a file; whoever has either open goes on. */
async function copySqlite(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { timeout: 10_000 });
  try {
    await backup(source, to);
  } finally {
    source.close();
  }
}

let kept: string | undefined;
let copies = 0;
/** A new place for a copy, in a folder that goes with the process. */
function newCopy(): string {
  if (kept === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'village-kept-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    kept = folder;
  }
  return join(kept, String(copies++));
}

/**
 * Keeps what a database holds now, with its engine's own tools. What is returned brings that state back, under whoever has the
 * database open.
 */
export async function keepState({
  file,
  url,
}: {
  readonly file?: string;
  readonly url?: string;
}): Promise<() => Promise<void>> {
  const copy = newCopy();
  if (file !== undefined) {
    await copySqlite(file, copy);
    return () => copySqlite(copy, file);
  }
  const run = promisify(execFile);
  const bin = postgresFolder() as string;
  await run(join(bin, 'pg_dump'), ['-Fc', '-f', copy, url as string]);
  const how = ['--clean', '--if-exists', '--single-transaction', '-d', url as string];
  return async () => {
    await run(join(bin, 'pg_restore'), [...how, copy]);
  };
}

export type Target = { readonly file: string } | { readonly url: string };

/** Declares the suite once for SQLite and, where there is one, once for PostgreSQL; what it is given makes an empty database each time. */
export function onBothEngines(suite: (target: () => Promise<Target>) => void): void {
  let number = 0;
  describe('SQLite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-tables-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    suite(() => Promise.resolve({ file: join(folder, `${number++}.sqlite`) }));
  });
  describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
    let server: TestPostgres;
    beforeAll(async () => {
      server = await startPostgres(postgresFolder() as string);
    }, 60_000);
    afterAll(() => server.stop());
    suite(async () => {
      const admin = new pg.Client(server.url('postgres'));
      await admin.connect();
      const name = `village_${number++}`;
      await admin.query(`create database ${name}`);
      await admin.end();
      return { url: server.url(name) };
    });
  });
}
