/** Text with separators as records: which separator, which line ends and quotes is seen from the text. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { CsvError, type Options, parse } from 'csv-parse';
import { parse as parseAtOnce } from 'csv-parse/sync';
import { RowFault, type SheetRecord } from './record.ts';

const RECORD_MAX = 64 * 1024;
/** Text that is read before others get their turn: some milliseconds even where a row is a character long. */
const PIECE = 16 * 1024;
/** The begin of a text by which its separator is seen. */
const SAMPLE = 32 * 1024;
const SAMPLE_ROWS = 10;
const SEPARATORS = [',', ';', '\t', '，', '；', '|'] as const;

class LineTooLong extends Error {}

/** The text in pieces, each in a turn of its own, so that a large file holds up nobody. @throws LineTooLong */
async function* pieces(text: string): AsyncGenerator<string> {
  let unbroken = 0;
  for (let at = 0; at < text.length; ) {
    // A character of two units stays whole.
    const cut = (text.codePointAt(at + PIECE - 1) ?? 0) > 0xffff ? at + PIECE + 1 : at + PIECE;
    const piece = text.slice(at, cut);
    // The parser counts the characters of cells only: a line of commas would be millions of them.
    unbroken = /[\r\n]/.test(piece) ? 0 : unbroken + piece.length;
    if (unbroken >= RECORD_MAX) throw new LineTooLong();
    yield piece;
    at = cut;
    await yieldToEvents();
  }
}

const optionsOf = (delimiter: string): Options => ({
  delimiter,
  record_delimiter: ['\r\n', '\n', '\r'],
  trim: true,
  relax_column_count: true,
  // An inch in a name (5" pipe) is no quoted cell; a quote that is never closed is a fault all the same.
  relax_quotes: true,
  max_record_size: RECORD_MAX,
});

/** The first rows as the separator makes them. */
function sampleRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  try {
    parseAtOnce(text, {
      ...optionsOf(delimiter),
      to: SAMPLE_ROWS,
      on_record: (row: string[]) => {
        rows.push(row);
        return null;
      },
    });
  } catch (error) {
    // The sample may end within a quoted cell.
    if (!(error instanceof CsvError)) throw error;
  }
  return rows;
}

/** The separator that gives the row of headings its most columns that are known. */
function separatorOf(text: string, known: (cells: readonly string[]) => number): string {
  const sample = text.slice(0, SAMPLE);
  let best = { separator: ',', score: 0 };
  for (const separator of SEPARATORS) {
    const score = Math.max(0, ...sampleRows(sample, separator).map(known));
    if (score > best.score) best = { separator, score };
  }
  return best.separator;
}

/** `sep=;`, by which Excel is told the separator, is no row of the table. */
const SAID = /^sep=(.)\r?\n?/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the end mark of DOS and what pads a file
const PADDING = /[\u0000\u001a\s]+$/;

/** The records of a text, also empty ones, whose rows count. @throws RowFault */
export async function* separatedRecords(
  given: string,
  known: (cells: readonly string[]) => number,
): AsyncGenerator<SheetRecord> {
  const [head = '', said] = SAID.exec(given) ?? [];
  const text = given.slice(head.length).replace(PADDING, '');
  const parser = parse(optionsOf(said ?? separatorOf(text, known)));
  // Its end and its errors are the parser's.
  void pipeline(Readable.from(pieces(text)), parser).catch(() => undefined);
  let row = head === '' ? 0 : 1;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) yield { row: ++row, cells };
  } catch (error) {
    if (
      error instanceof LineTooLong ||
      (error instanceof CsvError && /MAX_RECORD/.test(error.code))
    )
      throw new RowFault(row + 1, {
        zh: `一行超过 ${RECORD_MAX} 个字符，或引号没有闭合`,
        en: `a row has more than ${RECORD_MAX} characters, or a quote that is never closed`,
      });
    if (!(error instanceof CsvError)) throw error;
    throw new RowFault(row + 1, {
      zh: '从这一行开始的引号没有闭合',
      en: `a quote that begins in this row is never closed (${error.message})`,
    });
  }
}
