/** Lists of statements where there are many: each page is right, and no more of the table is gone through than it needs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { seededRandom, systemTimer } from '@village/core';
import { registryModule } from '@village/registry';
import { coreModules, openRelational, type Relational } from '@village/store/relational';
import type { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listStatements, type StatementsQuery } from './lists.ts';
import { correctionTables, notNoted, STATEMENT_STATES } from './tables.ts';

const COUNTY = '330522000000';
const NORTH = '330522100000';
const VILLAGE = '330522100201';
const SOUTH = '330522101000';
const COUNT = 6_000;

const folder = mkdtempSync(join(tmpdir(), 'village-lists-'));
const file = join(folder, 'relational.sqlite');
let relational: Relational;

/** A statement as it was made up; every twentieth device stands in the village, the rest in the south. */
interface Made {
  readonly id: number;
  readonly device: string;
  readonly target: string | null;
  readonly by: string;
  readonly state: (typeof STATEMENT_STATES)[number];
}
const random = seededRandom('lists of statements');
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const devices = Array.from({ length: 200 }, (_, n) => `d${n}`);
const inVillage = (device: string): boolean => Number(device.slice(1)) % 20 === 0;
const made: Made[] = Array.from({ length: COUNT }, (_, n) => ({
  id: n + 1,
  device: pick(devices),
  target: random() < 0.1 ? pick(devices) : null,
  by: pick(['wang', 'li', 'script']),
  state: random() < 0.02 ? 'waiting' : pick(['active', 'undone', 'withdrawn'] as const),
}));

beforeAll(async () => {
  relational = await openRelational({
    ...{ file, clock: systemTimer.now },
    modules: [registryModule, ...coreModules, correctionTables],
  });
  await relational.close();
  const db = new DatabaseSync(file);
  db.exec('begin');
  const area = db.prepare(
    `insert into area (code, level, name_zh, name_en, parent, path, aliases) values (?, ?, '', '', ?, ?, '[]')`,
  );
  area.run(COUNTY, 'county', null, `${COUNTY}/`);
  for (const code of [NORTH, SOUTH]) area.run(code, 'township', COUNTY, `${COUNTY}/${code}/`);
  area.run(VILLAGE, 'village', NORTH, `${COUNTY}/${NORTH}/${VILLAGE}/`);
  const device = db.prepare(
    `insert into device (id, name, profile, area, address, options) values (?, '', '', ?, ?, '{}')`,
  );
  for (const id of devices) device.run(id, inVillage(id) ? VILLAGE : SOUTH, id);
  const statement = db.prepare(
    `insert into correction_statement (id, kind, device, from_at, to_at, target, reason, "by", at, second, state)
     values (?, 'invalid', ?, 0, 1, ?, '', ?, 0, 1, ?)`,
  );
  const step = db.prepare(
    `insert into correction_step (statement, step, "by", at, number, noted) values (?, ?, 'x', 0, ?, 1)`,
  );
  let number = 0;
  for (const { id, device: of, target, by, state } of made) {
    statement.run(id, of, target, by, state);
    if (state === 'active' || state === 'undone') step.run(id, 'activated', ++number);
    if (state === 'undone') step.run(id, 'undone', ++number);
    if (state === 'withdrawn') step.run(id, 'withdrawn', null);
  }
  db.exec('commit');
  db.close();
  relational = await openRelational({
    ...{ file, clock: systemTimer.now },
    modules: [registryModule, ...coreModules, correctionTables],
  });
});
afterAll(async () => {
  await relational.close();
  rmSync(folder, { recursive: true, force: true });
});

type Filter = Omit<StatementsQuery, 'limit' | 'before'>;
const filters: Filter[] = [COUNTY, NORTH, VILLAGE, SOUTH].flatMap((scope) => [
  { scope },
  ...(scope === COUNTY ? [NORTH, VILLAGE, SOUTH].map((area) => ({ scope, area })) : []),
  ...STATEMENT_STATES.map((state) => ({ scope, state })),
  { scope, by: 'li' },
  { scope, by: 'nobody' },
  { scope, by: 'wang', state: 'active' as const },
  { scope, device: 'd20' },
  { scope, device: 'd21' },
]);

