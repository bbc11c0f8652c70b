/** Readings of the fixture: rows, means, and how complete they are. */
import type * as api from '@village/api';
import { DAY, gapAfterMs, HOUR, MINUTE } from '@village/core';
import { type FixtureDevice, OUTAGE, reports, valueAt } from '../county.ts';
import { Problem } from '../problem.ts';
import { iso, range } from './places.ts';

interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** Rows of a device. */
export function readings(
  device: FixtureDevice,
  query: URLSearchParams,
  now: number,
): Page<api.readings.RangeRow> {
  const wanted = query.get('metric')?.split(',');
  const metrics = device.profile.metrics.filter((metric) => wanted?.includes(metric.key) ?? true);
  const all = reports(device, ...range(query), now);
  const start = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 1000);
  return {
    items: all.slice(start, start + limit).map((at, index) => {
      const bad = (start + index) % 97 === 50;
      const first = metrics[0]?.key ?? '';
      return {
        at: iso(at),
        receivedAt: iso(at + 900),
        lane: at < now - OUTAGE.from && at > now - OUTAGE.from - HOUR ? 'backfill' : 'live',
        clockReplaced: false,
        values: Object.fromEntries(
          metrics.map((metric) => [
            metric.key,
            bad && metric.key === first ? metric.range[1] : valueAt(device.id, metric, at),
          ]),
        ),
        ...(bad ? { quality: { [first]: 'implausible' } } : {}),
      };
    }),
    next: start + limit < all.length ? String(start + limit) : null,
  };
}

/** Means of a metric. @throws Problem */
export function aggregates(
  device: FixtureDevice,
  query: URLSearchParams,
  now: number,
): api.readings.Aggregates {
  const metric = device.profile.metrics.find((one) => one.key === query.get('metric'));
  if (metric === undefined) throw new Problem(404, 'no-such-metric');
  const every = { '10m': 10 * MINUTE, '1h': HOUR, '1d': DAY }[query.get('every') ?? ''] ?? HOUR;
  const buckets = new Map<number, number[]>();
  for (const at of reports(device, ...range(query), now)) {
    const bucket = Math.floor(at / every) * every;
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), valueAt(device.id, metric, at)]);
  }
  return {
    unit: metric.unit,
    items: [...buckets].map(([at, all]) => ({
      at: iso(at),
      group: null,
      values: {
        avg: all.reduce((sum, one) => sum + one, 0) / all.length,
        min: Math.min(...all),
        max: Math.max(...all),
        last: all.at(-1) ?? null,
      },
    })),
  };
}

/** What was expected, and what came. */
export function completeness(
  device: FixtureDevice,
  query: URLSearchParams,
  now: number,
): api.readings.Completeness {
  const [from, to] = range(query);
  const every = device.profile.reportEvery * 1000;
  const times = reports(device, from, to, now);
  const came = new Set(times.map((at) => Math.floor(at / every)));
  const since = device.state === 'never' ? null : device.since;
  const hours: {
    at: string;
    expected: number;
    received: number;
    valid: number;
    rows: number;
    backfilled: number;
  }[] = [];
  for (let at = Math.floor(from / HOUR) * HOUR; at < to; at += HOUR) {
    const slots = Array.from({ length: Math.max(1, HOUR / every) }, (_, slot) =>
      Math.floor((at + slot * every) / every),
    )
      .filter((slot) => slot * every >= from && slot * every < Math.min(to, now))
      .filter((slot) => since !== null && (slot + 1) * every > since);
    const received = slots.filter((slot) => came.has(slot)).length;
    const late = at < now - OUTAGE.from && at > now - OUTAGE.from - 2 * HOUR;
    hours.push({
      at: iso(at),
      expected: slots.length,
      received,
      valid: received,
      rows: received,
      backfilled: late ? received : 0,
    });
  }
  const sum = (name: 'expected' | 'received'): number =>
    hours.reduce((total, hour) => total + hour[name], 0);
  const ends =
    since === null || since >= to ? [] : [Math.max(from, since), ...times, Math.min(to, now)];
  const gaps = ends
    .slice(1)
    .map((at, index) => ({ from: ends[index] ?? at, to: at }))
    .filter((gap) => gap.to - gap.from > gapAfterMs(every))
    .map((gap) => ({ from: iso(gap.from), to: iso(gap.to) }));
  return {
    device: device.id,
    reportEvery: device.profile.reportEvery,
    expected: sum('expected'),
    received: sum('received'),
    valid: sum('received'),
    hours,
    since: since === null ? null : iso(since),
    gaps,
    gapCount: gaps.length,
    gateway: { id: 'gateway-01', sequences: [{ epoch: 'a', highest: 4096, gaps: [[120, 122]] }] },
  };
}
