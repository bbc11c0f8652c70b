/** Metrics of the store, the broker, the pipeline and the gateways. */
import type { GatewayState } from '@village/ingest';
import { type Metric, type MetricGroup, metricGroup, type Sample } from '@village/platform';
import { isOnline } from '../../http/gateway-standing.ts';
import { byCause } from '../../http/metrics.ts';
import type { Needs } from '../needs.ts';

/** Name, help and value of a metric without labels. */
type Plain<Snapshot> = readonly [name: string, help: string, value: (snapshot: Snapshot) => number];

const plain = <Snapshot>(
  kind: Metric['kind'],
  metrics: readonly Plain<Snapshot>[],
): Metric<Snapshot>[] => metrics.map(([name, help, value]) => ({ kind, name, help, value }));

/** What the journal counts of its readers, the archive among them. */
const readerCounters = plain<ReturnType<Needs['store']['counters']>>('counter', [
  [
    'store_engine_restarts_total',
    'Times that the query engine ended by itself and was started again',
    (now) => now.restarts,
  ],
  [
    'store_system_events_dropped_total',
    'System events that came while too many waited for the disk',
    (now) => now.systemEventsDropped,
  ],
  [
    'store_readers_cut_off_total',
    'Readers of the journal that fell too far behind',
    (now) => now.readersCutOff,
  ],
]);

/** What the store counts. */
export const storeMetrics = ({ store }: Needs): MetricGroup =>
  metricGroup(
    () => store.counters(),
    [
      ...plain<ReturnType<typeof store.counters>>('counter', [
        ['store_readings_total', 'Readings made durable', (now) => now.readings],
        ['store_rows_total', 'Rows made durable', (now) => now.rows],
        ['store_commits_total', 'Group commits', (now) => now.commits],
        ['store_commit_failures_total', 'Commits that failed', (now) => now.commitFailures],
        ['store_seals_total', 'Seals', (now) => now.flushes],
        ['store_seal_failures_total', 'Seals that failed', (now) => now.flushFailures],
        ['store_rows_sealed_total', 'Rows moved into the archive', (now) => now.rowsFlushed],
        [
          'store_queries_incomplete_total',
          'Queries whose answers may lack readings in files set aside',
          (now) => now.queriesIncomplete,
        ],
        [
          'store_maintenance_failures_total',
          'Compactions and rollups that failed and are tried again',
          (now) => now.maintenanceFailures,
        ],
        ['store_quarantined_total', 'Entries kept aside', (now) => now.deadLetters],
        [
          'store_quarantine_dropped_total',
          'Old entries dropped for new ones',
          (now) => now.deadLettersDropped,
        ],
      ]),
      ...readerCounters,
      ...plain<ReturnType<typeof store.counters>>('gauge', [
        ['store_rows_pending', 'Rows not durable yet', (now) => now.rowsPending],
        ['store_rows_hot', 'Rows not sealed yet', (now) => now.rowsInMemtable],
        ['store_log_bytes', 'Size of the log', (now) => now.logBytes],
        ['store_archive_bytes', 'Size of the archive', (now) => now.archiveBytes],
        ['store_files_unreadable', 'Archive files set aside', (now) => now.filesUnreadable],
        [
          'store_log_rows_damaged',
          'Log rows whose checksum failed at the start',
          (now) => now.logRowsDamaged,
        ],
        ['store_commit_fault', '1 while commits fail', () => (store.commitFault === null ? 0 : 1)],
        [
          'store_archive_fault',
          '1 while the archive takes nothing from the journal',
          () => (store.archiveFault === null ? 0 : 1),
        ],
      ]),
      {
        kind: 'gauge',
        name: 'store_reader_lag_bytes',
        help: 'Bytes of journal that wait for each reader, to within a megabyte',
        labels: ['reader'],
        value: (now) => Object.entries(now.readerLag).map(([reader, bytes]) => [{ reader }, bytes]),
      },
      {
        kind: 'gauge',
        name: 'store_commit_duration_seconds',
        help: 'Duration of the last 1,000 commits or so: p50, p99 and max',
        labels: ['stat'],
        value: (now) => Object.entries(now.commitSeconds).map(([stat, value]) => [{ stat }, value]),
      },
    ],
  );

