/** Text with separators as records: which separator, which line ends and quotes is seen from the text. */
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
async function separatorOf(
  text: string,
  known: (cells: readonly string[]) => number,
): Promise<string> {
  const sample = text.slice(0, SAMPLE);
  let best = { separator: ',', score: 0 };
  for (const separator of SEPARATORS) {
    await yieldToEvents();
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
  // Kept here and not in the parser: when a stream fails, what it holds unread is gone, and with it which row it was.
  const read: string[][] = [];
  const parser = parse({
    ...optionsOf(said ?? (await separatorOf(text, known))),
    on_record: (cells: string[]) => {
      read.push(cells);
      return null;
    },
  });
  parser.resume();
  // Each failure is told to who wrote.
  parser.on('error', () => undefined);
  let row = head === '' ? 0 : 1;
  let failure: unknown;
  try {
    for await (const piece of pieces(text)) {
      await told((done) => parser.write(piece, done));
      for (const cells of read.splice(0)) yield { row: ++row, cells };
    }
    await told((done) => parser.end(done));
  } catch (error) {
    failure = error;
  } finally {
    parser.destroy();
  }
  for (const cells of read) yield { row: ++row, cells };
  if (failure !== undefined) throw faultOf(failure, row + 1);
}

/** What the callback of a stream is told. */
const told = (work: (done: (error?: Error | null) => void) => unknown): Promise<void> =>
  new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });

function faultOf(error: unknown, row: number): unknown {
  if (error instanceof LineTooLong || (error instanceof CsvError && /MAX_RECORD/.test(error.code)))
    return new RowFault(row, {
      zh: `一行超过 ${RECORD_MAX} 个字符，或引号没有闭合`,
      en: `a row has more than ${RECORD_MAX} characters, or a quote that is never closed`,
    });
  if (!(error instanceof CsvError)) return error;
  return new RowFault(row, {
    zh: '从这一行开始的引号没有闭合',
    en: `a quote that begins in this row is never closed (${error.message})`,
  });
}
