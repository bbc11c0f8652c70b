/** Readings as a long-form CSV file, device by device, so that no more than a page is in memory. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { OperationalError } from '@village/core';
import type { ExportQuery } from '../contract.ts';
import type { InfluxClient } from './client.ts';
import { range } from './device-queries.ts';
import type { Registrations } from './registrations.ts';

const PAGE = 20_000;
const HEAD = 'device,metric,at,value,quality,lane,received_at\n';

/** A text that a spreadsheet takes for a formula gets a quote before it (ASVS 1.2.10). */
function cell(text: string): string {
  const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const time = (at: number): string => new Date(at).toISOString();

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
    await write(HEAD);
    for (const device of query.devices)
      for (let from = query.from; ; ) {
        const asked = { ...query, device, from, limit: PAGE };
        const page = await range(client, registrations, asked, signal);
        const lines = page.flatMap(({ at, receivedAt, lane, values, quality }) =>
          Object.entries(values).map(
            ([metric, value]) =>
              `${cell(device)},${cell(metric)},${time(at)},${value},${quality[metric] ?? 'good'},${lane},${time(receivedAt)}\n`,
          ),
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
