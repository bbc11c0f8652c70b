/** From files to messages: rows read side by side, mapped to readings, in the given or in a random order. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { formatTime, OperationalError, type Random } from '@village/core';
import { parse } from 'csv-parse';
import { type Mapping, RowMapper } from './mapping.ts';
import type { ReplayCounters } from './report.ts';

const ROWS_IN_MEMORY_MAX = 5_000_000;
/** Files read side by side. */
const FILES_OPEN_MAX = 32;

/** Rows of a file, the header first; `.gz` is unpacked on the way. */
export async function* rowsOf(
  file: string,
  delimiter: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  const source = createReadStream(file);
  source.on('data', (chunk) => onBytes(chunk.length));
  const parser = parse({ delimiter, bom: true, skip_empty_lines: true, relax_column_count: true });
  const stages = file.endsWith('.gz') ? [source, createGunzip(), parser] : [source, parser];
  // The parser's own errors and those before it all end the iteration below.
  const done = pipeline(stages, { signal });
  done.catch((error: Error) => parser.destroy(error));
  for await (const row of parser) yield row as string[];
  await done;
}

/** A row of a file, with something to say. */
export interface Message {
  readonly device: string;
  readonly payload: string;
}

/** Every row of a file that has something to say, counted on the way. */
export async function* messagesOf(
  file: string,
  mapping: Mapping,
  counters: ReplayCounters,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  let mapper: RowMapper | undefined;
  let line = 0;
  for await (const cells of rowsOf(file, mapping.delimiter, onBytes, signal)) {
    line++;
    if (mapper === undefined) {
      mapper = new RowMapper(mapping, file, cells);
      continue;
    }
    const row = mapper.map(cells);
    if (!counters.add(row, () => `${file} row ${line}: ${cells.join(',').slice(0, 200)}`)) continue;
    if (row === null) continue;
    const { device, at, values } = row;
    yield { device, payload: JSON.stringify({ device, at: formatTime(at), values }) };
  }
  if (mapper === undefined) throw new OperationalError('empty-file', `${file} has no header`);
}

/**
 * One item of each source by turns, some sources at a time: stations send side by side, as they do, and none is held to
 * what the broker takes from one client.
 */
export async function* byTurns<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const waiting = [...sources];
  let open = waiting.splice(0, FILES_OPEN_MAX);
  try {
    while (open.length > 0) {
      const ended = new Set<AsyncGenerator<T>>();
      for (const source of open) {
        const item = await source.next();
        if (item.done === true) ended.add(source);
        else yield item.value;
      }
      if (ended.size > 0)
        open = [...open.filter((one) => !ended.has(one)), ...waiting.splice(0, ended.size)];
    }
  } finally {
    for (const source of open) await source.return(undefined);
  }
}

export async function* shuffle<T>(items: AsyncGenerator<T>, random: Random): AsyncGenerator<T> {
  const all: T[] = [];
  for await (const item of items) {
    if (all.length >= ROWS_IN_MEMORY_MAX)
      throw new OperationalError('too-many-rows', `Random order holds ${ROWS_IN_MEMORY_MAX} rows`);
    all.push(item);
  }
  for (let left = all.length; left > 0; left--) {
    const pick = Math.floor(random() * left);
    yield all[pick] as T;
    all[pick] = all[left - 1] as T;
    all.length = left - 1;
  }
}
