/** Metrics of a module: what a part knows is read once a scrape, and each metric picks its value from it. */

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface Metric<Snapshot = unknown> {
  /** Without `village_`; a counter's name ends in `_total`, units are seconds and bytes. */
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: readonly string[];
  readonly value: (snapshot: Snapshot) => number | readonly Sample[];
}

/** Metrics read from one snapshot. */
export interface MetricGroup {
  readonly metrics: readonly Omit<Metric, 'value'>[];
  /** Samples of each metric, in their order. */
  read(): (number | readonly Sample[])[];
}

/** Joins a snapshot and the metrics that are read from it. */
export function metricGroup<Snapshot>(
  snapshot: () => Snapshot,
  metrics: readonly Metric<Snapshot>[],
): MetricGroup {
  return {
    metrics,
    read: () => {
      const now = snapshot();
      return metrics.map(({ value }) => value(now));
    },
  };
}
