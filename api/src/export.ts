/** Readings as a file. */
import { MINUTE } from '@village/core';
import { Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { Code, exactly, Id, Instant, Text, ViewWord } from './shapes.ts';

/** Content type of each format. */
export const FILE_TYPES = {
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
} as const;

export const exportReadings = endpoint({
  method: 'GET',
  path: '/export',
  right: 'export.read',
  summary: 'Readings of a device or area as a file',
  notes:
    'Long form: `device, metric, at, value, quality, lane, received_at`; of corrected readings (the default) also ' +
    '`original_device, original_at, original_value, original_quality, corrections`',
  tags: ['readings'],
  query: exactly({
    format: Type.Enum(['csv', 'parquet']),
    device: Type.Optional(Id),
    area: Type.Optional(Code),
    metric: Type.Optional(Text),
    from: Instant,
    to: Instant,
    view: Type.Optional(ViewWord),
  }),
  produces: Object.values(FILE_TYPES),
  answerMs: 30 * MINUTE,
  answers: { 200: Type.Unsafe<AsyncIterable<unknown>>({ type: 'string', format: 'binary' }) },
});
