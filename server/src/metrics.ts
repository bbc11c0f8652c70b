/** What Prometheus reads: counters of every part, read when asked and never kept twice. */

import { DEVICE_STATES } from '@village/core';
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

function storeMetrics(register: Registry, { store }: Context): void {
  const counter = (name: string, help: string, read: () => number): void =>
    define(register, 'counter', `store_${name}`, help, read);
  const gauge = (name: string, help: string, read: () => number): void =>
    define(register, 'gauge', `store_${name}`, help, read);
  counter('readings_total', 'Readings made durable', () => store.counters().readings);
  counter('rows_total', 'Rows made durable', () => store.counters().rows);
  counter('commits_total', 'Group commits', () => store.counters().commits);
  counter('commit_failures_total', 'Commits that failed', () => store.counters().commitFailures);
  counter('seals_total', 'Seals', () => store.counters().seals);
  counter('seal_failures_total', 'Seals that failed', () => store.counters().sealFailures);
  counter('quarantined_total', 'Entries kept aside', () => store.counters().quarantined);
  counter(
    'quarantine_dropped_total',
    'Old entries dropped for new ones',
    () => store.counters().quarantineDropped,
  );
  gauge('rows_pending', 'Rows not durable yet', () => store.counters().rowsPending);
  gauge('rows_hot', 'Rows not sealed yet', () => store.counters().rowsHot);
  gauge('log_bytes', 'Size of the log', () => store.counters().logBytes);
  gauge('archive_bytes', 'Size of the archive', () => store.counters().archiveBytes);
  gauge('files_unreadable', 'Archive files set aside', () => store.counters().filesUnreadable);
  gauge('commit_fault', '1 while commits fail', () => (store.commitFault === null ? 0 : 1));
  define(
    register,
    'gauge',
    'store_commit_seconds',
    'Duration of the last commits',
    () =>
      Object.entries(store.counters().commitSeconds).map(([quantile, value]) => [
        { quantile },
        value,
      ]),
    ['quantile'],
  );
}

function wireMetrics(register: Registry, { broker, pipeline }: Context): void {
  const counter = (name: string, help: string, read: () => number): void =>
    define(register, 'counter', name, help, read);
  counter('broker_connects_total', 'MQTT connections', () => broker.counters().connects);
  counter('broker_messages_total', 'MQTT messages', () => broker.counters().messages);
  counter('broker_acknowledged_total', 'MQTT acks', () => broker.counters().acknowledged);
  define(register, 'gauge', 'broker_connections', 'MQTT connections open', () => {
    return broker.counters().connections;
  });
  define(register, 'gauge', 'broker_in_flight', 'Messages not acknowledged yet', () => {
    return broker.counters().inFlight;
  });
  define(
    register,
    'counter',
    'broker_refused_total',
    'MQTT connections and messages refused',
    () => byCause(broker.counters().refused, 'cause'),
    ['cause'],
  );
  counter('pipeline_messages_total', 'Messages', () => pipeline.counters().messages);
  counter('pipeline_rows_total', 'Rows stored', () => pipeline.counters().rows);
  counter('pipeline_events_total', 'Events stored', () => pipeline.counters().events);
  counter('pipeline_clock_replaced_total', 'Rows whose clock was absurd', () => {
    return pipeline.counters().clockReplaced;
  });
  counter('pipeline_quarantine_flooded_total', 'Bad input beyond a sender’s share', () => {
    return pipeline.counters().quarantineFlooded;
  });
  define(
    register,
    'counter',
    'pipeline_quarantined_total',
    'Input kept aside',
    () => byCause(pipeline.counters().quarantined, 'reason'),
    ['reason'],
  );
}

/** A registry over the running server's parts. */
export function metricsOf(context: Context): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  storeMetrics(register, context);
  wireMetrics(register, context);
  const { directory, live, failures, trimmed } = context;
  define(
    register,
    'counter',
    'http_refused_total',
    'HTTP connections refused',
    () => byCause(context.refusedSockets, 'cause'),
    ['cause'],
  );
  define(register, 'counter', 'backups_total', 'Backups made', () => {
    return context.backups.counters().made;
  });
  define(register, 'counter', 'backups_deleted_total', 'Old or unfinished backups deleted', () => {
    return context.backups.counters().deleted;
  });
  define(register, 'counter', 'audit_trimmed_total', 'Old audit entries deleted', () => {
    return trimmed.audit;
  });
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
  define(register, 'gauge', 'live_clients', 'Open live streams', () => live.counters().clients);
  define(register, 'counter', 'live_closed_slow_total', 'Streams closed as too slow', () => {
    return live.counters().closedSlow;
  });
  define(
    register,
    'counter',
    'maintenance_failures_total',
    'Failures of repeated work',
    () => byCause(failures, 'kind'),
    ['kind'],
  );
  return register;
}
