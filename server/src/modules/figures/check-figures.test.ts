/** The command that proves stored figures: of a server that runs, through its database, and of one that does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, systemTimer } from '@village/core';
import { openRelational, type Relational } from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../config/config.ts';
import { openReadings } from '../../config/readings-store.ts';
import { relationalModules } from '../../relational-modules.ts';
import { AREAS, DEVICES, startTest, type TestServer, until } from '../../testing.ts';
import { modules } from '../index.ts';
import type { Tools } from '../needs.ts';

interface Tables {
  figure_day: { body: string; device: string; figure: string };
}

const command = modules
  .flatMap(({ commands = [] }) => commands)
  .find(({ name }) => name === 'check-figures');

describe('SQLite', () => suite(() => ({})));
describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop());
  suite(() => ({ relational: { url: server.url('postgres') } }));
});

function suite(more: () => Partial<Config>): void {
  const folder = mkdtempSync(join(tmpdir(), 'village-check-figures-'));
  let test: TestServer | undefined;
  afterEach(() => test?.server.stop());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const configOf = (): Config => ({
    ...loadConfig({ VILLAGE_DATA: join(folder, 'data') }, folder),
    ...more(),
  });

  /** As main makes them. */
  function toolsOf(lines: string[]): Tools {
    const config = configOf();
    const withRelational: Tools['withRelational'] = async (work) => {
      const relational = await openRelational({
        modules: relationalModules(modules),
        clock: systemTimer.now,
        ...(config.relational ?? { file: join(config.data, 'relational.sqlite') }),
      });
      try {
        return await work(relational);
      } finally {
        await relational.close();
      }
    };
    return {
      config,
      timer: systemTimer,
      say: (line) => lines.push(line),
      withRelational,
      withReadings: () => Promise.reject(new Error('not needed')),
      withStores: async (work) => {
        const tickMs = Number.POSITIVE_INFINITY;
        const store = await openReadings(config, systemTimer, { tickMs });
        try {
          return await withRelational((relational) => work({ store, relational }));
        } finally {
          await store.close();
        }
      },
    };
  }

  const check = async (): Promise<[boolean | undefined, string]> => {
    const lines: string[] = [];
    const right = await command?.run(toolsOf(lines), []);
    return [right, lines.join('\n')];
  };
  const spoil = (relational: Relational): Promise<unknown> =>
    relational
      .for<Tables>('figures')
      .updateTable('figure_day')
      .set({ body: '[[7,0,[[24,1,1,"x"]],[],{},null,[]]]' })
      .where('device', '=', 'south-air')
      .where('figure', '=', 'hours-above:air.o3')
      .execute();

  it('says whether what is stored is what computing it gives, whether a server runs or not', async () => {
    test = await startTest((config) => ({ ...config, ...more() }), folder);
    await test.server.importAreas(AREAS);
    await test.server.importDevices(DEVICES);
    const admin = await test.client('admin');
    const midnight = Math.floor((test.timer.now() + 8 * HOUR) / DAY - 3) * DAY - 8 * HOUR;
    const put = async (device: string, hour: number): Promise<void> => {
      const at = new Date(midnight + hour * HOUR).toISOString();
      const readings = [{ device, at, values: { o3: 230, no2: 300 } }];
      expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    };
    await put('south-air', 3);
    await put('north-air', 4);
    test.timer.haste = 20;
    test.timer.shift += 11_000;
    const db = test.server.relational.for<Tables>('figures');
    const stored = async (): Promise<number> =>
      (await db.selectFrom('figure_day').selectAll().execute()).length;
    // Four of each device, and of each of the five areas that they stand in.
    await until('the figures to be stored', async () => (await stored()) >= 28);

    const running = await check();
    expect(running[1]).toContain('a server runs');
    expect(running[1]).toContain('days of figures checked: 28, to be computed: 0, differing: 0');
    expect(running[0]).toBe(true);

    // What came last before the end is not marked, or not worked off: it is no difference.
    test.timer.haste = 1;
    await put('north-air', 5);
    await spoil(test.server.relational);
    await test.server.stop();
    const [right, said] = await check();
    expect(right).toBe(false);
    expect(said).not.toContain('a server runs');
    expect(said).toMatch(/hours-above:air.o3 south-air .*stored 7.*computed 1/);
    // Ozone and nitrogen dioxide of the northern device and of its three areas.
    expect(said).toContain('checked: 28, to be computed: 8, differing: 1');
  }, 60_000);
}
