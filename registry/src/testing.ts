/** Empty databases on both engines, for the tests of the registry. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';

export type Target = { file: string } | { url: string };

/** Declares the suite once for SQLite and, where there is one, once for PostgreSQL. */
export function onBothEngines(suite: (target: () => Promise<Target>) => void): void {
  let number = 0;
  describe('SQLite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'village-registry-'));
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
