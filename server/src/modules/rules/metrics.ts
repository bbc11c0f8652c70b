/** What alerts, and the reader that finds them, count. */
import { SEVERITIES, type Severity } from '@village/core';
import { type MetricGroup, metricGroup } from '@village/platform';
import type { KeeperCounters, RulesReader } from '@village/rules';

export interface Counted {
  /** Open alerts by severity. */
  readonly open: Readonly<Partial<Record<Severity, number>>>;
  readonly keeper: KeeperCounters;
  readonly reader: Pick<RulesReader, 'counters' | 'gauges'>;
}

interface Now extends Counted {
  readonly counters: RulesReader['counters'];
  readonly gauges: RulesReader['gauges'];
}

/** Counters of the reader, by name of the metric. */
const COUNTERS: readonly (readonly [name: string, help: string, of: keyof Now['counters']])[] = [
  ['alerts_readings_total', 'Readings judged by rules', 'readings'],
  ['alerts_late_total', 'Readings that came too late for rules to page anybody', 'late'],
  ['alerts_future_total', 'Readings of clocks that are ahead, which rules do not judge', 'future'],
  ['alerts_replayed_total', 'Groups of the journal gone through again after a start', 'replayed'],
  ['alerts_begun_total', 'Begins of the rules without their state', 'begun'],
  ['alerts_adopted_total', 'Open alerts that the rules had to be told of', 'adopted'],
  ['alerts_mended_total', 'Changes that the tables lacked or had too many of', 'mended'],
  ['alerts_missed_total', 'Stretches of the journal that were never judged', 'missed'],
  ['alerts_snapshots_total', 'Snapshots of the state of the rules', 'snapshots'],
];

export const alertMetrics = (counted: () => Counted): MetricGroup =>
  metricGroup<Now>(() => {
    const now = counted();
    return { ...now, counters: now.reader.counters, gauges: now.reader.gauges };
  }, [
    {
      kind: 'gauge',
      name: 'alerts_open',
      help: 'Open alerts',
      labels: ['severity'],
      value: ({ open }) => SEVERITIES.map((severity) => [{ severity }, open[severity] ?? 0]),
    },
    {
      kind: 'counter',
      name: 'alerts_steps_total',
      help: 'Steps of alerts that rules found and that were put down',
      labels: ['kind'],
      value: ({ keeper }) => Object.entries(keeper.steps).map(([kind, n]) => [{ kind }, n]),
    },
    {
      kind: 'counter',
      name: 'alerts_unmatched_total',
      help: 'Transitions that changed nothing, since the alert stood so already',
      value: ({ keeper }) => keeper.unmatched,
    },
    ...COUNTERS.map(([name, help, of]) => ({
      ...({ kind: 'counter', name, help } as const),
      value: ({ counters }: Now) => counters[of],
    })),
    {
      kind: 'gauge',
      name: 'alerts_groups_behind',
      help: 'Groups of the journal that wait for the rules',
      value: ({ gauges }) => gauges.behind,
    },
    {
      kind: 'gauge',
      name: 'alerts_snapshot_bytes',
      help: 'Size of the newest snapshot of the state of the rules',
      value: ({ gauges }) => gauges.snapshotBytes,
    },
    {
      kind: 'gauge',
      name: 'alerts_snapshot_age_seconds',
      help: 'Age of the newest snapshot; none before the first of this start',
      value: ({ gauges }) =>
        gauges.snapshotAgeMs === null ? [] : [[{}, gauges.snapshotAgeMs / 1_000]],
    },
  ]);
