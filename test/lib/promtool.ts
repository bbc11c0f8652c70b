/**
 * An oracle for rules: Prometheus itself (Debian's promtool) says in which of thousands of cases an alert fires at other times
 * than somebody thinks. All cases go through one run: `promtool test rules` evaluates the alerts, a rule behind each of them records
 * where it does not fire as it should, and one query for these records, whose expected answer is nothing, fails by naming the cases.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface PromCase {
  readonly id: string;
  /** One value for each interval, the first at 0; all of them finite. */
  readonly series: readonly number[];
  readonly condition: {
    readonly operator: '>' | '>=' | '<' | '<=';
    readonly value: number;
  };
  /** Whole milliseconds; 0 for none. */
  readonly forMs: number;
  readonly keepMs: number;
  /** When it fires by whoever is to be proven: from ≤ t < to, ms since the first value. Only times of values are looked at. */
  readonly firing: readonly (readonly [from: number, to: number])[];
}

export interface PromOptions {
  /** Between two values, which is also how often alerts are evaluated; five minutes at most, as Prometheus forgets what is older. */
  readonly intervalMs?: number;
  /** How long promtool may take. */
  readonly timeoutMs?: number;
}

const MINUTE_MS = 60_000;
/** So long Prometheus takes the last value of a series. */
const LOOK_BACK_MS = 5 * MINUTE_MS;
/** Every case may differ, each with its line. */
const OUTPUT_MAX = 64 * 1024 * 1024;
/** Samples that a query of promtool's tests may look at, and how it says that there are more. */
const SAMPLES_MAX = 10_000;
const TOO_MANY = 'query processing would load too many samples';

/** Cases with one rule: each of them is an alert of its own. */
interface Batch {
  readonly operator: string;
  readonly forMs: number;
  readonly keepMs: number;
  /** Numbers of the cases. */
  readonly cases: number[];
}

/** So few cases with one rule that it, and all its differences, can be asked for at once. */
function batchesOf(cases: readonly PromCase[], longest: number): Batch[] {
  // The rule behind an alert looks at four samples of each case.
  const most = Math.max(1, Math.floor(SAMPLES_MAX / Math.max(5, longest + 1)));
  const open = new Map<string, Batch>();
  const all: Batch[] = [];
  cases.forEach(({ condition: { operator }, forMs, keepMs }, n) => {
    const kind = JSON.stringify([operator, forMs, keepMs]);
    const batch = open.get(kind);
    if (batch !== undefined && batch.cases.length < most) batch.cases.push(n);
    else {
      const begun = { operator, forMs, keepMs, cases: [n] };
      open.set(kind, begun);
      all.push(begun);
    }
  });
  return all;
}

/** Each alert, and behind it where it fires and should not, or should and does not, at times at which the case has a value. */
function rulesOf(batches: readonly Batch[]): string {
  const rules = batches.flatMap(({ operator, forMs, keepMs }, n) => {
    const waits = `for: ${forMs}ms, keep_firing_for: ${keepMs}ms`;
    const fires = `ALERTS{alertname="a${n}", alertstate="firing"}`;
    const want = `want{batch="${n}"}`;
    const differs = `(${want} == 0 and on(case) ${fires}) or (${want} == 1 unless on(case) ${fires})`;
    return [
      `      - { alert: a${n}, expr: 'x{batch="${n}"} ${operator} on(case) limit{batch="${n}"}', ${waits} }`,
      `      - { record: differs, expr: '${differs}' }`,
    ];
  });
  return `groups:\n  - name: cases\n    rules:\n${rules.join('\n')}\n`;
}

/** A series as promtool reads it. It ends with a mark: a value would be taken for five minutes more. */
const seriesText = (
  name: string,
  n: number,
  batch: number,
  values: readonly (number | '_')[],
): string =>
  `      - { series: '${name}{case="${n}",batch="${batch}"}', values: '${values.join(' ')} stale' }`;

/** Without values that are those before them, as long as these are looked at: they are what takes promtool the longest. */
function sparse(values: readonly number[], intervalMs: number): (number | '_')[] {
  const most = Math.ceil(LOOK_BACK_MS / intervalMs);
  let since = 0;
  return values.map((value, n) => {
    if (n > 0 && value === values[n - 1] && n - since < most) return '_';
    since = n;
    return value;
  });
}

/** What is asked: of each batch for itself, or of all at once. */
interface Asked {
  readonly intervalMs: number;
  readonly longest: number;
  readonly each: boolean;
}

