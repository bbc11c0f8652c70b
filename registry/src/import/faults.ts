/** Faults of an imported file, collected row by row. */
import { OperationalError } from '@village/core';
import type { Imported } from '../tables/contract.ts';
import type { ImportFault } from './csv.ts';

const FAULTS_MAX = 1_000;
const NAME_MAX = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
export const CONTROL = /[\u0000-\u001f\u007f]/;

export interface ImportResult extends Imported {
  /** Secrets that were made here, shown once. */
  readonly credentials: { id: string; username: string; secret: string }[];
  /** When there is one, nothing was imported. */
  readonly faults: ImportFault[];
}

/** The answer to a file with faults. */
export const refused = (faults: readonly ImportFault[]): ImportResult => ({
  created: 0,
  updated: 0,
  credentials: [],
  faults: [...faults].sort((a, b) => a.line - b.line).slice(0, FAULTS_MAX),
});

/** Notes a fault of a row unless it is right. */
export type Expect = (
  right: boolean,
  row: { readonly line: number },
  column: string,
  message: string,
) => void;

/** Collects into `faults`. */
export const collector =
  (faults: ImportFault[]): Expect =>
  (right, { line }, column, message) => {
    if (!right) faults.push({ line, column, message });
  };

/** Names are short texts on one line. */
export function expectName(
  expect: Expect,
  row: { readonly line: number },
  column: string,
  text: string,
): void {
  const right = text.length >= 1 && text.length <= NAME_MAX && !CONTROL.test(text);
  expect(right, row, column, `must have 1 to ${NAME_MAX} characters`);
}

/** Faults of an import as one error, for imports that no person asked for. @throws import-faults */
export function assertImported(what: string, result: ImportResult): void {
  if (result.faults.length === 0) return;
  const lines = result.faults
    .slice(0, 20)
    .map(({ line, column, message }) => `  line ${line} ${column}: ${message}`);
  throw new OperationalError('import-faults', `${what} was not imported:\n${lines.join('\n')}`);
}
