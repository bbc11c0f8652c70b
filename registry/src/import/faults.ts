/** Faults of an imported file, collected row by row. */
import { type Label, OperationalError } from '@village/core';
import type { Reading } from '../sheets/encoding.ts';
import { lettersOf } from '../sheets/record.ts';
import type { Imported } from '../tables/contract.ts';

/** Faults that are told, the first ones. */
export const FAULTS_MAX = 1_000;
const NAME_MAX = 100;
/** Rows that are told with their faults, and characters of a cell. */
const ROWS_TOLD_MAX = 200;
const CELL_TOLD_MAX = 100;
/** What controls, begins a line, turns what stands beside it, or stands between letters without being seen. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
/** Letters of some scripts that look like nothing are none: a name of them alone can't be seen. */
const SEEN = /[^\p{Z}\p{C}\u115f\u1160\u2800\u3164\uffa0]/u;
/** Text of whole characters on one line. */
export const isPlain = (text: string): boolean => !CONTROL.test(text) && text.isWellFormed();
/** Plain text of at most so many characters that people see. */
export const isText = (text: string, max: number): boolean =>
  text.length <= max && isPlain(text) && SEEN.test(text);

/** One fault of an imported file. */
export interface ImportFault {
  /** 1-based row, as a spreadsheet shows it. */
  readonly line: number;
  /** Name of the column, empty when the whole row is at fault. */
  readonly column: string;
  /** The cell as a spreadsheet names it, such as `D7`; absent when the whole row is at fault. */
  readonly cell?: string;
  readonly message: string;
  /** The message in Chinese. */
  readonly zh: string;
}

export interface ImportResult extends Imported {
  /** Secrets that were made here, shown once. */
  readonly credentials: { id: string; username: string; secret: string }[];
  /** When there is one, nothing was imported. */
  readonly faults: ImportFault[];
  /** The rows that faults are told of, as they were read. */
  readonly rows?: { line: number; cells: Record<string, string> }[];
  /** How the file reads in each encoding that fits, when somebody must say which it is; nothing was imported then. */
  readonly readings?: Reading[];
}

/** The answer to a file with faults; of its rows those are told that have one. */
export function refused(
  faults: readonly ImportFault[],
  rows: readonly { readonly line: number; readonly cells: Readonly<Record<string, string>> }[] = [],
): ImportResult {
  const told = onePerCell(faults)
    .sort((a, b) => a.line - b.line)
    .slice(0, FAULTS_MAX);
  const lines = new Set(told.map(({ line }) => line));
  const shown = rows
    .filter(({ line }) => lines.has(line))
    .slice(0, ROWS_TOLD_MAX)
    .map(({ line, cells: { secret, ...cells } }) => ({ line, cells: shortened(cells) }));
  return {
    ...{ created: 0, updated: 0, credentials: [], faults: told },
    ...(shown.length === 0 ? {} : { rows: shown }),
  };
}

/** Cells as a table can show them. */
const shortened = (cells: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(cells).map(([name, text]) => [
      name,
      text.length > CELL_TOLD_MAX ? `${text.slice(0, CELL_TOLD_MAX).toWellFormed()}…` : text,
    ]),
  );

/** Of a cell its first fault: what follows from it says nothing more. */
function onePerCell(faults: readonly ImportFault[]): ImportFault[] {
  const seen = new Set<string>();
  return faults.filter(({ line, column, cell }) => {
    const key = `${line}\n${column}`;
    if (cell === undefined || column === '') return true;
    return !seen.has(key) && seen.add(key);
  });
}

/** The answer to a file that is in one of several encodings, or perhaps in none of those that fit. */
export function asked(readings: Reading[]): ImportResult {
  const names = readings.map(({ encoding }) => encoding);
  const label =
    names.length > 1
      ? {
          en: `the file fits ${names.join(' and ')}: say which it is with ?encoding=`,
          zh: `文件按 ${names.join(' 和 ')} 都读得通，请用 ?encoding= 指明`,
        }
      : {
          en: `the file fits ${names.join()} alone, but with characters that hardly anybody writes: say ?encoding=${names.join()} if they are right`,
          zh: `文件只能按 ${names.join()} 读，但其中有极少用的字：若读得对，请用 ?encoding=${names.join()} 指明`,
        };
  const line = readings[0]?.lines[0]?.line ?? 1;
  return {
    ...refused([{ line, column: '', message: label.en, zh: label.zh }]),
    readings,
  };
}

/** A row that faults are told of. */
export interface Place {
  readonly line: number;
  /** Where the columns stand. */
  readonly places: ReadonlyMap<string, number>;
}

/** Notes a fault of a row unless it is right. */
export type Expect = (right: boolean, row: Place, column: string, message: Label) => void;

/** Collects the first faults of one pass over the rows into `faults`; no more of them than are told. */
export function collector(faults: ImportFault[]): Expect {
  let left = FAULTS_MAX;
  return (right, { line, places }, column, { zh, en }) => {
    if (right || left === 0) return;
    left--;
    const place = places.get(column);
    const cell = place === undefined ? {} : { cell: `${lettersOf(place)}${line}` };
    faults.push({ line, column, ...cell, message: en, zh });
  };
}

/** Names are short texts on one line. */
export const isName = (text: string): boolean => isText(text, NAME_MAX);

export function expectName(expect: Expect, row: Place, column: string, text: string): void {
  expect(isName(text), row, column, {
    zh: `须有 1 到 ${NAME_MAX} 个看得见的字符，不含控制符`,
    en: `must have 1 to ${NAME_MAX} characters that can be seen and none that control`,
  });
}

/** Faults of an import as one error, for imports that no person asked for. @throws import-faults */
export function assertImported(what: string, result: ImportResult): void {
  if (result.faults.length === 0) return;
  const lines = result.faults
    .slice(0, 20)
    .map(({ line, column, cell, message }) => `  line ${line} ${cell ?? ''} ${column}: ${message}`);
  throw new OperationalError('import-faults', `${what} was not imported:\n${lines.join('\n')}`);
}