/** What the broker counts. */
export const brokerMetrics = ({ broker }: Needs): MetricGroup =>
  metricGroup(
    () => broker.counters(),
    [
      ...plain<ReturnType<typeof broker.counters>>('counter', [
        ['broker_connects_total', 'MQTT connections made', (now) => now.connects],
        ['broker_messages_total', 'MQTT messages', (now) => now.messages],
        ['broker_acknowledged_total', 'MQTT messages acknowledged', (now) => now.acknowledged],
      ]),
      ...plain<ReturnType<typeof broker.counters>>('gauge', [
        ['broker_connections', 'MQTT connections open', (now) => now.connections],
        ['broker_in_flight', 'MQTT messages not acknowledged yet', (now) => now.inFlight],
      ]),
      {
        kind: 'counter',
        name: 'broker_refused_total',
        help: 'MQTT connections and messages refused, and connections closed, by cause',
        labels: ['cause'],
        value: (now) => byCause(now.refused, 'cause'),
      },
    ],
  );

/** What the pipeline counts. */
export const pipelineMetrics = ({ pipeline }: Needs): MetricGroup =>
  metricGroup(
    () => pipeline.counters(),
    [
      ...plain<ReturnType<typeof pipeline.counters>>('counter', [
        ['pipeline_messages_total', 'Messages', (now) => now.messages],
        ['pipeline_rows_total', 'Rows accepted', (now) => now.rows],
        ['pipeline_readings_total', 'Readings accepted', (now) => now.readings],
        ['pipeline_events_total', 'Events accepted', (now) => now.events],
        ['pipeline_statuses_total', 'Status messages of gateways', (now) => now.statuses],
        ['pipeline_late_total', 'Rows that came as history', (now) => now.backfilled],
        ['pipeline_implausible_total', 'Readings out of range', (now) => now.implausible],
        [
          'pipeline_replaced_total',
          'Readings that replaced others of the same time',
          (now) => now.replaced,
        ],
        [
          'pipeline_clock_replaced_total',
          'Rows whose clock was absurd',
          (now) => now.clockReplaced,
        ],
        [
          'pipeline_quarantine_flooded_total',
          'Bad input beyond a sender’s share: counted and gone',
          (now) => now.quarantineFlooded,
        ],
        [
          'pipeline_refused_sampled_total',
          'Refused parts that were counted and not kept, since many like them were',
          (now) => now.quarantineSampled,
        ],
        [
          'pipeline_refused_held_total',
          'Messages of refused parts that were kept, and acknowledged later since their gateway sent too fast',
          (now) => now.refusedHeld,
        ],
        [
          'pipeline_refused_flooded_total',
          'Messages of refused parts that were not taken, since too many of their gateway waited',
          (now) => now.refusedFlooded,
        ],
      ]),
      {
        kind: 'counter',
        name: 'pipeline_quarantined_total',
        help: 'Input kept aside, by reason; of reasons that only gateways know so many by name, the rest as other',
        labels: ['reason'],
        value: (now) => byCause(now.quarantined, 'reason'),
      },
    ],
  );

const each =
  (read: (state: GatewayState) => readonly Sample[]) =>
  (states: readonly GatewayState[]): Sample[] =>
    states.flatMap(read);

