/** Cells of a CSV file, safe for spreadsheets. Pure. */

/** What Excel needs before a CSV file to see that it is UTF-8. */
export const CSV_MARK = '\ufeff';

/** One cell of a CSV file (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r\0＝＋＠－]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
