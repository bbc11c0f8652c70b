import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemTimer } from '@village/core';
import { registryStore } from '@village/registry';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelational } from './index.ts';
import {
  contractSuite,
  postgresFolder,
  startPostgres,
  type TestPostgres,
  testModules,
} from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-relational-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const entry = { actor: 'a', address: '', action: 'sign-in', target: '', detail: {} };

describe('SQLite', () => {
  let number = 0;
  contractSuite((clock) =>
    openRelational({ modules: testModules, file: join(folder, `${number++}.sqlite`), clock }),
  );

  it('opens again with what was written, without running migrations twice', async () => {
    const file = join(folder, 'again.sqlite');
    const at = systemTimer.now();
    const first = await openRelational({ modules: testModules, file, clock: () => at });
    await first.audit.append({ ...entry, outcome: 'done' });
    await first.close();
    const second = await openRelational({ modules: testModules, file, clock: () => at + 1 });
    expect(await second.audit.list({ limit: 5 })).toMatchObject([{ at, action: 'sign-in' }]);
    await second.close();
    const raw = new DatabaseSync(file);
    expect(() => raw.exec('delete from audit')).toThrow(/append-only/);
    expect(() => raw.exec(`update audit set actor = 'b'`)).toThrow(/append-only/);
    raw.close();
  });

  it('is copied into a file that opens as a store of its own', async () => {
    const store = await openRelational({
      modules: testModules,
      file: join(folder, 'first.sqlite'),
      clock: () => 1,
    });
    await store.audit.append({ ...entry, outcome: 'done' });
    const copy = join(folder, 'copy.sqlite');
    expect(await store.backup(copy)).toBe(true);
    await store.close();
    const restored = await openRelational({ modules: testModules, file: copy, clock: () => 2 });
    expect(await restored.audit.list({ limit: 5 })).toHaveLength(1);
    await restored.close();
  });

  it('is copied without what a transaction has changed and not committed, however it ends', async () => {
    const store = await openRelational({
      modules: testModules,
      file: join(folder, 'under-way.sqlite'),
      clock: () => 1,
    });
    const inCopy = async (name: string): Promise<string[]> => {
      const copy = join(folder, name);
      await store.backup(copy);
      const raw = new DatabaseSync(copy);
      try {
        return raw
          .prepare('select target from audit order by id')
          .all()
          .map((row) => String(row['target']));
      } finally {
        raw.close();
      }
    };
    await store.audit.append({ ...entry, target: 'before', outcome: 'done' });
    const undone = store.transaction(async (tx) => {
      await tx.audit.append({ ...entry, target: 'half', outcome: 'done' });
      expect(await inCopy('half-1.sqlite')).toEqual(['before']);
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await store.transaction(async (tx) => {
      await tx.audit.append({ ...entry, target: 'one', outcome: 'done' });
      expect(await inCopy('half-2.sqlite')).toEqual(['before']);
      await tx.audit.append({ ...entry, target: 'two', outcome: 'done' });
    });
    expect(await inCopy('whole.sqlite')).toEqual(['before', 'one', 'two']);
    await store.close();
  });

  it('is copied while somebody writes all the time, and holds up neither reading nor writing', async () => {
    const file = join(folder, 'busy.sqlite');
    const store = await openRelational({ modules: testModules, file, clock: () => 1 });
    // Some thousand pages, so that others come between any two of them.
    const long = 'x'.repeat(20_000);
    for (let n = 0; n < 30; n++)
      await store.transaction(async (tx) => {
        for (let i = 0; i < 20; i++)
          await tx.audit.append({ ...entry, target: long, outcome: 'done' });
      });
    const other = await openRelational({ modules: testModules, file, clock: () => 1 });
    let [copied, wrote, read] = [false, 0, 0];
    const writing = (async () => {
      for (; !copied; wrote++)
        await other.transaction(async (tx) => {
          await tx.audit.append({ ...entry, target: 'a', outcome: 'done' });
          await tx.audit.append({ ...entry, target: 'b', outcome: 'done' });
        });
    })();
    const reading = (async () => {
      for (; !copied; read++) await store.audit.list({ limit: 1 });
    })();
    const copy = join(folder, 'busy-copy.sqlite');
    await store.backup(copy).finally(() => {
      copied = true;
    });
    await Promise.all([writing, reading]);
    const raw = new DatabaseSync(copy);
    const count = (target: string): unknown =>
      raw.prepare('select count(*) as n from audit where target = ?').get(target)?.['n'];
    expect(count('a')).toEqual(count('b'));
    expect(count(long)).toBe(600);
    raw.close();
    expect([wrote > 0, read > 0]).toEqual([true, true]);
    await Promise.all([store.close(), other.close()]);
  });

  it('says so when the file is no database, and when it is closed', async () => {
    await expect(
      openRelational({ modules: testModules, file: folder, clock: () => 1 }),
    ).rejects.toMatchObject({
      code: 'relational-unavailable',
      retry: true,
    });
    const store = await openRelational({
      modules: testModules,
      file: join(folder, 'closed.sqlite'),
      clock: () => 1,
    });
    await store.close();
    await expect(registryStore(store).roots()).rejects.toMatchObject({
      code: 'relational-unavailable',
    });
  });
});

describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  let number = 0;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop());

  const database = async (): Promise<string> => {
    const admin = new pg.Client(server.url('postgres'));
    await admin.connect();
    const name = `village_${number++}`;
    await admin.query(`create database ${name}`);
    await admin.end();
    return server.url(name);
  };

  contractSuite(async (clock) =>
    openRelational({ modules: testModules, url: await database(), clock }),
  );

  it('keeps the audit log append-only', async () => {
    const url = await database();
    const store = await openRelational({ modules: testModules, url, clock: systemTimer.now });
    await store.audit.append({ ...entry, outcome: 'refused' });
    await store.close();
    const raw = new pg.Client(url);
    await raw.connect();
    for (const text of ['delete from audit', `update audit set actor = 'b'`, 'truncate audit'])
      await expect(raw.query(text)).rejects.toThrow(/append-only/);
    await raw.end();
  });

  it('says so when nobody answers', async () => {
    await expect(
      openRelational({
        modules: testModules,
        url: 'postgres://village@127.0.0.1:1/none',
        clock: () => 1,
      }),
    ).rejects.toMatchObject({ code: 'relational-unavailable', retry: true });
  });
});
