/** The module of readings: posting, ranges, aggregates and completeness. */
import type { Readable } from 'node:stream';
import * as api from '@village/api';
import {
  type Device,
  formatTime,
  OperationalError,
  quantity,
  SECOND,
  type Timer,
} from '@village/core';
import type { Metric } from '@village/device-profiles';
import {
  type AnyRoute,
  answer,
  type Call,
  cursorOf,
  defineModule,
  lasting,
  list,
  openCursor,
  type Reply,
  route,
  span,
  type ViewRow,
} from '@village/platform';
import type { DeviceEntry } from '@village/registry';
import { AGGREGATES, type Aggregate, type AggregateRow } from '@village/store/time-series';
import { incompleteHeaders } from '../../http/incomplete.ts';
import { deviceFor, devicesFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import { sequencesOf, viewReceived } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

const ACKNOWLEDGE_MS = 10 * SECOND;
/** Rows not durable yet above which HTTP is told to come back, so that devices go first. */
const ROWS_PENDING_MAX = 500_000;
const BUCKETS_MAX = 20_000;
/** Rows of one answer, should every group have something in every bucket: more is no page, and would fill the memory. */
const AGGREGATES_MAX = 200_000;

function postRoute(needs: Needs): AnyRoute {
  const { pipeline, store, directory, timer } = needs;
  return route(api.readings.post, async ({ caller, body, bytes }) => {
    const busy = store.commitFault !== null || store.rowsPending > ROWS_PENDING_MAX;
    if (busy) throw notStored('the store takes nothing now');
    const source = {
      name: caller.actor,
      allows: (device: Device) => directory.entry(caller.area, device.id) !== undefined,
    };
    const stored = pipeline.acceptHttp(body, source, { bytes });
    return answer(202, await inTime(stored, timer));
  });
}

const notStored = (message: string): OperationalError =>
  new OperationalError('store-unavailable', message, { retry: true });

/** What is not durable in time is refused; the sender sends again, and the same readings are stored once. */
async function inTime<T>(stored: Promise<T>, timer: Timer): Promise<T> {
  const done = new AbortController();
  const late = timer.sleep(ACKNOWLEDGE_MS, done.signal).then(
    () => {
      throw notStored('the readings are not on disk yet; send them again');
    },
    (error: unknown) => {
      if (!done.signal.aborted) throw error;
      return stored;
    },
  );
  try {
    return await Promise.race([stored, late]);
  } finally {
    done.abort();
  }
}

function rangeRoute(needs: Needs): AnyRoute {
  const { store, readings, directory, sending } = needs;
  return route(api.readings.range, async (call) => {
    const { caller, query, signal } = call;
    const entry = deviceFor(directory, caller, query.device);
    const { from, to } = span(query);
    const metrics = list(query.metric);
    for (const metric of metrics ?? []) metricOf(entry, metric);
    const limit = query.limit ?? 1000;
    const after = openCursor(query.cursor, ['number'])?.[0] as number | undefined;
    const rows = await readings[query.view ?? 'corrected'].range(
      {
        device: query.device,
        ...(metrics === undefined ? {} : { metrics }),
        from: after === undefined ? from : Math.max(from, after + 1),
        to,
        limit: limit + 1,
      },
      signal,
    );
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    const next = last === undefined || rows.length <= limit ? null : cursorOf(last.at);
    const headers = incompleteHeaders(store, { of: [entry.profile.id], from, to });
    return streamed(call, sending, { fields: { next }, items, view: viewRow }, headers);
  });
}

const viewRow = ({
  at,
  receivedAt,
  lane,
  clockReplaced,
  values,
  quality,
  received,
}: ViewRow): api.readings.RangeRow => ({
  at: formatTime(at),
  receivedAt: formatTime(receivedAt),
  lane,
  clockReplaced,
  values: { ...values },
  ...(Object.keys(quality).length === 0 ? {} : { quality: { ...quality } }),
  ...receivedOf(received),
});

/** What was received of readings that corrections speak of. */
function receivedOf(received: ViewRow['received'] = {}): Pick<api.readings.RangeRow, 'received'> {
  const told = Object.entries(received).map(([metric, was]) => [metric, viewReceived(was)]);
  return told.length === 0 ? {} : { received: Object.fromEntries(told) };
}

function metricOf(entry: DeviceEntry, key: string): void {
  if (!entry.profile.metricIndex.has(key))
    throw new OperationalError('unknown-metric', `${entry.device.profile} has no metric ${key}`);
}

interface Column {
  readonly profile: string;
  readonly metric: Metric;
}

const termsOf = ({ metric }: Column): string =>
  metric.span === 'instant'
    ? metric.quantity
    : `${metric.quantity} (${metric.span} ${metric.statistic})`;

/**
 * The columns that a metric key or quantity means for these devices, and their unit. Columns of one answer are of one
 * quantity, span and statistic: what a data logger has averaged is not put together with what was just measured. A
 * quantity means instants where there are any.
 */
function columnsFor(
  entries: readonly DeviceEntry[],
  name: string,
): { columns: { profile: string; metric: string }[]; unit: string } {
  const profiles = new Map(entries.map((entry) => [entry.profile.id, entry.profile]));
  const isQuantity = quantity(name) !== undefined;
  const named: Column[] = [...profiles.values()].flatMap((profile) =>
    profile.metrics
      .filter((metric) => (isQuantity ? metric.quantity === name : metric.key === name))
      .map((metric) => ({ profile: profile.id, metric })),
  );
  const instants = named.filter(({ metric }) => metric.span === 'instant');
  const matching = isQuantity && instants.length > 0 ? instants : named;
  const first = matching[0];
  if (first === undefined)
    throw new OperationalError('unknown-metric', `no device here measures ${name}`);
  const other = matching.find((column) => termsOf(column) !== termsOf(first));
  if (other !== undefined)
    throw new OperationalError(
      'ambiguous-metric',
      `${name} is ${termsOf(first)} for ${first.profile} and ${termsOf(other)} for ` +
        `${other.profile}: ask for ${isQuantity ? 'the key of one of them' : 'a quantity'}`,
    );
  return {
    columns: matching.map(({ profile, metric }) => ({ profile, metric: metric.key })),
    unit: first.metric.unit,
  };
}

function aggregatesOf(text: string | undefined): Aggregate[] {
  const words = list(text) ?? ['avg'];
  const known = words.filter((word): word is Aggregate =>
    (AGGREGATES as readonly string[]).includes(word),
  );
  if (known.length === 0 || known.length !== words.length)
    throw new OperationalError('bad-request', `agg: one or several of ${AGGREGATES.join(', ')}`);
  return [...new Set(known)];
}

/** How many groups an answer may have. */
function groupsOf(
  entries: readonly DeviceEntry[],
  groupBy: 'none' | 'township' | 'village' | 'device',
): number {
  if (groupBy === 'none') return 1;
  if (groupBy === 'device') return entries.length;
  const areas = entries.map(({ node }) => node.line.find(({ area }) => area.level === groupBy));
  return new Set(areas).size;
}

async function aggregate(
  needs: Needs,
  call: Call<typeof api.readings.aggregates>,
): Promise<Reply<Readable>> {
  const { store, readings, directory, sending } = needs;
  const { caller, query, signal } = call;
  const entries = devicesFor(directory, caller, query);
  const { from, to } = span(query);
  const everyMs = lasting(query.every ?? '1h', 'every', SECOND);
  if ((to - from) / everyMs > BUCKETS_MAX)
    throw new OperationalError('too-many-buckets', `every: more than ${BUCKETS_MAX} buckets`);
  const { columns, unit } = columnsFor(entries, query.metric);
  const measuring = new Set(columns.map(({ profile }) => profile));
  const groups = groupsOf(
    entries.filter(({ profile }) => measuring.has(profile.id)),
    query.groupBy ?? 'none',
  );
  if (query.top === undefined && ((to - from) / everyMs) * groups > AGGREGATES_MAX)
    throw new OperationalError(
      'too-many-buckets',
      `every: more than ${AGGREGATES_MAX} rows of ${groups} groups; ask for longer buckets, less time, a smaller area or \`top\``,
    );
  const rows = await readings[query.view ?? 'corrected'].aggregate(
    {
      columns,
      ...(query.device === undefined
        ? { area: query.area ?? caller.area }
        : { device: query.device }),
      from,
      to,
      everyMs,
      offsetMs: lasting(query.offset ?? '8h', 'offset', -everyMs * BUCKETS_MAX),
      aggregates: aggregatesOf(query.agg),
      groupBy: query.groupBy ?? 'none',
      ...(query.top === undefined ? {} : { top: query.top }),
    },
    signal,
  );
  const of = columns.map(({ profile }) => profile);
  const headers = incompleteHeaders(store, { of, from, to });
  return streamed(call, sending, { fields: { unit }, items: rows, view: viewBucket }, headers);
}

const viewBucket = ({
  at,
  group,
  values,
}: AggregateRow): api.readings.Aggregates['items'][number] => ({
  at: formatTime(at),
  group,
  values: values as Record<string, number | null>,
});

function aggregateRoute(needs: Needs): AnyRoute {
  return route(api.readings.aggregates, (call) => aggregate(needs, call));
}

function completenessRoute(needs: Needs): AnyRoute {
  const { store, readings, directory, clock } = needs;
  return route(api.readings.completeness, async ({ caller, query, signal }) => {
    const entry = deviceFor(directory, caller, query.device);
    const { reportEveryMs } = entry.profile;
    const { from, to } = span(query);
    // Nothing is expected of the future.
    const until = Math.min(to, clock());
    const asked = { device: query.device, from, to: until, reportEveryMs };
    const queries = readings[query.view ?? 'corrected'];
    const { hours, gaps, gapCount, since } = await queries.completeness(asked, signal);
    const sum = (pick: (hour: (typeof hours)[number]) => number): number =>
      hours.reduce((total, hour) => total + pick(hour), 0);
    const { gateway } = entry.device;
    const body = {
      device: query.device,
      reportEvery: reportEveryMs / SECOND,
      expected: sum((hour) => hour.expected),
      received: sum((hour) => hour.received),
      valid: sum((hour) => hour.valid),
      hours: hours.map((hour) => ({ ...hour, at: formatTime(hour.at) })),
      since: since === null ? null : formatTime(since),
      gaps: gaps.map((gap) => ({ from: formatTime(gap.from), to: formatTime(gap.to) })),
      gapCount,
      gateway: gateway === null ? null : { id: gateway, sequences: sequencesOf(store, gateway) },
    };
    return answer(200, body, incompleteHeaders(store, { of: [entry.profile.id], from, to }));
  });
}

const looks = ['clerk', 'officer', 'admin'] as const;

export const readingsModule = defineModule<Needs>({
  name: 'readings',
  title: { zh: '监测数据', en: 'Readings' },
  rights: {
    'readings.read': { title: { zh: '查看监测数据', en: 'See readings' }, roles: looks },
    'readings.write': {
      title: { zh: '写入监测数据', en: 'Post readings' },
      roles: ['officer', 'admin'],
    },
  },
  start: (needs) => ({
    routes: [postRoute(needs), rangeRoute(needs), aggregateRoute(needs), completenessRoute(needs)],
  }),
});
