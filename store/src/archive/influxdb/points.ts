/**
 * How readings and events lie in InfluxDB: a measurement for each profile, a tag for the device, two fields for each
 * metric (value and quality code) and two for the row. A point that is written again gets the new fields and keeps the
 * others, so of two values of one (device, metric, time) the one committed later stands, metric by metric.
 */
import { createHash } from 'node:crypto';
import { type Quality, qualityCode, qualityWord } from '@village/core';
import type { CommittedGroup, CommittedRows } from '../../journal/contract.ts';
import { ROW_FLAG } from '../../journal/contract.ts';
import type { RangeRow } from '../contract.ts';
import type { Point, Series } from './client.ts';

/** Fields of a row beside its metrics; keys of metrics have no colon. */
export const RECEIVED = ':received';
export const FLAGS = ':flags';
const QUALITY = ':quality';
export const EVENTS = ':events';
/** Values of the tag, and nanoseconds of a millisecond, that tell events apart. */
const EVENT_TAGS = 16;
const NANOSECONDS = 1_000_000;

/** Words that InfluxDB gives to its own columns and this archive to the device. */
const TAKEN = new Set(['time', 'device']);

/** Field of a metric's value. */
export function fieldOf(metric: string): string {
  return TAKEN.has(metric) ? `${metric}:value` : metric;
}

/** Field of a metric's quality code. */
export function qualityField(metric: string): string {
  return `${metric}${QUALITY}`;
}

/** Whether a field holds a metric's value. */
export const isValue = (field: string): boolean =>
  field !== RECEIVED && field !== FLAGS && !field.endsWith(QUALITY);

/** The points of one profile's rows. */
export function* rowPoints(rows: CommittedRows): Generator<Point> {
  for (let row = 0; row < rows.count; row++) {
    const flags =
      (rows.lane(row) === 'backfill' ? ROW_FLAG.backfill : 0) +
      (rows.clockReplaced(row) ? ROW_FLAG.clockReplaced : 0);
    const fields: Record<string, number> = { [RECEIVED]: rows.receivedAt(row), [FLAGS]: flags };
    for (const [index, metric] of rows.metrics.entries()) {
      const value = rows.value(row, index);
      if (Number.isNaN(value)) continue;
      fields[fieldOf(metric)] = value;
      fields[qualityField(metric)] = qualityCode(rows.quality(row, index)) ?? 0;
    }
    yield {
      measurement: rows.profile,
      tags: { device: rows.device(row) },
      fields,
      timestamp: rows.at(row),
    };
  }
}

/**
 * The points of a group's events; those of one device, time, type and detail are one point. Different ones of one device and
 * millisecond are told apart by the nanosecond and one of sixteen tags: a tag with a value for each event would be a series
 * for each event, and the server takes a hundred thousand of them.
 */
export function* eventPoints(group: CommittedGroup): Generator<Point> {
  for (const { event } of group.events) {
    const detail = JSON.stringify(event.detail);
    const digest = createHash('sha256').update(`${event.type}\n${detail}`).digest();
    yield {
      measurement: EVENTS,
      tags: { device: event.device, part: (digest[4]! % EVENT_TAGS).toString(16) },
      part: digest.readUInt32LE(0) % NANOSECONDS,
      fields: {
        type: encodeURIComponent(event.type.toWellFormed()),
        detail: encodeURIComponent(detail.toWellFormed()),
        received: event.receivedAt,
      },
      timestamp: event.at,
    };
  }
}

/** About how long a point is in a request. */
export function bytesOf({ measurement, tags, fields }: Point): number {
  let bytes = 64 + measurement.length;
  for (const [name, value] of Object.entries(tags)) bytes += name.length + value.length + 2;
  for (const [name, value] of Object.entries(fields))
    bytes += name.length + 2 + (typeof value === 'string' ? value.length + 2 : 24);
  return bytes;
}

/** Rows of a series as readings; those with none of the metrics are left out. */
export function readRows(series: Series, wanted: readonly string[] | undefined): RangeRow[] {
  const index = new Map(series.columns.map((column, i) => [column, i]));
  const metrics = series.columns
    .filter((column) => column.endsWith(QUALITY))
    .map((column) => column.slice(0, -QUALITY.length))
    .filter((metric) => wanted === undefined || wanted.includes(metric))
    .map((metric) => ({
      metric,
      value: index.get(fieldOf(metric)) ?? 0,
      quality: index.get(qualityField(metric)) ?? 0,
    }));
  const received = index.get(RECEIVED) ?? 0;
  const flagsAt = index.get(FLAGS) ?? 0;
  return series.values.flatMap((cells) => {
    const values: Record<string, number> = {};
    const quality: Record<string, Quality> = {};
    for (const one of metrics) {
      const value = cells[one.value];
      if (typeof value !== 'number') continue;
      values[one.metric] = value;
      const word = qualityWord(Number(cells[one.quality]));
      if (word !== 'good') quality[one.metric] = word;
    }
    if (Object.keys(values).length === 0) return [];
    const flags = Number(cells[flagsAt]);
    return [
      {
        at: Number(cells[0]),
        receivedAt: Number(cells[received]),
        lane: (flags & ROW_FLAG.backfill) === 0 ? ('live' as const) : ('backfill' as const),
        clockReplaced: (flags & ROW_FLAG.clockReplaced) !== 0,
        values,
        quality,
      },
    ];
  });
}
