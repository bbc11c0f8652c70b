/** Readers of modules over a real journal, with their place in a real relational store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { registryModule } from '@village/registry';
import {
  coreModules,
  openRelational,
  type Relational,
  type RelationalModule,
} from '@village/store/relational';
import { keepState } from '@village/store/relational/testing';
import { openTimeSeries, type TimeSeriesStore } from '@village/store/time-series';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ModuleReader, runReaders } from './readers.ts';

interface Tables {
  seen: { subject: string };
  stand: { id: number; journal: string; place: number };
}

const tables: RelationalModule = {
  name: 'watch',
  migrations: {
    '0001': {
      up: async (db) => {
        await db.schema.createTable('seen').addColumn('subject', 'text').execute();
        await db.schema
          .createTable('stand')
          .addColumn('id', 'integer', (c) => c.primaryKey())
          .addColumn('journal', 'text')
          .addColumn('place', 'bigint')
          .execute();
      },
    },
  },
};

let folder: string;
let store: TimeSeriesStore;
let relational: Relational;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'village-readers-'));
  store = await openTimeSeries({
    folder: join(folder, 'series'),
    timer: systemTimer,
    tickMs: Number.POSITIVE_INFINITY,
  });
  relational = await openRelational({
    file: join(folder, 'relational.sqlite'),
    clock: systemTimer.now,
    modules: [registryModule, ...coreModules, tables],
  });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await store.close();
  await relational.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts down the subjects of ticks; the hook runs inside its transaction. */
function watcher(hook: (subject: string) => void = () => undefined): ModuleReader {
  return {
    name: 'watch',
    lagMax: 1e9,
    place: async () => {
      const row = await relational
        .for<Tables>('watch')
        .selectFrom('stand')
        .selectAll()
        .executeTakeFirst();
      return row === undefined ? null : { journal: row.journal, group: row.place };
    },
    take: (group, { journal, group: place }) =>
      relational.transaction(async (tx) => {
        const db = tx.for<Tables>('watch');
        for (const { type, subject = '' } of group.system)
          if (type === 'platform-tick') {
            await db.insertInto('seen').values({ subject }).execute();
            hook(subject);
          }
        await db
          .insertInto('stand')
          .values({ id: 1, journal, place })
          .onConflict((c) => c.column('id').doUpdateSet({ journal, place }))
          .execute();
      }),
    missed: () => Promise.reject(new Error('nothing is missed here')),
  };
}

const start = (reader: ModuleReader): { failures: string[]; stop: () => Promise<void> } => {
  const failures: string[] = [];
  const stopped = new AbortController();
  const running = runReaders(
    {
      store,
      timer: { ...systemTimer, sleep: (ms, signal) => systemTimer.sleep(ms / 50, signal) },
      failed: (kind) => failures.push(kind),
    },
    [reader],
    stopped.signal,
  );
  const stop = async (): Promise<void> => {
    stopped.abort();
    await running;
  };
  stops.push(stop);
  return { failures, stop };
};

const tick = async (subject: string): Promise<void> => {
  store.note({ type: 'platform-tick', at: systemTimer.now(), subject });
  await store.commitNow();
};
const seen = async (): Promise<string[]> =>
  (await relational.for<Tables>('watch').selectFrom('seen').selectAll().execute()).map(
    ({ subject }) => subject,
  );
const until = async (wanted: string[]): Promise<void> => {
  for (let n = 0; n < 300 && (await seen()).length < wanted.length; n++)
    await systemTimer.sleep(20);
  expect(await seen()).toEqual(wanted);
};

it('gives each group once and in order, over stops', async () => {
  await tick('a');
  const first = start(watcher());
  await tick('b');
  await until(['a', 'b']);
  await first.stop();
  await tick('c');
  start(watcher());
  await tick('d');
  await until(['a', 'b', 'c', 'd']);
});

it('counts a reader that throws, and gives it the same group again', async () => {
  let faults = 2;
  const { failures } = start(
    watcher((subject) => {
      if (subject === 'b' && faults-- > 0) throw new Error('not now');
    }),
  );
  for (const subject of ['a', 'b', 'c']) await tick(subject);
  await until(['a', 'b', 'c']);
  expect(failures).toEqual(['reader-watch', 'reader-watch']);
});

it('reads again from where a database stands that was brought back, earlier or later, though nothing comes', async () => {
  const { failures } = start(watcher());
  for (const subject of ['a', 'b']) await tick(subject);
  await until(['a', 'b']);
  const early = await keepState({ file: join(folder, 'relational.sqlite') });
  await tick('c');
  await until(['a', 'b', 'c']);
  const late = await keepState({ file: join(folder, 'relational.sqlite') });
  await early();
  await until(['a', 'b', 'c']);
  await late();
  await tick('d');
  await until(['a', 'b', 'c', 'd']);
  expect(failures).toContain('reader-watch');
});

it('refuses two readers of one name', async () => {
  const twice = [watcher(), watcher()];
  const options = { store, timer: systemTimer, failed: () => undefined };
  await expect(runReaders(options, twice, AbortSignal.abort())).rejects.toThrow(/BUG: two readers/);
});
