/** CSV that people made: UTF-8 with or without a mark, or GB 18030 as spreadsheets here save it; faults know their place. */
import { OperationalError } from '@village/core';
import { CsvError, parse } from 'csv-parse';

/** One fault of an imported file. */
export interface ImportFault {
  /** 1-based line of the file. */
  readonly line: number;
  /** Name of the column, empty when the whole line is at fault. */
  readonly column: string;
  readonly message: string;
}

/** A row of the file, every known column present as trimmed text. */
export interface CsvRow<Column extends string> {
  readonly line: number;
  readonly cells: Readonly<Record<Column, string>>;
}

const ROWS_MAX = 100_000;
const RECORD_MAX = 64 * 1024;

/** The text of the bytes. @throws unreadable-text when they are in neither encoding */
export function decodeText(bytes: Buffer): string {
  for (const encoding of ['utf-8', 'gb18030'])
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  throw new OperationalError('unreadable-text', 'the file is neither UTF-8 nor GB 18030');
}

function headerFaults(header: readonly string[], columns: readonly string[]): ImportFault[] {
  const fault = (column: string, message: string): ImportFault => ({ line: 1, column, message });
  return [
    ...columns
      .filter((column) => !header.includes(column))
      .map((column) => fault(column, 'this column is missing')),
    ...header
      .filter((column) => !columns.includes(column))
      .map((column) => fault(column.slice(0, 60), 'there is no such column')),
    ...header
      .filter((column, n) => header.indexOf(column) !== n)
      .map((column) => fault(column.slice(0, 60), 'this column is there twice')),
  ];
}

/** Reads rows with exactly these columns, in any order; faults of form come back beside the good rows. */
export async function readCsv<Column extends string>(
  text: string,
  columns: readonly Column[],
): Promise<{ rows: CsvRow<Column>[]; faults: ImportFault[] }> {
  const rows: CsvRow<Column>[] = [];
  const faults: ImportFault[] = [];
  let header: string[] | null = null;
  const parser = parse(text, {
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_MAX,
  });
  try {
    for await (const item of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      const { record, info } = item;
      if (header === null) {
        header = record;
        faults.push(...headerFaults(record, columns));
        if (faults.length > 0) return { rows, faults };
      } else if (record.length !== header.length)
        faults.push({
          line: info.lines,
          column: '',
          message: `has ${record.length} cells, the header has ${header.length}`,
        });
      else {
        const cells = Object.fromEntries(header.map((name, n) => [name, record[n] ?? '']));
        rows.push({ line: info.lines, cells: cells as Record<Column, string> });
      }
      if (rows.length > ROWS_MAX)
        throw new OperationalError('too-many-rows', `more than ${ROWS_MAX} rows`);
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] : 0;
    faults.push({ line, column: '', message: error.message });
  }
  if (header === null && faults.length === 0)
    faults.push({ line: 1, column: '', message: 'the file is empty' });
  return { rows, faults };
}
