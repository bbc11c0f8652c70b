/** Statements over a real database and journal that end between the steps: nothing is half there, and the journal learns of all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, seededRandom, systemTimer } from '@village/core';
import { registryModule } from '@village/registry';
import { coreModules, openRelational, type Relational } from '@village/store/relational';
import { openTimeSeries, type SystemEvent, type TimeSeriesStore } from '@village/store/time-series';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Author, Corrections } from './corrections.ts';
import { contradict, type Saying, StatementBook } from './statement.ts';
import { correctionTables } from './tables.ts';

let folder: string;
let store: TimeSeriesStore;
let relational: Relational;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'village-corrections-'));
  store = await openTimeSeries({
    folder: join(folder, 'series'),
    timer: systemTimer,
    tickMs: Number.POSITIVE_INFINITY,
  });
  relational = await openRelational({
    file: join(folder, 'relational.sqlite'),
    clock: systemTimer.now,
    modules: [registryModule, ...coreModules, correctionTables],
  });
});
afterEach(async () => {
  await store.close();
  await relational.close();
  rmSync(folder, { recursive: true, force: true });
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

it('asks for a second person when the clock has gone back behind what the device has said', async () => {
  let now = 0;
  const newestAt = Date.UTC(2026, 10, 1);
  const corrections = new Corrections({
    ...{ relational, store, clock: () => now, failed: () => undefined },
    facts: () => ({ metrics: new Map([['cod', 'water.cod']]), evidence: true, newestAt }),
  });
  await corrections.load();
  const said = { kind: 'invalid', device: 'a', metric: 'cod', value: null, target: null } as const;
  const ago = (days: number) => ({ from: newestAt - days * DAY, to: newestAt - (days - 1) * DAY });
  for (now of [0, newestAt, Date.UTC(2100, 0, 1)]) {
    expect(corrections.needsSecond({ ...said, ...ago(30) })).toBe(true);
    expect(corrections.needsSecond({ ...said, ...ago(6) })).toBe(now > newestAt);
  }
});

/** A process of its own over the same database and journal; `journal` may end it. */
async function started(journal: Pick<TimeSeriesStore, 'note' | 'commitNow'>): Promise<Corrections> {
  const corrections = new Corrections({
    relational,
    store: journal,
    clock: systemTimer.now,
    facts: () => ({
      metrics: new Map([['cod', 'water.cod instant value']]),
      evidence: false,
      newestAt: null,
    }),
    failed: () => undefined,
  });
  await corrections.load();
  return corrections;
}

async function inJournal(): Promise<SystemEvent[]> {
  store.note({ type: 'platform-tick', at: systemTimer.now() });
  await store.commitNow();
  const events: SystemEvent[] = [];
  const signal = AbortSignal.timeout(20_000);
  for await (const group of store.follow(
    'test',
    { journal: store.id, group: 0 },
    { lagMax: 1e9, signal },
  )) {
    events.push(...group.system.filter(({ type }) => type === 'correction'));
    if (group.id >= store.head) break;
  }
  return events;
}

it('whatever step they end at, what was answered holds, and the journal has every number', {
  timeout: 60_000,
}, async () => {
  const random = seededRandom('kills of statements');
  const said: (Saying & { id: number; undone: boolean })[] = [];
  let kills = 0;
  // The journal ends the process before or after it took the event.
  const killing = (chance: number): Pick<TimeSeriesStore, 'note' | 'commitNow'> => ({
    note: (event) => {
      if (random() < chance) throw new Error('killed before');
      store.note(event);
    },
    commitNow: async () => {
      await store.commitNow();
      if (random() < chance) throw new Error('killed after');
    },
  });
  for (; kills < 40; kills++) {
    const corrections = await started(killing(0.4));
    for (let n = 0; n < 4; n++) {
      const open = said.filter((one) => !one.undone);
      const one = open[Math.floor(random() * open.length)];
      if (one !== undefined && random() < 0.4) {
        await corrections.undo(one.id, null, author('b'));
        one.undone = true;
        await expect(corrections.undo(one.id, null, author('b'))).rejects.toMatchObject({
          code: 'already-undone',
        });
        continue;
      }
      const from = Math.floor(random() * 20);
      const saying: Saying = {
        kind: random() < 0.5 ? 'invalid' : 'accept',
        device: random() < 0.5 ? 'a' : 'b',
        metric: random() < 0.5 ? null : 'cod',
        from,
        to: from + 3,
        value: null,
        target: null,
      };
      const proposing = corrections.propose(saying, 'why', author('a'));
      if (open.some((other) => contradict(other, saying)))
        await expect(proposing).rejects.toMatchObject({ code: 'contradicts' });
      else said.push({ ...saying, id: (await proposing).id, undone: false });
    }
    const holds = said
      .filter(({ undone }) => !undone)
      .map(({ id }) => id)
      .sort((a, b) => a - b);
    for (const book of [corrections.book, (await started(killing(1))).book]) {
      const ids = ['a', 'b'].flatMap((device) => book.of(device).map(({ id }) => id));
      expect(ids.sort((a, b) => a - b)).toEqual(holds);
      expect(book.number).toBe(said.length + said.filter(({ undone }) => undone).length);
    }
  }
  const last = await started(store);
  const events = await inJournal();
  const numbers = new Set(events.map(({ detail }) => detail?.['number']));
  const all = last.book.number;
  expect([...numbers].sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: all }, (_, n) => n + 1),
  );
  console.info(`${kills} ends, ${said.length} statements, ${all} steps, ${events.length} events`);
  const one = said.at(-1)!;
  expect(events.find(({ detail }) => detail?.['number'] === 1)).toMatchObject({
    subject: said[0]!.device,
    detail: { spans: [{ device: said[0]!.device, from: said[0]!.from, to: said[0]!.to }] },
  });
  expect(new StatementBook([]).reach(one)).toEqual([
    { device: one.device, from: one.from, to: one.to },
  ]);
});

it('of many at once that contradict each other, one is taken', async () => {
  const corrections = await started(store);
  const saying: Saying = {
    kind: 'reassign',
    device: 'a',
    metric: 'cod',
    from: 0,
    to: 10,
    value: null,
    target: 'b',
  };
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      corrections.propose({ ...saying, target: `b${n}` }, 'why', author('a')),
    ),
  );
  const taken = results.filter(({ status }) => status === 'fulfilled');
  expect(taken).toHaveLength(1);
  expect(corrections.book.of('a')).toHaveLength(1);
});
