/** A store so plain that it can't be wrong, to hold real ones against in tests: every row ever put in, in a list. */
import { BEIJING_OFFSET_MS, gapAfterMs, HOUR, QUALITIES, type Quality } from '@village/core';
import { type Appender, ROW_FLAG } from '../journal/contract.ts';
import {
  type AggregateRow,
  type Completeness,
  type CompletenessHour,
  GAPS_MAX,
  type RangeRow,
} from './contract.ts';

/** A row as tests write it. */
export interface TestRow {
  readonly device: string;
  readonly at: number;
  readonly receivedAt?: number;
  readonly flags?: number;
  readonly values: Readonly<Record<string, number>>;
  readonly quality?: Readonly<Record<string, Quality>>;
}

/** Puts one row in, as the pipeline does. */
export function putRow(
  store: Appender,
  profile: string,
  metrics: readonly string[],
  row: TestRow,
): void {
  const layout = store.layout(profile, metrics);
  const device = store.device(row.device, layout);
  const start = store.reserve(
    layout,
    device,
    row.at,
    row.receivedAt ?? row.at + 1_000,
    row.flags ?? 0,
  );
  for (const [metric, value] of Object.entries(row.values)) {
    const index = layout.metricIndex.get(metric)!;
    layout.rows[start + layout.valuesAt + index] = value;
    const code = QUALITIES.indexOf(row.quality?.[metric] ?? 'good');
    layout.rows[start + 3 + Math.floor(index / 13)]! += code * 16 ** (index % 13);
  }
}

interface Merged {
  readonly at: number;
  receivedAt: number;
  flags: number;
  readonly values: Map<string, { value: number; quality: Quality }>;
}

/** Rows in the order of their arrival, and the answers that follow from them. */
export class Oracle {
  readonly #devices = new Map<string, Map<number, Merged>>();

  put(row: TestRow): void {
    const times = this.#devices.get(row.device) ?? new Map<number, Merged>();
    this.#devices.set(row.device, times);
    const receivedAt = row.receivedAt ?? row.at + 1_000;
    const flags = row.flags ?? 0;
    const known = times.get(row.at);
    const merged = known ?? { at: row.at, receivedAt, flags, values: new Map() };
    merged.receivedAt = Math.min(merged.receivedAt, receivedAt);
    merged.flags &= flags;
    for (const [metric, value] of Object.entries(row.values))
      merged.values.set(metric, { value, quality: row.quality?.[metric] ?? 'good' });
    times.set(row.at, merged);
  }

  #rows(device: string, from: number, to: number): Merged[] {
    return [...(this.#devices.get(device)?.values() ?? [])]
      .filter((row) => row.at >= from && row.at < to)
      .sort((a, b) => a.at - b.at);
  }

  range(device: string, from: number, to: number): RangeRow[] {
    return this.#rows(device, from, to)
      .filter((row) => row.values.size > 0)
      .map((row) => ({
        at: row.at,
        receivedAt: row.receivedAt,
        lane: (row.flags & ROW_FLAG.backfill) === 0 ? 'live' : 'backfill',
        clockReplaced: (row.flags & ROW_FLAG.clockReplaced) !== 0,
        values: Object.fromEntries([...row.values].map(([metric, { value }]) => [metric, value])),
        quality: Object.fromEntries(
          [...row.values]
            .filter(([, { quality }]) => quality !== 'good')
            .map(([metric, { quality }]) => [metric, quality]),
        ),
      }));
  }

  /** Count, least, greatest, first and last of good values by bucket and group. */
  aggregate(query: {
    metric: string;
    from: number;
    to: number;
    everyMs: number;
    offsetMs: number;
    /** Undefined leaves the reading out. */
    group: (device: string, at: number) => string | null | undefined;
  }): AggregateRow[] {
    const buckets = new Map<
      string,
      { at: number; group: string | null; list: { at: number; value: number }[] }
    >();
    for (const device of this.#devices.keys()) {
      for (const row of this.#rows(device, query.from, query.to)) {
        const group = query.group(device, row.at);
        if (group === undefined) continue;
        const reading = row.values.get(query.metric);
        if (reading === undefined || reading.quality !== 'good') continue;
        const at =
          Math.floor((row.at + query.offsetMs) / query.everyMs) * query.everyMs - query.offsetMs;
        const bucket = buckets.get(`${at} ${group}`) ?? { at, group, list: [] };
        buckets.set(`${at} ${group}`, bucket);
        bucket.list.push({ at: row.at, value: reading.value });
      }
    }
    return [...buckets.values()]
      .sort((a, b) => a.at - b.at || ((a.group ?? '') < (b.group ?? '') ? -1 : 1))
      .map(({ at, group, list }) => {
        const values = list.map(({ value }) => value);
        const firstAt = Math.min(...list.map((one) => one.at));
        const lastAt = Math.max(...list.map((one) => one.at));
        return {
          at,
          group,
          values: {
            count: values.length,
            min: Math.min(...values),
            max: Math.max(...values),
            first: Math.min(...list.filter((one) => one.at === firstAt).map((one) => one.value)),
            last: Math.max(...list.filter((one) => one.at === lastAt).map((one) => one.value)),
          },
        };
      });
  }

  completeness(device: string, from: number, to: number, every: number): Completeness {
    const offset = BEIJING_OFFSET_MS;
    const all = this.#rows(device, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    const since = all[0]?.at ?? null;
    const rows = all.filter((row) => row.at >= from && row.at < to);
    const hours: CompletenessHour[] = [];
    for (let at = Math.floor(from / HOUR) * HOUR; at < to; at += HOUR) {
      const here = rows.filter((row) => row.at >= at && row.at < at + HOUR);
      let expected = 0;
      let received = 0;
      const first = Math.ceil((Math.max(at, from) + offset) / every) * every - offset;
      for (let slot = first; slot < at + HOUR && slot + every <= to; slot += every) {
        if (since === null || slot + every <= since) continue;
        expected++;
        if (rows.some((row) => row.at >= slot && row.at < slot + every)) received++;
      }
      hours.push({
        at,
        expected,
        received,
        rows: here.length,
        backfilled: here.filter((row) => (row.flags & ROW_FLAG.backfill) !== 0).length,
      });
    }
    const gaps: { from: number; to: number }[] = [];
    for (const [index, { at }] of all.entries()) {
      const next = all[index + 1]?.at ?? to;
      if (next - at > gapAfterMs(every) && at < to && next > from)
        gaps.push({ from: Math.max(at, from), to: Math.min(next, to) });
    }
    return { hours, gaps: gaps.slice(-GAPS_MAX), gapCount: gaps.length, since };
  }
}
