/** Readings as a long-form CSV file, device by device, so that no more than a page is in memory. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { OperationalError, type Reading } from '@village/core';
import {
  type CorrectedReading,
  type ExportQuery,
  type ExportWords,
  ORIGINAL_COLUMNS,
  WORD_COLUMNS,
} from '../contract.ts';
import type { InfluxClient } from './client.ts';
import { range } from './device-queries.ts';
import type { Registrations } from './registrations.ts';

const PAGE = 20_000;
/** Rows put into lines between two pauses in which others have their turn: a few milliseconds. */
const ROWS_A_SLICE = 250;
const CHUNK = 64 * 1024;
/** Corrected readings that are sorted in memory. */
const SORTED_MAX = 200_000;
const HEAD = 'device,metric,at,value,quality,lane,received_at';

/** A text that a spreadsheet takes for a formula gets a quote before it (ASVS 1.2.10). */
function cell(text: string): string {
  const safe = /^[=+@\t\r＝＋＠－-]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const time = (at: number): string => new Date(at).toISOString();

/** A number as the embedded archive writes it, so that files are the same from every engine: `7.0`, `1e-05`. */
function number(value: number): string {
  const [digits = '', power] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The columns that a reading has beside its own where corrected readings are asked for. */
const original = ({
  device,
  at,
  value,
  quality,
  statements,
}: CorrectedReading['original']): string =>
  `,${cell(device)},${time(at)},${number(value)},${quality},${statements.join(' ')}`;

/** The last columns: what people call the device and the metric, and its unit. */
function wordsOf({ device, metric }: Reading, words: ExportWords | undefined): string {
  const profile = words?.profile(device);
  const named = profile === undefined ? undefined : words?.metric(profile, metric);
  return [words?.device(device), named?.zh, named?.en, named?.unit]
    .map((text) => `,${cell(text ?? '')}`)
    .join('');
}

/** A reading's place in the file, and its line. */
interface Line {
  readonly at: number;
  readonly text: string;
}

function lineOf(
  reading: Reading,
  more: CorrectedReading['original'] | undefined,
  words: ExportWords | undefined,
): Line {
  const { device, metric, at, value, quality, lane, receivedAt } = reading;
  return {
    at,
    text:
      `${cell(device)},${cell(metric)},${time(at)},${number(value)},${quality},${lane},${time(receivedAt)}` +
      `${more === undefined ? '' : original(more)}${wordsOf(reading, words)}\n`,
  };
}

/** Corrected readings in order: sorted here while they are few, else asked for in order, which takes longer. */
async function* inOrder({
  corrected,
  correctedInOrder,
}: ExportQuery): AsyncGenerator<CorrectedReading> {
  const few: CorrectedReading[] = [];
  for await (const reading of corrected ?? []) {
    few.push(reading);
    if (few.length > SORTED_MAX && correctedInOrder !== undefined) {
      yield* correctedInOrder();
      return;
    }
  }
  const before = (one: string | number, other: string | number): number =>
    one < other ? -1 : one > other ? 1 : 0;
  yield* few.sort(
    (one, other) =>
      before(one.device, other.device) || one.at - other.at || before(one.metric, other.metric),
  );
}

/** Corrected readings, handed out up to a place. */
class Beside {
  readonly #readings: AsyncIterator<CorrectedReading>;
  readonly #words: ExportWords | undefined;
  #next: CorrectedReading | undefined;
  #begun = false;

  constructor(query: ExportQuery) {
    this.#readings = inOrder(query);
    this.#words = query.words;
  }

  async #advance(): Promise<void> {
    const next = await this.#readings.next();
    this.#next = next.done === true ? undefined : next.value;
  }

  /** Lines of those before the place; all that are left when there is none. */
  async *before(device?: string, at = Number.POSITIVE_INFINITY): AsyncGenerator<Line> {
    if (!this.#begun) {
      this.#begun = true;
      await this.#advance();
    }
    for (let one = this.#next; one !== undefined; one = this.#next) {
      if (device !== undefined && (one.device > device || (one.device === device && one.at >= at)))
        return;
      yield lineOf(one, one.original, this.#words);
      await this.#advance();
    }
  }
}

/** Lines of one device as the archive has them, by time, some at a time. */
async function* pagesOf(
  client: InfluxClient,
  registrations: Registrations,
  query: ExportQuery,
  device: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Line[]> {
  const without = (query.without ?? []).filter((span) => span.device === device);
  for (let from = query.from; ; ) {
    const asked = { ...query, device, from, limit: PAGE };
    const page = await range(client, registrations, asked, signal);
    const wanted = page.filter(
      ({ at }) => !without.some((span) => at >= span.from && at < span.to),
    );
    for (let at = 0; at < wanted.length; at += ROWS_A_SLICE) {
      yield wanted.slice(at, at + ROWS_A_SLICE).flatMap((row) =>
        Object.entries(row.values)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([metric, value]) => {
            const reading = { device, metric, value, quality: row.quality[metric] ?? 'good' };
            const more = { ...reading, at: row.at, statements: [] };
            return lineOf(
              { ...row, ...reading },
              query.corrected === undefined ? undefined : more,
              query.words,
            );
          }),
      );
      await yieldToEvents();
    }
    if (page.length < PAGE) return;
    from = page.at(-1)!.at + 1;
  }
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
  let waiting = '';
  const write = async (text: string): Promise<void> => {
    waiting += text;
    if (waiting.length < CHUNK) return;
    const chunk = waiting;
    waiting = '';
    if (!file.write(chunk)) await Promise.race([once(file, 'drain'), written]);
  };
  const writeLine = async (line: Line): Promise<void> => {
    rows++;
    await write(line.text);
  };
  try {
    const more = query.corrected === undefined ? [] : ORIGINAL_COLUMNS;
    await write(`${[HEAD, ...more, ...WORD_COLUMNS].join(',')}\n`);
    const beside = new Beside(query);
    for (const device of [...query.devices].sort()) {
      for await (const page of pagesOf(client, registrations, query, device, signal))
        for (const line of page) {
          for await (const other of beside.before(device, line.at)) await writeLine(other);
          await writeLine(line);
        }
      for await (const other of beside.before(device)) await writeLine(other);
    }
    for await (const other of beside.before()) await writeLine(other);
    file.end(waiting);
    await written;
  } catch (error) {
    file.destroy();
    throw error;
  }
  return { rows };
}
