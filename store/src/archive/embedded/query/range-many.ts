/** Readings of many devices at once: a question for as many of their rows as fit one answer, not one for each device. */
import { qualityWord, Slices } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import type { DeviceRows, DeviceSpan, RangeManyQuery, RangeRow } from '../../contract.ts';
import { byDevice, Pieces } from '../../many/pieces.ts';
import { merged } from '../../registrations/once-per-time.ts';
import type { Columns } from '../duck/messages.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';
import { runQuery } from './run-query.ts';
import { rowsOnce } from './sql.ts';

/** Numbers of one answer: five megabytes. */
const NUMBERS_MAX = 600_000;
/** Columns beside the metrics: device, time, lag, flags. */
const HEAD = 4;
/** Spans of one statement: its text takes as long to read as a few days of rows. */
const SPANS_MAX = 2_000;
/** Stretches of time by which files and rows are chosen, before spans are looked at one by one. */
const STRETCHES_MAX = 16;
/** Spans of one device with which each of its rows is compared; more are looked up. */
const COMPARED_MAX = 8;
/** Rows of a device given at once at most. */
const ROWS_A_PART = 2_500;
const NOTHING: RangeRow['quality'] = Object.freeze({});

/** Devices that have been registered under the same profiles, in the same order: one statement reads all of them. */
interface Alike {
  readonly layouts: readonly number[];
  /** Metrics wanted, by key. */
  readonly keys: readonly string[];
  readonly spans: DeviceSpan[];
}

function alike(archive: ArchiveParts, query: RangeManyQuery): Alike[] {
  const found = new Map<string, Alike>();
  for (const [device, spans] of byDevice(query.spans)) {
    const numbers = numbersOf(archive, query, device);
    const layouts = [...new Set(numbers.map((number) => archive.layoutOf[number]!))];
    if (layouts.length === 0) continue;
    const known = found.get(layouts.join());
    if (known !== undefined) {
      for (const span of spans) known.spans.push(span);
      continue;
    }
    const all = new Set(layouts.flatMap((number) => archive.layouts[number]!.metrics));
    const keys = (query.metrics ?? [...all]).filter((key) => all.has(key));
    if (keys.length > 0) found.set(layouts.join(), { layouts, keys, spans });
  }
  return [...found.values()];
}

/** Registrations of a device that are asked for, oldest first. */
function numbersOf(
  archive: ArchiveParts,
  { profile }: RangeManyQuery,
  device: string,
): readonly number[] {
  const all = archive.numbersOf.get(device) ?? [];
  return profile === undefined
    ? all
    : all.filter((number) => archive.layouts[archive.layoutOf[number]!]!.profile === profile);
}

/** All spans lie in these. */
function stretchesOf(spans: readonly Span[]): Span[] {
  const list: { from: number; to: number }[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else list.push({ from, to });
  }
  const [first, last] = [list[0], list.at(-1)];
  return list.length <= STRETCHES_MAX || first === undefined || last === undefined
    ? list
    : [{ from: first.from, to: last.to }];
}

function write(
  archive: ArchiveParts,
  query: RangeManyQuery,
  { layouts, keys }: Alike,
  piece: readonly DeviceSpan[],
  limit: number,
): string {
  const devices = Map.groupBy(piece, ({ device }) => device);
  const spans = stretchesOf(piece);
  const compared = [...devices.values()].every((own) => own.length <= COMPARED_MAX);
  const parts = layouts.map((layout) => {
    const { metrics, metricIndex } = archive.layouts[layout]!;
    const wanted = keys.map((key) => metricIndex.get(key));
    const numbers: number[] = [];
    const values: string[] = [];
    [...devices].forEach(([device, own], n) => {
      for (const number of numbersOf(archive, query, device)) {
        if (archive.layoutOf[number] !== layout) continue;
        numbers.push(number);
        for (const { from, to } of own) values.push(`(${n}, ${number}, ${from}, ${to})`);
      }
    });
    const rows = rowsOnce({
      folder: archive.folder,
      metrics,
      files: archive.view.dataFiles(layout, spans),
      memtables: archive.view.memtables(layout, spans),
      spans,
      devices: numbers,
      wanted: wanted.filter((index) => index !== undefined),
    });
    const columns = wanted.map((index, i) =>
      index === undefined
        ? `NULL::DOUBLE AS v${i}, 0::DOUBLE AS q${i}`
        : `c${index} AS v${i}, k${index}::DOUBLE AS q${i}`,
    );
    const present = wanted
      .flatMap((index) => (index === undefined ? [] : [`c${index} IS NOT NULL`]))
      .join(' OR ');
    // Spans of a device don't overlap: only the last that has begun can hold a row.
    const join = compared ? 'JOIN' : 'ASOF JOIN';
    return `SELECT w.n AS n, r.ts AS ts, r.lag AS lag, r.flags AS flags, r.dev AS dev, ${columns.join(', ')}
      FROM (${rows}) AS r ${join} (VALUES ${values.join(', ')}) AS w(n, dev, since, until)
      ON w.dev = r.dev AND r.ts >= w.since${compared ? ' AND r.ts < w.until' : ''}
      WHERE (${present})${compared ? '' : ' AND r.ts < w.until'}`;
  });
  const metrics = keys.map((_, i) => `, v${i}, q${i}`).join('');
  return `SELECT n::DOUBLE, ts::DOUBLE, lag::DOUBLE, flags::DOUBLE${metrics}
    FROM (${parts.join(' UNION ALL ')}) ORDER BY n, ts, dev LIMIT ${limit}`;
}

