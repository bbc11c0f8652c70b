/** Threads that answer questions give way to the one that acknowledges readings. */
import { spawnSync } from 'node:child_process';
import { getPriority } from 'node:os';
import { expect, it } from 'vitest';

/** Prints the name and the `nice` of each thread of a process that has begun as the server does and asked DuckDB something. */
const SCRIPT = `
  await import(${JSON.stringify(new URL('./threads.ts', import.meta.url).href)});
  const { DuckDBInstance } = await import(${JSON.stringify(import.meta.resolve('@duckdb/node-api'))});
  const { readdirSync, readFileSync } = await import('node:fs');
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  await (await instance.connect()).run('SELECT 1');
  const threads = readdirSync('/proc/self/task').map((thread) => {
    const [, name, rest] = /\\((.*)\\) (.*)/.exec(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8'));
    return [name, Number(rest.split(' ')[16])];
  });
  console.log(JSON.stringify(threads));
`;

it.skipIf(process.platform !== 'linux')('are polite, and it is not', () => {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', SCRIPT],
    { encoding: 'utf8', env },
  );
  expect(stderr).toBe('');
  const threads = JSON.parse(stdout) as [string, number][];
  const niceOf = (wanted: string): number[] =>
    threads.filter(([name]) => name === wanted).map(([, nice]) => nice);
  // Twelve of the pool, and one that DuckDB has made beside.
  const polite = niceOf('libuv-worker');
  expect(polite.length).toBeGreaterThan(12);
  const [main] = niceOf('MainThread');
  expect(new Set(polite)).toEqual(new Set([Math.max(10, main!)]));
  // As whoever began it.
  expect(main).toBe(getPriority());
});
