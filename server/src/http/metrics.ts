/** What Prometheus reads: the metrics of every module, read when asked and never kept twice. */
import type { MetricGroup, Sample } from '@village/platform';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** A function that gives the metrics as text. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

type Described = MetricGroup['metrics'][number];

function define(
  register: Registry,
  { kind, name, help, labels = [] }: Described,
  samples: () => readonly Sample[],
): void {
  const options = { name: `village_${name}`, help, labelNames: labels, registers: [register] };
  if (kind === 'gauge')
    new Gauge({
      ...options,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.set({ ...labels }, value);
      },
    });
  else
    new Counter({
      ...options,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.inc({ ...labels }, value);
      },
    });
}

/** The metrics of these groups; each group is read once a scrape. */
export function metricsOf(groups: readonly MetricGroup[]): MetricsText {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const read = new Map<MetricGroup, ReturnType<MetricGroup['read']>>();
  for (const group of groups)
    for (const [index, metric] of group.metrics.entries())
      define(register, metric, () => {
        const value = read.get(group)?.[index] ?? [];
        return typeof value === 'number' ? [[{}, value]] : value;
      });
  return {
    contentType: register.contentType,
    text: async () => {
      for (const group of groups) read.set(group, group.read());
      // The library writes a missing number `Nan`, which is none in the format's grammar.
      return (await register.metrics()).replace(/ Nan$/gm, ' NaN');
    },
  };
}

/** Counts by cause as samples with that label. */
export const byCause = (causes: Readonly<Record<string, number>>, label: string): Sample[] =>
  Object.entries(causes).map(([cause, value]) => [{ [label]: cause }, value]);