/** What gateways said of themselves last; causes are of a list, the rest is `other`. */
export const gatewayMetrics = ({ pipeline, store }: Needs): MetricGroup =>
  metricGroup(
    () => [...pipeline.gateways().values()],
    [
      {
        kind: 'gauge',
        name: 'gateway_online',
        help: '1 while the gateway is there, by its own status or, where it tells none, since it handed something over lately',
        labels: ['gateway'],
        value: (states) => {
          const byId = new Map(states.map((state) => [state.id, state]));
          return [...pipeline.spokenGateways()].map((id) => [
            { gateway: id },
            isOnline(byId.get(id), pipeline.gatewayHeard(id)) ? 1 : 0,
          ]);
        },
      },
      {
        kind: 'gauge',
        name: 'gateway_outbox_batches',
        help: 'Batches waiting in the outbox of a gateway, as it said last',
        labels: ['gateway', 'lane'],
        value: each(({ id, waiting }) =>
          Object.entries(waiting ?? {}).map(([lane, batches]) => [{ gateway: id, lane }, batches]),
        ),
      },
      {
        kind: 'counter',
        name: 'gateway_dropped_total',
        help: 'Readings that a gateway gave up, as it said last, by cause',
        labels: ['gateway', 'cause'],
        value: each(({ id, dropped }) =>
          Object.entries(dropped).map(([cause, readings]) => [{ gateway: id, cause }, readings]),
        ),
      },
      {
        kind: 'gauge',
        name: 'gateway_refused_waiting',
        help: 'Frames refused in part that wait at a gateway, as it said last',
        labels: ['gateway'],
        value: each(({ id, refusedLane }) =>
          refusedLane ? [[{ gateway: id }, refusedLane.waiting]] : [],
        ),
      },
      {
        kind: 'counter',
        name: 'gateway_refused_dropped_total',
        help: 'Frames refused in part that a gateway gave up, as it said last, by cause',
        labels: ['gateway', 'cause'],
        value: each(({ id, refusedLane }) =>
          Object.entries(refusedLane?.dropped ?? {}).map(([cause, frames]) => [
            { gateway: id, cause },
            frames,
          ]),
        ),
      },
      {
        kind: 'gauge',
        name: 'gateway_batches_missing',
        help: 'Batches of a gateway that never came and were not given up',
        labels: ['gateway'],
        value: each(({ id }) => {
          const gaps = store.sequences(id).flatMap((state) => state.gaps);
          return [[{ gateway: id }, gaps.reduce((sum, [from, to]) => sum + to - from + 1, 0)]];
        }),
      },
    ],
  );

/** Questions to the archive, by lane, and long answers on their way. */
export const fairMetrics = ({ fair, sending }: Needs): MetricGroup =>
  metricGroup(
    () => ({ lanes: Object.entries(fair.counters()), sending }),
    [
      {
        kind: 'gauge',
        name: 'archive_questions',
        help: 'Questions to the archive that run or wait for their turn, by lane',
        labels: ['lane', 'state'],
        value: ({ lanes }) =>
          lanes.flatMap(([lane, { running, waiting }]) => [
            [{ lane, state: 'running' }, running],
            [{ lane, state: 'waiting' }, waiting],
          ]),
      },
      {
        kind: 'counter',
        name: 'archive_questions_refused_total',
        help: 'Questions to the archive that waited too long, or behind too many, by lane',
        labels: ['lane'],
        value: ({ lanes }) => lanes.map(([lane, { refused }]) => [{ lane }, refused]),
      },
      ...plain<{ sending: Needs['sending'] }>('gauge', [
        ['answers_items_sending', 'Items of long answers on their way', (now) => now.sending.items],
      ]),
      ...plain<{ sending: Needs['sending'] }>('counter', [
        [
          'answers_refused_total',
          'Long answers refused while others were on their way',
          (now) => now.sending.refused,
        ],
      ]),
    ],
  );

/** How the relational store's engine does. */
export const relationalMetrics = ({ relational }: Needs): MetricGroup =>
  metricGroup(
    () => relational.counters(),
    [
      ...plain<ReturnType<typeof relational.counters>>('counter', [
        [
          'relational_refused_total',
          'Statements refused because too many waited, or too long',
          (now) => now.refused,
        ],
        [
          'relational_engine_restarts_total',
          'Threads of the relational store started anew after a death',
          (now) => now.restarts,
        ],
      ]),
      ...plain<ReturnType<typeof relational.counters>>('gauge', [
        ['relational_writes_waiting', 'Writes that wait for their turn', (now) => now.waiting],
      ]),
    ],
  );