/** Rows of many devices: a device's one after the other in order of time, each (device, metric, at) once. */
export async function* rangeMany(
  archive: ArchiveParts,
  query: RangeManyQuery,
  signal: AbortSignal | undefined,
): AsyncGenerator<DeviceRows> {
  for (const group of alike(archive, query)) {
    const limit = Math.max(1, Math.floor(NUMBERS_MAX / (HEAD + 2 * group.keys.length)));
    const pieces = new Pieces(group.spans, limit, SPANS_MAX);
    for (;;) {
      const piece = pieces.next();
      if (piece.length === 0) break;
      const [first] = stretchesOf(piece);
      const { rows, columns } = await runQuery(
        archive,
        () => write(archive, query, group, piece, limit),
        {
          layouts: group.layouts,
          span: {
            from: first!.from,
            to: piece.reduce((last, { to }) => Math.max(last, to), first!.to),
          },
        },
        signal,
      );
      const devices = [...new Set(piece.map(({ device }) => device))];
      let end = rows;
      if (rows < limit) pieces.came(rows);
      else {
        // Of the last time there may be more, under another profile.
        const [n, ts] = columns as Float64Array[];
        const last = rows - 1;
        while (end > 0 && n![end - 1] === n![last] && ts![end - 1] === ts![last]) end--;
        pieces.cut(devices[n![last]!]!, ts![last]!);
      }
      yield* rowsOf(columns, end, devices, group.keys, group.layouts.length > 1);
    }
  }
}

/** Puts columns into rows, some at a time. */
async function* rowsOf(
  columns: Columns['columns'],
  end: number,
  devices: readonly string[],
  keys: readonly string[],
  repeated: boolean,
): AsyncGenerator<DeviceRows> {
  const [n, ts, lag, flags, ...metrics] = columns as Float64Array[];
  const slices = new Slices();
  let rows: RangeRow[] = [];
  let device = -1;
  for (let row = 0; row < end; row++) {
    const at = ts![row]!;
    const same = repeated && row > 0 && n![row] === n![row - 1] && at === ts![row - 1];
    const full = (rows.length >= ROWS_A_PART || slices.over) && !same;
    if (full || n![row] !== device) {
      if (rows.length > 0) yield { device: devices[device]!, rows };
      if (slices.over) await slices.next();
      rows = [];
      device = n![row]!;
    }
    const values: Record<string, number> = {};
    let quality: Record<string, RangeRow['quality'][string]> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const value = metrics[2 * i]![row]!;
      if (Number.isNaN(value)) continue;
      const key = keys[i]!;
      values[key] = value;
      const code = metrics[2 * i + 1]![row]!;
      if (code === 0) continue;
      quality ??= {};
      quality[key] = qualityWord(code);
    }
    const one: RangeRow = {
      at,
      receivedAt: at + lag![row]!,
      lane: (flags![row]! & ROW_FLAG.backfill) === 0 ? 'live' : 'backfill',
      clockReplaced: (flags![row]! & ROW_FLAG.clockReplaced) !== 0,
      values,
      quality: quality ?? NOTHING,
    };
    if (same) rows.push(merged(rows.pop()!, one));
    else rows.push(one);
  }
  if (rows.length > 0) yield { device: devices[device]!, rows };
}
