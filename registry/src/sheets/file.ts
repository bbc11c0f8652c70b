/** A file of a person as a table: Excel or text, by its first bytes, never by its name. */
import { OperationalError } from '@village/core';
import type { ImportFault } from '../import/faults.ts';
import { decodeText, type Encoding, type Reading } from './encoding.ts';
import { separatedRecords } from './separated.ts';
import { type Headings, type Row, readTable } from './table.ts';
import { workbookRecords } from './workbook.ts';

/** What a file says, or how it reads in each of the encodings that it may be of. */
export type SheetFile<Name extends string> =
  | { readonly rows: Row<Name>[]; readonly faults: ImportFault[] }
  | { readonly readings: Reading[] };

const ZIP = [0x50, 0x4b];
/** Excel before 2007, and Excel files with a password. */
const OLE = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/** Excel before 1997, without a file system of its own around it. */
const BIFF: readonly (readonly number[])[] = [0, 2, 4, 8].map((version) => [0x09, version]);
const ENCRYPTED = Buffer.from('EncryptedPackage', 'utf16le');
/** What people take for tables, by the first bytes. */
const OTHERS: readonly (readonly [what: string, mark: readonly number[]])[] = [
  ['a PDF', [...Buffer.from('%PDF')]],
  ['a picture', [0xff, 0xd8, 0xff]],
  ['a picture', [0x89, 0x50, 0x4e, 0x47]],
  ['a packed file', [...Buffer.from('Rar!')]],
  ['a packed file', [0x1f, 0x8b]],
  ['a packed file', [0x37, 0x7a, 0xbc, 0xaf]],
  ['a text document', [...Buffer.from('{\\rtf')]],
];

const noTable = (what: string): OperationalError =>
  new OperationalError(
    'unreadable-workbook',
    `this is ${what}: send the table itself, as .xlsx or as CSV`,
  );

const begins = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, at) => bytes[at] === byte);

/** @throws unreadable-text, unreadable-workbook, workbook-too-large, too-many-rows */
export async function readSheet<Name extends string>(
  file: Buffer | string,
  headings: Headings<Name>,
  encoding?: Encoding,
): Promise<SheetFile<Name>> {
  if (typeof file === 'string') return readTable(separatedRecords(file, headings.known), headings);
  if (begins(file, ZIP)) return readTable(workbookRecords(file, headings.isHead), headings);
  if (begins(file, OLE) && file.includes(ENCRYPTED))
    throw new OperationalError(
      'unreadable-workbook',
      'this file has a password: save it as .xlsx without a password',
    );
  if (begins(file, OLE) || BIFF.some((mark) => begins(file, mark) && file[3] === 0))
    throw new OperationalError(
      'unreadable-workbook',
      'this is an old .xls file or one with a password: save it as .xlsx without a password',
    );
  const other = OTHERS.find(([, mark]) => begins(file, mark));
  if (other !== undefined) throw noTable(other[0]);
  const decoded = await decodeText(file, encoding);
  if ('readings' in decoded) return decoded;
  if (/^\s*<(?:!doctype|html|table|\?xml)/i.test(decoded.text.slice(0, 200)))
    throw new OperationalError(
      'unreadable-workbook',
      'this is a web page or XML that is named like a spreadsheet: open it and save it as .xlsx',
    );
  if (/^\s*(?:\[\s*[{[]|\{\s*")/.test(decoded.text.slice(0, 200))) throw noTable('JSON');
  return readTable(separatedRecords(decoded.text, headings.known), headings);
}
