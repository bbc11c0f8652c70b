/** Readings as a long-form CSV file, device by device, so that no more than a page is in memory. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { OperationalError, type Reading } from '@village/core';
import { type CorrectedReading, type ExportQuery, ORIGINAL_COLUMNS } from '../contract.ts';
import type { InfluxClient } from './client.ts';
import { range } from './device-queries.ts';
import type { Registrations } from './registrations.ts';

const PAGE = 20_000;
const HEAD = 'device,metric,at,value,quality,lane,received_at';

/** A text that a spreadsheet takes for a formula gets a quote before it (ASVS 1.2.10). */
function cell(text: string): string {
  const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const time = (at: number): string => new Date(at).toISOString();

/** The columns that a reading has beside its own where corrected readings are asked for. */
const original = ({
  device,
  at,
  value,
  quality,
  statements,
}: CorrectedReading['original']): string =>
  `,${cell(device)},${time(at)},${value},${quality},${statements.join(' ')}`;

function line(
  { device, metric, at, value, quality, lane, receivedAt }: Reading,
  more: CorrectedReading['original'] | undefined,
): string {
  return (
    `${cell(device)},${cell(metric)},${time(at)},${value},${quality},${lane},${time(receivedAt)}` +
    `${more === undefined ? '' : original(more)}\n`
  );
}

/** Writes the file. @throws format-not-offered for anything but CSV */
export async function exportTo(
  client: InfluxClient,
  registrations: Registrations,
  path: string,
  format: 'csv' | 'parquet',
  query: ExportQuery,
  signal: AbortSignal | undefined,
): Promise<{ rows: number }> {
  if (format !== 'csv')
    throw new OperationalError('format-not-offered', 'InfluxDB exports CSV alone.');
  const file = createWriteStream(path);
  const written = finished(file);
  // Whoever waits below hears of it; until then it is nobody's unhandled rejection.
  written.catch(() => undefined);
  let rows = 0;
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await Promise.race([once(file, 'drain'), written]);
  };
  try {
    const { corrected, without = [] } = query;
    await write(`${HEAD}${corrected === undefined ? '' : `,${ORIGINAL_COLUMNS.join(',')}`}\n`);
    for await (const reading of corrected ?? []) {
      rows++;
      await write(line(reading, reading.original));
    }
    for (const device of query.devices)
      for (let from = query.from; ; ) {
        const asked = { ...query, device, from, limit: PAGE };
        const page = await range(client, registrations, asked, signal);
        const wanted = page.filter(
          ({ at }) =>
            !without.some((span) => span.device === device && at >= span.from && at < span.to),
        );
        const lines = wanted.flatMap((row) =>
          Object.entries(row.values).map(([metric, value]) => {
            const reading = { device, metric, value, quality: row.quality[metric] ?? 'good' };
            const more = { ...reading, at: row.at, statements: [] };
            return line({ ...row, ...reading }, corrected === undefined ? undefined : more);
          }),
        );
        rows += lines.length;
        await write(lines.join(''));
        if (page.length < PAGE) break;
        from = page.at(-1)!.at + 1;
      }
    file.end();
    await written;
  } catch (error) {
    file.destroy();
    throw error;
  }
  return { rows };
}