function testsOf(
  cases: readonly PromCase[],
  batches: readonly Batch[],
  { intervalMs, longest, each }: Asked,
): string {
  const end = longest * intervalMs;
  const lines = batches.flatMap((batch, number) =>
    batch.cases.flatMap((n) => {
      const { series, condition, firing } = cases[n] as PromCase;
      const want = series.map((_, at) =>
        firing.some(([from, to]) => from <= at * intervalMs && at * intervalMs < to) ? 1 : 0,
      );
      const limits = series.map(() => condition.value);
      return [
        seriesText('x', n, number, series),
        seriesText('limit', n, number, sparse(limits, intervalMs)),
        seriesText('want', n, number, sparse(want, intervalMs)),
      ];
    }),
  );
  const which = each ? batches.map((_, n) => `{batch="${n}"}`) : [''];
  const queries = which.map((one) => {
    const expr = `count_over_time(differs${one}[${end + intervalMs}ms])`;
    return `      - { eval_time: ${end}ms, expr: '${expr}', exp_samples: [] }`;
  });
  return `rule_files: [rules.yml]
evaluation_interval: ${intervalMs}ms
tests:
  - interval: ${intervalMs}ms
    input_series:
${lines.join('\n')}
    promql_expr_test:
${queries.join('\n')}
`;
}

function checkCases(cases: readonly PromCase[], intervalMs: number): void {
  if (!(intervalMs > 0 && intervalMs <= LOOK_BACK_MS))
    throw new Error(`values every ${intervalMs} ms are forgotten before the next`);
  if (new Set(cases.map(({ id }) => id)).size !== cases.length)
    throw new Error('two cases have one id');
  for (const { id, series, condition, forMs, keepMs } of cases) {
    if (series.length === 0 || ![...series, condition.value].every(Number.isFinite))
      throw new Error(`${id} has no values, or one that is no number`);
    if (![forMs, keepMs].every((ms) => Number.isInteger(ms) && ms >= 0))
      throw new Error(`${id} waits for no whole milliseconds`);
  }
}

/** Numbers of the cases that promtool's answer names; null when it says anything else. */
function namedIn(output: string): number[] | null {
  const failed = output.split(/^ {4}expr: /m).slice(1);
  const named = failed.map((one) => /\n\s*exp: ?(?:nil|\[\])\n\s*got: ?(.*)/.exec(one)?.[1]);
  if (failed.length === 0 || named.includes(undefined)) return null;
  return named.flatMap((got = '') => [...got.matchAll(/case="(\d+)"/g)].map(([, n]) => Number(n)));
}

const run = promisify(execFile);

/** What promtool prints. @throws when it is not there, or takes too long */
async function printed(folder: string, timeoutMs: number): Promise<string> {
  // It collects garbage half of its time otherwise.
  const env = { ...process.env, GOGC: '400' };
  const options = { cwd: folder, timeout: timeoutMs, maxBuffer: OUTPUT_MAX, env };
  try {
    return (await run('promtool', ['test', 'rules', 'test.yml'], options)).stdout;
  } catch (error) {
    // It ends with 1 where a test fails; all else is no answer.
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (code !== 1) throw error;
    return `${stdout}${stderr}`;
  }
}

/**
 * The ids of the cases in which Prometheus fires at other times, looked at whenever the case has a value, in their order.
 * @throws when promtool is not there, takes too long, or says anything else
 */
export async function differences(
  cases: readonly PromCase[],
  { intervalMs = MINUTE_MS, timeoutMs = 5 * MINUTE_MS }: PromOptions = {},
): Promise<string[]> {
  checkCases(cases, intervalMs);
  if (cases.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'village-promtool-'));
  try {
    const longest = cases.reduce((most, { series }) => Math.max(most, series.length), 0);
    const batches = batchesOf(cases, longest);
    writeFileSync(join(folder, 'rules.yml'), rulesOf(batches));
    const asked = async (each: boolean): Promise<string> => {
      const text = testsOf(cases, batches, { intervalMs, longest, each });
      writeFileSync(join(folder, 'test.yml'), text);
      return printed(folder, timeoutMs);
    };
    const atOnce = await asked(false);
    const output = atOnce.includes(TOO_MANY) ? await asked(true) : atOnce;
    if (/^\s*SUCCESS\s*$/m.test(output)) return [];
    const named = namedIn(output);
    if (named === null || named.length === 0)
      throw new Error(`promtool says neither yes nor in which cases: ${output.slice(0, 2_000)}`);
    return named.sort((a, b) => a - b).map((n) => (cases[n] as PromCase).id);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
