/** Long lists on either engine: part by part in the database, in the order of an index. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryStore } from '@village/registry';
import { CompiledQuery, type Kysely, type KyselyPlugin, sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { auditLog } from './audit/audit.ts';
import type { AuditTables } from './audit/tables.ts';
import type { AuditEntry, AuditPlace, Relational, RelationalAccess } from './contract.ts';
import { openRelational } from './index.ts';
import { people } from './people/people.ts';
import type { PeopleTables } from './people/tables.ts';
import {
  AREAS,
  COUNTY,
  postgresFolder,
  startPostgres,
  type TestPostgres,
  testModules,
} from './testing.ts';

const TOWNSHIP = '330522100000';
/** More than one search looks at. */
const ENTRIES = 60_000;

/** How the database would answer what `ask` asks, a text for each statement; without leave to read a table whole or to sort where it need not. */
async function plansOf<Tables>(
  store: Relational,
  module: string,
  ask: (db: Kysely<Tables>) => Promise<unknown>,
): Promise<string[]> {
  return store.transaction(async (tx: RelationalAccess) => {
    const db = tx.for<Tables>(module);
    const asked: CompiledQuery[] = [];
    const listener: KyselyPlugin = {
      transformQuery: ({ node, queryId }) => {
        asked.push(db.getExecutor().compileQuery(node, queryId));
        return node;
      },
      transformResult: ({ result }) => Promise.resolve(result),
    };
    await ask(db.withPlugin(listener));
    const isSqlite = store.engine === 'sqlite';
    if (!isSqlite)
      for (const way of ['seqscan', 'bitmapscan', 'sort'])
        await sql`set local ${sql.ref(`enable_${way}`)} = off`.execute(db);
    const plans: string[] = [];
    for (const { sql: text, parameters } of asked) {
      const explain = `explain ${isSqlite ? 'query plan ' : ''}${text}`;
      const { rows } = await db.executeQuery(CompiledQuery.raw(explain, [...parameters]));
      plans.push(rows.map((row) => Object.values(row as object).join(' ')).join('\n'));
    }
    return plans;
  });
}

