/** Connections to PostgreSQL that are cut, or fall silent and are never closed, as behind a firewall that has forgotten them. */
import { connect, createServer, type Socket } from 'node:net';
import { SECOND, systemTimer } from '@village/core';
import { registryModule, registryStore } from '@village/registry';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { coreModules, openRelational, type Relational } from '../index.ts';
import { area, COUNTY, postgresFolder, startPostgres, type TestPostgres } from '../testing.ts';

describe.skipIf(postgresFolder() === undefined)('connections to PostgreSQL', () => {
  let server: TestPostgres;
  let ends: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    ends = [];
  });
  afterAll(() => server.stop());

  /** A store that reaches the database over a line that a test may cut or make silent. */
  async function start(transactionMs?: number) {
    const lines: { sockets: readonly Socket[]; silent: boolean }[] = [];
    const port = Number(new URL(server.url('postgres')).port);
    const relay = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      const line = { sockets: [near, far], silent: false };
      lines.push(line);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (bytes) => line.silent || to.write(bytes));
        from.on('error', () => undefined);
        from.on('close', () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    ends.push(() => relay.close());
    const { port: own } = relay.address() as { port: number };
    const store = await openRelational({
      url: `postgres://village@127.0.0.1:${own}/postgres`,
      clock: systemTimer.now,
      modules: [registryModule, ...coreModules],
      ...(transactionMs === undefined ? {} : { transactionMs }),
    });
    ends.push(() => {
      for (const { sockets } of lines) for (const socket of sockets) socket.destroy();
      return store.close();
    });
    return { store, lines };
  }
  const read = (store: Relational) => store.people.tokens(COUNTY);
  const write = (store: Relational) => store.transaction((tx) => tx.people.tokens(COUNTY));

  it('that are cut between two statements of a transaction fail it, and nothing else', async () => {
    const { store, lines } = await start();
    const cut = store.transaction(async (tx) => {
      await tx.people.tokens(COUNTY);
      for (const { sockets } of lines) sockets[0]?.resetAndDestroy();
      await systemTimer.sleep(100);
      await tx.people.tokens(COUNTY);
    });
    await expect(cut).rejects.toMatchObject({ code: 'relational-unavailable', retry: true });
    expect(await write(store)).toEqual([]);
    expect(await read(store)).toEqual([]);
  });

  it(
    'that fell silent are left once one of them gave no answer, and others are opened',
    async () => {
      const { store, lines } = await start(400);
      await Promise.all(Array.from({ length: 6 }, () => read(store)));
      await write(store);
      const before = lines.length;
      for (const line of lines) line.silent = true;
      const fault = { code: 'relational-unavailable', retry: true };
      await expect(read(store)).rejects.toMatchObject(fault);
      for (let n = 0; n < 8; n++) {
        expect(await read(store)).toEqual([]);
        expect(await write(store)).toEqual([]);
      }
      expect(lines.length).toBeGreaterThan(before);
    },
    30 * SECOND,
  );

  it('of a database whose own isolation is stricter wait for each other as on any', async () => {
    const admin = new pg.Client(server.url('postgres'));
    await admin.connect();
    await admin.query('create database strict');
    await admin.query(`alter database strict set default_transaction_isolation = 'serializable'`);
    await admin.end();
    const open = () =>
      openRelational({
        url: server.url('strict'),
        clock: systemTimer.now,
        modules: [registryModule, ...coreModules],
      });
    const stores = [await open(), await open()];
    ends.push(() => Promise.all(stores.map((store) => store.close())));
    // All of them change the one row of the version.
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        registryStore(stores[n % 2] as Relational).importAreas([area(COUNTY, null)]),
      ),
    );
    const [one, other] = stores.map((store) => registryStore(store));
    expect(await one?.areas(COUNTY)).toHaveLength(1);
    expect(await one?.version()).toBe(await other?.version());
  });

  it(
    'that fall silent in a transaction keep the next one waiting no longer than it waits',
    async () => {
      const { store, lines } = await start(400);
      const hung = store.transaction(async (tx) => {
        for (const line of lines) line.silent = true;
        await tx.people.tokens(COUNTY);
      });
      const next = write(store);
      await expect(hung).rejects.toMatchObject({ retry: true });
      expect(await next).toEqual([]);
    },
    30 * SECOND,
  );
});
