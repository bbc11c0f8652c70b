/**
 * Loaded into every thread of a server that is to be killed at a certain step: while the file that `VILLAGE_KILL_AT` names is there,
 * it counts what SQLite, PostgreSQL and InfluxDB are asked to change, and kills the process before the change whose number stands in
 * the file. A word behind the number is what the first of the counted changes speaks of.
 */
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync, StatementSync } from 'node:sqlite';
import pg from 'pg';

const file = process.env['VILLAGE_KILL_AT'];
const CHANGE = /^\s*(begin|commit|insert|update|delete|start transaction|write to )/i;

function step(sql: string): void {
  if (file === undefined || !CHANGE.test(sql)) return;
  let told: string;
  try {
    told = readFileSync(file, 'utf8');
  } catch {
    // It is not there: nobody is to be killed.
    return;
  }
  const [number, word = ''] = told.split(' ');
  // The threads count together: as many as this file has bytes.
  if (!existsSync(`${file}.count`) && !sql.includes(word)) return;
  appendFileSync(`${file}.count`, '.');
  if (statSync(`${file}.count`).size < Number(number)) return;
  appendFileSync(`${file}.killed`, sql);
  process.kill(process.pid, 'SIGKILL');
  // The signal takes its time, in which nothing is to be changed.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

for (const name of ['run', 'all', 'get', 'iterate'] as const) {
  const asked = StatementSync.prototype[name] as (...values: unknown[]) => unknown;
  Object.defineProperty(StatementSync.prototype, name, {
    value: function (this: StatementSync, ...values: unknown[]): unknown {
      step(this.sourceSQL);
      return asked.apply(this, values);
    },
  });
}

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
  step(sql);
  exec.call(this, sql);
};

const query = pg.Client.prototype.query as (...asked: unknown[]) => unknown;
pg.Client.prototype.query = function (this: pg.Client, ...asked: unknown[]): unknown {
  const [first] = asked;
  step(typeof first === 'string' ? first : ((first as { text?: string }).text ?? ''));
  return query.apply(this, asked);
} as typeof pg.Client.prototype.query;

const request = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (url.pathname.endsWith('/write')) step(`write to ${url.host}`);
  return request(input, init);
};