function listTests(open: (clock: () => number) => Promise<Relational>): void {
  let store: Relational;
  let now = 1_800_000_000_000;
  const fresh = async (): Promise<Relational> => {
    store = await open(() => now);
    await registryStore(store).importAreas(AREAS);
    return store;
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  afterEach(() => store?.close());

  const clock = () => 0;
  const entry: AuditEntry = {
    ...{ actor: 'li', address: '', action: 'sign-in', target: '' },
    ...{ outcome: 'done', detail: {} },
  };

  it('lists accounts by name, part by part, and finds them by either name', async () => {
    const store = await fresh();
    for (const [name, displayName, role] of [
      ['chen', '陈东', 'clerk'],
      ['Wang', '王芳', 'officer'],
      ['li_1', '李梅', 'clerk'],
      ['lia1', 'Mei', 'clerk'],
    ] as const)
      await store.people.addAccount({ name, displayName, role, area: TOWNSHIP }, 'hash');
    const names = async (...given: Parameters<Relational['people']['accounts']>) =>
      (await store.people.accounts(...given)).map(({ name }) => name);
    const all = await names(COUNTY);
    expect(all.toSorted()).toEqual(['Wang', 'chen', 'li_1', 'lia1']);
    const first = await names(COUNTY, { limit: 3 });
    expect([...first, ...(await names(COUNTY, { after: first.at(-1)!, limit: 3 }))]).toEqual(all);
    expect(await names(COUNTY, { text: 'WANG' })).toEqual(['Wang']);
    expect(await names(COUNTY, { text: '梅' })).toEqual(['li_1']);
    expect(await names(COUNTY, { text: 'i_' })).toEqual(['li_1']);
    expect(await names(COUNTY, { text: 'i', role: 'officer' })).toEqual([]);
    expect(await names('330522101000', { text: 'i' })).toEqual([]);
  });

  it('lists tokens newest first, part by part, and finds them by name, id and maker', async () => {
    const store = await fresh();
    const made: string[] = [];
    for (let n = 0; n < 7; n++) {
      const wanted = { role: 'clerk', area: TOWNSHIP, expiresAt: null } as const;
      const by = { name: `Token ${n}`, createdBy: n === 3 ? 'wang' : 'li' };
      made.unshift((await store.people.createToken({ ...wanted, ...by })).token.id);
      // Two are of the same moment.
      if (n !== 4) pass(1_000);
    }
    const seen: string[] = [];
    for (let after: { createdAt: number; id: string } | undefined; ; ) {
      const page = await store.people.tokens(
        COUNTY,
        after === undefined ? { limit: 2 } : { after, limit: 2 },
      );
      seen.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (page.length < 2) break;
    }
    expect(seen.toSorted()).toEqual(made.toSorted());
    expect([seen.slice(0, 1), seen.slice(3)]).toEqual([made.slice(0, 1), made.slice(3)]);
    const found = async (text: string) =>
      (await store.people.tokens(COUNTY, { text })).map(({ name }) => name);
    expect(await found('token 6')).toEqual(['Token 6']);
    expect(await found('WANG')).toEqual(['Token 3']);
    expect(await found(made[0]!.slice(0, 13))).toEqual(['Token 6']);
    expect(await found('%')).toEqual([]);
  });

  it('searches a long audit log some of it at a time, and finds what is old', async () => {
    const store = await fresh();
    const db = store.for<AuditTables>('audit');
    await sql`insert into audit (at, actor, address, action, target, outcome, detail)
      select i, case when i = 7 then 'old' else 'li' end, '', 'sign-in', '', 'done', '{}' from (
        with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(ENTRIES)}) select i from n
      ) as numbers`.execute(db);
    const looks: number[] = [];
    for (let before: AuditPlace | undefined; ; ) {
      const { entries, next } = await store.audit.search({ actor: 'old' }, { limit: 9, before });
      looks.push(...entries.map(({ at }) => at));
      if (next === null) break;
      expect(entries).toEqual([]);
      expect(next.at).toBe(ENTRIES - 50_000 + 1);
      before = next;
    }
    expect(looks).toEqual([7]);
    const { entries, next } = await store.audit.search({ from: 10, to: 20 }, { limit: 9 });
    expect(entries.map(({ at }) => at)).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11]);
    const rest = await store.audit.search({ from: 10, to: 20 }, { limit: 9, before: next! });
    expect([rest.entries.map(({ at }) => at), rest.next]).toEqual([[10], null]);
  });

  it('shows entries by their time, also where the clock was set back', async () => {
    const store = await fresh();
    for (const [step, target] of [
      [0, 'a'],
      [5_000, 'c'],
      [-4_000, 'b'],
      [9_000, 'd'],
    ] as const) {
      pass(step);
      await store.audit.append({ ...entry, target });
    }
    const first = await store.audit.search({}, { limit: 2 });
    const rest = await store.audit.search({}, { limit: 2, before: first.next! });
    const seen = [...first.entries, ...rest.entries].map(({ target }) => target);
    expect(seen).toEqual(['d', 'c', 'b', 'a']);
    const from = first.entries[1]!.at;
    const since = await store.audit.search({ from }, { limit: 9 });
    expect(since.entries.map(({ target }) => target)).toEqual(['d', 'c']);
  });

  it('reads of long lists what it shows: in the order of an index, from where a page begins', async () => {
    const store = await fresh();
    const within = { from: 1_000, to: 9_000 };
    const before = { at: 5_000, id: 9 };
    const audit = await plansOf<AuditTables>(store, 'audit', async (db) => {
      const log = auditLog(db, clock);
      await log.search({}, { limit: 100 });
      await log.search(within, { limit: 100, before });
      await log.search({ ...within, actor: 'li', text: 'x' }, { limit: 100, before });
    });
    expect(audit).toHaveLength(4);
    for (const plan of audit) {
      expect(plan).toContain('audit_at');
      // Entries of one millisecond are put in order; all others come in it.
      expect(plan).not.toMatch(/SCAN audit$|Seq Scan|TEMP B-TREE|(?<!Incremental )Sort {2}/m);
    }
    const after = { createdAt: 5_000, id: 'x' };
    const [tokens, accounts] = await plansOf<PeopleTables>(store, 'people', async (db) => {
      const list = people(db, clock, () => undefined);
      await list.tokens(COUNTY, { after, limit: 100 });
      await list.accounts(COUNTY, { after: 'li', limit: 100 });
    });
    expect(tokens).toContain('token_created');
    expect(accounts).toMatch(/account_pkey|sqlite_autoindex_account/);
    for (const plan of [tokens, accounts])
      expect(plan).not.toMatch(/SCAN (token|account)$|TEMP B-TREE FOR ORDER BY|Sort {2}/m);
  });
}

describe('long lists in SQLite', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-lists-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let number = 0;
  listTests((clock) =>
    openRelational({ modules: testModules, file: join(folder, `${number++}.sqlite`), clock }),
  );
});

describe.skipIf(postgresFolder() === undefined)(
  'long lists in PostgreSQL',
  { timeout: 60_000 },
  () => {
    let server: TestPostgres;
    let number = 0;
    beforeAll(async () => {
      server = await startPostgres(postgresFolder() as string);
    }, 60_000);
    afterAll(() => server.stop());
    listTests(async (clock) => {
      const name = `lists_${number++}`;
      const admin = new pg.Client({ connectionString: server.url('postgres') });
      await admin.connect();
      await admin.query(`create database ${name}`);
      await admin.end();
      return openRelational({ modules: testModules, url: server.url(name), clock });
    });
  },
);
