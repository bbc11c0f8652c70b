/** The one shape in which benchmarks and the kill test report: a JSON object as the last line. */

export interface Case {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
  /** Text such as `>= 0.35`, or null for a figure that is only told. */
  readonly target: string | null;
  readonly ok: boolean;
}

/** Of measured times, to a hundredth. */
export function quantiles(times: readonly number[]): {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
} {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(2));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** One figure with its target; `target` is `>= n`, `<= n` or `== n`. */
export function judge(
  name: string,
  value: number,
  unit: string,
  target: string | null = null,
): Case {
  if (target === null) return { case: name, value, unit, target, ok: true };
  const match = /^(>=|<=|==) (-?[\d.]+)$/.exec(target);
  if (match === null) throw new Error(`BUG: target ${target}`);
  const limit = Number(match[2]);
  const ok =
    match[1] === '>=' ? value >= limit : match[1] === '<=' ? value <= limit : value === limit;
  return { case: name, value, unit, target, ok };
}

/** Prints the figures for people, then the JSON line for programs; the exit code says whether all targets held. */
export function report(name: string, cases: readonly Case[]): void {
  for (const one of cases)
    console.log(
      `${one.ok ? ' ' : '✗'} ${one.case.padEnd(58)} ${String(one.value).padStart(14)} ${one.unit}${one.target === null ? '' : `  (${one.target})`}`,
    );
  const ok = cases.every((one) => one.ok);
  console.log(JSON.stringify({ name, ok, cases }));
  if (!ok) process.exitCode = 1;
}
