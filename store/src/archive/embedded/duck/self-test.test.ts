/** A DuckDB client whose bindings work otherwise is found out at the start, before anything is written. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { rowShape } from '../../../journal/group.ts';
import type { WorkerOptions } from './messages.ts';
import { difference, knownRows, METRICS, ROWS } from './self-test.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-self-test-'));
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the thread in a process of its own and returns what that said. */
function open(client?: string): string {
  const script = join(folder, 'start.ts');
  const options: WorkerOptions = {
    threads: 1,
    memoryLimitMb: 128,
    spillFolder: folder,
    spillLimitMb: 64,
  };
  writeFileSync(
    script,
    `import { Duck } from ${JSON.stringify(path('duck.ts'))};
    try {
      const duck = await Duck.start(${JSON.stringify(options)});
      await duck.close();
      console.log('open');
    } catch (error) {
      console.log(error.code, error.message);
    }`,
  );
  const preload = client === undefined ? [] : ['--import', path('other-client.child.ts')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...preload, script], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, VILLAGE_OTHER_CLIENT: client ?? '' },
  });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim();
}

it('opens with the client that is installed', () => {
  expect(open()).toBe('open');
}, 60_000);

it.each([
  ['renamed', 'copy_data_to_vector is not a function'],
  ['reversed', 'column 0 of row 0'],
])(
  'refuses in one line a client whose calls are %s',
  (client, reason) => {
    const said = open(client);
    expect(said.split('\n')).toHaveLength(1);
    expect(said).toMatch(/^query-engine-unfit /);
    expect(said).toContain(reason);
  },
  60_000,
);

it('tells each kind of difference', () => {
  const { stride, valuesAt } = rowShape(METRICS);
  const rows = knownRows();
  /** As a right client reads it back: whole numbers as texts, in the order of the table's columns. */
  const columns = (): (Float64Array | string[])[] => {
    const of = (column: number): number[] =>
      Array.from({ length: ROWS }, (_, row) => rows[row * stride + column] ?? Number.NaN);
    const [at, received, device] = [of(0), of(1), of(2)];
    const whole = [
      at,
      device.map((one) => Math.floor(one / 4)),
      received.map((one, row) => one - (at[row] ?? 0)),
      device.map((one) => one % 4),
      ...Array.from({ length: valuesAt - 3 }, (_, word) => of(3 + word)),
    ];
    return [
      ...whole.map((column) => column.map(String)),
      ...Array.from({ length: METRICS }, (_, n) => Float64Array.from(of(valuesAt + n))),
    ];
  };
  expect(difference({ rows: ROWS, columns: columns() })).toBeNull();
  expect(difference({ rows: 0, columns: [] })).toContain('0 rows');
  expect(difference({ rows: ROWS, columns: columns().slice(1) })).toContain('columns instead of');
  for (const [n] of columns().entries()) {
    const other = columns();
    other[n]![1] = n < valuesAt + 1 ? '1' : 1;
    expect(difference({ rows: ROWS, columns: other })).toContain(`column ${n} of row 1`);
  }
});
