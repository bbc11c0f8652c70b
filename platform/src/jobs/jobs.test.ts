/** Jobs over a real store, on both engines, with two processes' worth of runners. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR, systemTimer, type Timer } from '@village/core';
import { registryModule } from '@village/registry';
import {
  coreModules,
  openRelational,
  type Relational,
  type RelationalOptions,
} from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Job, relationalModulesOf, type Tick } from '../module.ts';
import { type JobState, listJobs } from './job-table.ts';
import { Jobs } from './jobs.ts';
import { jobsModule } from './module.ts';
import { every } from './schedule.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-jobs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const title = { zh: '事', en: 'Work' };
let number = 0;

/** The machine's time, set by a test; waits are short whatever it says. */
class SetTimer implements Timer {
  shift = 0;
  readonly now = (): number => systemTimer.now() + this.shift;
  readonly elapsed = systemTimer.elapsed;
  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    systemTimer.sleep(Math.min(ms, 20), signal);
}

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let n = 0; n < 400; n++) {
    if (await holds()) return;
    await systemTimer.sleep(20);
  }
  throw new Error('waited in vain');
};

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
    const name = `jobs_${number++}`;
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return { url: server.url(name) };
  });
});

function suite(target: () => Promise<Target>): void {
  const stores: Relational[] = [];
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    for (const store of stores.splice(0)) await store.close();
  });

  const open = async (at: Target): Promise<Relational> => {
    const store = await openRelational({
      ...at,
      clock: systemTimer.now,
      modules: [registryModule, ...coreModules, ...relationalModulesOf([jobsModule])],
    });
    stores.push(store);
    return store;
  };

  const start = (
    relational: Relational,
    timer: Timer,
    jobs: readonly Job[],
    more: { ticks?: readonly Tick[]; leaseMs?: number } = {},
  ) => {
    const failures: string[] = [];
    const stopped = new AbortController();
    const runner = new Jobs({
      timer,
      relational,
      jobs,
      ...more,
      failed: (kind) => failures.push(kind),
    });
    const running = runner.run(stopped.signal);
    const stop = async (): Promise<void> => {
      stopped.abort();
      await running;
    };
    stops.push(stop);
    return { failures, stop };
  };

  const stateOf = async (store: Relational, kind: string): Promise<JobState | undefined> =>
    (await listJobs(store, { limit: 100 })).find((job) => job.kind === kind);

  it('runs a job when it is due and not before, and says when next', async () => {
    const store = await open(await target());
    const timer = new SetTimer();
    let runs = 0;
    start(store, timer, [
      {
        kind: 'count',
        title,
        schedule: every(HOUR),
        run: ({ progress }) => {
          runs++;
          progress(3, 4);
        },
      },
    ]);
    await until(async () => (await stateOf(store, 'count')) !== undefined);
    await systemTimer.sleep(100);
    expect(runs).toBe(0);
    expect(await stateOf(store, 'count')).toMatchObject({
      title,
      running: false,
      startedAt: null,
      endedAt: null,
      lastError: null,
    });
    timer.shift = HOUR + 1_000;
    await until(async () => (await stateOf(store, 'count'))?.endedAt !== null);
    expect(runs).toBe(1);
    const state = await stateOf(store, 'count');
    expect(state).toMatchObject({ running: false, failures: 0, progress: { done: 3, total: 4 } });
    expect(state?.nextAt).toBe((state?.endedAt ?? 0) + HOUR);
  });

  it('makes up for what was due while nothing ran', async () => {
    const at = await target();
    const timer = new SetTimer();
    let runs = 0;
    const job: Job = { kind: 'count', title, schedule: every(HOUR), run: () => void runs++ };
    const first = await open(at);
    const { stop } = start(first, timer, [job]);
    await until(async () => (await stateOf(first, 'count')) !== undefined);
    await stop();
    timer.shift = 5 * HOUR;
    start(await open(at), timer, [job]);
    await until(() => runs > 0);
    await systemTimer.sleep(100);
    expect(runs).toBe(1);
  });

  it('counts a failure, keeps its reason, and runs again', async () => {
    const store = await open(await target());
    const timer = new SetTimer();
    let fail = true;
    const { failures } = start(
      store,
      timer,
      [
        {
          kind: 'shaky',
          title,
          schedule: every(HOUR),
          run: () => {
            if (fail) throw new Error('the bridge is out');
          },
        },
      ],
      {
        ticks: [
          {
            kind: 'beat',
            everyMs: 5,
            run: () => {
              if (fail) throw new Error('missed');
            },
          },
        ],
      },
    );
    await until(async () => (await stateOf(store, 'shaky')) !== undefined);
    timer.shift = 2 * HOUR;
    await until(async () => (await stateOf(store, 'shaky'))?.failures === 1);
    expect(await stateOf(store, 'shaky')).toMatchObject({ lastError: 'the bridge is out' });
    expect(failures.filter((kind) => kind === 'shaky')).toHaveLength(1);
    expect(failures).toContain('beat');
    const lines: string[] = [];
    const tools = {
      timer,
      say: (line: string) => lines.push(line),
      withRelational: <T>(work: (relational: Relational) => Promise<T>) => work(store),
    };
    expect(await jobsModule.commands?.[0]?.run(tools, [])).toBe(true);
    expect(lines.join('\n')).toMatch(/^shaky +事 · Work\n.*next 20.*\n.*the bridge is out$/);
    fail = false;
    timer.shift = 4 * HOUR;
    await until(async () => (await stateOf(store, 'shaky'))?.lastError === null);
    expect((await stateOf(store, 'shaky'))?.failures).toBe(1);
  });

  it('runs one of a kind at a time over all processes', async () => {
    const at = await target();
    const timer = new SetTimer();
    let running = 0;
    let most = 0;
    let runs = 0;
    const job: Job = {
      kind: 'alone',
      title,
      schedule: every(1_000),
      run: async () => {
        most = Math.max(most, ++running);
        await systemTimer.sleep(60);
        running--;
        runs++;
        timer.shift += 1_000;
      },
    };
    for (let n = 0; n < 3; n++) start(await open(at), timer, [job]);
    timer.shift = 2_000;
    await until(() => runs >= 8);
    expect(most).toBe(1);
  });

  interface Lease {
    job: { kind: string; next_at: number; lease_owner: string | null; lease_until: number | null };
  }
  const lease = (store: Relational, values: Partial<Lease['job']>): Promise<unknown> =>
    store.for<Lease>('jobs').updateTable('job').set(values).where('kind', '=', 'long').execute();

  it('leaves a job to the process that holds it, and takes over when that has died', async () => {
    const at = await target();
    const timer = new SetTimer();
    let runs = 0;
    const job: Job = { kind: 'long', title, schedule: every(HOUR), run: () => void runs++ };
    const store = await open(at);
    start(store, timer, [job]);
    await until(async () => (await stateOf(store, 'long')) !== undefined);
    await lease(store, { next_at: 1, lease_owner: 'other', lease_until: 9_000_000_000_000 });
    await systemTimer.sleep(200);
    expect(runs).toBe(0);
    expect((await stateOf(store, 'long'))?.running).toBe(true);
    await lease(store, { lease_until: systemTimer.now() - 1 });
    await until(() => runs === 1);
  });

  it('tells a run whose job another process has taken, and keeps out of its row', async () => {
    const timer = new SetTimer();
    const seen: string[] = [];
    const store = await open(await target());
    const job: Job = {
      kind: 'long',
      title,
      schedule: every(HOUR),
      run: ({ signal }) =>
        new Promise<void>((resolve) => {
          seen.push('begins');
          signal.addEventListener('abort', () => {
            seen.push('is told');
            resolve();
          });
        }),
    };
    start(store, timer, [job], { leaseMs: 60_000 });
    await until(async () => (await stateOf(store, 'long')) !== undefined);
    timer.shift = 2 * HOUR;
    await until(() => seen.length === 1);
    await lease(store, { lease_owner: 'other', lease_until: 9_000_000_000_000 });
    await until(() => seen.length === 2);
    await systemTimer.sleep(100);
    expect(await stateOf(store, 'long')).toMatchObject({ running: true, endedAt: null });
  });

  it('takes over from one that died with a lease that a clock ahead of the truth gave', async () => {
    const timer = new SetTimer();
    let runs = 0;
    const job: Job = { kind: 'long', title, schedule: every(HOUR), run: () => void runs++ };
    const store = await open(await target());
    start(store, timer, [job], { leaseMs: 500 });
    await until(async () => (await stateOf(store, 'long')) !== undefined);
    await lease(store, { next_at: 1, lease_owner: 'other', lease_until: 9_000_000_000_000 });
    await until(() => runs === 1);
  });

  it('gives a run up when its lease has run out and the database does not answer', async () => {
    const timer = new SetTimer();
    const seen: string[] = [];
    const store = await open(await target());
    const job: Job = {
      kind: 'long',
      title,
      schedule: every(HOUR),
      run: ({ signal }) =>
        new Promise<void>((resolve) => {
          seen.push('begins');
          signal.addEventListener('abort', () => {
            seen.push('is told');
            resolve();
          });
        }),
    };
    start(store, timer, [job], { leaseMs: 400 });
    await until(async () => (await stateOf(store, 'long')) !== undefined);
    timer.shift = 2 * HOUR;
    await until(() => seen.length === 1);
    await store.close();
    await until(() => seen.length === 2);
  });

  it('leaves a job that a stop cut short due, with its lease given back', async () => {
    const at = await target();
    const timer = new SetTimer();
    let begun = 0;
    const job: Job = {
      kind: 'cut',
      title,
      schedule: every(HOUR),
      run: async ({ signal }) => {
        if (++begun === 1) await systemTimer.sleep(60_000, signal);
      },
    };
    const store = await open(at);
    const { stop, failures } = start(store, timer, [job]);
    await until(async () => (await stateOf(store, 'cut')) !== undefined);
    timer.shift = 2 * HOUR;
    await until(() => begun === 1);
    await stop();
    expect(failures).toEqual([]);
    expect(await stateOf(store, 'cut')).toMatchObject({ running: false, endedAt: null });
    start(await open(at), timer, [job]);
    await until(() => begun === 2);
  });

  it('does not wait for a time that a clock ahead of the truth planned', async () => {
    const store = await open(await target());
    const timer = new SetTimer();
    timer.shift = 1_000 * HOUR;
    let runs = 0;
    start(store, timer, [{ kind: 'count', title, schedule: every(HOUR), run: () => void runs++ }]);
    await until(async () => (await stateOf(store, 'count')) !== undefined);
    timer.shift = 0;
    await until(
      async () => ((await stateOf(store, 'count'))?.nextAt ?? 0) < timer.now() + 2 * HOUR,
    );
    timer.shift = HOUR + 1_000;
    await until(() => runs === 1);
  });
}
