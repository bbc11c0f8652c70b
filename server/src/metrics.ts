/** What Prometheus reads: counters of every part, read when asked and never kept twice. */

import { DEVICE_STATES, SECOND } from '@village/core';
import type { GatewayState } from '@village/ingest';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from './http/context.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Adds a metric whose samples are read at each scrape. */
function define(
  register: Registry,
  kind: 'counter' | 'gauge',
  name: string,
  help: string,
  read: () => number | readonly Sample[],
  labelNames: readonly string[] = [],
): void {
  const options = { name: `village_${name}`, help, labelNames, registers: [register] };
  const samples = (): readonly Sample[] => {
    const value = read();
    return typeof value === 'number' ? [[{}, value]] : value;
  };
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

const byCause = (causes: Readonly<Record<string, number>>, label: string): Sample[] =>
  Object.entries(causes).map(([cause, value]) => [{ [label]: cause }, value]);

/** Name, help and value; a counter's name ends in `_total`, and units are seconds and bytes. */
type Plain = readonly [name: string, help: string, read: () => number];

function defineAll(register: Registry, kind: 'counter' | 'gauge', metrics: readonly Plain[]): void {
  for (const [name, help, read] of metrics) define(register, kind, name, help, read);
}

function storeMetrics(register: Registry, { store }: Context): void {
  const now = () => store.counters();
  defineAll(register, 'counter', [
    ['store_readings_total', 'Readings made durable', () => now().readings],
    ['store_rows_total', 'Rows made durable', () => now().rows],
    ['store_commits_total', 'Group commits', () => now().commits],
    ['store_commit_failures_total', 'Commits that failed', () => now().commitFailures],
    ['store_seals_total', 'Seals', () => now().flushes],
    ['store_seal_failures_total', 'Seals that failed', () => now().flushFailures],
    ['store_rows_sealed_total', 'Rows moved into the archive', () => now().rowsFlushed],
    ['store_quarantined_total', 'Entries kept aside', () => now().deadLetters],
    [
      'store_quarantine_dropped_total',
      'Old entries dropped for new ones',
      () => now().deadLettersDropped,
    ],
  ]);
  defineAll(register, 'gauge', [
    ['store_rows_pending', 'Rows not durable yet', () => now().rowsPending],
    ['store_rows_hot', 'Rows not sealed yet', () => now().rowsInMemtable],
    ['store_log_bytes', 'Size of the log', () => now().logBytes],
    ['store_archive_bytes', 'Size of the archive', () => now().archiveBytes],
    ['store_files_unreadable', 'Archive files set aside', () => now().filesUnreadable],
    [
      'store_log_rows_damaged',
      'Log rows whose checksum failed at the start',
      () => now().logRowsDamaged,
    ],
    ['store_commit_fault', '1 while commits fail', () => (store.commitFault === null ? 0 : 1)],
  ]);
  define(
    register,
    'gauge',
    'store_commit_duration_seconds',
    'Duration of the last 1,000 commits or so: p50, p99 and max',
    () => Object.entries(now().commitSeconds).map(([stat, value]) => [{ stat }, value]),
    ['stat'],
  );
}

function brokerMetrics(register: Registry, { broker }: Context): void {
  const now = () => broker.counters();
  defineAll(register, 'counter', [
    ['broker_connects_total', 'MQTT connections made', () => now().connects],
    ['broker_messages_total', 'MQTT messages', () => now().messages],
    ['broker_acknowledged_total', 'MQTT messages acknowledged', () => now().acknowledged],
  ]);
  defineAll(register, 'gauge', [
    ['broker_connections', 'MQTT connections open', () => now().connections],
    ['broker_in_flight', 'MQTT messages not acknowledged yet', () => now().inFlight],
  ]);
  define(
    register,
    'counter',
    'broker_refused_total',
    'MQTT connections and messages refused, and connections closed, by cause',
    () => byCause(now().refused, 'cause'),
    ['cause'],
  );
}

function pipelineMetrics(register: Registry, { pipeline }: Context): void {
  const now = () => pipeline.counters();
  defineAll(register, 'counter', [
    ['pipeline_messages_total', 'Messages', () => now().messages],
    ['pipeline_rows_total', 'Rows accepted', () => now().rows],
    ['pipeline_readings_total', 'Readings accepted', () => now().readings],
    ['pipeline_events_total', 'Events accepted', () => now().events],
    ['pipeline_statuses_total', 'Status messages of gateways', () => now().statuses],
    ['pipeline_late_total', 'Rows that came as history', () => now().backfilled],
    ['pipeline_implausible_total', 'Readings out of range', () => now().implausible],
    ['pipeline_clock_replaced_total', 'Rows whose clock was absurd', () => now().clockReplaced],
    [
      'pipeline_quarantine_flooded_total',
      'Bad input beyond a sender’s share: counted and gone',
      () => now().quarantineFlooded,
    ],
  ]);
  define(
    register,
    'counter',
    'pipeline_quarantined_total',
    'Input kept aside, by reason',
    () => byCause(now().quarantined, 'reason'),
    ['reason'],
  );
}

/** What gateways said of themselves last; their causes are their own words, a bounded number of them. */
function gatewayMetrics(register: Registry, { pipeline, store }: Context): void {
  const each = (read: (state: GatewayState) => readonly Sample[]) => (): Sample[] =>
    [...pipeline.gateways().values()].flatMap(read);
  define(
    register,
    'gauge',
    'gateway_online',
    '1 while the gateway is connected',
    each(({ id, online }) => [[{ gateway: id }, online ? 1 : 0]]),
    ['gateway'],
  );
  define(
    register,
    'gauge',
    'gateway_outbox_batches',
    'Batches waiting in the outbox of a gateway, as it said last',
    each(({ id, waiting }) =>
      Object.entries(waiting ?? {}).map(([lane, batches]) => [{ gateway: id, lane }, batches]),
    ),
    ['gateway', 'lane'],
  );
  define(
    register,
    'counter',
    'gateway_dropped_total',
    'Readings that a gateway gave up, as it said last, by cause',
    each(({ id, dropped }) =>
      Object.entries(dropped).map(([cause, readings]) => [{ gateway: id, cause }, readings]),
    ),
    ['gateway', 'cause'],
  );
  define(
    register,
    'gauge',
    'gateway_batches_missing',
    'Batches of a gateway that never came and were not given up',
    each(({ id }) => {
      const gaps = store.sequences(id).flatMap((state) => state.gaps);
      return [[{ gateway: id }, gaps.reduce((sum, [from, to]) => sum + to - from + 1, 0)]];
    }),
    ['gateway'],
  );
}

function houseMetrics(register: Registry, context: Context): void {
  const { directory, live, failures, backups, trimmed, refusedSockets, answers } = context;
  defineAll(register, 'counter', [
    ['live_closed_slow_total', 'Live streams closed as too slow', () => live.counters().closedSlow],
    [
      'live_closed_revoked_total',
      'Live streams closed because their caller may watch no longer',
      () => live.counters().closedRevoked,
    ],
    ['backups_total', 'Backups made', () => backups.counters().made],
    ['backups_deleted_total', 'Old backups deleted', () => backups.counters().deleted],
    ['audit_trimmed_total', 'Old audit entries deleted', () => trimmed.audit],
  ]);
  defineAll(register, 'gauge', [
    ['live_clients', 'Open live streams', () => live.counters().clients],
    [
      'backup_last_success_timestamp_seconds',
      'When the last whole backup was begun; 0 before the first since the start',
      () => (backups.lastWhole ?? 0) / SECOND,
    ],
  ]);
  for (const [name, help, causes, label] of [
    ['http_refused_total', 'HTTP connections refused', refusedSockets, 'cause'],
    ['http_answers_total', 'HTTP answers by status', answers, 'status'],
    ['maintenance_failures_total', 'Failures of repeated work', failures, 'kind'],
  ] as const)
    define(register, 'counter', name, help, () => byCause(causes, label), [label]);
  define(
    register,
    'gauge',
    'devices',
    'Devices by state',
    () =>
      DEVICE_STATES.map((state) => [
        { state },
        directory.tops().reduce((sum, top) => sum + (directory.counts(top)?.[state] ?? 0), 0),
      ]),
    ['state'],
  );
}

/** A registry over the running server's parts. */
export function metricsOf(context: Context): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  storeMetrics(register, context);
  brokerMetrics(register, context);
  pipelineMetrics(register, context);
  gatewayMetrics(register, context);
  houseMetrics(register, context);
  return register;
}

/** The registry as text. The library writes a missing number `Nan`, which is none in the format's grammar. */
export async function metricsText(register: Registry): Promise<string> {
  return (await register.metrics()).replace(/ Nan$/gm, ' NaN');
}
