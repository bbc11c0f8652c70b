/**
 * Statements of two processes over one database, on both engines: each knows what the other said, and no two contradict each other,
 * also when one says something while the other starts, and when the database is brought back to an earlier state.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationalError, seededRandom, systemTimer } from '@village/core';
import { registryModule } from '@village/registry';
import {
  coreModules,
  openRelational,
  type Relational,
  type RelationalOptions,
} from '@village/store/relational';
import {
  keepState,
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

/** The same tables, of which `then` is told after each statement that was read there. */
const watched = (relational: Relational, then: () => Promise<void>): Relational => {
  const forModule: Relational['for'] = <Tables>(module: string) =>
    relational.for<Tables>(module).withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        await then();
        return result;
      },
    });
  return { ...relational, for: forModule };
};

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
  async function started(
    at: Target,
    takes = (): Promise<void> => Promise.resolve(),
    seen = (relational: Relational): Relational => relational,
  ) {
    const opened = await openRelational({
      ...at,
      clock: systemTimer.now,
      modules: [registryModule, ...coreModules, correctionTables],
    });
    closes.push(() => opened.close());
    const relational = seen(opened);
    const events: SystemEvent[] = [];
    const corrections = new Corrections({
      relational,
      store: { note: (event) => events.push(event), commitNow: takes },
      clock: systemTimer.now,
      facts: () => ({
        metrics: new Map([['cod', 'water.cod instant value']]),
        evidence: false,
        newestAt: null,
      }),
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

  it('what was kept though the answer of the database was lost holds, and the journal is told soon', async () => {
    const at = await target();
    let lost = false;
    const { corrections, events } = await started(at, undefined, (relational) => {
      const transaction: Relational['transaction'] = async (...work) => {
        const result = await relational.transaction(...work);
        if (lost) throw new OperationalError('relational-unavailable', 'cut', { retry: true });
        return result;
      };
      return Object.create(relational, { transaction: { value: transaction } }) as Relational;
    });
    const { corrections: other, events: ofOther } = await started(at);
    lost = true;
    const said = corrections.propose(saying(), 'why', author('li'));
    await expect(said).rejects.toMatchObject({ retry: true });
    await expect(corrections.propose(saying(), 'why', author('li'))).rejects.toMatchObject({
      code: 'contradicts',
    });
    lost = false;
    await corrections.keepUp();
    expect(ids(corrections)).toEqual([1]);
    await corrections.keepUp();
    expect(events).toMatchObject([{ type: 'correction', detail: { number: 1 } }]);
    // What has been told nobody tells again.
    for (let n = 0; n < 3; n++) await Promise.all([corrections.keepUp(), other.keepUp()]);
    expect([events.length, ofOther.length]).toEqual([1, 0]);
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

  it.each([1, 2, 3])('knows what another says while it starts, after question %i', async (at) => {
    const where = await target();
    const { corrections: there } = await started(where);
    const first = await there.propose(saying(), 'why', author('li'));
    let asked = 0;
    let meanwhile: number[] = [];
    const say = async (): Promise<void> => {
      if (++asked !== at) return;
      const { id } = await there.propose(saying({ from: 10, to: 20 }), 'why', author('li'));
      await there.undo(first.id, null, author('wu'));
      meanwhile = [id];
    };
    const { corrections: here } = await started(where, undefined, (all) => watched(all, say));
    await here.follow();
    await here.follow();
    expect([ids(here), here.book.number]).toEqual([meanwhile, there.book.number]);
    expect(asked).toBeGreaterThanOrEqual(at);
  });

  describe('a database that is brought back to an earlier state', () => {
    /** What another process says then, under the ids and numbers of what is lost. */
    const others = [
      saying({ device: 'd' }),
      saying({ device: 'e', kind: 'reassign', target: 'f' }),
    ];

    it.each([
      ['with nothing said since', []],
      ['with as much said since as was lost', others.slice(0, 1)],
      ['with more said since than was lost', others],
    ])('holds what is there, %s, and tells of whose devices', async (_name, since) => {
      const at = await target();
      const { corrections: here, events } = await started(at);
      const kept = await here.propose(saying(), 'why', author('li'));
      const bringBack = await keepState(at);
      await here.propose(
        saying({ device: 'b', kind: 'reassign', target: 'c', from: 5, to: 9 }),
        'why',
        author('li'),
      );
      const told: string[][] = [];
      here.onChange((devices) => told.push([...devices].sort()));
      const noted = events.length;
      await bringBack();
      const { corrections: there } = await started(at);
      const said: number[] = [];
      for (const one of since) said.push((await there.propose(one, 'why', author('wu'))).id);
      await here.follow();
      expect(ids(here)).toEqual([kept.id, ...said]);
      expect(here.book.number).toBe(there.book.number);
      for (const device of ['a', 'b', 'd', 'e'])
        expect(here.book.of(device)).toEqual(there.book.of(device));
      const concerned = since.flatMap(({ device, target: other }) => [device, other ?? device]);
      expect(new Set(told.flat())).toEqual(new Set(['b', 'c', ...concerned]));
      // What it was to others ends: the journal's readers are told where.
      const spans = events.slice(noted).flatMap(({ detail }) => detail?.['spans']);
      expect(spans).toEqual(
        expect.arrayContaining([
          { device: 'b', from: 5, to: 9 },
          { device: 'c', from: 5, to: 9 },
        ]),
      );
    });

    it('holds again what was lost once it is brought forward', async () => {
      const at = await target();
      const { corrections: here } = await started(at);
      const early = await keepState(at);
      const { id } = await here.propose(saying(), 'why', author('li'));
      const late = await keepState(at);
      await early();
      await here.follow();
      expect(ids(here)).toEqual([]);
      await late();
      await here.follow();
      expect(ids(here)).toEqual([id]);
    });
  });
}
