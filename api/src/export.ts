/** Readings as a file: at once while it is small, else made in the background and fetched when it is there. */
import { MINUTE } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  Code,
  exactly,
  Id,
  Instant,
  Nothing,
  orNull,
  Text,
  Time,
  ViewWord,
  words,
} from './shapes.ts';

/** Content type of each format. */
export const FILE_TYPES = {
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
} as const;

export const STATES = ['queued', 'running', 'done', 'failed'] as const;

const readings = {
  format: words(['csv', 'parquet']),
  device: Type.Optional(Id),
  area: Type.Optional(Code),
  metric: Type.Optional(Text),
  from: Instant,
  to: Instant,
  view: Type.Optional(ViewWord),
};
const mark = Type.Optional(words(['none', 'bom']));
const File = Type.Unsafe<AsyncIterable<unknown>>({ type: 'string', format: 'binary' });
const tags = ['readings'] as const;
const right = 'export.read';

export const exportReadings = endpoint({
  method: 'GET',
  path: '/export',
  right,
  summary: 'Readings of a device or area as a file',
  notes:
    'Long form, by device, time and metric. Columns `device, metric, at, value, quality, lane, received_at`; of corrected ' +
    'readings (the default) also `original_device, original_at, original_value, original_quality, corrections`; then for people ' +
    '`device_name, metric_name` (Chinese), `metric_name_en, unit`, empty where nobody named it. Times are UTC and say so: ' +
    '`2026-01-01T00:00:00.000Z` in CSV, timestamps with `isAdjustedToUTC` in Parquet. CSV is UTF-8; `mark=bom` puts the mark ' +
    "before it that Excel needs to see that. Texts that a spreadsheet would take for a formula get a `'` before them. " +
    '`at` is a word of SQL: ask DuckDB for `"at"`. At most 64 MiB: 422 `export-too-large`, `no-room`; for more, `POST /exports`',
  tags,
  query: exactly({ ...readings, format: Type.Enum(['csv', 'parquet']), mark }),
  produces: Object.values(FILE_TYPES),
  answerMs: 30 * MINUTE,
  answers: { 200: File },
});

export const ExportEstimate = Type.Object({
  /** Both about. */
  rows: Type.Integer(),
  bytes: Type.Integer(),
  /** Whether `GET /export` gives it at once. */
  direct: Type.Boolean(),
  /** Why it would not be made now; null when it would. */
  refusal: orNull(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type ExportEstimate = Static<typeof ExportEstimate>;

export const estimate = endpoint({
  method: 'GET',
  path: '/export/estimate',
  right,
  summary: 'How large such a file would be, about, without making it',
  notes: '`refusal.code` is `export-too-large`, `no-room`, `busy` or `too-many-exports`',
  tags,
  query: exactly(readings),
  answers: { 200: ExportEstimate },
});

export const Export = Type.Object({
  id: Type.String(),
  state: words(STATES),
  format: readings.format,
  device: orNull(Type.String()),
  area: orNull(Type.String()),
  metric: orNull(Type.String()),
  from: Time,
  to: Time,
  view: ViewWord,
  askedAt: Time,
  /** 0 to 1. */
  progress: Type.Number(),
  /** About, until it is done. */
  rows: Type.Integer(),
  bytes: Type.Integer(),
  /** When it is taken away; null until it has ended. */
  expiresAt: orNull(Time),
  /** Why it failed. */
  error: orNull(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type Export = Static<typeof Export>;

export const start = endpoint({
  method: 'POST',
  path: '/exports',
  right,
  summary: 'Has readings made a file in the background',
  notes:
    'The same file as of `GET /export`, for its asker alone. It is made part by part, in turns with those of others, and ends when the session ' +
    'or token that asked does; after a restart of the server it has failed (`server-restarted`), while what was done is there again. 422 `export-too-large`, `no-room`, 409 `too-many-exports` when four of the asker lie there, 503 `busy`',
  tags,
  body: exactly({ ...readings, mark }),
  answers: { 201: Export },
});

export const list = endpoint({
  method: 'GET',
  path: '/exports',
  right,
  summary: 'The files that the caller asked for, newest first',
  tags,
  answers: { 200: Type.Object({ items: Type.Array(Export) }) },
});

const params = exactly({ id: Id });

export const get = endpoint({
  method: 'GET',
  path: '/exports/{id}',
  right,
  summary: 'How a file of the caller stands',
  tags,
  params,
  answers: { 200: Export },
});

export const remove = endpoint({
  method: 'DELETE',
  path: '/exports/{id}',
  right,
  summary: 'Ends the making of a file, or takes it away',
  tags,
  params,
  answers: { 204: Nothing },
});

export const fetchFile = endpoint({
  method: 'GET',
  path: '/exports/{id}/file',
  right,
  summary: 'The file, or the part of it that a cut download lacks',
  notes:
    'With `ETag`, `Range` of one range, `If-Range` and `If-None-Match` as in RFC 9110. 409 `not-done` until it is made; 404 also when a device of it is out ' +
    'of the caller’s sight by now',
  tags,
  params,
  produces: Object.values(FILE_TYPES),
  answers: { 200: File, 206: File, 304: Nothing },
});
