/** Threads that answer questions give way to the one that acknowledges readings. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Prints the name and the `nice` of each thread of a process that has begun as the server does and asked DuckDB something. */
const SCRIPT = `
  await import(${JSON.stringify(new URL('./threads.ts', import.meta.url).href)});
  const { DuckDBInstance } = await import(${JSON.stringify(import.meta.resolve('@duckdb/node-api'))});
  const { readdirSync, readFileSync } = await import('node:fs');
  const { openRelational } = await import(${JSON.stringify(import.meta.resolve('@village/store/relational'))});
  const relational = await openRelational({ file: process.env.FILE, clock: Date.now, modules: [] });
  // It has no tables, and has looked for them.
  await relational.people.account('nobody').catch(() => undefined);
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  await (await instance.connect()).run('SELECT 1');
  const threads = readdirSync('/proc/self/task').map((thread) => {
    const [, name, rest] = /\\((.*)\\) (.*)/.exec(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8'));
    return [name, Number(rest.split(' ')[16])];
  });
  console.log(JSON.stringify(threads));
  await relational.close();
`;

it.skipIf(process.platform !== 'linux')('are polite, and it is not', () => {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'village-threads-'));
  const { stdout, stderr } = spawnSync(process.execPath, ['--eval', SCRIPT], {
    encoding: 'utf8',
    env: { ...env, FILE: join(folder, 'relational.sqlite') },
  });
  rmSync(folder, { recursive: true });
  expect(stderr).toBe('');
  const threads = JSON.parse(stdout) as [string, number][];
  const niceOf = (wanted: string): number[] =>
    threads.filter(([name]) => name === wanted).map(([, nice]) => nice);
  // Twelve of the pool, and one that DuckDB has made beside.
  const polite = niceOf('libuv-worker');
  expect(polite.length).toBeGreaterThan(12);
  const [main] = niceOf('MainThread');
  expect(new Set(polite)).toEqual(new Set([Math.max(10, main!)]));
  // Nor are the two of the database: sign-ins wait for who reads, and all who write for who does.
  expect(new Set(niceOf('WorkerThread'))).toEqual(new Set([main!]));
  // As whoever began it.
  expect(main).toBe(getPriority());
});
