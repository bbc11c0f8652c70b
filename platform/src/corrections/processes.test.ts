/** Statements of two processes over one database, on both engines: each knows what the other said, and no two contradict each other. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, systemTimer } from '@village/core';
import { registryModule } from '@village/registry';
import { coreModules, openRelational, type RelationalOptions } from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import type { SystemEvent } from '@village/store/time-series';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Author, Corrections } from './corrections.ts';
import { contradict, type Saying } from './statement.ts';
import { correctionTables } from './tables.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-processes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;

type Target = Pick<RelationalOptions, 'file' | 'url'>;

describe('SQLite', () =>
  suite(() => Promise.resolve({ file: join(folder, `${number++}.sqlite`) })));

describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop());
  suite(async () => {
    const name = `processes_${number++}`;
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return { url: server.url(name) };
  });
});

const author = (by: string): Author => ({
  by,
  audited: (action, target, detail) => ({
    actor: by,
    address: '',
    action,
    target,
    outcome: 'done',
    detail,
  }),
});

const saying = (more: Partial<Saying> = {}): Saying => ({
  kind: 'invalid',
  device: 'a',
  metric: 'cod',
  from: 0,
  to: 10,
  value: null,
  target: null,
  ...more,
});

function suite(target: () => Promise<Target>): void {
  const closes: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  /** A process: its own connections, and a journal that takes events while `takes` says so. */
  async function started(at: Target, takes = (): Promise<void> => Promise.resolve()) {
    const relational = await openRelational({
      ...at,
      clock: systemTimer.now,
      modules: [registryModule, ...coreModules, correctionTables],
    });
    closes.push(() => relational.close());
    const events: SystemEvent[] = [];
    const corrections = new Corrections({
      relational,
      store: { note: (event) => events.push(event), commitNow: takes },
      clock: systemTimer.now,
      facts: () => ({ metrics: new Map([['cod', 'water.cod instant value']]), evidence: false }),
      failed: () => undefined,
    });
    await corrections.load();
    return { corrections, events };
  }
  const ids = ({ book }: Corrections): number[] =>
    book
      .devices()
      .flatMap((device) => book.of(device).map(({ id }) => id))
      .sort((a, b) => a - b);

  it('each takes in what the other said and took back, and tells of whose devices', async () => {
    const at = await target();
    const [{ corrections: here }, { corrections: there }] = [await started(at), await started(at)];
    const told: string[][] = [];
    here.onChange((devices) => told.push([...devices].sort()));
    const one = await there.propose(saying(), 'why', author('li'));
    const moved = await there.propose(
      saying({ kind: 'reassign', device: 'b', target: 'c' }),
      'why',
      author('li'),
    );
    expect(ids(here)).toEqual([]);
    await here.follow();
    expect([ids(here), here.book.number, told]).toEqual([[one.id, moved.id], 2, [['a', 'b', 'c']]]);
    await here.undo(one.id, null, author('wu'));
    await there.undo(moved.id, null, author('wu'));
    await Promise.all([here.follow(), there.follow(), here.follow()]);
    expect([ids(here), ids(there)]).toEqual([[], []]);
    expect([here.book.number, there.book.number]).toEqual([4, 4]);
    expect(told.slice(1)).toEqual([['a'], ['b', 'c']]);
    await here.follow();
    expect(told).toHaveLength(3);
  });

  it('of what contradicts each other one is taken, whoever says it where at the same instant', {
    timeout: 60_000,
  }, async () => {
    const at = await target();
    const both = [await started(at), await started(at)];
    const random = seededRandom('two persons at once');
    const taken: Saying[] = [];
    let refused = 0;
    for (let round = 0; round < 15; round++) {
      const wanted = Array.from({ length: 8 }, (_, n) => {
        const from = round * 100 + Math.floor(random() * 10);
        const kind = (['invalid', 'accept', 'reassign'] as const)[Math.floor(random() * 3)]!;
        return saying({
          kind,
          from,
          to: from + 8,
          ...(kind === 'reassign' ? { target: `t${n}` } : {}),
        });
      });
      const results = await Promise.allSettled(
        wanted.map((one, n) => both[n % 2]!.corrections.propose(one, 'why', author('li'))),
      );
      results.forEach((result, n) => {
        if (result.status === 'fulfilled') taken.push(wanted[n]!);
        else {
          expect((result.reason as { code: string }).code).toBe('contradicts');
          refused++;
        }
      });
    }
    for (const [n, one] of taken.entries())
      for (const other of taken.slice(n + 1)) expect(contradict(one, other)).toBe(false);
    expect(taken.length).toBeGreaterThan(14);
    expect(refused).toBeGreaterThan(14);
    for (const { corrections } of both) {
      await corrections.follow();
      expect([corrections.book.size, corrections.book.number]).toEqual([
        taken.length,
        taken.length,
      ]);
    }
  });

  it('is undone once and approved once by any number at once', async () => {
    const at = await target();
    const both = [await started(at), await started(at)];
    const { id } = await both[0]!.corrections.propose(saying(), 'why', author('li'));
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        both[n % 2]!.corrections.undo(id, null, author(`u${n}`)),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = results.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(['already-undone']));
  });

  it('a journal that takes nothing holds up nobody, and gets all that was moved when it takes again', {
    timeout: 30_000,
  }, async () => {
    const at = await target();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { corrections, events } = await started(at, () => opened);
    const shift = await corrections.propose(
      saying({ kind: 'shift-clock', metric: null, value: 1_000 }),
      'why',
      author('li'),
    );
    const moved = await corrections.propose(
      saying({ kind: 'reassign', target: 'b' }),
      'why',
      author('li'),
    );
    await corrections.undo(shift.id, null, author('li'));
    await corrections.undo(moved.id, null, author('li'));
    expect(ids(corrections)).toEqual([]);
    open();
    await corrections.noteAll();
    const byNumber = new Map(events.map(({ detail }) => [detail?.['number'], detail?.['spans']]));
    expect([...byNumber.keys()]).toEqual([1, 2, 3, 4]);
    // When it was undone its readings were at b, a second later or not.
    expect(byNumber.get(4)).toEqual(
      expect.arrayContaining([
        { device: 'b', from: 0, to: 10 },
        { device: 'b', from: 1_000, to: 1_010 },
      ]),
    );
  });
}