const stands = (device: string, area: string): boolean =>
  area === COUNTY || (area === SOUTH ? !inVillage(device) : inVillage(device));

const expected = ({ scope, area = scope, device, by, state }: Filter): number[] =>
  made
    .filter((one) => stands(one.device, scope) && stands(one.device, area))
    .filter((one) => device === undefined || one.device === device || one.target === device)
    .filter((one) => (by === undefined || one.by === by) && (state ?? one.state) === one.state)
    .map(({ id }) => id)
    .reverse();

it.each(filters.map((filter) => [JSON.stringify(filter), filter] as const))(
  'pages of %s are what was said there, newest first',
  async (_, filter) => {
    const found: number[] = [];
    for (let pages = 0; pages < 3; pages++) {
      const before = found.at(-1);
      const more = before === undefined ? {} : { before };
      const page = await listStatements(relational, { ...filter, ...more, limit: 50 });
      expect(page.every(({ state }) => filter.state === undefined || state === filter.state)).toBe(
        true,
      );
      found.push(...page.map(({ id }) => id));
    }
    expect(found).toEqual(expected(filter).slice(0, 150));
  },
);

describe('how the database goes about it', () => {
  /** The statements that the work makes. */
  async function asked(work: (access: Relational) => Promise<unknown>): Promise<CompiledQuery[]> {
    const list: CompiledQuery[] = [];
    await work({
      ...relational,
      for: <Tables>(module: string) => {
        const db = relational.for<Tables>(module);
        return db.withPlugin({
          transformQuery: ({ node, queryId }) => {
            list.push(db.getExecutor().compileQuery(node, queryId));
            return node;
          },
          transformResult: ({ result }) => Promise.resolve(result),
        });
      },
    });
    return list;
  }

  /** The plan of the last statement that the work makes. */
  async function planOf(work: (access: Relational) => Promise<unknown>): Promise<string> {
    const { sql, parameters } = (await asked(work)).at(-1)!;
    const db = new DatabaseSync(file, { readOnly: true });
    const rows = db.prepare(`explain query plan ${sql}`).all(...(parameters as number[]));
    db.close();
    return rows.map(({ detail }) => String(detail)).join('\n');
  }

  it.each([
    ['a county', { scope: COUNTY }],
    ['a county from the middle on', { scope: COUNTY, before: 5_900 }],
    ['a large area', { scope: COUNTY, area: SOUTH }],
    ['those that wait', { scope: COUNTY, state: 'waiting' as const }],
    ['those of a person', { scope: COUNTY, by: 'nobody' }],
  ])('of %s it takes the newest in order, without sorting all', async (_, filter) => {
    const plan = await planOf((access) => listStatements(access, { ...filter, limit: 50 }));
    expect(plan).toMatch(/^(SCAN|SEARCH) s USING INDEX/);
    expect(plan).not.toContain('TEMP B-TREE');
  });

  it.each([{ area: VILLAGE }, { device: 'd20' }])(
    'of %j it looks at the statements of devices',
    async (filter) => {
      const asked = { scope: COUNTY, ...filter, limit: 50 };
      const plan = await planOf((access) => listStatements(access, asked));
      expect(plan).toContain('INDEX correction_statement_device');
      expect(plan).not.toMatch(/^SCAN s\b/m);
    },
  );

  it('what the journal may not have is found without going through all steps', async () => {
    expect(await planOf((access) => notNoted(access))).toContain('correction_step_not_noted');
  });

  it('and read a thousand at a time, however many there are', async () => {
    const steps = made.filter(({ state }) => state === 'active' || state === 'undone').length;
    await relational
      .for<{ correction_step: { noted: number; number: number | null } }>('corrections')
      .updateTable('correction_step')
      .set({ noted: 0 })
      .where('number', '<=', steps)
      .execute();
    let found: number[] = [];
    const statements = await asked(async (access) => {
      found = (await notNoted(access)).map(({ number }) => number);
    });
    expect(found).toEqual(Array.from({ length: steps }, (_, n) => n + 1));
    expect(statements).toHaveLength(Math.ceil((steps + 1) / 1_000));
  });
});
